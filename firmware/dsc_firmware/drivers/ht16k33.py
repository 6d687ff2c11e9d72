"""The port `display`: eight characters of 14 segments, on two chips (HT16K33) of four characters each."""

from ..ports import const
from .display import Display

_HALF = const(4)
_FIRST = const(0x2A)
_LAST = const(0x5A)
_SPACE = const(0x20)
_QUESTION_MARK = const(0x3F)

_CLOCK_ON = b"\x21"
_CLOCK_OFF = b"\x20"
_LIGHT_ON = b"\x81"
_LIGHT_OFF = b"\x80"
_BRIGHTNESS = b"\xe7"  # step 8 of 16: readable with half the current

# The segments of the characters from * to Z, two bytes for each character, with the low byte first. Bits 0 to 5 are the outer
# segments, clockwise from the top. Bits 6 and 7 are the left and the right half of the middle bar. Bits 8 to 10 are the inner
# strokes of the upper half, from left to right. Bits 11 to 13 are those of the lower half. Bit 14 is the dot.
_FONT = (
    b"\xc0\x3f\xc0\x12\x00\x08\xc0\x00\x00\x40\x00\x0c\x3f\x0c\x06\x00\xdb\x00\xcf\x00\xe6\x00\xed\x00"
    b"\xfd\x00\x07\x00\xff\x00\xef\x00\x00\x12\x00\x0a\x00\x24\xc8\x00\x00\x09\x83\x10\xbb\x02\xf7\x00"
    b"\x8f\x12\x39\x00\x0f\x12\xf9\x00\x71\x00\xbd\x00\xf6\x00\x09\x12\x1e\x00\x70\x24\x38\x00\x36\x05"
    b"\x36\x21\x3f\x00\xf3\x00\x3f\x20\xf3\x20\x8d\x01\x01\x12\x3e\x00\x30\x0c\x36\x28\x00\x2d\x00\x15"
    b"\x09\x0c"
)


class HT16K33(Display):
    """A segment display. The chip at `address` shows the left four characters, and the chip at the next address the right four.

    While nothing is shown, both chips are dark, empty and in standby.
    """

    def __init__(self, i2c, address, clock):
        super().__init__(clock)
        self._i2c = i2c
        self._addresses = (address, address + 1)
        self._memory = bytearray(17)  # the start address, then all 16 bytes of the chip's memory
        self._start_of_memory = memoryview(self._memory)[: 1 + 2 * _HALF]

    def _start(self):
        for i in range(len(self._memory)):
            self._memory[i] = 0
        self._tell(_CLOCK_ON)
        self._tell(_LIGHT_OFF)
        self._tell(_BRIGHTNESS)
        self._tell(self._memory)

    def _draw(self, cells, blank):
        self._tell(_CLOCK_ON)
        if blank:
            self._tell(_LIGHT_OFF)
        for chip in range(2):
            for i in range(_HALF):
                self._put(1 + 2 * i, cells[_HALF * chip + i])
            self._i2c.writeto(self._addresses[chip], self._start_of_memory)
        self._tell(_CLOCK_OFF if blank else _LIGHT_ON)

    def _put(self, at, c):
        if c != _SPACE and not _FIRST <= c <= _LAST:
            c = _QUESTION_MARK
        for i in range(2):
            self._memory[at + i] = 0 if c == _SPACE else _FONT[2 * (c - _FIRST) + i]

    def _tell(self, data):
        for address in self._addresses:
            self._i2c.writeto(address, data)
