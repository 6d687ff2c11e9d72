"""The ports: the only interface between the card and its board, with helpers for keys, time and buffers.

A board is one object with the attributes below. There are no base classes: an attribute may be any object with the methods.

keypad   get() -> a key, or None if no key waits. A key is a small int: the ASCII code of a digit, KEY_OK, KEY_C or
         KEY_PRESS. While the card is off, get() returns KEY_PRESS after the button was held for half a second, not earlier.
display  show(cells): show 8 bytes of ASCII. The card reuses the buffer after the call.
clock    ticks_ms() -> milliseconds, from 0 to TICKS_PERIOD - 1, then from 0 again. Subtract two values with
         `ticks_diff`.
entropy  read(n) -> n unpredictable bytes. Raises OSError if there are none.
flash    read(slot) -> the contents of slot 0 or 1, or None if the slot was never written. write(slot, data): replace the
         contents. Both methods raise OSError on failure. For a damaged, truncated or erased slot, read(slot) returns bytes or
         raises OSError. It must not return None.
line     read() -> the bytes that have arrived, or b"" if there are none. The port may reuse its buffer at the next read.
         write(data): send the bytes. The card reuses the buffer after the call. Neither method may wait.
name     the name of the board in the reply to `hello`: text without spaces.
caps     "keys" if keys may be pressed over the line, otherwise "".
battery  optional. low() -> True if the battery is so low that the card should not start.
"""

try:
    from micropython import const
except ImportError:  # CPython has no `const`; the compiler for boards inlines it

    def const(value):  # type: ignore[misc]
        """Return the value."""
        return value


try:
    from uctypes import addressof, bytearray_at
except ImportError:  # CPython has no access to memory addresses

    def addressof(data):  # type: ignore[misc]
        """Return 0."""
        return 0

    def bytearray_at(address, size):  # type: ignore[misc]
        """Return no bytes."""
        return b""


CELLS = const(8)

KEY_OK = const(0x4F)  # "O"
KEY_C = const(0x43)  # "C"
KEY_PRESS = const(0x50)  # "P"

TICKS_PERIOD = const(1 << 30)
_HALF = const(1 << 29)

# The offset in bytes at which MicroPython's hash objects keep the state of the hash, and the smallest size of that state.
_HASH_STATE = const(8)
_HASH_SIZE = const(104)


def is_digit(key):
    """Return whether a key, or a byte of a text, is the ASCII code of a digit."""
    return 0x30 <= key <= 0x39


def decimal(text, most):
    """Return the number in the ASCII digits `text`. Return -1 if `text` is empty or not digits, or if it is above `most`."""
    value = 0 if len(text) else -1
    for c in text:
        if not is_digit(c) or value > most:
            return -1
        value = value * 10 + c - 48
    return value if value <= most else -1


def ticks_diff(end, start):
    """Return the milliseconds from `start` to `end`, which are at most 2**29 ms (6 days) apart. The ticks may have wrapped."""
    return ((end - start + _HALF) & (TICKS_PERIOD - 1)) - _HALF


def put_decimal(number, out):
    """Fill `out` with `number` as ASCII digits, with leading zeros."""
    for i in range(len(out) - 1, -1, -1):
        out[i] = 48 + number % 10
        number //= 10


def wipe(buffer):
    """Overwrite a buffer with zeros, so that a secret does not stay in memory after its last use."""
    for i in range(len(buffer)):
        buffer[i] = 0


def forget(data):
    """Overwrite the memory of a bytes object that is no longer needed. Do nothing on CPython."""
    wipe(bytearray_at(addressof(data), len(data)))


def finish(made):
    """Return the digest of a hash object, and overwrite the object, because its memory still has the last block of the data."""
    digest = made.digest()
    wipe(bytearray_at(id(made) + _HASH_STATE, _HASH_SIZE))
    return digest
