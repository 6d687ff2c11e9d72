"""The wiring of a Pico, as a board.json describes it: a drawing (SVG), and a project for the Wokwi simulator.

Drawing and project are made from the same list of wires, so they always match. `python -m dsc_simulator.drawings.docs` writes
both to files.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

PINS = (
    *("GP0", "GP1", "GND", "GP2", "GP3", "GP4", "GP5", "GND", "GP6", "GP7"),
    *("GP8", "GP9", "GND", "GP10", "GP11", "GP12", "GP13", "GND", "GP14", "GP15"),
    *("GP16", "GP17", "GND", "GP18", "GP19", "GP20", "GP21", "GND", "GP22", "RUN"),
    *("GP26", "GP27", "AGND", "GP28", "VREF", "3V3", "3V3_EN", "GND", "VSYS", "VBUS"),
)
"""The names of the pins of a Pico, a Pico W and a Pico 2, in the order of their numbers, from pin 1."""

COLORS = {
    "black": "#1d2430",
    "red": "#c62828",
    "blue": "#1565c0",
    "gold": "#8a6a00",
    "green": "#1b7f3b",
    "cyan": "#007c8a",
    "purple": "#7b1fa2",
    "magenta": "#c2185b",
    "orange": "#b84a00",
}
"""The colors of wires: for each name in Wokwi, the value in the drawing, which contrasts with `PAPER`."""

PAPER = "#f5f7fa"
"""The background of the drawing. It looks the same on a light page and on a dark page."""

_SUPPLY, _LCD_GROUND = 36, 38
_SIDE = 20  # pins on each side


@dataclass(frozen=True)
class Wire:
    """A wire from pin `number` of the Pico, 1 to 40, to the pin `pin` of a part: `lcd`, `keypad` or `press`."""

    number: int
    part: str
    pin: str
    color: str


def wires(config: Mapping[str, Any]) -> tuple[Wire, ...]:
    """Return every wire that a board needs. `config` is the content of its board.json.

    Raise ValueError for a board that cannot be drawn: with a display other than a text display, without a keypad, with a
    battery or a UART, with a pin that a Pico does not have, or with a pin that is used twice.
    """
    display, keypad = config["display"], config["keypad"]
    if display["kind"] != "hd44780" or not keypad:
        raise ValueError("only a board with a keypad and a text display (hd44780) can be drawn")
    if config.get("battery") or config.get("line", {"kind": "usb"})["kind"] != "usb":
        raise ValueError("a board with a battery or a UART cannot be drawn")
    found = [
        Wire(_number(display["scl"]), "lcd", "SCL", "gold"),
        Wire(_number(display["sda"]), "lcd", "SDA", "blue"),
        Wire(_LCD_GROUND, "lcd", "GND", "black"),
        Wire(_SUPPLY, "lcd", "VCC", "red"),
    ]
    for letter, field, colors in (("R", "rows", ("green", "cyan")), ("C", "columns", ("purple", "magenta"))):
        found += [Wire(_number(gpio), "keypad", f"{letter}{i + 1}", colors[i % 2]) for i, gpio in enumerate(keypad[field])]
    if keypad.get("press") is not None:
        press = _number(keypad["press"])
        found += [Wire(press, "press", "1", "orange"), Wire(_ground_beside(press), "press", "2", "black")]
    numbers = [wire.number for wire in found]
    if len(set(numbers)) < len(numbers):
        raise ValueError("a pin is used twice")
    return tuple(found)


def _number(gpio: int) -> int:
    name = f"GP{gpio}"
    if name not in PINS:
        raise ValueError(f"a Pico has no pin {name}")
    return PINS.index(name) + 1


def _is_left(number: int) -> bool:
    return number <= _SIDE


def _ground_beside(number: int) -> int:
    """Return the ground pin nearest to a pin, on the same side of the board."""
    grounds = [i for i, name in enumerate(PINS, 1) if name == "GND" and _is_left(i) == _is_left(number) and i != _LCD_GROUND]
    return min(grounds, key=lambda ground: abs(ground - number))


# In the drawing, the Pico is upright, with USB on top. The display is above the Pico, the keypad below, and the button beside.

_PITCH, _LANE, _LANES = 18, 16, 4
_LEFT, _RIGHT, _TOP, _BOTTOM = 240, 400, 190, 570
_CENTER = (_LEFT + _RIGHT) // 2
_LCD_BOTTOM, _KEYPAD_TOP = 124, 660
_WIDTH, _HEIGHT = 640, 880
_BUTTON_FROM_EDGE = 110

_STYLE = (
    f".paper{{fill:{PAPER}}}.board{{fill:#1f6f4a}}.usb{{fill:#b9c0ca}}.part{{fill:#24344d}}.glass{{fill:#c4cfb4}}"
    ".key{fill:#e9edf2}.cap{fill:#16202f;font:600 13px sans-serif;text-anchor:middle}"
    ".lit{fill:#1b2418;font:600 22px monospace;text-anchor:middle}"
    ".wire{fill:none;stroke-width:3;stroke-linejoin:round;stroke-linecap:round}"
    ".pin circle{fill:#e3c66b;stroke:#16202f}.pin text{fill:#fff;font:11px sans-serif}"
    ".free text{fill:#a9cdbb}.free circle{fill:#8fa79b}"
    ".pin .end{text-anchor:end}.pin .middle{text-anchor:middle}"
    ".name{fill:#fff;font:600 13px sans-serif;text-anchor:middle}.note{fill:#1d2430;font:11px sans-serif;text-anchor:middle}"
)


def _pico_at(number: int) -> tuple[int, int]:
    """Return the position of a pin of the Pico.

    Pins 1 to 20 are on the left side, from top to bottom. Pins 21 to 40 are on the right side, from bottom to top.
    """
    if _is_left(number):
        return _LEFT, _TOP + _PITCH * number
    return _RIGHT, _TOP + _PITCH * (2 * _SIDE + 1 - number)


def _row_at(pins: list[str], y: int, pitch: int) -> dict[str, tuple[int, int]]:
    first = _CENTER - pitch * (len(pins) - 1) // 2
    return {pin: (first + pitch * i, y) for i, pin in enumerate(pins)}


def _ends(found: tuple[Wire, ...]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the position of each pin of each part."""
    places: dict[tuple[str, str], tuple[int, int]] = {}
    for part, y, pitch in (("lcd", _LCD_BOTTOM, 40), ("keypad", _KEYPAD_TOP, 27)):
        row = _row_at([wire.pin for wire in found if wire.part == part], y, pitch)
        places |= {(part, pin): place for pin, place in row.items()}
    for wire in found:
        if wire.part == "press":
            x, y = _pico_at(wire.number)
            places["press", wire.pin] = (x + (-_BUTTON_FROM_EDGE if _is_left(wire.number) else _BUTTON_FROM_EDGE), y)
    return places


def _route(start: tuple[int, int], end: tuple[int, int], lane: int) -> str:
    """Return the path of a wire: from the Pico's side to the wire's lane, along the lane, then up or down to the part."""
    (x, y), (to_x, to_y) = start, end
    if y == to_y:
        return f"M{x} {y}H{to_x}"
    out = (lane + 1) * _LANE
    away = _LCD_BOTTOM + 46 - 12 * lane if to_y < y else _KEYPAD_TOP - 84 + out
    return f"M{x} {y}H{x - out if x == _LEFT else x + out}V{away}H{to_x}V{to_y}"


def _lanes(found: tuple[Wire, ...]) -> dict[Wire, int]:
    """Return the lane of each wire. The wires nearest to a part get the lanes nearest to the Pico, so that no wires cross."""
    lanes: dict[Wire, int] = {}
    for part, upwards in (("lcd", True), ("keypad", False)):
        for left in (True, False):
            group = [wire for wire in found if wire.part == part and _is_left(wire.number) == left]
            if len(group) > _LANES:
                raise ValueError(f"{part}: more than {_LANES} wires from one side of the Pico cannot be drawn")
            group.sort(key=lambda wire: _pico_at(wire.number)[1], reverse=not upwards)
            lanes |= {wire: lane for lane, wire in enumerate(group)}
    return lanes


def _text(x: int, y: int, how: str, words: str) -> str:
    return f'<text x="{x}" y="{y}" class="{how}">{escape(words)}</text>'


def _pin(part: str, at: tuple[int, int], *texts: str, free: bool = False) -> str:
    """Draw a pin and the text beside it. Programs read the pin's part from the attribute `data-part`."""
    kind = "pin free" if free else "pin"
    return f'<g class="{kind}" data-part="{part}"><circle cx="{at[0]}" cy="{at[1]}" r="5"/>{"".join(texts)}</g>'


def _pico(used: set[int]) -> Iterator[str]:
    width, height = _RIGHT - _LEFT + 16, _BOTTOM - _TOP + 12
    yield f'<rect x="{_LEFT - 8}" y="{_TOP - 6}" width="{width}" height="{height}" rx="8" class="board"/>'
    yield f'<rect x="{_CENTER - 24}" y="{_TOP - 14}" width="48" height="22" rx="3" class="usb"/>'
    yield _text(_CENTER, _TOP + 2, "cap", "USB")
    yield _text(_CENTER, (_TOP + _BOTTOM) // 2, "name", "Pico")
    for number, name in enumerate(PINS, 1):
        x, y = _pico_at(number)
        inward, how = (1, "start") if _is_left(number) else (-1, "end")
        texts = _text(x + inward * 9, y + 4, how, str(number)), _text(x + inward * 27, y + 4, how, name)
        yield _pin("pico", (x, y), *texts, free=number not in used)


def _lcd() -> Iterator[str]:
    yield f'<rect x="{_CENTER - 140}" y="24" width="280" height="{_LCD_BOTTOM - 16}" rx="6" class="part"/>'
    yield f'<rect x="{_CENTER - 120}" y="36" width="240" height="46" rx="4" class="glass"/>'
    yield _text(_CENTER, 66, "lit", "CHALLNG>")
    yield _text(_CENTER + 96, _LCD_BOTTOM - 10, "name", "3.3 V")


def _keypad(keys: list[str]) -> Iterator[str]:
    width, height = 46 * len(keys[0]) + 52, 40 * len(keys) + 44
    left = _CENTER - width // 2
    yield f'<rect x="{left}" y="{_KEYPAD_TOP - 8}" width="{width}" height="{height}" rx="8" class="part"/>'
    for row, letters in enumerate(keys):
        for column, letter in enumerate(letters):
            x, y = left + 30 + 46 * column, _KEYPAD_TOP + 30 + 40 * row
            label = {"K": "OK", "P": "press", "-": ""}.get(letter, letter)
            yield f'<rect x="{x}" y="{y}" width="38" height="30" rx="5" class="key"/>'
            yield _text(x + 19, y + 20, "cap" if len(label) < 3 else "note", label)


def _button(places: dict[tuple[str, str], tuple[int, int]]) -> Iterator[str]:
    (x, y), (_, other) = places["press", "1"], places["press", "2"]
    top, bottom, right = min(y, other) - 16, max(y, other) + 16, x > _CENTER
    left = x - 8 if right else x - 72
    middle = (top + bottom) // 2
    yield f'<rect x="{left}" y="{top}" width="80" height="{bottom - top}" rx="6" class="part"/>'
    yield f'<circle cx="{left + (52 if right else 28)}" cy="{middle}" r="14" class="key"/>'
    yield _text(left + 40, top - 8, "note", "press")


def svg(config: Mapping[str, Any]) -> str:
    """Return the wiring of a board as an SVG document.

    Raise ValueError as `wires` does, and if too many wires lead from one side of the Pico to one part.
    """
    found = wires(config)
    places, lanes = _ends(found), _lanes(found)
    told = "Wiring: " + ", ".join(f"{PINS[wire.number - 1]} to {wire.part} {wire.pin}" for wire in found)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"',
        f' aria-label="{escape(told)}"><title>{escape(told)}</title><style>{_STYLE}</style>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="12" class="paper"/>',
        *_lcd(),
        *_keypad(config["keypad"]["keys"]),
        *(_button(places) if ("press", "1") in places else ()),
        *_pico({wire.number for wire in found}),
    ]
    for wire in found:
        at = places[wire.part, wire.pin]
        path = _route(_pico_at(wire.number), at, lanes.get(wire, 0))
        parts.append(f'<path d="{path}" class="wire" stroke="{COLORS[wire.color]}"/>')
    for (part, pin), (x, y) in places.items():
        dx, dy = {"lcd": (0, -10), "keypad": (0, 18), "press": (14 if x > _CENTER else -14, 4)}[part]
        parts.append(_pin(part, (x, y), _text(x + dx, y + dy, "middle", pin)))
    return "\n".join([*parts, "</svg>"]) + "\n"


# In a Wokwi project, places are in pixels. They do not affect the wiring.


def _wokwi_pin(number: int) -> str:
    name = PINS[number - 1]
    if not name.endswith("GND"):
        return name
    return f"GND.{sum(other.endswith('GND') for other in PINS[:number])}"


def _bends(wire: Wire, lane: int) -> list[str]:
    """Return the path of a wire in Wokwi's notation: the steps from the Pico, a star, and the steps from the other end."""
    out = f"h{(-1 if _is_left(wire.number) else 1) * (20 + 10 * lane)}"
    if wire.part == "press":
        return []
    return [out, "*", f"v{20 + 10 * lane}"] if wire.part == "keypad" else [out, "*", f"h-{20 + 10 * lane}"]


def wokwi(config: Mapping[str, Any]) -> str:
    """Return the wiring of a board as the diagram.json of a Wokwi project. Raise ValueError as `svg` does."""
    found = wires(config)
    lanes = _lanes(found)
    parts = [
        {"type": "wokwi-pi-pico", "id": "pico", "top": 0, "left": 0, "attrs": {}},
        {
            "type": "wokwi-lcd1602",
            "id": "lcd",
            "top": -200,
            "left": -40,
            "attrs": {"pins": "i2c", "i2cAddress": f"0x{config['display']['address']:02x}"},
        },
        {
            "type": "wokwi-membrane-keypad",
            "id": "keypad",
            "top": -200,
            "left": -340,
            "attrs": {"columns": str(len(config["keypad"]["columns"]))},
        },
    ]
    if any(wire.part == "press" for wire in found):
        attrs = {"color": "blue", "label": "press", "key": "p"}
        parts.append({"type": "wokwi-pushbutton", "id": "press", "top": 90, "left": 180, "attrs": attrs})
    connections = [
        [
            f"pico:{_wokwi_pin(wire.number)}",
            f"{wire.part}:{wire.pin}{'.l' if wire.part == 'press' else ''}",
            wire.color,
            _bends(wire, lanes.get(wire, 0)),
        ]
        for wire in found
    ]
    lines = [f'  "{name}": [\n{_listed(items)}\n  ]' for name, items in (("parts", parts), ("connections", connections))]
    head = '  "version": 1,\n  "author": "The dscplus authors",\n  "editor": "wokwi"'
    return "{\n" + ",\n".join([head, *lines, '  "dependencies": {}']) + "\n}\n"


def _listed(items: list[Any]) -> str:
    return ",\n".join(f"    {json.dumps(item)}" for item in items)
