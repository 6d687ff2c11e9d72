"""The simulator's board inside the VM. Each port calls the host.

This module runs on MicroPython only. Buffers are not copied: the host gets their addresses and reads the VM's memory.
"""

import gc
import host
import sys
import uctypes

import mailbox
from dsc_firmware.app import App

_PASSES = 16

_BOX = bytearray(mailbox.SIZE)
_VIEW = memoryview(_BOX)
_AT = uctypes.addressof(_BOX)
box = uctypes.struct(
    _AT,
    {
        "now": mailbox.NOW | uctypes.UINT32,
        "due": mailbox.DUE | uctypes.UINT32,
        "address": mailbox.ADDRESS | uctypes.UINT32,
        "length": mailbox.LENGTH | uctypes.UINT16,
        "line_length": mailbox.LINE_LENGTH | uctypes.UINT16,
        "key": mailbox.KEY | uctypes.UINT8,
        "slot": mailbox.SLOT | uctypes.UINT8,
        "flat": mailbox.FLAT | uctypes.UINT8,
        "failed": mailbox.FAILED | uctypes.UINT8,
        "absent": mailbox.ABSENT | uctypes.UINT8,
        "caps": mailbox.CAPS | uctypes.UINT8,
    },
    uctypes.LITTLE_ENDIAN,
)


def _call(name):
    host.call(name, "")
    if box.failed:
        raise OSError(5)


def _hand_over(name, buffer):
    box.address = uctypes.addressof(buffer)
    box.length = len(buffer)
    _call(name)


class Keypad:
    """The keypad: the host puts one key at a time into the mailbox."""

    def get(self):
        """Remove and return the waiting key, or return None."""
        key = box.key
        box.key = 0
        return key or None


class Display:
    """The display: the host reads the characters from the buffer."""

    def show(self, cells):
        """Show eight characters."""
        _hand_over("show", cells)


class Clock:
    """The clock, which the host sets before each pass."""

    def ticks_ms(self):
        """Return the time in milliseconds."""
        return box.now


class Entropy:
    """The source of entropy: the host supplies the bytes."""

    def read(self, n):
        """Return `n` random bytes."""
        box.length = n
        _call("random")
        return bytes(_VIEW[mailbox.DATA : mailbox.DATA + box.length])


class Flash:
    """The two slots of flash, which the host stores."""

    def read(self, slot):
        """Return the contents of a slot, or None if it was never written."""
        box.slot = slot
        _call("load")
        return None if box.absent else bytes(_VIEW[mailbox.DATA : mailbox.DATA + box.length])

    def write(self, slot, data):
        """Write a slot. Raise OSError if the host's flash fails."""
        box.slot = slot
        _hand_over("save", data)


class Line:
    """The serial line."""

    def read(self):
        """Return the bytes that have arrived. They are valid until the next pass."""
        n = box.line_length
        box.line_length = 0
        return _VIEW[mailbox.LINE : mailbox.LINE + n] if n else b""

    def write(self, data):
        """Send bytes to the host."""
        _hand_over("send", data)


class Battery:
    """The battery, whose state the host sets before each pass."""

    def low(self):
        """Return whether the battery is low."""
        return box.flat == 1


class Board:
    """All ports of the board, as `dsc_firmware.ports` defines them."""

    name = "simulator"

    def __init__(self):
        self.caps = "keys" if box.caps else ""
        self.keypad = Keypad()
        self.display = Display()
        self.clock = Clock()
        self.entropy = Entropy()
        self.flash = Flash()
        self.line = Line()
        self.battery = Battery()


def run():
    """Boot the firmware, then run its passes forever."""
    # sys.version is "3.4.0; MicroPython v1.27.0 on 2025-12-01": the middle names the interpreter.
    host.call("boot", "%d %s" % (_AT, sys.version.split("; ")[1].split(" on ")[0]))
    # The automatic garbage collection is off (see start.py). Collecting is safe here, before the firmware starts, and also
    # between two passes. Keys and ticks leave little garbage, but a request may leave a lot.
    gc.collect()
    app = App(Board())
    passes = 0
    while True:
        passes += 1
        if box.line_length or passes == _PASSES:
            gc.collect()
            passes = 0
        box.due = app.poll()
        _call("wait")
