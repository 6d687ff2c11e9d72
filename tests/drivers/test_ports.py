"""Tests of the line, the flash, the battery and the clock, over parts that the tests make."""

import pytest
from tests.drivers.programs import Play

USB = """
from dsc_firmware.drivers.line import UsbLine
class Console:
    def __init__(self):
        self.waiting = bytearray()
        self.written = bytearray()
    def ipoll(self, timeout):
        assert timeout == 0
        return [(self, 1)] if self.waiting else []
    def readinto(self, buffer):
        # As on a board, a read of more than has arrived would wait.
        assert len(buffer) <= len(self.waiting), "the read would wait forever"
        n = len(buffer)
        buffer[:] = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return n
    def write(self, data):
        self.written.extend(bytes(data))
console = Console()
line = UsbLine(console, console, console)
"""

UART = """
from dsc_firmware.drivers.line import UartLine
uart = machine.UART(0, 115200, None, None, 512, 512, 0)
line = UartLine(uart)
"""


def test_usb_takes_what_has_come_and_never_waits(play: Play) -> None:
    program = """
say(bytes(line.read()))
console.waiting.extend(b">7 hello")
say(bytes(line.read()), bytes(line.read()))
line.write(b"<7 ok\\n")
say(bytes(console.written))
"""
    assert play(USB + program) == ["b''", "b'>7 hello' b''", "b'<7 ok\\n'"]


@pytest.mark.parametrize(("line", "inbox"), [(USB, "console.waiting"), (UART, "uart.inbox")])
def test_a_pass_takes_no_more_than_its_buffer_and_loses_nothing(play: Play, line: str, inbox: str) -> None:
    program = f"""
sent = bytes([i & 0xFF for i in range(700)])
{inbox}.extend(sent)
taken = [bytes(line.read()) for _ in range(4)]
say([len(part) for part in taken], b"".join(taken) == sent)
"""
    assert play(line + program) == ["[256, 256, 188, 0] True"]


def test_a_uart_that_loses_what_it_had_gives_nothing(play: Play) -> None:
    program = """
say(bytes(line.read()))
uart.inbox.extend(b"x")
uart.readinto = lambda buffer, n: None
say(bytes(line.read()))
line.write(b"abc")
say(bytes(uart.outbox))
"""
    assert play(UART + program) == ["b''", "b''", "b'abc'"]


def test_only_a_slot_that_was_never_written_is_none(play: Play) -> None:
    program = """
flash = FileFlash(FOLDER)
say(flash.read(0), flash.read(1))
flash.write(1, memoryview(b"record"))
say(flash.read(0), flash.read(1))
flash.write(1, b"new")
flash.write(0, b"")
say(flash.read(0), flash.read(1))
"""
    assert play(program) == ["None None", "None b'record'", "b'' b'new'"]


def test_a_file_system_that_fails_is_not_an_empty_one(play: Play) -> None:
    program = """
from dsc_firmware.drivers import chip as module
def broken(path, mode):
    raise OSError(5)
module.open = broken
flash = FileFlash(FOLDER)
try:
    say(flash.read(0))
except OSError as error:
    say("OSError", error.args[0])
"""
    assert play(program) == ["OSError 5"]


def test_the_battery_through_its_divider(play: Play) -> None:
    program = """
from dsc_firmware.drivers.chip import AdcBattery
for level in (65535, 32771, 32751, 0):
    machine.volts[26] = level
    battery = AdcBattery(machine.ADC(machine.Pin(26)), 2, 3300)
    say(battery.millivolts(), battery.low())
"""
    assert play(program) == ["6600 False", "3300 False", "3298 True", "0 True"]


def test_a_converter_that_knows_volts_is_believed(play: Play) -> None:
    program = """
from dsc_firmware.drivers.chip import AdcBattery
class Adc:
    def read_uv(self):
        return 1649999
battery = AdcBattery(Adc(), 2, 3300)
say(battery.millivolts(), battery.low())
"""
    assert play(program) == ["3298 True"]
