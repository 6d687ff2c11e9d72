"""Tests of the firmware on the boards' interpreter: nothing is allocated between a key and its display."""

import pytest
from tests.firmware.fakes import needs_micropython

from dsc_firmware.ports import TICKS_PERIOD

pytestmark = needs_micropython

KEY_PATH = """
import host
from micropython import heap_lock, heap_unlock
from dsc_firmware.app import App

KEY_C, KEY_OK, KEY_PRESS = 0x43, 0x4F, 0x50

class Board:
    def __init__(self):
        self.keypad = self.display = self.clock = self.entropy = self.flash = self.line = self
        self.slots = [None, None]
        self.key = None
        self.locked = False
        self.name = self.caps = ""
        self.now = self.random = 0

    def get(self):
        key, self.key = self.key, None
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

    def ticks_ms(self):
        return self.now

    def read(self, n=None):
        if n is None:
            return b""
        if n < 2:
            return self.slots[n]
        data = bytearray(n)
        for i in range(n):
            self.random = (self.random * 75 + 74) % 65537
            data[i] = self.random >> 4 & 0xFF
        return data

    def write(self, *what):
        if len(what) == 2:
            self.slots[what[0]] = bytes(what[1])

board = Board()
app = App(board)
app.take_on(PROFILE)
for key in (KEY_PRESS, 0x31, 0x32, 0x33, 0x34, KEY_C, 0x34, KEY_OK, 0x34, 0x38, KEY_C, 0x38, 0x32, 0x39, 0x31, 0x33, KEY_PRESS):
    board.key = key
    try:
        app.poll()
    finally:
        board.unlock()
host.call("say", "nothing was allocated")
"""

MAKE_PROFILE = """
from dsc_firmware.profile import Profile
PROFILE = Profile()
for name, value in (("serial", b"A"), ("key", b"00" * 32)):
    PROFILE.stage(name, value)
PROFILE.check()
"""


def test_nothing_is_allocated_between_a_key_and_its_display() -> None:
    from dsc_simulator.engines.vm import run

    assert run(MAKE_PROFILE + KEY_PATH) == "nothing was allocated"


def test_the_check_for_allocations_can_fail() -> None:
    from dsc_simulator import FirmwareCrash
    from dsc_simulator.engines.vm import run

    wasteful = KEY_PATH.replace("        self.unlock()\n", "        bytes(cells)\n        self.unlock()\n", 1)
    assert wasteful != KEY_PATH
    with pytest.raises(FirmwareCrash, match="MemoryError"):
        run(MAKE_PROFILE + wasteful)


def test_the_interpreters_clock_is_the_clock_of_the_ports() -> None:
    from dsc_simulator.engines.vm import run

    program = """
import host, time
before = time.ticks_ms()
time.sleep_ms(0)
host.call("say", "%d %d" % (time.ticks_add(0, -1), 0 <= time.ticks_diff(time.ticks_ms(), before) < 60000))
"""
    assert run(program) == f"{TICKS_PERIOD - 1} 1"
