"""Makes the ports out of a checked `board.json`. Here, and only here, the firmware meets the chip."""

import select
import sys

import machine

from ..drivers.chip import AdcBattery, FileFlash, Urandom
from ..drivers.display import NoDisplay
from ..drivers.hd44780 import HD44780
from ..drivers.ht16k33 import HT16K33
from ..drivers.keypad import MatrixKeypad, NoKeypad
from ..drivers.line import UartLine, UsbLine
from ..drivers.ssd1306 import SSD1306
from ..ports import const
from .config import ConfigError

# The expander before a text display is no faster; at either speed a bus that hangs holds nobody up for long.
_SLOW_HZ = const(100000)
_FAST_HZ = const(400000)
_BUS_TIMEOUT_US = const(25000)
_ROOM = const(512)


def _part(words, make, *values, **options):
    """Make one part; a chip that refuses, because it has no such pin or not there, makes a ConfigError."""
    try:
        return make(*values, **options)
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(words + ": this chip refuses: " + str(error))


def _pin(name, config, field, *how):
    return _numbered(name + "." + field, config[field], *how)


def _numbered(field, number, *how):
    return _part("%s: pin %d" % (field, number), machine.Pin, number, *how)


def _keypad(config, clock):
    if config is None:
        return NoKeypad()
    pulled_up = (machine.Pin.IN, machine.Pin.PULL_UP)
    rows = [_numbered("keypad.rows", n, machine.Pin.OPEN_DRAIN) for n in config["rows"]]
    columns = [_numbered("keypad.columns", n, *pulled_up) for n in config["columns"]]
    press = _pin("keypad", config, "press", *pulled_up) if config["press"] is not None else None
    return MatrixKeypad(rows, columns, config["keys"], press, clock.ticks_ms)


def where(display):
    """A display in words, for a person with the wires in hand."""
    words = [display[field] for field in ("kind", "address", "bus", "sda", "scl")]
    return "display %s at address %d (bus %d, sda %d, scl %d)" % tuple(words)


def _bus(config, hz):
    sda, scl = _pin("display", config, "sda"), _pin("display", config, "scl")
    return _part(where(config), machine.I2C, config["bus"], sda=sda, scl=scl, freq=hz, timeout=_BUS_TIMEOUT_US)


def _display(config, clock):
    kind = config["kind"]
    if kind == "none":
        return NoDisplay()
    address = config["address"]
    if kind == "hd44780":
        return HD44780(_bus(config, _SLOW_HZ), address, clock)
    bus = _bus(config, _FAST_HZ)
    if kind == "ht16k33":
        return HT16K33(bus, address, clock)
    return SSD1306(bus, address, clock, config["height"])


def _line(config):
    if config["kind"] == "usb":
        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN)
        return UsbLine(sys.stdin.buffer, sys.stdout.buffer, poll)
    tx, rx = _pin("line", config, "tx"), _pin("line", config, "rx")
    number, baudrate = config["id"], config["baudrate"]
    words = "line (uart %d, tx %d, rx %d)" % (number, config["tx"], config["rx"])
    return UartLine(_part(words, machine.UART, number, baudrate, tx=tx, rx=rx, txbuf=_ROOM, rxbuf=_ROOM, timeout=0))


def _battery(config):
    if config is None:
        return None
    adc = _part("battery.pin: pin %d" % config["pin"], machine.ADC, _pin("battery", config, "pin"))
    # Chips that can measure up to their supply only when told to.
    widest = getattr(machine.ADC, "ATTN_11DB", None)
    if widest is not None:
        adc.atten(widest)
    return AdcBattery(adc, config["divider"], config["empty_mv"])


class Board:
    """The ports, as `ports.py` describes them, of the board that `config` describes."""

    def __init__(self, config, folder, clock):
        self.name = config["board"]
        self.clock = clock
        self.keypad = _keypad(config["keypad"], clock)
        self.caps = "keys" if config["keypad"] is None else ""
        self.display = _display(config["display"], clock)
        self.line = _line(config["line"])
        self.battery = _battery(config["battery"])
        self.entropy = Urandom()
        self.flash = FileFlash(folder)
