"""The dialogs of the desktop program: making a card, confirming a question, and showing a message."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from dsc_host import InputError
from dsc_simulator.desktop.card_setup import CardData, random_serial
from dsc_simulator.profile_store import BadName, check_name

_POLICIES = ("is part of the response (usual)", "is checked by the card, which locks after 5 wrong ones")
_ENROLLING = ("enrolls it, so that dscplus challenge works", "does not enroll it")


class Choice(Static, can_focus=True):
    """A widget to choose one of a few `options`. It shows the choice as text, and not only by color as Textual's widgets do."""

    BINDINGS: ClassVar[list[BindingType]] = [("space,left,right", "change", "Change")]

    def __init__(self, options: tuple[str, ...], chosen: int = 0, *, name: str) -> None:
        super().__init__(id=name, markup=False)
        self._options = options
        self.chosen = chosen

    def on_mount(self) -> None:
        """Show the chosen option."""
        self._update_label()

    def on_click(self) -> None:
        """Choose the next option."""
        self.action_change()

    def action_change(self) -> None:
        """Choose the next option."""
        self.chosen = (self.chosen + 1) % len(self._options)
        self._update_label()

    def _update_label(self) -> None:
        self.update(f"[{self._options[self.chosen]}]")


@dataclass(frozen=True)
class NewCard:
    """A card to make. `name` is the name of its profile, or None if the card is temporary."""

    name: str | None
    data: CardData


class MakeScreen(ModalScreen[NewCard | None]):
    """The dialog that asks for the data of a new card. `name` is the proposed profile name, or None for a temporary card."""

    AUTO_FOCUS = "#pin"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss_none", "Cancel"),
        # Fields and buttons handle Enter themselves. This binding is for the `Choice` widgets.
        ("enter", "make", "Make it"),
        # Give Tab priority. Otherwise, text that arrives together with a Tab would go into the field before it.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, name: str | None, notice: str) -> None:
        super().__init__()
        self._profile = name
        self._notice = notice

    def compose(self) -> ComposeResult:
        """Lay out the fields and buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Make a card"
            yield Static(self._notice, markup=False)
            if self._profile is not None:
                yield _row("Profile name", Input(self._profile, id="name", compact=True, max_length=32))
            yield _row("Card serial", Input(random_serial(), id="serial", compact=True, max_length=16))
            yield _row("PIN, 4 digits", Input(id="pin", password=True, compact=True, max_length=4, type="integer"))
            yield _row("PIN again", Input(id="again", password=True, compact=True, max_length=4, type="integer"))
            yield _row("The PIN", Choice(_POLICIES, name="policy"))
            yield _row("The verifier", Choice(_ENROLLING, 0 if self._profile is not None else 1, name="enroll"))
            yield _row("Its key", Static("is random and is not shown"))
            yield Static("Tab moves to the next field, space changes a choice.", markup=False)
            yield Static(id="problem", classes="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Make it (Enter)", id="make", variant="primary", compact=True)
                yield Button("Cancel (Esc)", id="cancel", compact=True)

    def on_input_submitted(self) -> None:
        """Make the card."""
        self._submit()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Make the card, or cancel."""
        if event.button.id == "make":
            self._submit()
        else:
            self.dismiss(None)

    def action_make(self) -> None:
        """Make the card."""
        self._submit()

    def action_dismiss_none(self) -> None:
        """Cancel."""
        self.dismiss(None)

    def _submit(self) -> None:
        try:
            self.dismiss(NewCard(self._profile_name(), self._card_data()))
        except (InputError, BadName) as error:
            self.query_one("#problem", Static).update(str(error))

    def _profile_name(self) -> str | None:
        return None if self._profile is None else check_name(self.query_one("#name", Input).value)

    def _card_data(self) -> CardData:
        def typed(name: str) -> str:
            return self.query_one(f"#{name}", Input).value

        return CardData(
            serial=typed("serial"),
            pin=typed("pin"),
            pin_again=typed("again"),
            policy=("ocra", "card")[self.query_one("#policy", Choice).chosen],
            enroll=self.query_one("#enroll", Choice).chosen == 0,
        )


def _row(name: str, field: Widget) -> Horizontal:
    return Horizontal(Static(name, classes="name"), field, classes="row")


class ConfirmScreen(ModalScreen[bool]):
    """The dialog for a question. Only the key y and the button Yes mean yes."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [("y", "answer(True)", "Yes"), ("n,escape,enter", "answer(False)", "No")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay out the question and its buttons."""
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Yes (y)", id="yes", compact=True)
                yield Button("No (n)", id="no", variant="primary", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the button that was pressed."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Close the dialog with this answer."""
        self.dismiss(answer)


class NoteScreen(ModalScreen[None]):
    """The dialog for an important message."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter", "dismiss", "Continue")]

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """Lay out the message and its button."""
        with Vertical(classes="dialog"):
            yield Static(self._words, markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Continue (Enter)", variant="primary", compact=True)

    def on_button_pressed(self) -> None:
        """Close the message."""
        self.dismiss(None)
