"""The ports that a chip provides: `entropy`, `flash` as files, and `battery` as an analog pin.

MicroPython's module `time` is the `clock`.
"""

from errno import ENOENT
from os import urandom

from ..ports import const

_SLOT_MAX = const(1024)
_SAMPLES = const(4)
_FULL_SCALE_MV = const(3300)


class Urandom:
    """The random number generator of the chip. `Entropy` tests all bytes of it."""

    def read(self, n):
        """Return `n` bytes."""
        return urandom(n)


class FileFlash:
    """The slots of the flash as files in `folder` ("" for the root folder). A file may be truncated after a loss of power."""

    def __init__(self, folder=""):
        self._paths = (folder + "/dsc0.bin", folder + "/dsc1.bin")

    def read(self, slot):
        """Return the contents of a slot, or None if its file does not exist."""
        try:
            with open(self._paths[slot], "rb") as file:
                return file.read(_SLOT_MAX)
        except OSError as error:
            # After any other error, the file may exist and hold a record. If None were returned, the card would look blank.
            if error.args[0] != ENOENT:
                raise
            return None

    def write(self, slot, data):
        """Write `data` into the file of a slot."""
        with open(self._paths[slot], "wb") as file:
            file.write(data)


class AdcBattery:
    """A battery behind a voltage divider. Its voltage is `divider` times the pin's. It is empty below `empty_mv` mV."""

    def __init__(self, adc, divider, empty_mv):
        self._adc = adc
        self._divider = divider
        self._empty_mv = empty_mv
        # A calibrated converter returns microvolts. Any other returns a fraction of its full scale, which is taken as 3300 mV.
        self._calibrated = hasattr(adc, "read_uv")

    def low(self):
        """Return whether the battery is empty."""
        return self.millivolts() < self._empty_mv

    def millivolts(self):
        """Return the battery's voltage in millivolts."""
        total = 0
        for _ in range(_SAMPLES):
            total += self._adc.read_uv() // 1000 if self._calibrated else self._adc.read_u16() * _FULL_SCALE_MV // 65535
        return total * self._divider // _SAMPLES
