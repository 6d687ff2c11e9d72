"""The panel beside the card, which shows the serial line, the firmware's state, the flash or the time."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from dsc_simulator.desktop import inspection
from dsc_simulator.desktop.workspace import Workspace

NAMES = {"line": "The serial line", "state": "The firmware's state", "flash": "The flash", "time": "The card's time"}
_TIME_KEYS = (
    "[@click=app.pause]z  {pause}[/]\n[@click=app.advance]a  advance the time by 10 seconds[/]\n"
    "[@click=app.to_off]o  advance the time until the card switches itself off[/]"
)
_TWO_COLUMNS, _MARGINS = 72, 4
_CARD_COLUMNS = 80


class Panel(VerticalScroll):
    """A panel that shows one of the views in NAMES, or is hidden.

    If `secrets` is set, the view of the flash shows the key. Opening another view resets `secrets`.
    """

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="panel")
        self.showing = ""
        self.secrets = False
        self._text = ""
        self._opened = False

    def compose(self) -> ComposeResult:
        """Lay out the panel, which is one text."""
        yield Static(id="inside", markup=True)

    def toggle(self, name: str) -> None:
        """Show the panel `name`, or hide it if it is shown."""
        self.showing = "" if self.showing == name else name
        self.secrets = False
        self.set_class(bool(self.showing), "shown")
        self.border_title = NAMES.get(self.showing, "")
        self.scroll_home(animate=False)
        self._opened = True

    def update_from(self, workspace: Workspace) -> None:
        """Show the current contents."""
        if not self.showing:
            return
        inside = self.query_one("#inside", Static)
        if self.showing == "time":
            self._put(inside, self._time(workspace), markup=True)
            return
        at_end = self.is_vertical_scroll_end or self._opened
        self._opened = False
        self._put(inside, "\n".join(self._lines(workspace)))
        if self.showing == "line" and at_end:
            self.scroll_end(animate=False)

    def _put(self, place: Static, text: str, *, markup: bool = False) -> None:
        if self._text != text:
            self._text = text
            # Text that a host has sent must not be interpreted as markup.
            place.update(text if markup else Content(text))

    def _lines(self, workspace: Workspace) -> list[str]:
        if self.showing == "line":
            return inspection.traffic_lines(workspace.live.traffic) or [
                "Nothing yet. (→ to the card, ← from it; secrets are starred out.)"
            ]
        if self.showing == "state":
            return inspection.state_lines(workspace.live.facts(), workspace.live.interpreter, wide=self._room >= _TWO_COLUMNS)
        hint = "k hides the key again" if self.secrets else "k shows what is hidden (··) after you confirm"
        return [*inspection.flash_lines(workspace.live.card.flash, secrets=self.secrets), hint]

    @property
    def _room(self) -> int:
        """The number of columns for text, computed from the window: a panel that has only just been shown has no width yet."""
        beside_card = self.styles.border_left[0] != ""
        return self.app.size.width - _MARGINS - (_CARD_COLUMNS if beside_card else 0)

    def _time(self, workspace: Workspace) -> str:
        live = workspace.live
        state = "stands still" if live.paused else "runs in real time"
        return f"{live.seconds:.0f} s on the card's clock; time {state}.\n" + _TIME_KEYS.format(
            pause="let time run" if live.paused else "stop time"
        )
