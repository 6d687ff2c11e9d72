"""The port `clock`: the interpreter's milliseconds."""

import time

from dsc_firmware.ports import TICKS_PERIOD

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
