"""The parts of a page. A handler describes a page with these parts, and one template draws them all.

So screen readers, the tab key and magnification work in the same way on every page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several options, with a radio button."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """An input field. `kind`: text, password, code (digits), tel, date, radio, checkbox or hidden."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    value: str = ""
    autocomplete: str = "off"
    longest: int = 200
    choices: Sequence[Choice] = ()
    optional: bool = False


def hidden(name: str, value: str) -> Field:
    """Return a hidden field, which a form sends back unchanged."""
    return Field(name, "", "hidden", value=value)


def radio(name: str, label: str, values: Sequence[str], chosen: str = "", hint: str = "") -> Field:
    """Return radio buttons for these values, with the chosen one selected, or the first."""
    return Field(name, label, "radio", hint, chosen or values[0], choices=[Choice(each, each) for each in values])


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is sent by POST. `also` are further buttons, each with its target path and its label."""

    action: str
    submit: str
    fields: Sequence[Field] = ()
    legend: str = ""
    danger: bool = False
    also: Sequence[tuple[str, str]] = ()


def button(action: str, label: str, *, danger: bool = False, **values: str) -> Form:
    """Return a form with a single button. It sends these values as hidden fields."""
    return Form(action, label, tuple(hidden(name, value) for name, value in values.items()), danger=danger)


@dataclass(frozen=True, slots=True)
class Link:
    """A link below the page's content, with an optional hint."""

    href: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. `forms` are the actions for it."""

    cells: Sequence[str]
    forms: Sequence[Form] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption and column heads. `empty` is the text in place of the rows if there are none."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Row]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that the user reads, and types or compares elsewhere: a challenge, a number, a code."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class View:
    """A whole page, without the layout."""

    title: str
    words: Sequence[str] = ()
    shown: Sequence[Shown] = ()
    forms: Sequence[Form] = ()
    tables: Sequence[Table] = ()
    links: Sequence[Link] = ()
    error: str = ""
    wrong: str = ""
    """The name of the field that the error is about; empty if it is about the whole form."""
    facts: Sequence[tuple[str, str]] = ()
    script: str = ""
    """The name of one of our own scripts. The page also works without it."""
    style: str = ""
    """The path of an additional style sheet of ours."""
    fragment: str = ""
    """The name of a template for content that the other parts cannot show, for example the card."""
    beside: str = ""
    """The name of a template that is drawn beside the values and forms, or below them on a narrow screen."""
    extra: dict[str, object] = field(default_factory=dict)
