"""The history of a card for the report of a failed test: pressed keys, serial line, display.

Promises: the report contains no secret key, no PIN and no entropy, not even a part of one. The history has a limited size, even
in a long test.
"""

import re
from binascii import crc32
from collections import deque
from collections.abc import Callable

from dsc_simulator.drawings import card

MOST_KEYS = 200
MOST_LINES = 60
_LONGEST = 300
_WIDTH = 100

# Mask secret keys, key material, PINs (whole or digit by digit), and any long run of hex digits in any field. In a reply to
# `info`, `unlock` has only one or two digits, the number of unlock codes left. Do not mask these.
_SECRET = re.compile(rb"(?<= )(?:(?:key|code|bytes)=[^ *]*|unlock=[^ *]{3,}|k=[0-9])|[0-9A-Fa-f]{24,}")
# In a damaged line, a piece of a secret may have lost the name of its field.
_PIECE = re.compile(rb"[0-9A-Fa-f]{2,}|[0-9]")
_TYPED_BY_A_PERSON = re.compile(rb">[0-9]{1,5} (hello|info|display)( nonce=[^ *]*)?")
_LINE_END = re.compile(rb"[\r\n]")


def mask(line: bytes) -> str:
    """Return a line of the protocol, without its end and its checksum, as text that others may read."""
    # Always remove the checksum: with it, a search through all PINs would find the PIN in the line.
    body, _, check = line.rpartition(b"*")
    if _TYPED_BY_A_PERSON.fullmatch(line):
        body = line
    elif check != b"%08x" % crc32(body):
        return "damaged: " + _text(_PIECE.sub(b"*", line))
    return _text(_SECRET.sub(_starred, body))


def _starred(secret: re.Match[bytes]) -> bytes:
    name, is_named, _ = secret[0].partition(b"=")
    return name + b"=****" if is_named else b"****"


def _text(line: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in line)


class Diary:
    """The pressed keys and the lines, in order. `now` returns the time on the card's clock in milliseconds."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._last_key: int | None = None
        self._keys: deque[str] = deque(maxlen=MOST_KEYS)
        # Mask lines only for the report: masking takes longer than a key press, and few reports are needed.
        self._lines: deque[tuple[int, str, bytes | str]] = deque(maxlen=MOST_LINES)
        self._keys_in_all = self._lines_in_all = 0
        self._begun = {"in": b"", "out": b""}

    def key(self, name: str, shown: str) -> None:
        """Record that the key `name` will be pressed while the display shows `shown`."""
        now = self._now()
        waited = now - (now if self._last_key is None else self._last_key)
        # Mask digits even if the card is off and ignores keys: the digits may be a PIN.
        types_pin = name.isdigit() and (not shown or shown.startswith(("PIN>", "FAIL")))
        self._keys.append(f"({waited / 1000:g} s) " * (waited > 0) + ("*" if types_pin else name))
        self._keys_in_all += 1
        self._last_key = now

    def line(self, direction: str, data: bytes) -> None:
        """Record bytes on the serial line. `direction` is `in` for bytes to the card, and `out` for bytes from the card."""
        *ended, begun = _LINE_END.split(self._begun[direction] + data)
        # Limit the length of a line that never ends.
        self._begun[direction] = begun[-_LONGEST:]
        for line in filter(None, ended):
            self._keep(direction, line[:_LONGEST])

    def masked_line(self, direction: str, line: str) -> None:
        """Record a whole line. The caller has masked its secrets."""
        self._keep(direction, line)

    def _keep(self, direction: str, line: bytes | str) -> None:
        self._lines.append((self._now(), direction, line))
        self._lines_in_all += 1

    def report(self, cells: str) -> str:
        """Return the history as text, with the current display `cells`."""
        parts = ["keys: " + (_wrapped(self._keys, self._keys_in_all) or "none")]
        parts.append("serial line:" + ("" if self._lines else " nothing"))
        parts += [f"  ({self._lines_in_all - len(self._lines)} earlier lines)"] * (self._lines_in_all > len(self._lines))
        for now, direction, line in self._lines:
            parts.append(f"{now / 1000:10.3f} s  {direction:4}{line if isinstance(line, str) else mask(line)}")
        parts.append(card.text(cells))
        return "\n".join(parts)


def _wrapped(keys: deque[str], in_all: int) -> str:
    lines = [f"({in_all - len(keys)} earlier)" if in_all > len(keys) else ""]
    for key in keys:
        if len(lines[-1]) + len(key) > _WIDTH:
            lines.append("")
        lines[-1] += f" {key}" if lines[-1] else key
    return "\n      ".join(lines)
