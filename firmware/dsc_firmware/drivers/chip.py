"""The ports that a chip brings with it: `entropy`, `flash` as files, `battery` as an analog pin.

Its `clock` is MicroPython's own module `time`.
"""

from errno import ENOENT
from os import urandom

from ..ports import const

_SLOT_MAX = const(1024)
_SAMPLES = const(4)
_FULL_SCALE_MV = const(3300)


class Urandom:
    """The chip's random number generator. Whether its bytes are any good, the card tests at boot."""

    def read(self, n):
        return urandom(n)


class FileFlash:
    """`folder` is "" for the root. A file cut short is bytes like any other; only one that is not there is None."""

    def __init__(self, folder=""):
        self._paths = (folder + "/dsc0.bin", folder + "/dsc1.bin")

    def read(self, slot):
        try:
            with open(self._paths[slot], "rb") as file:
                return file.read(_SLOT_MAX)
        except OSError as error:
            # Everything else may be a slot that holds a record, and must not look like a card that never had one.
            if error.args[0] != ENOENT:
                raise
            return None

    def write(self, slot, data):
        with open(self._paths[slot], "wb") as file:
            file.write(data)


class AdcBattery:
    """`divider` is how many times higher the battery is than the pin; below `empty_mv` it is empty."""

    def __init__(self, adc, divider, empty_mv):
        self._adc = adc
        self._divider = divider
        self._empty_mv = empty_mv
        # A chip that calibrates its converter says volts; one that doesn't, a part of its supply.
        self._calibrated = hasattr(adc, "read_uv")

    def low(self):
        return self.millivolts() < self._empty_mv

    def millivolts(self):
        total = 0
        for _ in range(_SAMPLES):
            total += self._adc.read_uv() // 1000 if self._calibrated else self._adc.read_u16() * _FULL_SCALE_MV // 65535
        return total * self._divider // _SAMPLES
