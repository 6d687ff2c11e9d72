"""Tests of the firmware on the boards' interpreter: nothing is allocated between a key and its display."""

import pytest
from tests.checkout import ROOT
from tests.firmware.fakes import needs_micropython

from dsc_firmware.ports import TICKS_PERIOD

pytestmark = needs_micropython

# After the source of a board of MicroPython's own, with a card that is personalized.
KEY_PATH = (
    (ROOT / "tests/benchmarks/guest/heap.py").read_text("utf-8")
    + """
from micropython import heap_lock, heap_unlock

class Locking(Board):
    locked = False

    def get(self):
        key = super().get()
        if key is not None:
            self.locked = True
            heap_lock()
        return key

    def unlock(self):
        if self.locked:
            self.locked = False
            heap_unlock()

    def show(self, cells):
        self.unlock()

board = held["board"] = Locking()
boot()
personalize()
C, OK, PRESS = 0x43, 0x4F, 0x50
for key in (PRESS, 0x31, 0x32, 0x33, 0x34, C, 0x34, OK, 0x34, 0x38, C, 0x38, 0x32, 0x39, 0x31, 0x33, PRESS):
    board.key = key
    try:
        held["app"].poll()
    finally:
        board.unlock()
host.call("say", "nothing was allocated")
"""
)


def test_nothing_is_allocated_between_a_key_and_its_display() -> None:
    from dsc_simulator.engines.vm import run

    assert run(KEY_PATH) == "nothing was allocated"


def test_the_check_for_allocations_can_fail() -> None:
    from dsc_simulator import FirmwareCrash
    from dsc_simulator.engines.vm import run

    wasteful = KEY_PATH.replace("        self.unlock()\n", "        bytes(cells)\n        self.unlock()\n", 1)
    assert wasteful != KEY_PATH
    with pytest.raises(FirmwareCrash, match="MemoryError"):
        run(wasteful)


def test_the_interpreters_clock_is_the_clock_of_the_ports() -> None:
    from dsc_simulator.engines.vm import run

    program = """
import host, time
before = time.ticks_ms()
time.sleep_ms(0)
host.call("say", "%d %d" % (time.ticks_add(0, -1), 0 <= time.ticks_diff(time.ticks_ms(), before) < 60000))
"""
    assert run(program) == f"{TICKS_PERIOD - 1} 1"
