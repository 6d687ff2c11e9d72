"""Pictures of a card as SVG or text: pure functions of the text on its display.

This module makes all pictures of cards: in documents, in terminals and in browsers.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

CELLS = 8

# A cell has 14 segments. a is the top, b and c are the right side, d is the bottom, and e and f are the left side. g and h are
# the halves of the middle bar. i, j and k are the inner strokes of the upper half, from left to right, and l, m and n are those
# of the lower half.
_GLYPHS = {
    " ": "",
    "*": "ghijklmn",
    "-": "gh",
    ">": "il",
    "?": "abhm",
    "0": "abcdef",
    "1": "bck",
    "2": "abdegh",
    "3": "abcdh",
    "4": "bcfgh",
    "5": "acdfgh",
    "6": "acdefgh",
    "7": "abc",
    "8": "abcdefgh",
    "9": "abcdfgh",
    "A": "abcefgh",
    "B": "abcdhjm",
    "C": "adef",
    "D": "abcdjm",
    "E": "adefgh",
    "F": "aefgh",
    "G": "acdefh",
    "H": "bcefgh",
    "I": "adjm",
    "J": "bcde",
    "K": "efgkn",
    "L": "def",
    "M": "bcefik",
    "N": "bcefin",
    "O": "abcdef",
    "P": "abefgh",
    "Q": "abcdefn",
    "R": "abefghn",
    "S": "acdfgh",
    "T": "ajm",
    "U": "bcdef",
    "V": "efkl",
    "W": "bcefln",
    "X": "ikln",
    "Y": "ikm",
    "Z": "adkl",
}

_WIDTH, _HEIGHT = 10.0, 18.0
_MIDDLE_X, _MIDDLE_Y = _WIDTH / 2, _HEIGHT / 2
_STROKES = {
    "a": (0, 0, _WIDTH, 0),
    "b": (_WIDTH, 0, _WIDTH, _MIDDLE_Y),
    "c": (_WIDTH, _MIDDLE_Y, _WIDTH, _HEIGHT),
    "d": (0, _HEIGHT, _WIDTH, _HEIGHT),
    "e": (0, _MIDDLE_Y, 0, _HEIGHT),
    "f": (0, 0, 0, _MIDDLE_Y),
    "g": (0, _MIDDLE_Y, _MIDDLE_X, _MIDDLE_Y),
    "h": (_MIDDLE_X, _MIDDLE_Y, _WIDTH, _MIDDLE_Y),
    "i": (0, 0, _MIDDLE_X, _MIDDLE_Y),
    "j": (_MIDDLE_X, 0, _MIDDLE_X, _MIDDLE_Y),
    "k": (_WIDTH, 0, _MIDDLE_X, _MIDDLE_Y),
    "l": (_MIDDLE_X, _MIDDLE_Y, 0, _HEIGHT),
    "m": (_MIDDLE_X, _MIDDLE_Y, _MIDDLE_X, _HEIGHT),
    "n": (_MIDDLE_X, _MIDDLE_Y, _WIDTH, _HEIGHT),
}
_GAP = 1.2

CARD_WIDTH, CARD_HEIGHT, _CORNER = 856.0, 539.8, 31.8
"""The size of an ID-1 card and the radius of its corners (ISO/IEC 7810), in tenths of a millimeter, the drawing's unit."""
KEY_ROWS = (("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), ("C", "0", "OK"))
_KEYPAD_LEFT, _KEYPAD_TOP, _KEY_WIDTH, _KEY_HEIGHT, _KEY_GAP = 470, 46, 106, 98, 18.6
_GLASS_LEFT, _GLASS_TOP, _GLASS_WIDTH, _GLASS_HEIGHT = 44, 196, 384, 124
_CELL_SCALE, _CELL_STEP, _SLANT_DEGREES = 2.75, 43, 5


class Key(NamedTuple):
    """A key in the drawing: its label, and its place and size on the card."""

    label: str
    left: float
    top: float
    width: float
    height: float


def _placed() -> Mapping[str, Key]:
    """Return the keys by name, *press* first, with positions and sizes in the drawing's units."""
    keys = {"PRESS": Key("press", _GLASS_LEFT, 394, 150, _KEY_HEIGHT)}
    for row, labels in enumerate(KEY_ROWS):
        for column, label in enumerate(labels):
            left, top = column * (_KEY_WIDTH + _KEY_GAP), row * (_KEY_HEIGHT + _KEY_GAP)
            keys[label] = Key(label, _KEYPAD_LEFT + left, _KEYPAD_TOP + top, _KEY_WIDTH, _KEY_HEIGHT)
    return keys


def keys() -> Mapping[str, Key]:
    """Return every drawn key by name, *press* first. Positions and sizes are in hundredths of the card's width and height."""
    across, down = 100 / CARD_WIDTH, 100 / CARD_HEIGHT
    return {
        name: Key(key.label, key.left * across, key.top * down, key.width * across, key.height * down)
        for name, key in _placed().items()
    }


def segments(character: str) -> str:
    """Return the segments, letters `a` to `n`, that show `character`. An unknown character lights all segments."""
    return _GLYPHS.get(character.upper(), "abcdefghijklmn")


def _cells(shown: str) -> str:
    if len(shown) > CELLS:
        raise ValueError(f"shown: at most {CELLS} characters, not {len(shown)}")
    return shown.ljust(CELLS)


def _stroke(segment: str) -> str:
    """Return the SVG path of one segment, shortened at its ends so that it does not touch its neighbors."""
    x1, y1, x2, y2 = _STROKES[segment]
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    dx, dy = (x2 - x1) / length * _GAP, (y2 - y1) / length * _GAP
    return f"M{x1 + dx:.1f} {y1 + dy:.1f}L{x2 - dx:.1f} {y2 - dy:.1f}"


def _cell(character: str, x: float, y: float) -> str:
    lit = segments(character)
    on = "".join(_stroke(segment) for segment in _STROKES if segment in lit)
    off = "".join(_stroke(segment) for segment in _STROKES if segment not in lit)
    place = f"translate({x:g} {y:g}) scale({_CELL_SCALE}) skewX(-{_SLANT_DEGREES})"
    return f'<g transform="{place}"><path class="off" d="{off}"/><path class="on" d="{on}"/></g>'


def _cell_places() -> Iterator[tuple[float, float]]:
    """Yield the upper left corner of each cell."""
    upper = _GLASS_TOP + (_GLASS_HEIGHT - _HEIGHT * _CELL_SCALE) / 2
    yield from ((_GLASS_LEFT + 30 + index * _CELL_STEP, upper) for index in range(CELLS))


def lit(shown: str) -> str:
    """Return only the segments that are on, as SVG to be laid over a card whose display is off.

    Raise ValueError for more than 8 characters.
    """
    place = f"scale({_CELL_SCALE}) skewX(-{_SLANT_DEGREES})"
    return "".join(
        f'<path class="on" transform="translate({x:g} {y:g}) {place}" d="{"".join(map(_stroke, segments(character)))}"/>'
        for character, (x, y) in zip(_cells(shown), _cell_places(), strict=True)
        if segments(character)
    )


def pressed(name: str) -> str:
    """Return a ring around the key `name`, as SVG to be laid over a card. `name` is a name in `keys()`."""
    key = _placed()[name]
    box = f'x="{key.left:g}" y="{key.top:g}" width="{key.width:g}" height="{key.height:g}"'
    return f'<rect {box} rx="16" fill="none" stroke="#f2b632" stroke-width="9"/>'


def _glass(cells: str) -> str:
    """Return the display: its frame, the glass, and the cells. Segments that are off are drawn too, as on a real display."""
    left, top = _GLASS_LEFT, _GLASS_TOP
    box = f'x="{left}" y="{top}" width="{_GLASS_WIDTH}" height="{_GLASS_HEIGHT}" rx="12"'
    inner = f'x="{left + 9}" y="{top + 9}" width="{_GLASS_WIDTH - 18}" height="{_GLASS_HEIGHT - 18}" rx="5"'
    drawn = "".join(_cell(character, *place) for character, place in zip(cells, _cell_places(), strict=True))
    return f'<rect {box} class="frame"/><rect {inner} class="glass"/>{drawn}'


def _button(key: Key) -> str:
    text = (
        f'<text x="{key.left + key.width / 2:g}" y="{key.top + key.height / 2 + 13:g}" class="key">{escape(key.label)}</text>'
    )
    shadow = (
        f'<rect x="{key.left:g}" y="{key.top + 5:g}" width="{key.width:g}" height="{key.height:g}" rx="16" class="shadow"/>'
    )
    box = f'x="{key.left:g}" y="{key.top:g}" width="{key.width:g}" height="{key.height:g}"'
    return f'{shadow}<rect {box} rx="16" class="button"/>{text}'


def _shade(name: str, upper: str, lower: str) -> str:
    stops = f'<stop stop-color="{upper}"/><stop offset="1" stop-color="{lower}"/>'
    return f'<linearGradient id="{name}" x2=".35" y2="1">{stops}</linearGradient>'


_SHADES = f"<defs>{_shade('body', '#34496b', '#18253b')}{_shade('lcd', '#ccd6bd', '#b7c3a5')}</defs>"
_STYLE = (
    ".card{fill:url(#body)}.edge{fill:none;stroke:#5b7196;stroke-width:3}"
    ".frame{fill:#0c1422}.glass{fill:url(#lcd)}"
    ".on{stroke:#161d13;stroke-width:1.9;stroke-linecap:round;fill:none}"
    ".off{stroke:#b5c1a3;stroke-width:1.9;stroke-linecap:round;fill:none}"
    ".shadow{fill:#0c1422}.button{fill:#e9edf2}.key{fill:#16202f;font:600 38px sans-serif;text-anchor:middle}"
    ".name{fill:#e9edf2;font:600 42px sans-serif}.small{fill:#c3cede;font:25px sans-serif}"
)
HOLD = "hold to switch on"
"""The words above the key *press*."""


def spoken(shown: str) -> str:
    """Return the text that a screen reader reads instead of the drawing."""
    return f"Digital Security Card+, display: {shown.strip() or 'off'}"


def svg(shown: str, *, label: str = "", hold: str = HOLD) -> str:
    """Return a card whose display shows `shown`, at most 8 characters, as an SVG document.

    `label` is the text for screen readers, by default `spoken(shown)`. `hold` is the text above the key *press*. Both may be
    in another language. Raise ValueError if `shown` has more than 8 characters.
    """
    cells, label = _cells(shown), escape(label or spoken(shown))
    width, height = CARD_WIDTH, CARD_HEIGHT
    edge = f'x="1.5" y="1.5" width="{width - 3:g}" height="{height - 3:g}" rx="{_CORNER - 1.5:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"',
        f' width="{width:g}" height="{height:g}" role="img" aria-label="{label}">',
        f"<title>{label}</title><style>{_STYLE}</style>{_SHADES}",
        f'<rect width="{width:g}" height="{height:g}" rx="{_CORNER}" class="card"/><rect {edge} class="edge"/>',
        f'<text x="{_GLASS_LEFT}" y="88" class="name">Digital Security</text>',
        f'<text x="{_GLASS_LEFT}" y="140" class="name">Card+</text>',
        _glass(cells),
        *map(_button, _placed().values()),
        f'<text x="{_GLASS_LEFT}" y="372" class="small">{escape(hold)}</text></svg>',
    ]
    return "".join(parts) + "\n"


def text(shown: str) -> str:
    """Return the display as three lines of text, for a terminal."""
    cells = _cells(shown)
    return f"╭{'─' * (CELLS + 2)}╮\n│ {cells} │\n╰{'─' * (CELLS + 2)}╯"


_SLANT = "\u2571"
# The characters that draw each segment in a cell of 5 rows and 5 columns of text: row, column, character.
_BIG = {
    "a": ((0, 1, "━"), (0, 2, "━"), (0, 3, "━")),
    "b": ((1, 4, "┃"),),
    "c": ((3, 4, "┃"),),
    "d": ((4, 1, "━"), (4, 2, "━"), (4, 3, "━")),
    "e": ((3, 0, "┃"),),
    "f": ((1, 0, "┃"),),
    "g": ((2, 1, "━"),),
    "h": ((2, 3, "━"),),
    "i": ((1, 1, "╲"),),
    "j": ((1, 2, "┃"),),
    "k": ((1, 3, _SLANT),),
    "l": ((3, 1, _SLANT),),
    "m": ((3, 2, "┃"),),
    "n": ((3, 3, "╲"),),
}
# Join two adjacent segments in the middle row, because a gap of a whole character would be too large.
_JOINTS = (("ef", 0, "┃"), ("bc", 4, "┃"), ("jm", 2, "┃"), ("gh", 2, "━"))
_BIG_WIDTH, _BIG_HEIGHT = 5, 5


def _big_cell(character: str) -> list[str]:
    rows = [[" "] * _BIG_WIDTH for _ in range(_BIG_HEIGHT)]
    lit = segments(character)
    for segment in lit:
        for row, column, stroke in _BIG[segment]:
            rows[row][column] = stroke
    for pair, column, stroke in _JOINTS:
        if set(pair) <= set(lit):
            rows[2][column] = stroke
    return ["".join(row) for row in rows]


def big(shown: str) -> str:
    """Return the display's segments as five lines of text, 47 characters each, for a terminal."""
    cells = [_big_cell(character) for character in _cells(shown)]
    return "\n".join(" ".join(rows) for rows in zip(*cells, strict=True))
