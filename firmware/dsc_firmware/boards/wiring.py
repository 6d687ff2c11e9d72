"""The construction of the ports from `board.json`. No other module imports `machine`.

This module is unloaded before the card runs, so that the card can use the module's memory.
"""

import select
import sys

import machine
import micropython

from ..drivers.chip import AdcBattery, FileFlash, Urandom
from ..drivers.display import NoDisplay
from ..drivers.keypad import MatrixKeypad, NoKeypad
from ..drivers.line import UartLine, UsbLine
from ..ports import const
from .config import ConfigError, load

__all__ = ("ConfigError", "wire")

_PACKAGE = __name__.split(".")[0]
_NO_CTRL_C = const(-1)

# The expander of a text display supports the lower speed only. The timeout limits how long a bus that hangs delays the card.
_SLOW_HZ = const(100000)
_FAST_HZ = const(400000)
_BUS_TIMEOUT_US = const(25000)
# The size of each buffer of a UART in bytes: more than the longest line of the protocol.
_ROOM = const(512)


def _part(words, make, *values, **options):
    """Return the part that `make` builds. Raise ConfigError if the chip refuses, for example because it has no such pin."""
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
    """Return the kind, address, bus and pins of a display as text, for a person who checks the wires."""
    if display["kind"] == "none":
        return "no display"
    words = [display[field] for field in ("kind", "address", "bus", "sda", "scl")]
    return "display %s at address %d (bus %d, sda %d, scl %d)" % tuple(words)


def _bus(config, hz):
    sda, scl = _pin("display", config, "sda"), _pin("display", config, "scl")
    return _part(where(config), machine.I2C, config["bus"], sda=sda, scl=scl, freq=hz, timeout=_BUS_TIMEOUT_US)


def _display(config, clock):
    kind = config["kind"]
    if kind == "none":
        return NoDisplay()
    # Import the driver of this display and no other, because a board has little memory.
    driver = getattr(__import__(_PACKAGE + ".drivers." + kind, None, None, (kind,)), kind.upper())
    bus = _bus(config, _SLOW_HZ if kind == "hd44780" else _FAST_HZ)
    size = (config["height"],) if "height" in config else ()
    return driver(bus, config["address"], clock, *size)


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
    # Some chips need this setting. Without it, they cannot measure a voltage near their supply voltage.
    widest = getattr(machine.ADC, "ATTN_11DB", None)
    if widest is not None:
        adc.atten(widest)
    return AdcBattery(adc, config["divider"], config["empty_mv"])


def wire(board, folder, clock):
    """Set the ports of `board` as `board.json` in `folder` describes them. For a sealed card, turn Ctrl-C off first.

    `clock` is the board's clock. Raises ConfigError.
    """
    config = _read(folder)
    # Turn Ctrl-C off before any port is built: a host that sends Ctrl-C all the time must not reach the prompt.
    if config["sealed"]:
        micropython.kbd_intr(_NO_CTRL_C)
    board.name = config["board"]
    board.clock = clock
    board.keypad = _keypad(config["keypad"], clock)
    board.caps = "keys" if config["keypad"] is None else ""
    board.display = _display(config["display"], clock)
    board.display_words = where(config["display"])
    board.line = _line(config["line"])
    board.battery = _battery(config["battery"])
    board.entropy = Urandom()
    board.flash = FileFlash(folder)


def _read(folder):
    try:
        with open(folder + "/board.json") as file:
            text = file.read()
    except (OSError, ValueError):
        raise ConfigError("can't be read; copy a ready-made board.json to the board")
    return load(text)
