"""The port `battery`: an analog pin behind a divider."""

from dsc_firmware.ports import const

_SAMPLES = const(4)
_FULL_SCALE_MV = const(3300)


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
            total += self._pin_mv()
        return total * self._divider // _SAMPLES

    def _pin_mv(self):
        if self._calibrated:
            return self._adc.read_uv() // 1000
        return self._adc.read_u16() * _FULL_SCALE_MV // 65535
