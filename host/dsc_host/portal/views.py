"""What a page is made of. A handler says what is on a page in these words; one template draws them all, so that every
page is read, tabbed through and magnified in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several: a radio button, or a line of a list."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """Something to fill in. `kind`: text, password, code (digits), tel, date, radio, checkbox or hidden."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    value: str = ""
    autocomplete: str = "off"
    longest: int = 200
    choices: Sequence[Choice] = ()
    error: str = ""
    optional: bool = False


def hidden(name: str, value: str) -> Field:
    """What a form sends back as it was."""
    return Field(name, "", "hidden", value=value)


@dataclass(frozen=True, slots=True)
class Form:
    """A form, sent by POST. `also` are further buttons: where each sends it, and what is on it."""

    action: str
    submit: str
    fields: Sequence[Field] = ()
    legend: str = ""
    danger: bool = False
    also: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; `forms` are what can be done with it."""

    cells: Sequence[str]
    forms: Sequence[Form] = ()


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    heads: Sequence[str]
    rows: Sequence[Row]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to be read off and typed elsewhere: a challenge, a number, a code."""

    label: str
    value: str
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A page."""

    title: str
    words: Sequence[str] = ()
    shown: Sequence[Shown] = ()
    forms: Sequence[Form] = ()
    tables: Sequence[Table] = ()
    links: Sequence[Link] = ()
    error: str = ""
    notice: str = ""
    facts: Sequence[tuple[str, str]] = ()
    script: str = ""
    """The name of one of our own scripts, without which the page works too."""
    style: str = ""
    """The path of one more style sheet of ours."""
    fragment: str = ""
    """The name of a template that draws what these words cannot: the card."""
    beside: str = ""
    """The name of one that is drawn beside what is shown and the forms; below them where it is narrow."""
    extra: dict[str, object] = field(default_factory=dict)
