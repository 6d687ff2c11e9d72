"""A line of the protocol, as bytes and as a value.

Promises: what is encoded here decodes to the same values, and is at most 240 bytes of printable ASCII. `decode` gives a
frame only for a line that passes its check and keeps every rule; for any other bytes it gives None and raises nothing.
`LineReader` finds the same lines however the bytes are cut into chunks, and never holds more than one line of memory.
"""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from dsc_host.errors import InputError

MAX_LINE = 240
"""The most bytes in a line, without its line end."""
MAX_SEQ = 0xFFFF
"""The highest number of a line; after it comes 0."""
MAX_VALUES = 10
"""The most values that a line may have."""

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

# PINs (whole or by the key), keys and what keys are made of, responses; and any long run of hex digits, because a key
# that comes back as a garbled echo has lost its name.
_SECRET = re.compile(rb"((?<= )(?:key|code|k|bytes)=)[^ *]*|((?<= )text=)[0-9]{4,}|[0-9A-Fa-f]{24,}")


@dataclass(frozen=True, slots=True)
class Request:
    """What the host asks. Its values may hold a key, so they stay out of the repr."""

    seq: int
    word: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the card answers: `values`, or, if `code` is not empty, a refusal with `text` for a person."""

    seq: int
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What the card tells unasked. `seq` counts the card's events and wraps."""

    seq: int
    word: str
    values: Mapping[str, str] = field(default_factory=dict)


Frame = Request | Reply | Event


def encode_request(seq: int, word: str, values: Mapping[str, str]) -> bytes:
    """The line of a request, checked, without its line end.

    `seq` is 0 to 65535; `word` and the values' names are `a` to `z`; values are any text.
    Raises InputError if that is not so, for more than 10 values, or if the line would be longer than 240 bytes.
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
    """The frame in a line (given without its line end), or None if the line is to be ignored."""
    if len(line) > MAX_LINE:
        return None
    body, star, check = line.rpartition(b"*")
    if not star:
        return _unchecked(line)
    if not _CHECK.fullmatch(check) or int(check, 16) != crc32(body):
        return None
    return _error(body) or _with_values(body)


def mask(line: bytes) -> bytes:
    """The line with keys, PINs and responses starred out: for a transcript that others may read.

    The check of such a line goes too: with it, a PIN of four digits could be found by trying all of them.
    """
    masked, found = _SECRET.subn(lambda secret: (secret[1] or secret[2] or b"") + b"****", line)
    return masked.rpartition(b"*")[0] + b"*--------" if found and b"*" in line else masked


def mask_noise(line: bytes) -> bytes:
    """What is no line of the protocol, with all that could be a piece of a key or a PIN starred out.

    A key that comes back in pieces has no name, and the pieces may be short.
    """
    return _HEX_DIGIT.sub(b"*", line)


class LineReader:
    """Makes lines of a stream of bytes. A line that is too long is dropped whole, up to its line end."""

    def __init__(self) -> None:
        self._part = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, in order, without line ends and without the empty ones."""
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
        """Gives out the line that has only begun, and takes what comes now for the beginning of another."""
        part, self._part, self._too_long = self._part, b"", False
        return part

    def _append(self, piece: bytes) -> None:
        self._too_long = self._too_long or len(self._part) + len(piece) > MAX_LINE
        self._part = b"" if self._too_long else self._part + piece


def _escape(name: str, value: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        # Without `from None` the value, which may be a secret, would be in the traceback.
        raise InputError(name, "must be text that UTF-8 can write") from None
    return _NOT_PLAIN.sub(lambda byte: b"%%%02x" % byte[0][0], raw)


def _unescape(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode()


def _unchecked(line: bytes) -> Request | None:
    """What a person may type at a terminal."""
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
    """The values, or None if there are too many, a name stands twice or a value is not text."""
    pairs = [pair.partition(b"=") for pair in raw.split()]
    if len(pairs) > MAX_VALUES:
        return None
    try:
        values = {name.decode(): _unescape(value) for name, _, value in pairs}
    except UnicodeDecodeError:
        return None
    return values if len(values) == len(pairs) else None
