"""The port `display`: a text display of 16 x 2 characters (HD44780) behind an I2C expander (PCF8574).

The outputs of the expander: P0 is RS, P1 is RW, P2 is E, P3 is the backlight, and P4 to P7 are the data. The expander allows
at most 100 kHz on the bus. At that rate, the controller has finished a character (37 us) before the next one can arrive.
"""

from ..ports import CELLS, const
from .display import Display

_RS = const(1)
_E = const(4)
_LIGHT = const(8)
_FIRST = const(4)  # the column of the first cell: eight cells, centered on sixteen columns
_SET_ADDRESS = const(0x80)
_SPACE = const(0x20)

# The commands, one in each byte: 4 bits, two lines and 5 x 8 dots; off; clear; write from left to right; on without a cursor.
_SETUP = b"\x28\x08\x01\x06\x0c"


class HD44780(Display):
    """A text display. The driver writes only the changed cells, and switches the backlight on while a text is shown."""

    def __init__(self, i2c, address, clock):
        super().__init__(clock)
        self._i2c = i2c
        self._address = address
        self._light = 0
        self._one = bytearray(1)
        self._strobe = bytearray(3)
        self._shown = bytearray(CELLS)

    def _start(self):
        sleep = self._clock.sleep_ms
        # Do this first: if the display is missing, this raises an OSError without any delay.
        self._set_light(0)
        # Figure 24 of the data sheet: whatever state the chip is in, send "8 bits" three times, then "4 bits". Here "8 bits" is
        # sent seven times, because the chip ignores everything for 40 ms after power-up.
        for half in b"\x30\x30\x30\x30\x30\x30\x30\x20":
            self._half(half)
            sleep(10)
        for command in _SETUP:
            self._send(command, 0)
            sleep(2)
        for i in range(CELLS):
            self._shown[i] = _SPACE

    def _draw(self, cells, blank):
        self._set_light(0 if blank else _LIGHT)
        cursor = CELLS
        for i in range(CELLS):
            if cells[i] != self._shown[i]:
                if cursor != i:
                    self._send(_SET_ADDRESS | _FIRST + i, 0)
                self._send(cells[i], _RS)
                self._shown[i] = cells[i]
                cursor = i + 1

    def _set_light(self, light):
        self._light = self._one[0] = light
        self._i2c.writeto(self._address, self._one)

    def _send(self, value, rs):
        self._half(value & 0xF0 | rs)
        self._half(value << 4 & 0xF0 | rs)

    def _half(self, pins):
        # Send the outputs with E low, high and low. So RS and the data are stable before E rises and after E falls.
        strobe = self._strobe
        strobe[0] = strobe[2] = pins | self._light
        strobe[1] = strobe[0] | _E
        self._i2c.writeto(self._address, strobe)
