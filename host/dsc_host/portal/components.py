"""The components of a page, for example panels with lists or facts, meters, alerts and dialogues.

A component is data. `templates/components.html` draws it with a macro, which `part` selects. The page `/components` of the
demonstration shows all components.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from dsc_host.login import Kind
from dsc_host.portal.views import Block, Form, Link, Shown, Steps, Table

NEUTRAL, SUCCESS, INFO, WARNING, DANGER = "neutral", "success", "info", "warning", "danger"
"""The kinds of badges and alerts. Alerts are never `NEUTRAL`."""
ICONS: Mapping[str, str] = {
    Kind.DSC_PLUS: "card",
    Kind.PLATINUM: "token",
    Kind.GOLD: "token",
    Kind.DIGITAL_CARD: "digital-card",
    Kind.CODE_CARD: "code-card",
    Kind.ONLINE_CARD: "online-card",
    Kind.TEMPORARY_CODE: "code",
    Kind.PHONE_APP: "phone",
    Kind.SMS: "sms",
    Kind.VOICE: "call",
    "none": "none",
}
"""For each device kind, and for a login without a device (`none`), the name of its icon in `templates/icons.html`."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A short state beside a title, for example *in use*."""

    label: str
    kind: str = NEUTRAL


@dataclass(frozen=True, slots=True)
class Quote:
    """A quoted text, for example a message that was sent. `language` is the code of its language, or empty if unknown."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Item:
    """A row of a list: an icon, a title with a badge, details below the title, and actions."""

    title: str
    icon: str = ""
    badge: Badge | None = None
    details: Sequence[str] = ()
    actions: Sequence[Form] = ()
    links: Sequence[Link] = ()
    facts: Sequence[tuple[str, str]] = ()
    """Names and values, below the other details."""
    about: str = ""
    """The subject of the actions. Screen readers read it after a button's label. If it is empty, they read the title."""
    folded: Sequence[str] = ()
    """Further details, which are hidden until the visitor unfolds them."""
    quote: Quote | None = None
    """A quoted text above the details."""


@dataclass(frozen=True, slots=True)
class Empty:
    """The content of a panel that has nothing to show: a sentence, and a link to a page that helps."""

    words: str
    icon: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A panel with a list of items. `more` is a link beside the panel's title. If there are no items, `empty` is shown."""

    part: ClassVar[str] = "listing"
    title: str
    items: Sequence[Item]
    empty: Empty | None = None
    more: Link | None = None
    words: Sequence[str] = ()
    dense: bool = False
    """Whether a narrow window shows each item's action beside the item. Only for items with one action.

    Icons are then shown only beside items with `folded` details.
    """
    folded: bool = False
    """Whether only the title is shown until the visitor unfolds the panel. `more` is not shown then."""
    forms: Sequence[Form] = ()
    """Buttons above the items. Such a button acts on several items."""
    links: Sequence[Link] = ()
    """Links beside the buttons above the items."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A panel with a list of names and values."""

    part: ClassVar[str] = "facts"
    title: str
    facts: Sequence[tuple[str, str | Link | Quote]]
    more: Link | None = None
    stacked: bool = False
    """Whether a narrow window shows each name above its value, because the names are long."""
    across: bool = False
    """Whether a wide window shows the facts side by side, each value below its name."""


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar that shows the part `value` of the whole `most`, for example of a limit. `words` is the text with the numbers."""

    label: str
    words: str
    value: float
    most: float


@dataclass(frozen=True, slots=True)
class Meters:
    """A panel with meters."""

    part: ClassVar[str] = "meters"
    title: str
    meters: Sequence[Meter]
    words: Sequence[str] = ()
    more: Link | None = None
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """A message of the kind `SUCCESS`, `INFO`, `WARNING` or `DANGER`. `icon` replaces the icon of the kind."""

    part: ClassVar[str] = "alert"
    kind: str
    title: str
    words: Sequence[str] = ()
    links: Sequence[Link] = ()
    icon: str = ""
    points: Sequence[str] = ()
    """The items of a list below the words."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """Numbered steps that tell the visitor what to do."""

    part: ClassVar[str] = "instructions"
    words: Sequence[str]
    printed: bool = False
    """Whether a button that prints the page is below the steps. The page needs the script `print.js`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A list of the consequences of a state, or of an action that is not done yet. Its stripe has the color of the kind."""

    part: ClassVar[str] = "outcome"
    title: str
    words: Sequence[str]
    kind: str = DANGER
    """`DANGER` if something cannot be undone, `WARNING` if something is worse than usual, and otherwise `INFO`."""


@dataclass(frozen=True, slots=True)
class Actions:
    """A panel with links to actions, each with an icon. A link without an address is drawn disabled, and its hint says why."""

    part: ClassVar[str] = "links"
    title: str
    links: Sequence[tuple[str, Link]]
    more: Link | None = None
    compact: bool = False
    """Whether a narrow window has two links in a row, without their hints."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Links to parts of a list, in one row. The link without an address stands for the part that the page shows now."""

    part: ClassVar[str] = "filter"
    title: str
    """The name of the row, which only screen readers read."""
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class CodeSheet:
    """The codes of a security code card, each with its index number."""

    part: ClassVar[str] = "sheet"
    codes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Foldable:
    """A panel of which a narrow window shows only the title, until the visitor unfolds the panel."""

    part: ClassVar[str] = "foldable"
    block: Listing | Facts


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A button that opens a dialogue over the page, without a script. Older browsers always show the dialogue on the page."""

    part: ClassVar[str] = "dialogue"
    label: str
    title: str
    words: Sequence[str] = ()
    forms: Sequence[Form] = ()
    danger: bool = False
    opened: bool = False
    """Whether the dialogue is drawn open and within the page, without its button. Only for the page of all components."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Components side by side, or one below the other in a narrow window."""

    part: ClassVar[str] = "columns"
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Split:
    """Two columns: the wide `main`, and `first` above `last`. A narrow window has one column: `first`, `main`, then `last`."""

    part: ClassVar[str] = "split"
    main: Sequence[Block]
    first: Sequence[Block] = ()
    last: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class PageForms:
    """The place of some of the page's forms: those with the indexes from `start` to `end` - 1. The page must set `placed`."""

    part: ClassVar[str] = "forms"
    start: int = 0
    end: int = 100
    folded: str = ""
    """The title of a panel around the forms. It is folded unless one of its forms was refused. If empty, there is no panel."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A component in all its states, with its name and the explanation `words`, on the page of all components."""

    part: ClassVar[str] = "sample"
    name: str
    """The name of the component's class."""
    words: str
    blocks: Sequence[Block] = ()
    notices: Sequence[tuple[str, str]] = ()
    """Notices, each with its kind. The kind `error` is for the message about a refused form."""
    steps: Sequence[Steps] = ()
    shown: Sequence[Shown] = ()
    tables: Sequence[Table] = ()
