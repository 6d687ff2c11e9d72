"""The only seam between the card and the world: what a board must bring, and what keys and time look like.

A board is one object with these attributes. Nothing here is a base class; anything with the same calls will do.

keypad   get() -> a key, or None when none waits. A key is a small int: the ASCII code of a digit, or KEY_OK, KEY_C,
         KEY_PRESS. The driver gives KEY_PRESS once the button has been held for half a second.
display  show(cells): 8 bytes of ASCII. The buffer is the card's own and is reused: read it at once, don't keep it.
clock    ticks_ms() -> milliseconds, 0 to TICKS_PERIOD - 1, then 0 again. Only `ticks_diff` may compare two of them.
entropy  read(n) -> n unpredictable bytes. Raises OSError when it has none.
flash    read(slot) -> what slot 0 or 1 holds, None only if it was never written; write(slot, data). Both raise OSError on
         failure. A slot that is damaged, cut short or erased is bytes like any other, or OSError, never None.
line     read() -> the bytes that wait, b"" when none do (a buffer that the port reuses is fine); write(data): the
         buffer is the card's own and is reused. Neither may block.
name     text for the `hello` reply, without spaces.
caps     "keys" when keys may be pressed over the line, otherwise "".
battery  optional: low() -> True when the card should refuse to start.
"""

try:
    from micropython import const
except ImportError:  # CPython has no constants; the compiler for the boards folds them away

    def const(value):  # type: ignore[misc]
        return value


try:
    from uctypes import addressof, bytearray_at
except ImportError:  # CPython gives nobody its memory

    def addressof(data):  # type: ignore[misc]
        return 0

    def bytearray_at(address, size):  # type: ignore[misc]
        return b""


CELLS = const(8)

KEY_OK = const(0x4F)  # "O"
KEY_C = const(0x43)  # "C"
KEY_PRESS = const(0x50)  # "P"

TICKS_PERIOD = const(1 << 30)
_HALF = const(1 << 29)

# Where MicroPython's hash objects keep what they have seen, and for how many bytes they all do at least.
_HASH_STATE = const(8)
_HASH_SIZE = const(104)


def is_digit(key):
    return 0x30 <= key <= 0x39


def decimal(text, most):
    """The number that ASCII digits write, or -1 if `text` is anything else, empty, or more than `most`."""
    value = 0 if len(text) else -1
    for c in text:
        if not is_digit(c) or value > most:
            return -1
        value = value * 10 + c - 48
    return value if value <= most else -1


def ticks_diff(end, start):
    """Milliseconds from `start` to `end`, right across the wrap, for times less than 2**29 ms (6 days) apart."""
    return ((end - start + _HALF) & (TICKS_PERIOD - 1)) - _HALF


def put_decimal(number, out):
    """Write `number` into `out` as ASCII digits, as many as it has room for."""
    for i in range(len(out) - 1, -1, -1):
        out[i] = 48 + number % 10
        number //= 10


def wipe(buffer):
    """Overwrite a buffer with zeros: a secret is not gone while it only has no name."""
    for i in range(len(buffer)):
        buffer[i] = 0


def forget(data):
    """Overwrite bytes that the interpreter made and that nobody will look at again."""
    wipe(bytearray_at(addressof(data), len(data)))


def finish(made):
    """The digest of a hash object, which is then overwritten: it still holds the last block that it was given."""
    digest = made.digest()
    wipe(bytearray_at(id(made) + _HASH_STATE, _HASH_SIZE))
    return digest
