"""The heap that a whole board takes, as the interpreter reports it, after one login.

`boards.run` starts every part of the Raspberry Pi Pico's `board.json` on a chip whose pins do nothing. This runs on MicroPython
in the VM only. Memory is collected only in functions of this module, between the firmware's own.
"""

import sys

import heap


class Part:
    """A pin, a bus or a UART that accepts everything. No key is down."""

    IN = OPEN_DRAIN = OUT = PULL_UP = 0

    def __init__(self, *values, **options):
        pass

    def value(self, *values):
        return 1

    init = any = writeto = write = lambda self, *values: 0


class Machine:
    Pin = I2C = UART = Part


class Clock:
    """Stops the card, once, as soon as it runs."""

    runs = False

    def ticks_ms(self):
        return 0

    def sleep_ms(self, ms):
        if self.runs:
            self.runs = False
            raise KeyboardInterrupt


class Text:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        return heap.held["config"]


def make_chip():
    sys.modules["machine"] = Machine
    import json

    heap.held["json"] = json


def run():
    clock = Clock()
    from dsc_firmware.boards import wiring
    from dsc_firmware.boards import run as start
    from dsc_firmware.drivers import chip

    run = sys.modules["dsc_firmware.boards.run"]
    wiring.open = lambda path: Text()
    chip.urandom = heap.held["board"].bytes
    wiring.FileFlash = lambda folder: heap.held["board"]
    real = run.App

    def app(board):
        heap.held["app"] = real(board)
        clock.runs = True
        return heap.held["app"]

    run.App = app
    start("", clock, print)
    run.App = real


def log_in():
    for key in heap.KEYS:
        heap.held["app"].press(key, 0)


def after():
    heap.told(bytes(heap.held["app"].card.cells).decode())
