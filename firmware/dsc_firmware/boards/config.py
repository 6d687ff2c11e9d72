"""Checks a `board.json` whole, before any pin is touched.

Every refusal is a ConfigError of one line: the field, what is wrong with it, and what is allowed.
"""

import json

from ..drivers.keypad import key_of
from ..ports import const

_NAME_MAX = const(16)
_PIN_MAX = const(63)
_KEYS_MAX = const(24)
_NEEDED = "0123456789CK"

# The fields of each kind of part, and what those that may be left out are then. None: it may not be left out.
DISPLAYS = {
    "hd44780": {"bus": None, "sda": None, "scl": None, "address": 39},
    "ssd1306": {"bus": None, "sda": None, "scl": None, "address": 60, "height": 64},
    "ht16k33": {"bus": None, "sda": None, "scl": None, "address": 112},
    "none": {},
}
LINES = {"usb": {}, "uart": {"id": None, "tx": None, "rx": None, "baudrate": 115200}}
_TOP = ("board", "keypad", "display", "line", "battery", "sealed")
_KEYPAD = ("rows", "columns", "keys", "press")
_BATTERY = {"pin": None, "divider": None, "empty_mv": None}


class ConfigError(Exception):
    """The board can't be what its `board.json` says."""


def _require(good, words):
    if not good:
        raise ConfigError(words)


def _join(names):
    return ", ".join(sorted(names))


def _check_fields(part, name, allowed):
    _require(isinstance(part, dict), (name or "the file") + ": must be an object with " + _join(allowed))
    for field in part:
        _require(field in allowed, (name + "." if name else "") + field + ": unknown; allowed: " + _join(allowed))


def _number(part, name, field, low, high):
    _require(field in part, name + "." + field + ": missing; a number from %d to %d" % (low, high))
    value = part[field]
    # True and False are numbers to Python, and nobody's pin.
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    _require(good, name + "." + field + ": must be a number from %d to %d" % (low, high))
    return value


def load(text):
    """The checked wiring from the text of a `board.json`, with everything filled in that was left out."""
    try:
        config = json.loads(text)
    except ValueError:
        raise ConfigError("not JSON: look for a missing comma, quote or bracket")
    _check_fields(config, "", _TOP)
    _check_board(config)
    pins = _Pins()
    if config.setdefault("keypad", None) is not None:
        _check_keypad(config["keypad"], pins)
    _check_display(config, pins)
    _check_line(config, pins)
    if config.setdefault("battery", None) is not None:
        _check_battery(config["battery"], pins)
    _require(isinstance(config.setdefault("sealed", False), bool), "sealed: must be true or false")
    return config


class _Pins:
    """Which pin is taken by what."""

    def __init__(self):
        self._taken = {}

    def take(self, part, name, field):
        self._claim(_number(part, name, field, 0, _PIN_MAX), name + "." + field)

    def take_all(self, part, name, field):
        numbers = part.get(field)
        field = name + "." + field
        _require(isinstance(numbers, list) and numbers, field + ": must be a list of pins")
        for number in numbers:
            good = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _PIN_MAX
            _require(good, field + ": every pin must be a number from 0 to %d" % _PIN_MAX)
            self._claim(number, field)

    def _claim(self, number, field):
        if number in self._taken:
            raise ConfigError("%s: pin %d is taken by %s already" % (field, number, self._taken[number]))
        self._taken[number] = field


def _check_board(config):
    name = config.get("board")
    words = "board: must be a name of 1 to 16 characters, without spaces"
    _require(isinstance(name, str) and 0 < len(name) <= _NAME_MAX, words)
    for c in name:
        _require(0x21 <= ord(c) <= 0x7E, words)


def _check_keypad(keypad, pins):
    _check_fields(keypad, "keypad", _KEYPAD)
    pins.take_all(keypad, "keypad", "rows")
    pins.take_all(keypad, "keypad", "columns")
    if keypad.setdefault("press", None) is not None:
        pins.take(keypad, "keypad", "press")
    _check_shape(keypad)
    _check_letters("".join(keypad["keys"]), keypad["press"] is not None)


def _check_shape(keypad):
    rows, columns, keys = len(keypad["rows"]), len(keypad["columns"]), keypad.get("keys")
    _require(rows * columns <= _KEYS_MAX, "keypad: at most %d keys" % _KEYS_MAX)
    words = "keypad.keys: must be %d strings of %d letters, one for each row" % (rows, columns)
    _require(isinstance(keys, list) and len(keys) == rows, words)
    for row in keys:
        _require(isinstance(row, str) and len(row) == columns, words)


def _check_letters(letters, has_press):
    for letter in letters:
        _require(key_of(letter) is not None, "keypad.keys: unknown key " + letter + "; allowed: 0-9, C, K (OK), P (press), -")
    for letter in _NEEDED:
        _require(letters.count(letter) == 1, "keypad.keys: " + letter + " must be there once")
    _require(letters.count("P") <= (0 if has_press else 1), "keypad.press: there is one press only, a P in keys or a pin")


def _kind(config, name, kinds):
    """Check a part's kind and which fields it has; fill in what may be left out."""
    part = config.get(name)
    words = name + ".kind: must be one of " + _join(kinds)
    _require(isinstance(part, dict), name + ": must be an object; " + words)
    kind = part.get("kind")
    _require(isinstance(kind, str) and kind in kinds, words)
    fields = kinds[kind]
    _check_fields(part, name, ("kind",) + tuple(fields))  # noqa: RUF005 - unpacking costs more room
    for field in fields:
        if field not in part and fields[field] is not None:
            part[field] = fields[field]
    return kind


def _check_display(config, pins):
    kind = _kind(config, "display", DISPLAYS)
    if kind == "none":
        return
    display = config["display"]
    _number(display, "display", "bus", 0, 1)
    pins.take(display, "display", "sda")
    pins.take(display, "display", "scl")
    # The second of two chips has the next address.
    _number(display, "display", "address", 8, 118 if kind == "ht16k33" else 119)
    height = display.get("height", 64)
    _require(not isinstance(height, bool) and height in (32, 64), "display.height: must be 32 or 64")


def _check_line(config, pins):
    config.setdefault("line", {"kind": "usb"})
    if _kind(config, "line", LINES) == "usb":
        return
    line = config["line"]
    _number(line, "line", "id", 0, 2)
    pins.take(line, "line", "tx")
    pins.take(line, "line", "rx")
    _number(line, "line", "baudrate", 1200, 1000000)


def _check_battery(battery, pins):
    _check_fields(battery, "battery", _BATTERY)
    pins.take(battery, "battery", "pin")
    _number(battery, "battery", "divider", 1, 20)
    _number(battery, "battery", "empty_mv", 500, 20000)
