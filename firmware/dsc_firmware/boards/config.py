"""The checks of a whole `board.json`, before any pin is used.

A mistake raises a ConfigError. The message is one line with the field, the mistake, and the allowed values.
"""

import json

from ..drivers.keypad import key_of
from ..ports import const

_NAME_MAX = const(16)
_PIN_MAX = const(63)
_KEYS_MAX = const(24)
_NEEDED = "0123456789CK"

# The fields with numbers for each kind of part, in the order of their checks. For each field: the name, the lowest and the
# highest value, and the default. Without a default (None), the field is required. A field with the highest value _PIN_MAX is
# a pin.
_BUS = (("bus", 0, 1, None), ("sda", 0, _PIN_MAX, None), ("scl", 0, _PIN_MAX, None))
DISPLAYS = {
    "hd44780": _BUS + (("address", 8, 119, 39),),  # noqa: RUF005 - the compiler for boards knows no other way
    "ssd1306": _BUS + (("address", 8, 119, 60), ("height", 32, 64, 64)),  # noqa: RUF005
    # The display's second chip has the next address.
    "ht16k33": _BUS + (("address", 8, 118, 112),),  # noqa: RUF005
    "none": (),
}
LINES = {
    "usb": (),
    "uart": (("id", 0, 2, None), ("tx", 0, _PIN_MAX, None), ("rx", 0, _PIN_MAX, None), ("baudrate", 1200, 1000000, 115200)),
}
_BATTERY = (("pin", 0, _PIN_MAX, None), ("divider", 1, 20, None), ("empty_mv", 500, 20000, None))
_KEYPAD = ("rows", "columns", "keys", "press")
_PRESS = (("press", 0, _PIN_MAX, None),)
_TOP = ("board", "keypad", "display", "line", "battery", "sealed")


class ConfigError(Exception):
    """The `board.json` is invalid, or does not match the board."""


def _require(good, words):
    if not good:
        raise ConfigError(words)


def _join(names):
    return ", ".join(sorted(names))


def _check_fields(part, name, allowed):
    _require(isinstance(part, dict), (name or "the file") + ": must be an object with " + _join(allowed))
    for field in part:
        _require(field in allowed, (name + "." if name else "") + field + ": unknown; allowed: " + _join(allowed))


def _check_number(value, low, high, words):
    # Refuse True and False: in Python, they are instances of int.
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    _require(good, words + " a number from %d to %d" % (low, high))


def _claim(pins, number, field):
    if number in pins:
        raise ConfigError("%s: pin %d is taken by %s already" % (field, number, pins[number]))
    pins[number] = field


def _check_numbers(part, name, fields, pins):
    """Check the numbers of a part, fill in the defaults, and refuse a pin that is in `pins`, the pins of other fields."""
    for field, low, high, default in fields:
        value = part[field] = part.get(field, default)
        field = name + "." + field
        _check_number(value, low, high, field + (": missing;" if value is None else ": must be"))
        if high == _PIN_MAX:
            _claim(pins, value, field)


def load(text):
    """Parse and check the text of a `board.json`. Return its content with all defaults filled in."""
    try:
        config = json.loads(text)
        # MicroPython's parser accepts a text without its last brace, or with a missing or extra comma.
        good = "\\" in text or _marks(text) == _marks(json.dumps(config))
    except ValueError:
        good = False
    _require(good, "not JSON: check its commas and brackets")
    _check_fields(config, "", _TOP)
    _check_board(config)
    pins = {}  # type: dict[int, str]
    if config.setdefault("keypad", None) is not None:
        _check_keypad(config["keypad"], pins)
    _check_part(config, "display", DISPLAYS, pins)
    config.setdefault("line", {"kind": "usb"})
    _check_part(config, "line", LINES, pins)
    if config.setdefault("battery", None) is not None:
        _check_fields(config["battery"], "battery", [field[0] for field in _BATTERY])
        _check_numbers(config["battery"], "battery", _BATTERY, pins)
    _require(isinstance(config.setdefault("sealed", False), bool), "sealed: must be true or false")
    return config


def _marks(text):
    """Return the punctuation of a JSON text outside of its strings, sorted. No string of the text may contain a quote."""
    return sorted([c for c in "".join(text.split('"')[::2]) if c in "{}[],:"])


def _check_board(config):
    name = config.get("board")
    words = "board: must be a name of 1 to 16 characters, without spaces"
    _require(isinstance(name, str) and 0 < len(name) <= _NAME_MAX, words)
    for c in name:
        _require(0x21 <= ord(c) <= 0x7E, words)


def _check_keypad(keypad, pins):
    _check_fields(keypad, "keypad", _KEYPAD)
    _check_pins(keypad, "rows", pins)
    _check_pins(keypad, "columns", pins)
    if keypad.setdefault("press", None) is not None:
        _check_numbers(keypad, "keypad", _PRESS, pins)
    _check_shape(keypad)
    _check_letters("".join(keypad["keys"]), keypad["press"] is not None)


def _check_pins(keypad, name, pins):
    numbers, field = keypad.get(name), "keypad." + name
    _require(isinstance(numbers, list) and numbers, field + ": must be a list of pins")
    for number in numbers:
        _check_number(number, 0, _PIN_MAX, field + ": every pin must be")
        _claim(pins, number, field)


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


def _check_part(config, name, kinds, pins):
    """Check the part `name` of the configuration. The field `kind` of the part must be one of `kinds`."""
    part = config.get(name)
    words = name + ".kind: must be one of " + _join(kinds)
    _require(isinstance(part, dict), name + ": must be an object; " + words)
    kind = part.get("kind")
    _require(isinstance(kind, str) and kind in kinds, words)
    _check_fields(part, name, ["kind"] + [field[0] for field in kinds[kind]])
    _require(part.get("height", 64) in (32, 64), "display.height: must be 32 or 64")
    _check_numbers(part, name, kinds[kind], pins)
