"""The heap that the firmware takes, as the interpreter reports it: one login on a board that this file defines.

This runs on MicroPython in the VM only. Memory is collected only in functions of this module, between the firmware's own.
"""

import gc
import host

KEYS = (0x50, 0x31, 0x32, 0x33, 0x34, 0x4F, 0x34, 0x38, 0x32, 0x39, 0x31, 0x33, 0x4F)


class Board:
    name = caps = ""

    def __init__(self):
        self.keypad = self.display = self.clock = self.entropy = self.flash = self.line = self
        self.slots = [None, None]
        self.key = None
        self.random = 0

    def get(self):
        key, self.key = self.key, None
        return key

    def show(self, cells):
        self.cells = cells

    def ticks_ms(self):
        return 0

    def read(self, n=None):
        if n is None:
            return b""
        return self.slots[n] if n < 2 else self.bytes(n)

    def bytes(self, n):
        data = bytearray(n)
        for i in range(n):
            self.random = (self.random * 75 + 74) % 65537
            data[i] = self.random >> 4 & 0xFF
        return data

    def write(self, slot, data=None):
        if data is not None:
            self.slots[slot] = bytes(data)


held = {"board": Board()}


def told(name):
    gc.collect()
    host.call("say", "%s %d\n" % (name, gc.mem_alloc()))


def before():
    told("before")


def boot():
    from dsc_firmware.app import App

    held["app"] = App(held["board"])


def personalize():
    from dsc_firmware.profile import Profile

    profile = Profile()
    profile.stage("serial", b"A")
    profile.stage("key", b"00" * 32)
    held["app"].take_on(profile)


def log_in():
    for key in KEYS:
        held["board"].key = key
        held["app"].poll()


def after():
    told(bytes(held["board"].cells).decode())
