"""The parts of a page. A handler describes a page with these parts, and the template `page.html` draws every page.

For this reason, screen readers, the tab key and magnification work in the same way on every page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import ClassVar, Protocol

_GROUPED = 6
"""A value with at least this many characters may be shown in groups."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several options, with a radio button."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """The message with the code for a field: the name of its template in `messages.toml`, its receiver, and its time."""

    template: str
    user: str
    """The user name of the receiver."""
    at: float
    """The Unix time at which the message was sent."""


@dataclass(frozen=True, slots=True)
class Field:
    """An input field.

    `kind` is text, lines (a text that may have several lines), password, code (digits), amount, email, tel, date, radio,
    select, checkbox or hidden.
    """

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    value: str = ""
    autocomplete: str = "off"
    longest: int = 200
    choices: Sequence[Choice] = ()
    """The options of radio buttons or of a list."""
    optional: bool = False
    shown_for: str = ""
    """The value of a radio button: the field is shown only while this button is selected. If empty, it is always shown."""
    secret: bool = False
    """Whether the field is empty when the form is shown again after an error. Passwords and codes are always empty then."""
    sent: SentMessage | None = None
    """The message with the code that the visitor enters in this field, or None if the field is not for such a code."""

    def filled(self, typed: Mapping[str, str]) -> "Field":
        """Return the field with the visitor's input.

        Return it unchanged if it is for a secret, is hidden or a checkbox, or if the input is none of the choices.
        """
        text = typed.get(self.name, self.value)
        if (
            self.secret
            or self.autocomplete == "one-time-code"
            or self.kind not in ("text", "lines", "amount", "email", "tel", "date", "radio", "select")
        ):
            return self
        if self.kind in ("radio", "select") and text not in [choice.value for choice in self.choices]:
            return self
        return replace(self, value=text[: self.longest])


def hidden(name: str, value: str) -> Field:
    """Return a hidden field, which a form sends back unchanged."""
    return Field(name, "", "hidden", value=value)


def radio(name: str, label: str, values: Sequence[str], chosen: str = "", hint: str = "") -> Field:
    """Return a field with a radio button for each value. `chosen` is selected, or the first value if `chosen` is empty."""
    return Field(name, label, "radio", hint, chosen or values[0], choices=[Choice(each, each) for each in values])


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is sent by POST to the path `action`. `also` are further buttons, each with its own path and its label."""

    action: str
    submit: str
    fields: Sequence[Field] = ()
    legend: str = ""
    danger: bool = False
    also: Sequence[tuple[str, str]] = ()
    secondary: bool = False
    """Whether the form's button is secondary although the form is the first of the page."""
    primary: bool = False
    """Whether the form's button is the page's primary button although the form is in a list or is not the page's first."""
    printed: bool = False
    """Whether a button that prints the page is beside the form's button. The page needs the script `print.js`."""
    refusal: tuple[str, str] | None = None
    """The name of a field, and the label of a second button. The form's button sends `yes` in this field, the second `no`."""


def button(action: str, label: str, *, danger: bool = False, **values: str) -> Form:
    """Return a form with a single button. It sends these values as hidden fields."""
    return Form(action, label, tuple(hidden(name, value) for name, value in values.items()), danger=danger)


@dataclass(frozen=True, slots=True)
class Link:
    """A link, with an optional hint. Without `href`, it is drawn as text: a disabled link, or in a `Filter` the current one."""

    href: str
    label: str
    hint: str = ""
    primary: bool = False
    """Whether the link, drawn as a button in an alert or a row, is the primary button of the page."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table with more than plain text: a detail below the text, or a badge."""

    text: str
    detail: str = ""
    """A less important text below the main one."""
    badge: str = ""
    """The kind of badge that the text is drawn as, for example `success`. Empty for plain text."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. `forms` are the actions for this row."""

    cells: Sequence[str | Cell]
    forms: Sequence[Form] = ()
    group: str = ""
    """A heading, for example a day. It is drawn once above consecutive rows that have the same heading."""
    about: str = ""
    """The subject of the actions, which screen readers read after a button's label. By default, the first two cells."""
    kind: str = ""
    """`danger` for a row that needs attention, and empty for other rows."""

    @property
    def subject(self) -> str:
        """The subject of the row's actions."""
        return self.about or " ".join(each if isinstance(each, str) else each.text for each in self.cells[:2])


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption and column heads. If there are no rows, the text `empty` is drawn in their place."""

    part: ClassVar[str] = "table"
    caption: str
    heads: Sequence[str]
    rows: Sequence[Row]
    empty: str = ""
    kinds: Sequence[str] = ()
    """The layout of each column: `moment` is not wrapped, `amount` is not wrapped and is right-aligned, `text`, `lead` and
    `change` (bold) wrap.

    On a narrow screen, where a row is drawn as a card, the cell of a `lead` column has no label.
    """
    dense: bool = False
    """Whether a narrow screen shows all rows in one panel instead of cards, each with its first cell beside the others."""
    even: bool = False
    """Whether a narrow screen keeps the columns. Only for a table with few columns and short texts."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that the user reads, and types or compares elsewhere: a challenge, a number, a code."""

    label: str
    value: str
    copied: bool = False
    """Whether the page has a button that copies the value."""
    large: bool = False
    """Whether the value is drawn larger than others, because the visitor needs nothing else from the page."""

    @property
    def parts(self) -> Sequence[str]:
        """The value, in groups of three, four or five if it is a long number or a long code to copy."""
        length = len(self.value)
        if length < _GROUPED or not self.value.isascii() or not (self.copied or self.value.isdigit()):
            return (self.value,)
        groups = length // 3 if length % 3 == 0 else length // 5 if length % 5 == 0 else -(-length // 4)
        ends = accumulate(length // groups + (number < length % groups) for number in range(groups))
        return [self.value[start:end] for start, end in pairwise((0, *ends))]


class Block(Protocol):
    """A component of a page. `part` selects the macro of `templates/components.html` that draws it."""

    part: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a flow, and the number of the current step, from 1."""

    labels: Sequence[str]
    current: int


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
    """The name of the field that the error is about. Empty if the error is about the whole form."""
    wrong_words: str = ""
    """The text beside the wrong field. If it is empty, the text of the error is there."""
    facts: Sequence[tuple[str, str]] = ()
    blocks: Sequence[Block] = ()
    """The components between the facts and the forms."""
    placed: bool = False
    """Whether the page has `PageForms` components, which place the forms. Otherwise, the forms are below the `blocks`."""
    below: Sequence[Block] = ()
    """The components below the forms."""
    steps: Steps | None = None
    """The steps of the flow that the page belongs to."""
    section: str = ""
    """A path in the section that the page belongs to. If it is empty, the path of the page itself decides."""
    crumb: str = ""
    """The name of the page in the line that says where the visitor is. If it is empty, the title is used."""
    above: Link | None = None
    """The page between the section and this page, for the line that says where the visitor is. None if there is none."""
    onward: Link | None = None
    """The link to the page where most visitors go next, drawn as the primary button. Only for a page without a primary form.

    The link is secondary if the page has a value to copy, because the button that copies it is primary then.
    """
    back: Link | None = None
    """The link beside the buttons of the first form, or alone if there is no form. It leaves the flow and changes nothing."""
    script: str = ""
    """The name of a script of the portal. The page also works without it."""
    style: str = ""
    """The path of an additional style sheet on the portal."""
    fragment: str = ""
    """The name of a template for content that the other parts cannot show, for example the card."""
    after: str = ""
    """The name of a template for content below the buttons of the first form, in a narrow window before the link `back`."""
    frame: str = ""
    """The class of a box around the values and forms, for example `phone`. The template `phone.html` draws the box's top."""
    beside: str = ""
    """The name of a template that is drawn beside the values and forms, or below them if the screen is narrow."""
    extra: dict[str, object] = field(default_factory=dict)
    """Values for the templates that `fragment`, `after`, `frame` and `beside` name."""
    focus: bool = False
    """Whether the first empty field gets the keyboard focus, or after an error the wrong field. `focus_id` decides."""
    leads_to: str = ""
    """The address to which the page redirects by itself. Empty if the page does not redirect."""
    sent: str = ""
    """The action of the form that was refused. Empty if no form was refused."""

    def refused(self, action: str, typed: Mapping[str, str], wrong: str) -> "View":
        """Return the page after the form with this `action` was refused. The form is filled in with `typed`.

        `wrong` is the name of the wrong field, which is ignored if no form of the page has this field.
        """
        forms = [
            replace(form, fields=[each.filled(typed) for each in form.fields]) if form.action == action else form
            for form in self.forms
        ]
        named = any(each.name == wrong for form in forms for each in form.fields if each.kind != "hidden")
        return replace(self, forms=forms, wrong=wrong if named else "", sent=action)

    @property
    def wrong_id(self) -> str:
        """The HTML id of the field that the error is about. Empty if the error is about a whole form."""
        return next((known for known, form, each in self._fields() if each.name == self.wrong and self._was_sent(form)), "")

    @property
    def is_retry(self) -> bool:
        """Whether the answer of a device, or a code that was sent, was refused. A narrow window then folds the instructions."""
        return self.wrong == "answer" and bool(self.wrong_id) and not self.frame

    @property
    def focus_id(self) -> str:
        """The HTML id of the field that gets the keyboard focus. Empty if no field gets it.

        No field gets it after a wrong response if `beside` is set: in a narrow window, the focus would hide that template.
        """
        if not self.focus and (not self.error or (self.is_retry and self.beside)):
            return ""
        empty = (known for known, form, each in self._fields() if not each.value and self._was_sent(form))
        return self.wrong_id or next(empty, "")

    @property
    def is_flow(self) -> bool:
        """Whether the page has one thing to do, so that all its parts have the width of a form."""
        asks = bool(self.forms) and any(each.kind != "hidden" for each in self.forms[0].fields)
        leads = self.back is not None or self.onward is not None
        return not self.tables and (leads or (not self.placed and (asks or self.steps is not None)))

    @property
    def primary(self) -> Form | None:
        """The form whose first button is primary: the page's first form, unless it is dangerous or secondary."""
        first = next(iter(self.forms), None)
        return None if first is None or first.danger or first.secondary else first

    def _was_sent(self, form: Form) -> bool:
        return self.sent in ("", form.action)

    def _fields(self) -> Iterator[tuple[str, Form, Field]]:
        """Yield the fields that a visitor fills in, each with its HTML id and its form."""
        for number, form in enumerate(self.forms, 1):
            for at, each in enumerate(form.fields, 1):
                if each.kind != "hidden":
                    yield f"f{number}-{at}", form, each
