"""The ports that a chip brings with it: `clock`, `entropy`, `flash` as files, `battery` as an analog pin."""

import time
from errno import ENOENT
from os import urandom

from ..ports import TICKS_PERIOD, const

_SLOT_MAX = const(1024)
_SAMPLES = const(4)
_FULL_SCALE_MV = const(3300)

try:
    from time import sleep_ms, ticks_ms
except ImportError:  # CPython counts in seconds and has no wrap

    def sleep_ms(ms):  # type: ignore[misc]
        time.sleep(ms / 1000)

    def ticks_ms():  # type: ignore[misc]
        return int(time.monotonic() * 1000) % TICKS_PERIOD  # type: ignore[attr-defined]


class Clock:
    """Time as it passes."""

    def ticks_ms(self):
        return ticks_ms()

    def sleep_ms(self, ms):
        sleep_ms(ms)


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
