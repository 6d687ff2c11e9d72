"""The widgets that draw the card: the display, the keys, the key *press*, which must be held, and the legend of the keys."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Footer, Static

from dsc_simulator.drawings.card import KEY_ROWS, big

HOLD_SECONDS = 0.5
"""The time in seconds for which *press* must be held to switch a card on, as on a board."""


def put(place: Static, text: str) -> None:
    """Show a text, unless `place` shows it already: a remote terminal then receives only changes."""
    if place.content != text:
        place.update(text, layout=False)


class Legend(Footer):
    """The legend that explains the keys of the keyboard. It has two rows in a narrow window."""

    def compose(self) -> ComposeResult:
        """Lay out the keys in rows, whose length look.tcss sets. Textual would put all keys in one row and cut the row off."""
        yield from super().compose()
        self.styles.clear_rule("grid_size_columns")


class KeyPressed(Message):
    """A key of the card was pressed with the mouse."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class Key(Static):
    """One key of the card, which can be clicked."""

    def __init__(self, key: str) -> None:
        super().__init__(key, id=f"key-{key}", classes="key", markup=False)
        self._key = key

    def on_click(self) -> None:
        """Press the key."""
        self.post_message(KeyPressed(self._key))


class PressKey(Static):
    """The key *press*. While the card is off, it must be held to take effect."""

    class LetGo(Message):
        """The key was released too early."""

    def __init__(self) -> None:
        super().__init__("PRESS", id="key-PRESS", classes="key")
        self.hold_seconds = HOLD_SECONDS
        self.card_is_off = True
        self._holding: Timer | None = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """If the card is on, press the key immediately. If the card is off, begin to measure how long the key is held."""
        # Capture the mouse, so that a release outside the key is noticed too.
        self.capture_mouse()
        if not self.card_is_off:
            self.post_message(KeyPressed("PRESS"))
            return
        self.add_class("held")
        self._holding = self.set_timer(self.hold_seconds, self._held)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End the measurement. Report a release that came too early."""
        self.release_mouse()
        self.remove_class("held")
        if self._holding is not None:
            self._holding.stop()
            self._holding = None
            self.post_message(self.LetGo())

    def _held(self) -> None:
        self._holding = None
        self.remove_class("held")
        self.post_message(KeyPressed("PRESS"))


class CardWidget(Horizontal):
    """The whole card. `show` puts a text on its display."""

    def compose(self) -> ComposeResult:
        """Lay out the display, *press* and the keypad."""
        with Vertical(id="left"):
            yield Static(id="glass", markup=False)
            yield Static(id="spoken", markup=False)
            with Horizontal(id="hold"):
                yield PressKey()
                yield Static(
                    "Hold the mouse for half a second,\nor type p (or space), once.\nIf the card is on, a click is enough.",
                    id="how",
                )
        with Grid(id="keys"):
            for row in KEY_ROWS:
                for key in row:
                    yield Key(key)

    def show(self, shown: str) -> None:
        """Show a text on the display."""
        put(self.query_one("#glass", Static), big(shown))
        # Show the text too, for screen readers and tests, which cannot read the segments.
        put(self.query_one("#spoken", Static), f"Display: {shown or '(off)'}")
        self.query_one(PressKey).card_is_off = not shown
