"""A board on a test bench: its wires, its owner's fingers, its clock. Runs on both interpreters, and nothing waits.

Import it before any module of the firmware: it replaces the chip's modules.
"""

import json
import sys
from errno import ENOENT

import fake_machine as machine


class _Micropython:
    def const(self, value):
        return value

    def kbd_intr(self, c):
        interrupts.append(c)


interrupts = []
try:
    from micropython import heap_lock as lock
    from micropython import heap_unlock as unlock
except ImportError:  # CPython cannot forbid allocation

    def lock():
        pass

    unlock = lock
sys.modules["machine"] = machine
sys.modules["micropython"] = _Micropython()

from fake_lcd import Lcd  # noqa: E402
from fake_oled import Oled  # noqa: E402
from fake_segments import Segments  # noqa: E402

from dsc_firmware.boards import run, wiring  # noqa: E402
from dsc_firmware.drivers import chip  # noqa: E402
from dsc_firmware.drivers.chip import FileFlash  # noqa: E402
from dsc_firmware.drivers.hd44780 import HD44780  # noqa: E402
from dsc_firmware.drivers.ht16k33 import HT16K33  # noqa: E402
from dsc_firmware.drivers.keypad import MatrixKeypad  # noqa: E402
from dsc_firmware.drivers.ssd1306 import SSD1306  # noqa: E402
from dsc_firmware.journal import Journal  # noqa: E402
from dsc_firmware.profile import Profile  # noqa: E402

ROWS, COLUMNS, PRESS = (10, 11, 12, 13), (18, 19, 20), 22
PLACES = {
    letter: (row, column) for row, letters in enumerate(("123", "456", "789", "C0K")) for column, letter in enumerate(letters)
}

CONFIG = {
    "board": "bench",
    "keypad": {"rows": [10, 11, 12, 13], "columns": [18, 19, 20], "keys": ["123", "456", "789", "C0K"], "press": 22},
    "display": {"kind": "hd44780", "bus": 0, "sda": 4, "scl": 5, "address": 39},
    "line": {"kind": "uart", "id": 0, "tx": 0, "rx": 1},
}


def _random(n, state=[1]):  # noqa: B006 - the list keeps the state
    data = bytearray(n)
    for i in range(n):
        state[0] = (state[0] * 75 + 74) % 65537
        data[i] = state[0] >> 4 & 0xFF
    return bytes(data)


# The interpreter in the VM has no random numbers and no files.
chip.urandom = _random
FOLDER = "/disk"
files = {}  # by path: the contents


class _File:
    def __init__(self, path, mode):
        self._path = path
        self._text = "b" not in mode
        if "w" in mode:
            files[path] = b""

    def read(self, n=-1):
        data = files[self._path] if n < 0 else files[self._path][:n]
        return data.decode() if self._text else data

    def write(self, data):
        files[self._path] += bytes(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def _open(path, mode="r"):
    if path not in files and "w" not in mode:
        raise OSError(ENOENT)
    return _File(path, mode)


chip.open = wiring.open = _open


class PowerCut(BaseException):
    """The power is cut: nothing happens afterwards."""


def ctrl_c():
    """Press Ctrl-C, which stops a program that allows it."""
    if not interrupts or interrupts[-1] == 3:
        raise KeyboardInterrupt


class Clock:
    """A clock that advances only in `sleep_ms`. Meanwhile, `owner` acts, and yields the ms until its next action."""

    def __init__(self, owner=None, now=0):
        self.now = now
        self.slept = []
        self._owner = owner
        self._due = now

    def ticks_ms(self):
        # This avoids %: on a small chip, 1 << 30 itself needs memory.
        return self.now & 0x3FFFFFFF

    def sleep_ms(self, ms):
        assert ms >= 0
        self.slept.append(ms)
        target = self.now + ms
        while self._owner and self._due <= target:
            self.now = self._due
            self._due += self._next()
        self.now = target

    def _next(self):
        owner, self._owner = self._owner, None
        for pause in owner:
            self._owner = owner
            return pause
        # The owner has finished: press Ctrl-C, as at the prompt.
        ctrl_c()
        raise PowerCut


def touch(row, column):
    machine.connect(ROWS[row], COLUMNS[column])


def let_go(row, column):
    machine.disconnect(ROWS[row], COLUMNS[column])


def tap(letters, ms=60):
    """Type these keys one after another, as an owner does."""
    for letter in letters:
        touch(*PLACES[letter])
        yield ms
        let_go(*PLACES[letter])
        yield ms


def wake():
    machine.connect(PRESS)
    yield 700  # half a second, and the display's start
    machine.disconnect(PRESS)
    yield 60


def keypad(clock, press=True, keys=("123", "456", "789", "C0K")):
    rows = [machine.Pin(n, machine.Pin.OPEN_DRAIN) for n in ROWS]
    columns = [machine.Pin(n, machine.Pin.IN, machine.Pin.PULL_UP) for n in COLUMNS]
    button = machine.Pin(PRESS, machine.Pin.IN, machine.Pin.PULL_UP) if press else None
    return MatrixKeypad(rows, columns, keys, button, clock.ticks_ms)


def look(pad, clock, ms, every=5):
    """Scan the keys for a while. Return the keys and their times since `clock` began."""
    seen = []
    end = clock.now + ms
    while True:
        key = pad.get()
        if key is not None:
            seen.append((chr(key), clock.now))
        if clock.now >= end:
            return seen
        clock.now += every


def plug_in(kind):
    """Connect a display of one kind to bus 0. Return its fields for board.json, and a function that reads it."""
    if kind == "hd44780":
        lcd = Lcd()
        machine.buses[0] = {39: lcd}
        return {"kind": kind, "bus": 0, "sda": 4, "scl": 5, "address": 39}, lcd
    if kind == "ht16k33":
        segments = Segments()
        machine.buses[0] = {112: segments.chips[0], 113: segments.chips[1]}
        return {"kind": kind, "bus": 0, "sda": 4, "scl": 5, "address": 112}, segments
    height = int(kind[-2:])
    oled = Oled(height)
    machine.buses[0] = {60: oled}
    return {"kind": "ssd1306", "bus": 0, "sda": 4, "scl": 5, "address": 60, "height": height}, oled


def driver(kind, clock):
    """Return the driver of a connected display, and a function that reads the display."""
    fields, seen = plug_in(kind)
    i2c = machine.I2C(0, machine.Pin(4), machine.Pin(5), 100000, 50000)
    if kind == "hd44780":
        display = HD44780(i2c, 39, clock)
    elif kind == "ht16k33":
        display = HT16K33(i2c, 112, clock)
    else:
        display = SSD1306(i2c, 60, clock, fields["height"])
    # Tests that break the bus use this instead of the driver's private name.
    display.wires = i2c
    return display, seen


def put(folder, config):
    """Write a board.json: an object as JSON, or a text unchanged."""
    # `run` unloads this module once a board is wired.
    from dsc_firmware.boards import wiring

    wiring.open = _open
    files[folder + "/board.json"] = (config if isinstance(config, str) else json.dumps(config)).encode()


def personalize(folder):
    profile = Profile()
    profile.stage("serial", b"BENCH")
    profile.stage("key", b"40" * 32)
    profile.check()
    journal = Journal(FileFlash(folder))
    journal.load()
    profile.fill(journal.record)
    assert journal.store_twice()


def start(folder, config, owner, say):
    """Power up a board whose owner acts. Its messages go to `say`. Return its clock."""
    put(folder, config)
    clock = Clock(owner)
    run(folder, clock, say)
    return clock
