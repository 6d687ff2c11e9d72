"""The wiring as a drawing, as a Wokwi project and as a table, compared with the ready-made board.json of a Pico."""

import importlib.util
import json
import re
from collections.abc import Callable
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.checkout import ROOT

from dsc_simulator.drawings import docs
from dsc_simulator.drawings.wiring import COLORS, PAPER, PINS, Wire, svg, wires, wokwi

BOARDS = ROOT / "firmware/dsc_firmware/boards"
BOARD_PAGE = (ROOT / "docs/how-to/board.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"
GROUNDS = {3: "GND.1", 8: "GND.2", 13: "GND.3", 18: "GND.4", 23: "GND.5", 28: "GND.6", 33: "GND.7", 38: "GND.8"}

# The data sheet's pin numbers that the wiring may use, by GPIO.
NUMBERS = {0: 1, 1: 2, 4: 6, 5: 7, 10: 14, 11: 15, 12: 16, 13: 17, 18: 24, 19: 25, 20: 26, 21: 27, 22: 29}

Place = tuple[int, int]
Link = tuple[int, str, str]


def ready_made(name: str = "pico") -> dict[str, Any]:
    config: dict[str, Any] = json.loads((BOARDS / f"{name}.json").read_text(encoding="utf-8"))
    return config


def four_by_four() -> dict[str, Any]:
    keypad = {"rows": [10, 11, 12, 13], "columns": [18, 19, 20, 21], "keys": ["123P", "456C", "789K", "-0--"]}
    return ready_made() | {"keypad": keypad}


def expected(config: dict[str, Any]) -> set[Link]:
    """Return every wire as (number of the Pico's pin, part, its pin), from the board.json alone."""
    keypad, display = config["keypad"], config["display"]
    links = {(36, "lcd", "VCC"), (38, "lcd", "GND")}
    links |= {(NUMBERS[display["sda"]], "lcd", "SDA"), (NUMBERS[display["scl"]], "lcd", "SCL")}
    links |= {(NUMBERS[gpio], "keypad", f"R{i}") for i, gpio in enumerate(keypad["rows"], 1)}
    links |= {(NUMBERS[gpio], "keypad", f"C{i}") for i, gpio in enumerate(keypad["columns"], 1)}
    if "press" in keypad:
        links |= {(NUMBERS[keypad["press"]], "press", "1"), (28, "press", "2")}
    return links


def corners(path: ElementTree.Element) -> list[Place]:
    """Return the corners of a wire: M, then H and V only."""
    x, y = 0, 0
    found = []
    for letter, words in re.findall(r"([A-Z])([^A-Z]*)", path.get("d", "")):
        numbers = [int(word) for word in words.split()]
        assert letter in "MHV"
        x = numbers[0] if letter in "MH" else x
        y = numbers[-1] if letter in "MV" else y
        found.append((x, y))
    return found


def drawn_wires(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return picture.findall(f".//{SVG}path[@class='wire']")


def drawn_pins(picture: ElementTree.Element) -> dict[Place, tuple[str, list[str]]]:
    """Return where a pin is drawn: its part, and the text beside it."""
    pins = {}
    for group in picture.iter(f"{SVG}g"):
        circle = group.find(f"{SVG}circle")
        assert circle is not None
        place = int(circle.get("cx", "")), int(circle.get("cy", ""))
        assert place not in pins
        pins[place] = group.get("data-part", ""), [text.text or "" for text in group.iter(f"{SVG}text")]
    return pins


def drawn(picture: ElementTree.Element) -> list[Link]:
    """Yield every wire, followed from end to end through the drawing."""
    pins, found = drawn_pins(picture), []
    for path in drawn_wires(picture):
        places = corners(path)
        (board, (number, name)), (part, (pin,)) = pins[places[0]], pins[places[-1]]
        assert board == "pico"
        assert PINS[int(number) - 1] == name
        found.append((int(number), part, pin))
    return found


def simulated(text: str) -> list[Link]:
    """Yield every wire of a diagram.json."""
    numbers = {GROUNDS.get(number, name): number for number, name in enumerate(PINS, 1)}
    found = []
    for start, end, color, _ in json.loads(text)["connections"]:
        (board, name), (part, pin) = start.split(":"), end.split(":")
        assert board == "pico"
        assert color in COLORS
        found.append((numbers[name], part, pin.removesuffix(".l")))
    return found


def tabled(page: str) -> list[Link]:
    rows = re.findall(r"^\| (lcd|keypad|press) \| (\w+) \| (\w+) \| (\d+) \|$", page, re.MULTILINE)
    assert all(PINS[int(number) - 1] == name for _, _, name, number in rows)
    return [(int(number), part, pin) for part, pin, _, number in rows]


def meet(one: tuple[Place, Place], other: tuple[Place, Place]) -> bool:
    """Return whether two lines, each vertical or horizontal, have a point in common."""
    return all(
        max(min(one[0][axis], one[1][axis]), min(other[0][axis], other[1][axis]))
        <= min(max(one[0][axis], one[1][axis]), max(other[0][axis], other[1][axis]))
        for axis in (0, 1)
    )


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def drawn_of(config: dict[str, Any]) -> list[Link]:
    return drawn(ElementTree.fromstring(svg(config)))


@pytest.mark.parametrize("make", [drawn_of, lambda config: simulated(wokwi(config))], ids=["drawing", "wokwi"])
@pytest.mark.parametrize("config", [ready_made(), ready_made("pico2"), four_by_four()], ids=["pico", "pico2", "4x4"])
def test_the_wires_are_those_of_the_board(config: dict[str, Any], make: Callable[[dict[str, Any]], list[Link]]) -> None:
    links = make(config)
    assert set(links) == expected(config)
    assert len({number for number, _, _ in links}) == len({(part, pin) for _, part, pin in links}) == len(links)


def test_the_files_in_docs_and_the_table_are_of_the_same_wiring() -> None:
    picture = ElementTree.parse(ROOT / "docs/drawings/wiring.svg").getroot()
    diagram = (ROOT / "docs/how-to/wokwi/diagram.json").read_text(encoding="utf-8")
    assert sorted(drawn(picture)) == sorted(simulated(diagram)) == sorted(tabled(BOARD_PAGE)) == sorted(expected(ready_made()))


def test_the_drawing_is_well_formed_and_tells_a_screen_reader_every_wire() -> None:
    picture = ElementTree.fromstring(svg(ready_made()))
    assert picture.tag == f"{SVG}svg"
    told = picture.findtext(f"{SVG}title") or ""
    assert told == picture.get("aria-label")
    assert told.count(" to ") == len(wires(ready_made()))
    assert "GP10 to keypad R1" in told


@pytest.mark.parametrize("config", [ready_made(), four_by_four()], ids=["pico", "4x4"])
def test_no_wire_meets_another_and_all_stay_on_the_paper(config: dict[str, Any]) -> None:
    picture = ElementTree.fromstring(svg(config))
    for one, other in combinations(drawn_wires(picture), 2):
        lines = product(pairwise(corners(one)), pairwise(corners(other)))
        assert not any(meet(a, b) for a, b in lines), (one.get("d"), other.get("d"))
    width, height = int(picture.get("width", "")), int(picture.get("height", ""))
    assert all(0 < x < width and 0 < y < height for path in drawn_wires(picture) for x, y in corners(path))


def test_every_wire_stands_out_from_its_own_ground() -> None:
    picture = ElementTree.fromstring(svg(ready_made()))
    assert {path.get("stroke") for path in drawn_wires(picture)} <= set(COLORS.values())
    for color in COLORS.values():
        assert (luminance(PAPER) + 0.05) / (luminance(color) + 0.05) >= 3


def test_the_wokwi_project_has_the_parts_that_are_wired() -> None:
    parts = {part["id"]: part for part in json.loads(wokwi(ready_made()))["parts"]}
    assert {name: part["type"] for name, part in parts.items()} == {
        "pico": "wokwi-pi-pico",
        "lcd": "wokwi-lcd1602",
        "keypad": "wokwi-membrane-keypad",
        "press": "wokwi-pushbutton",
    }
    assert parts["lcd"]["attrs"] == {"pins": "i2c", "i2cAddress": "0x27"}
    assert parts["keypad"]["attrs"] == {"columns": "3"}
    assert "press" not in {part["id"] for part in json.loads(wokwi(four_by_four()))["parts"]}


def test_a_button_on_the_left_side_gets_a_ground_there() -> None:
    config = ready_made()
    config["keypad"]["press"] = 1
    assert {Wire(2, "press", "1", "orange"), Wire(3, "press", "2", "black")} <= set(wires(config))
    assert {(2, "press", "1"), (3, "press", "2")} <= set(drawn_of(config))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keypad": None}, "only a board with a keypad"),
        ({"display": {"kind": "none"}}, "only a board with a keypad and a text display"),
        ({"battery": {"pin": 26, "divider": 2, "empty_mv": 3300}}, "a battery or a UART"),
        ({"line": {"kind": "uart", "id": 0, "tx": 0, "rx": 1}}, "a battery or a UART"),
        ({"display": {"kind": "hd44780", "bus": 0, "sda": 4, "scl": 30}}, "a Pico has no pin GP30"),
        ({"display": {"kind": "hd44780", "bus": 0, "sda": 10, "scl": 5}}, "a pin is used twice"),
    ],
)
def test_what_can_not_be_drawn_is_refused(change: dict[str, Any], words: str) -> None:
    for make in (svg, wokwi):
        with pytest.raises(ValueError, match=words):
            make(ready_made() | change)


def test_more_wires_than_there_are_lanes_are_refused() -> None:
    config = ready_made()
    config["keypad"]["columns"] = [6, 7, 8]
    with pytest.raises(ValueError, match="keypad: more than 4 wires from one side"):
        svg(config)


def test_the_generated_docs_are_written_with_their_folders_and_checked(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    assert docs.main([str(folder)]) == 0
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == set(docs.PAGES)
    assert docs.main(["--check", str(folder)]) == 0
    (folder / "how-to/wokwi/diagram.json").write_text("{}", encoding="utf-8")
    assert docs.main(["--check", str(folder)]) == 1


def board_config() -> Any:
    """Return the module that checks a board.json, without its package, which imports a chip's own modules."""
    spec = importlib.util.spec_from_file_location("dsc_firmware.boards.config", BOARDS / "config.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def variants() -> list[str]:
    found = re.findall(r"^```json\n(.*?)^```$", BOARD_PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 6
    return found


@pytest.mark.parametrize("text", variants(), ids=lambda text: text[2:9])
def test_the_board_takes_every_variant_in_the_docs(text: str) -> None:
    wanted = json.loads(text)
    taken = board_config().load(json.dumps(ready_made() | wanted))
    assert {name: taken[name] for name in wanted if not isinstance(wanted[name], dict)} == {
        name: value for name, value in wanted.items() if not isinstance(value, dict)
    }
    assert all(taken[name].items() >= part.items() for name, part in wanted.items() if isinstance(part, dict))


def test_the_docs_name_every_field_of_a_board_and_no_other() -> None:
    config = board_config()
    fields = {f"keypad.{field}" for field in config._KEYPAD} | {f"battery.{field}" for field, *_ in config._BATTERY}
    for part, kinds in (("display", config.DISPLAYS), ("line", config.LINES)):
        fields |= {f"{part}.kind"} | {f"{part}.{field}" for allowed in kinds.values() for field, *_ in allowed}
    fields |= set(config._TOP) - {"display", "line"}
    rows = re.findall(r"^\| (`[a-z_.`, ]+`) \|", BOARD_PAGE.split("## `board.json`")[1], re.MULTILINE)
    assert set(re.findall(r"`([a-z_.]+)`", " ".join(rows))) == fields
