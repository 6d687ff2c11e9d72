"""Tests of `board.json`: every mistake is refused in one line that names the field and says what is allowed."""

import copy
import json
from importlib.resources import files
from typing import Any

from tests.drivers.programs import Play

GOOD: dict[str, Any] = {
    "board": "bench",
    "keypad": {"rows": [10, 11, 12, 13], "columns": [18, 19, 20], "keys": ["123", "456", "789", "C0K"], "press": 22},
    "display": {"kind": "ssd1306", "bus": 0, "sda": 4, "scl": 5},
    "line": {"kind": "uart", "id": 0, "tx": 0, "rx": 1},
    "battery": {"pin": 26, "divider": 2, "empty_mv": 3300},
}
GONE = object()
PIN = "must be a number from 0 to 63"

NAME = "board: must be a name of 1 to 16 characters, without spaces"
LAYOUT = "keypad.keys: must be 4 strings of 3 letters, one for each row"
NOT_JSON = "not JSON: check its commas and brackets"
KIND = "display.kind: must be one of hd44780, ht16k33, none, ssd1306"

# The changed field, its new value, and the message.
WRONG = [
    *(("board", name, NAME) for name in (GONE, "", "x" * 17, "my board", 7)),
    *(("keypad.keys", keys, LAYOUT) for keys in (GONE, *(["123", "456", "789", *row] for row in ([], ["C0"], [7])))),
    *(("display.kind", kind, KIND) for kind in ("lcd", ["none"], GONE)),
    *(("display.bus", bus, "display.bus: must be a number from 0 to 1") for bus in (2, True)),
    *(("display.address", at, "display.address: must be a number from 8 to 119") for at in (7, "0x3c")),
    *(("keypad.rows", [10, 11, 12, pin], f"keypad.rows: every pin {PIN}") for pin in ("13", True)),
    ("color", 1, "color: unknown; allowed: battery, board, display, keypad, line, sealed"),
    ("keypad", [], "keypad: must be an object with columns, keys, press, rows"),
    ("keypad.row", [1], "keypad.row: unknown; allowed: columns, keys, press, rows"),
    ("keypad.rows", GONE, "keypad.rows: must be a list of pins"),
    ("keypad.columns", [], "keypad.columns: must be a list of pins"),
    ("keypad.columns", [18, 19, -1], f"keypad.columns: every pin {PIN}"),
    ("keypad.columns", [18, 19, 19], "keypad.columns: pin 19 is taken by keypad.columns already"),
    ("keypad.columns", [18, 19, 10], "keypad.columns: pin 10 is taken by keypad.rows already"),
    ("keypad.keys", ["123", "456", "789", "C0X"], "keypad.keys: unknown key X; allowed: 0-9, C, K (OK), P (press), -"),
    ("keypad.keys", ["123", "456", "789", "C0-"], "keypad.keys: K must be there once"),
    ("keypad.keys", ["123", "456", "780", "C0K"], "keypad.keys: 0 must be there once"),
    ("keypad.press", "22", f"keypad.press: {PIN}"),
    ("keypad.press", 13, "keypad.press: pin 13 is taken by keypad.rows already"),
    ("keypad.rows", list(range(2, 11)), "keypad: at most 24 keys"),
    ("display", GONE, f"display: must be an object; {KIND}"),
    ("display.adress", 60, "display.adress: unknown; allowed: address, bus, height, kind, scl, sda"),
    ("display.bus", GONE, "display.bus: missing; a number from 0 to 1"),
    ("display.sda", GONE, "display.sda: missing; a number from 0 to 63"),
    ("display.scl", "5", f"display.scl: {PIN}"),
    ("display.scl", 4, "display.scl: pin 4 is taken by display.sda already"),
    ("display.sda", 22, "display.sda: pin 22 is taken by keypad.press already"),
    ("display.height", 48, "display.height: must be 32 or 64"),
    ("line", "usb", "line: must be an object; line.kind: must be one of uart, usb"),
    ("line.kind", "rs485", "line.kind: must be one of uart, usb"),
    ("line.tx", GONE, "line.tx: missing; a number from 0 to 63"),
    ("line.rx", 26.5, f"line.rx: {PIN}"),
    ("line.id", 3, "line.id: must be a number from 0 to 2"),
    ("line.baudrate", 300, "line.baudrate: must be a number from 1200 to 1000000"),
    ("battery.pin", GONE, "battery.pin: missing; a number from 0 to 63"),
    ("battery.pin", 5, "battery.pin: pin 5 is taken by display.scl already"),
    ("battery.divider", 0, "battery.divider: must be a number from 1 to 20"),
    ("battery.empty_mv", GONE, "battery.empty_mv: missing; a number from 500 to 20000"),
    ("battery.volts", 3, "battery.volts: unknown; allowed: divider, empty_mv, pin"),
    ("sealed", 1, "sealed: must be true or false"),
]

CHECK = """
from dsc_firmware.boards.config import ConfigError, load
for text in TEXTS:
    try:
        load(text)
        say("good")
    except ConfigError as error:
        say(error)
"""


def changed(path: str, value: object) -> dict[str, Any]:
    config = copy.deepcopy(GOOD)
    *parts, field = path.split(".")
    part = config
    for name in parts:
        part = part[name]
    if value is GONE:
        del part[field]
    else:
        part[field] = value
    return config


def check(play: Play, texts: list[str]) -> list[str]:
    return play(f"TEXTS = {texts!r}\n{CHECK}")


def test_the_good_one_is_good(play: Play) -> None:
    assert check(play, [json.dumps(GOOD)]) == ["good"]


def test_each_mistake_is_named(play: Play) -> None:
    cases = [(json.dumps(changed(path, value)), words) for path, value, words in WRONG]
    assert check(play, [text for text, _ in cases]) == [words for _, words in cases]


def test_a_kind_that_has_fewer_fields_says_which_are_too_many(play: Play) -> None:
    texts = [json.dumps(changed("display.kind", "none")), json.dumps(changed("line.kind", "usb"))]
    none, usb = check(play, texts)
    assert none.endswith(": unknown; allowed: kind")
    assert none.startswith("display.")
    assert usb.endswith(": unknown; allowed: kind")
    assert usb.startswith("line.")


def test_what_is_no_json_object_is_said(play: Play) -> None:
    assert check(play, ["", "{", "board: x", "[1, 2"]) == [NOT_JSON] * 4
    words = "the file: must be an object with battery, board, display, keypad, line, sealed"
    assert check(play, ["[]", "7", "null", '"pico"']) == [words] * 4


def test_what_only_micropython_reads_as_json_is_said(play: Play) -> None:
    whole = json.dumps(GOOD)
    texts = [whole[:-1], whole[:-2], whole.replace(", ", " ", 1), whole.replace("}", ",}", 1), whole.replace("]", ",]", 1)]
    assert check(play, texts) == [NOT_JSON] * len(texts)


def test_marks_of_json_in_a_name_are_only_characters(play: Play) -> None:
    names = ["{x", "x]:,", 'a"{b', "a\\", '\\"}']
    assert check(play, [json.dumps(changed("board", name)) for name in names]) == ["good"] * len(names)


def test_one_press_only(play: Play) -> None:
    config = changed("keypad.columns", [18, 19, 20, 21])
    config["keypad"]["keys"] = ["123P", "456C", "789K", "-0--"]
    with_both = json.dumps(config)
    del config["keypad"]["press"]
    words = "keypad.press: there is one press only, a P in keys or a pin"
    assert check(play, [with_both, json.dumps(config)]) == [words, "good"]


def test_two_chips_need_two_addresses(play: Play) -> None:
    config = changed("display", {"kind": "ht16k33", "bus": 0, "sda": 4, "scl": 5, "address": 119})
    assert check(play, [json.dumps(config)]) == ["display.address: must be a number from 8 to 118"]


def test_what_is_left_out_is_filled_in(play: Play) -> None:
    program = """
from dsc_firmware.boards.config import load
config = load('{"board": "x", "display": {"kind": "ht16k33", "bus": 0, "sda": 1, "scl": 2}}')
say(config["keypad"], config["battery"], config["sealed"], config["line"], config["display"]["address"])
"""
    assert play(program) == ["None None False {'kind': 'usb'} 112"]


def test_the_ready_made_ones_are_good_and_called_by_their_names(play: Play) -> None:
    boards = {
        entry.name: entry.read_text() for entry in (files("dsc_firmware") / "boards").iterdir() if entry.name.endswith(".json")
    }
    assert set(boards) == {"pico.json", "pico2.json", "esp32s3.json", "headless.json"}
    assert all(json.loads(text)["board"] + ".json" == name for name, text in boards.items())
    assert check(play, list(boards.values())) == ["good"] * 4
