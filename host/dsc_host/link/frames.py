"""The lines of the protocol: encoding, decoding and masking.

Promises:

- An encoded line has at most 240 bytes of printable ASCII. `decode` returns the values that were encoded.
- `decode` returns None for a line that breaks a rule of the protocol.
- `LineReader` finds the same lines no matter how the bytes are divided into chunks, and keeps at most one unfinished line.
"""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from dsc_host.errors import InputError

MAX_LINE = 240
"""The maximum length of a line in bytes, without its line end."""
MAX_SEQ = 0xFFFF
"""The highest sequence number of a line. The next number is 0."""
MAX_VALUES = 10
"""The maximum number of values in a line."""

_WORD = r"[a-z]+"
_PLAIN = r"[!-$&-)+-<>-~]"  # `!` to `~` without `%`, `*` and `=`
_ESCAPE = r"%[0-9a-fA-F]{2}"
_VALUES = rf"(?: {_WORD}=(?:{_PLAIN}|{_ESCAPE})*)*"

_VALUES_LINE = re.compile(rf"([<>!])([0-9]{{1,5}}) ({_WORD})({_VALUES})".encode())
_ERROR_LINE = re.compile(rf"<([0-9]{{1,5}}) err ([a-z-]+)(?: ((?:[ =]|{_PLAIN}|{_ESCAPE})*))?".encode())
_NOT_PLAIN = re.compile(rb"[^!-$&-)+-<>-~]")
_CHECK = re.compile(rb"[0-9a-f]{8}")
_LINE_END = re.compile(rb"[\r\n]")
_HEX_DIGIT = re.compile(rb"[0-9A-Fa-f]")
_UNCHECKED = frozenset({"hello", "info", "display"})

# Mask PINs (whole, or as single key presses), keys, random bytes for keys, and responses. Mask every long run of hex digits
# too, because it may be a key whose name is missing in a damaged echo. In a reply to `info`, `unlock` has only one or two
# digits, the number of unlock codes left. Do not mask these.
_SECRET = re.compile(rb"((?<= )(?:key|code|k|bytes)=)[^ *]*|((?<= )unlock=)[^ *]{3,}|((?<= )text=)[0-9]{4,}|[0-9A-Fa-f]{24,}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request from the host. The repr leaves out the values, because a value may be a key."""

    seq: int
    word: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply from the card: `values` if the request succeeded, otherwise the error `code` and a `text` for a person."""

    seq: int
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event: a line that the card sends without a request.

    Attributes:
        seq: The number of the event, modulo 65,536.
        word: The kind of event, for example `display`.
        values: The event's values as text, by their names.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient
        >>> with CardClient.open("sim://") as card:
        ...     card.press("PRESS")
        ...     card.wait_event("display", timeout=1).values["text"]
        'NO KEY'
    """

    seq: int
    word: str
    values: Mapping[str, str] = field(default_factory=dict)


Frame = Request | Reply | Event


def encode_request(seq: int, word: str, values: Mapping[str, str]) -> bytes:
    """Encode a request as a line with its checksum and without its line end.

    `seq` is 0 to 65,535. `word` and the names of `values` consist of the letters `a` to `z`. A value may be any text. Raises
    InputError for other arguments, for a value that UTF-8 cannot encode, for more than 10 values, and if the line would be
    longer than 240 bytes.
    """
    if not 0 <= seq <= MAX_SEQ:
        raise InputError("seq", f"must be 0 to {MAX_SEQ}")
    if len(values) > MAX_VALUES:
        raise InputError(word, f"must have at most {MAX_VALUES} values")
    for name in (word, *values):
        if not re.fullmatch(_WORD, name):
            raise InputError("request", "words and names must be made of a to z")
    body = f">{seq} {word}".encode()
    for name, value in values.items():
        body += b" %s=%s" % (name.encode(), _escape(name, value))
    line = b"%s*%08x" % (body, crc32(body))
    if len(line) > MAX_LINE:
        raise InputError(word, f"its line would be longer than {MAX_LINE} bytes")
    return line


def decode(line: bytes) -> Frame | None:
    """Decode a line without its line end. Return None if the line breaks a rule of the protocol."""
    if len(line) > MAX_LINE:
        return None
    body, star, check = line.rpartition(b"*")
    if not star:
        return _unchecked(line)
    if not _CHECK.fullmatch(check) or int(check, 16) != crc32(body):
        return None
    return _error(body) or _with_values(body)


def mask(line: bytes) -> bytes:
    """Return a line with its keys, PINs and responses masked, for a transcript that others may read.

    The checksum of a line with a secret is masked too. With the checksum, an attacker could find a four-digit PIN by trying all
    PINs.
    """
    masked, found = _SECRET.subn(lambda secret: (secret[1] or secret[2] or secret[3] or b"") + b"****", line)
    return masked.rpartition(b"*")[0] + b"*--------" if found and b"*" in line else masked


def mask_noise(line: bytes) -> bytes:
    """Return bytes that are not a line of the protocol with every hex digit masked.

    Such bytes may contain a piece of an echoed key. `mask` would miss the piece, because it is short and has no name.
    """
    return _HEX_DIGIT.sub(b"*", line)


class LineReader:
    """A splitter of a byte stream into lines. It drops every line of more than 240 bytes."""

    def __init__(self) -> None:
        self._part = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, in order, without line ends and without empty lines."""
        lines = []
        *ended, rest = _LINE_END.split(data)
        for piece in ended:
            self._append(piece)
            if self._part:
                lines.append(self._part)
            self._part, self._too_long = b"", False
        self._append(rest)
        return lines

    def cut(self) -> bytes:
        """Return and drop the unfinished line. The next bytes begin a new line."""
        part, self._part, self._too_long = self._part, b"", False
        return part

    def _append(self, piece: bytes) -> None:
        self._too_long = self._too_long or len(self._part) + len(piece) > MAX_LINE
        self._part = b"" if self._too_long else self._part + piece


def _escape(name: str, value: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        # Use `from None`: the traceback would otherwise show the value, which may be secret.
        raise InputError(name, "must be text that can be encoded in UTF-8") from None
    return _NOT_PLAIN.sub(lambda byte: b"%%%02x" % byte[0][0], raw)


def _unescape(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode()


def _unchecked(line: bytes) -> Request | None:
    """Decode a line without a checksum. Return None unless it is a request whose word is in `_UNCHECKED`."""
    frame = _with_values(line)
    return frame if isinstance(frame, Request) and frame.word in _UNCHECKED else None


def _error(body: bytes) -> Reply | None:
    found = _ERROR_LINE.fullmatch(body)
    if not found or int(found[1]) > MAX_SEQ:
        return None
    try:
        return Reply(int(found[1]), code=found[2].decode(), text=_unescape(found[3] or b""))
    except UnicodeDecodeError:
        return None


def _with_values(body: bytes) -> Frame | None:
    found = _VALUES_LINE.fullmatch(body)
    if not found or int(found[2]) > MAX_SEQ:
        return None
    sigil, seq, word = found[1], int(found[2]), found[3].decode()
    values = _parse_values(found[4])
    if values is None:
        return None
    if sigil == b"<":
        return Reply(seq, values) if word == "ok" else None
    return Request(seq, word, values) if sigil == b">" else Event(seq, word, values)


def _parse_values(raw: bytes) -> dict[str, str] | None:
    """Parse the values. Return None if there are more than 10, if a name occurs twice, or if a value is not UTF-8."""
    pairs = [pair.partition(b"=") for pair in raw.split()]
    if len(pairs) > MAX_VALUES:
        return None
    try:
        values = {name.decode(): _unescape(value) for name, _, value in pairs}
    except UnicodeDecodeError:
        return None
    return values if len(values) == len(pairs) else None
