"""The parts of the program and the imports between them, as a drawing (SVG).

The tables in this module list the parts, and the imports of each part. A test compares the tables with the packages, so the
drawing always matches the code. Arrows that follow from other arrows are left out: `cli` imports `portal`, so `cli` has no
arrows to the parts that `portal` imports.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Part:
    """A package or module, and the place of its box in the drawing: column and row, both from 0 at the top left."""

    module: str
    words: str
    column: int
    row: int

    @property
    def name(self) -> str:
        """The module's name, without `dsc_host.`: the drawing has a frame around all parts of that package."""
        return self.module.removeprefix("dsc_host.")


PARTS = (
    Part("dsc_simulator", "a board made of software", 0, 0),
    Part("dsc_firmware", "the card itself", 0, 3),
    Part("dsc_host.cli", "the command dscplus", 3, 0),
    Part("dsc_host.flash", "firmware onto boards", 1, 1),
    Part("dsc_host.portal", "the login system's pages", 2, 1),
    Part("dsc_host.gateway", "logins of other programs", 3, 1),
    Part("dsc_host.api", "the verifier over HTTP", 4, 1),
    Part("dsc_host.exchange", "cards in and out", 5, 1),
    Part("dsc_host.login", "users, devices, sessions", 2, 2),
    Part("dsc_host.server", "what both servers share", 3, 2),
    Part("dsc_host.link", "the serial line", 1, 3),
    Part("dsc_host.phone", "the app on a phone", 2, 3),
    Part("dsc_host.verifier", "challenges and verdicts", 4, 3),
    Part("dsc_host.ocra", "the response (RFC 6287)", 3, 4),
    Part("dsc_host.schema", "all tables, migrations", 4, 4),
    Part("dsc_host.records", "database, keys, log", 4, 5),
)

IMPORTS = {
    "dsc_simulator": ("dsc_firmware", "dsc_host.cli"),
    "dsc_firmware": (),
    "dsc_host.cli": ("dsc_host.flash", "dsc_host.portal", "dsc_host.api", "dsc_host.exchange"),
    "dsc_host.flash": (),
    "dsc_host.portal": ("dsc_host.gateway", "dsc_host.server"),
    "dsc_host.gateway": ("dsc_host.login",),
    "dsc_host.api": ("dsc_host.server", "dsc_host.verifier"),
    "dsc_host.exchange": ("dsc_host.verifier",),
    "dsc_host.login": ("dsc_host.link", "dsc_host.phone", "dsc_host.verifier"),
    "dsc_host.server": (),
    "dsc_host.link": (),
    "dsc_host.phone": ("dsc_host.ocra",),
    "dsc_host.verifier": ("dsc_host.ocra", "dsc_host.schema"),
    "dsc_host.ocra": (),
    "dsc_host.schema": ("dsc_host.records",),
    "dsc_host.records": (),
}
"""The imports of each part, except imports that follow from those of another imported part."""

SERIAL_LINE = ("dsc_host.link", "dsc_firmware")
"""The two parts that communicate over the serial line, without an import."""

_WIDTH, _HEIGHT = 1050, 570
_BOX_WIDTH, _BOX_HEIGHT = 144, 52
_LEFT, _ACROSS = 14, 166
_TOP, _DOWN = 44, 88
_GAP = 40
"""The space between the card and the host, for the serial line."""
_HOST_LEFT = _LEFT + _ACROSS + _GAP - 14
_SPREAD = 15

_STYLE = (
    ".paper{fill:#f5f7fa}.ground{fill:#e3e9f1;stroke:#aebbd0}.part{fill:#24344d;stroke:#16202f}"
    ".import{stroke:#16202f;stroke-width:1.5;fill:none;marker-end:url(#tip)}"
    ".line{stroke:#b84a00;stroke-width:2.5;fill:none;stroke-dasharray:6 4}"
    "text{font-family:sans-serif;text-anchor:middle}.name{fill:#fff;font-size:14px;font-weight:600}"
    ".words{fill:#d7dfeb;font-size:11px}.note{fill:#24344d;font-size:12px}"
)


def _corner(part: Part) -> tuple[int, int]:
    return _LEFT + part.column * _ACROSS + (_GAP if part.column else 0), _TOP + part.row * _DOWN


def _box(part: Part) -> str:
    x, y = _corner(part)
    middle = x + _BOX_WIDTH // 2
    return (
        f'<rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="7" class="part"/>'
        f'<text x="{middle}" y="{y + 22}" class="name">{escape(part.name)}</text>'
        f'<text x="{middle}" y="{y + 40}" class="words">{escape(part.words)}</text>'
    )


def _leaning(one: Part, other: Part) -> int:
    """Return how far an arrow is from the middle of box `one`. It is nearer to box `other`, so that arrows do not meet."""
    return (other.column > one.column) * _SPREAD - (other.column < one.column) * _SPREAD


def _arrow(start: Part, end: Part) -> str:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    if start.row == end.row:
        middle = _BOX_HEIGHT // 2
        return f'<path d="M{x1 + _BOX_WIDTH} {y1 + middle}L{x2 - 3} {y2 + middle}" class="import"/>'
    lean, half = _leaning(start, end), _BOX_WIDTH // 2
    return f'<path d="M{x1 + half + 2 * lean} {y1 + _BOX_HEIGHT}L{x2 + half - lean} {y2 - 3}" class="import"/>'


def _serial_line(host: Part, card: Part) -> Iterator[str]:
    (x1, y1), (x2, y2) = _corner(card), _corner(host)
    y = y1 + _BOX_HEIGHT // 2
    yield f'<path d="M{x1 + _BOX_WIDTH} {y}L{x2} {y2 + _BOX_HEIGHT // 2}" class="line"/>'
    yield f'<text x="{x1 + _BOX_WIDTH // 2}" y="{y1 + _BOX_HEIGHT + 20}" class="note">dashed: the serial line</text>'


def _spoken() -> str:
    joined = defaultdict(list)
    for importer, imported in IMPORTS.items():
        for each in imported:
            joined[importer.removeprefix("dsc_host.")].append(each.removeprefix("dsc_host."))
    return "Imports: " + "; ".join(f"{importer} imports {', '.join(names)}" for importer, names in joined.items())


def svg() -> str:
    """Return the parts and their imports as an SVG document. A screen reader reads every arrow."""
    parts = {part.module: part for part in PARTS}
    told = escape(_spoken())
    host = f'x="{_HOST_LEFT}" y="12" width="{_WIDTH - _HOST_LEFT - 8}" height="{_HEIGHT - 24}"'
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"',
        f' role="img" aria-label="{told}"><title>{told}</title><style>{_STYLE}</style>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#16202f"/></marker></defs>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="12" class="paper"/>',
        f'<rect {host} rx="10" class="ground"/>',
        f'<text x="{_HOST_LEFT + 56}" y="34" class="note">dsc_host</text>',
        *(_arrow(parts[importer], parts[each]) for importer, imported in IMPORTS.items() for each in imported),
        *_serial_line(parts[SERIAL_LINE[0]], parts[SERIAL_LINE[1]]),
        *map(_box, PARTS),
    ]
    return "\n".join([*drawn, "</svg>"]) + "\n"
