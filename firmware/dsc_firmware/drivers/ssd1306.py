"""The port `display`: a graphic display of 128 x 64 or 128 x 32 dots (SSD1306).

Each of the eight cells is 16 dots wide. It holds a character of 5 x 7 dots, drawn twice as wide and three times as tall.
"""

from ..ports import CELLS, const
from .display import Display

_WIDTH = const(128)
_CELL = const(16)
_MARGIN = const(3)
_BAND = const(3)  # pages that the letters take; a page is 8 rows
_FIRST = const(0x2A)
_LAST = const(0x5A)
_SPACE = const(0x20)
_QUESTION_MARK = const(0x3F)

_OFF = b"\x00\xae"
_ON = b"\x00\xaf"

# The dots of the characters from * to Z: five columns each, with the top dot in the lowest bit.
_FONT = (
    b"\x14\x08\x3e\x08\x14\x08\x08\x3e\x08\x08\x00\x50\x30\x00\x00\x08\x08\x08\x08\x08\x00\x60\x60\x00\x00\x20\x10\x08\x04\x02"
    b"\x3e\x51\x49\x45\x3e\x00\x42\x7f\x40\x00\x42\x61\x51\x49\x46\x21\x41\x45\x4b\x31\x18\x14\x12\x7f\x10"
    b"\x27\x45\x45\x45\x39\x3c\x4a\x49\x49\x30\x01\x71\x09\x05\x03\x36\x49\x49\x49\x36\x06\x49\x49\x29\x1e"
    b"\x00\x36\x36\x00\x00\x00\x56\x36\x00\x00\x08\x14\x22\x41\x00\x14\x14\x14\x14\x14\x00\x41\x22\x14\x08"
    b"\x02\x01\x51\x09\x06\x32\x49\x79\x41\x3e"
    b"\x7e\x11\x11\x11\x7e\x7f\x49\x49\x49\x36\x3e\x41\x41\x41\x22\x7f\x41\x41\x22\x1c\x7f\x49\x49\x49\x41"
    b"\x7f\x09\x09\x09\x01\x3e\x41\x49\x49\x3a\x7f\x08\x08\x08\x7f\x00\x41\x7f\x41\x00\x20\x40\x41\x3f\x01"
    b"\x7f\x08\x14\x22\x41\x7f\x40\x40\x40\x40\x7f\x02\x0c\x02\x7f\x7f\x04\x08\x10\x7f\x3e\x41\x41\x41\x3e"
    b"\x7f\x09\x09\x09\x06\x3e\x41\x51\x21\x5e\x7f\x09\x19\x29\x46\x46\x49\x49\x49\x31\x01\x01\x7f\x01\x01"
    b"\x3f\x40\x40\x40\x3f\x1f\x20\x40\x20\x1f\x3f\x40\x38\x40\x3f\x63\x14\x08\x14\x63\x07\x08\x70\x08\x07"
    b"\x61\x51\x49\x45\x43"
)


def _tall(column):
    """Return the bits of a column: one empty row, then three rows for each of its seven dots, the top in the lowest bits."""
    rows = 0
    for i in range(7):
        if column >> i & 1:
            rows |= 14 << 3 * i
    return rows


def _setup(height):
    # The commands in order: off; clock; number of rows; no offset; first row; charge pump on; horizontal addressing; upright;
    # wiring of the rows, which depends on the height; contrast; precharge; level; show the memory; not inverted.
    setup = bytearray(b"\x00\xae\xd5\x80\xa8\x3f\xd3\x00\x40\x8d\x14\x20\x00\xa1\xc8\xda\x12\x81\x8f\xd9\xf1\xdb\x40\xa4\xa6")
    if height == 32:
        setup[5] = 31
        setup[16] = 2
    return setup


class SSD1306(Display):
    """A graphic display. While nothing is shown, its panel is off and its memory is empty."""

    def __init__(self, i2c, address, clock, height=64):
        super().__init__(clock)
        self._i2c = i2c
        self._address = address
        self._pages = height // 8
        self._setup = _setup(height)
        first = (self._pages - _BAND) // 2
        self._band_window = bytes((0, 0x21, 0, _WIDTH - 1, 0x22, first, first + _BAND - 1))
        self._whole_window = bytes((0, 0x21, 0, _WIDTH - 1, 0x22, 0, self._pages - 1))
        self._band = bytearray(1 + _BAND * _WIDTH)
        self._band[0] = 0x40
        self._page = memoryview(self._band)[: 1 + _WIDTH]

    def _start(self):
        self._write(self._setup)
        for i in range(1, len(self._band)):
            self._band[i] = 0
        # The memory has random contents after power-up.
        self._write(self._whole_window)
        for _ in range(self._pages):
            self._write(self._page)

    def _draw(self, cells, blank):
        if blank:
            self._write(_OFF)
        for i in range(CELLS):
            self._draw_cell(1 + _CELL * i + _MARGIN, cells[i])
        self._write(self._band_window)
        self._write(self._band)
        if not blank:
            self._write(_ON)

    def _draw_cell(self, at, c):
        if c != _SPACE and not _FIRST <= c <= _LAST:
            c = _QUESTION_MARK
        for i in range(5):
            self._draw_column(at + 2 * i, 0 if c == _SPACE else _tall(_FONT[5 * (c - _FIRST) + i]))

    def _draw_column(self, at, rows):
        band = self._band
        for _ in range(_BAND):
            band[at] = band[at + 1] = rows & 0xFF
            rows >>= 8
            at += _WIDTH

    def _write(self, data):
        self._i2c.writeto(self._address, data)
