"""The desktop program: a screen with the card, a hint for the next step, the line's addresses, and an optional panel."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Any, ClassVar

from rich.segment import Segments
from rich.traceback import Traceback
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from dsc_host import DscError
from dsc_host.cli.output import Failed
from dsc_simulator.desktop.card_setup import make
from dsc_simulator.desktop.card_widget import CardWidget, KeyPressed, Legend, PressKey, put
from dsc_simulator.desktop.hints import is_blank, next_step
from dsc_simulator.desktop.panels import Panel
from dsc_simulator.desktop.screens import ConfirmScreen, MakeScreen, NewCard, NoteScreen
from dsc_simulator.desktop.workspace import Workspace
from dsc_simulator.errors import SimulatorError

COLUMNS, ROWS, WIDE = 80, 24, 140
TALL_COLUMNS, TALL_ROWS = 53, 33
_ADVANCE_SECONDS = 10
_CLOCK_SECONDS = 1.0
_LET_GO = "Hold PRESS for half a second; a shorter touch does nothing."
_WELCOME = "This card is blank: it has no key yet. Give it one to log in with it."
_SHOW_KEY = "Show the card's key? Anyone who sees it can compute the card's responses."
_STOPPED = 130
# Actions on the card. They are disabled while a dialog is open.
_CARD_ACTIONS = {"card", "make", "panel", "battery", "dark", "leave", "secrets", "pause", "advance", "to_off", "scroll_panel"}


def _key(key: str, name: str) -> Binding:
    return Binding(key, f"card('{name}')", show=False, system=True)


class CardApp(App[int]):
    """The program on the screen. It does not close `workspace`. `run` returns the exit code.

    `make_first` opens the dialog that makes a card. `problem` is a message to show in this dialog.
    """

    CSS_PATH = "look.tcss"
    TITLE = "Digital Security Card+"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        *(_key(digit, digit) for digit in "0123456789"),
        _key("enter", "OK"),
        _key("backspace", "C"),
        _key("c", "C"),
        _key("p", "PRESS"),
        _key("space", "PRESS"),
        Binding("n", "make", "New card"),
        Binding("l", "panel('line')", "Line"),
        Binding("s", "panel('state')", "State"),
        Binding("f", "panel('flash')", "Flash"),
        Binding("t", "panel('time')", "Time"),
        Binding("b", "battery", "Battery out"),
        Binding("d", "dark", "Dark"),
        Binding("q", "leave(0)", "Quit"),
        Binding("ctrl+c", f"leave({_STOPPED})", show=False, priority=True),
        Binding("k", "secrets", show=False),
        Binding("z", "pause", show=False),
        Binding("a", "advance", show=False),
        Binding("o", "to_off", show=False),
        Binding("up", "scroll_panel(-1)", show=False),
        Binding("down", "scroll_panel(1)", show=False),
        Binding("pageup", "scroll_panel(-4)", show=False),
        Binding("pagedown", "scroll_panel(4)", show=False),
    ]

    class Changed(Message):
        """A message to this program: the card may look different, so the screen must be redrawn."""

    def __init__(self, workspace: Workspace, *, problem: str = "", make_first: bool = False) -> None:
        super().__init__()
        self.workspace = workspace
        self._problem = problem
        self._make_first = make_first
        self.messages: list[str] = []
        self._hint = ""
        self._redraw_pending = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the card, the next step, the panel and the address of the line."""
        with Container(id="body"):
            with Vertical(id="stand"):
                yield CardWidget()
                yield Static(id="next", markup=False)
            yield Panel()
        yield Static(id="where", markup=False)
        yield Static(id="small", markup=False)
        yield Legend(show_command_palette=False, compact=True)

    async def on_mount(self) -> None:
        """Choose the theme, follow the card, and open the dialog that makes a card if `make_first` is set."""
        self.theme = "textual-light" if _is_light(os.environ.get("COLORFGBG", "")) else "textual-dark"
        self._on_signals()
        self.workspace.changed = self._request_redraw
        self.begin_capture_print(self)
        self._show()
        if self._make_first:
            self.action_make()

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Keep the legend of the keys visible. Textual hides it without focus, and a page in a browser begins without focus."""
        event.prevent_default()

    def on_unmount(self) -> None:
        """Stop following the card."""
        self.workspace.changed = lambda: None

    def _fatal_error(self) -> None:
        """Show the traceback as Textual does, but without the values of variables, which may be a key or a PIN."""
        traceback = Traceback(width=None, show_locals=False)
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()

    def _on_signals(self) -> None:
        """Exit in an orderly way on a signal. Ignore signals that this system does not have."""
        loop = asyncio.get_running_loop()
        for name, code in (("SIGINT", _STOPPED), ("SIGTERM", 128 + 15), ("SIGHUP", 128 + 1)):
            with suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self.exit, code)

    # ---- drawing ----

    def _request_redraw(self) -> None:
        """Request a redraw, from any thread. Until the redraw, further calls do nothing."""
        if not self._redraw_pending:
            self._redraw_pending = True
            # A host on the line may send data after the program has ended.
            with suppress(RuntimeError):
                self.post_message(self.Changed())

    def on_card_app_changed(self) -> None:
        """Draw the changes."""
        self._redraw_pending = False
        if not self._has_left:
            self._show()

    @property
    def _has_left(self) -> bool:
        """Whether the screens are closed. Queued messages may still arrive then."""
        return not self.screen_stack

    def _show(self) -> None:
        live = self.workspace.live
        facts = live.facts()
        self.main.query_one(CardWidget).show(live.display)
        self._title(facts.get("serial", ""))
        put(self.main.query_one("#next", Static), self._next_step_text(facts))
        put(self.main.query_one("#where", Static), self.workspace.where)
        self.main.query_one(Panel).update_from(self.workspace)
        self._fit(self.size)
        self._plan_tick()

    @property
    def main(self) -> Screen[Any]:
        """The screen with the card, even while a dialog is above it."""
        return self.screen_stack[0]

    def _title(self, serial: str) -> None:
        card = self.main.query_one(CardWidget)
        card.border_title = self.TITLE
        subtitle = f"{serial or 'no key'} · {self.workspace.title}"
        if card.border_subtitle != subtitle:
            card.border_subtitle = subtitle
            # The action that makes a card is available only while the card is blank.
            self.refresh_bindings()

    def _next_step_text(self, facts: dict[str, str]) -> str:
        live = self.workspace.live
        if live.trouble:
            return f"The card has stopped: {live.trouble}\nPress b to take the battery out and put it back."
        if self._hint:
            return self._hint
        still = "Time stands still (z lets it run). " if live.paused else ""
        return still + next_step(live.display, facts)

    def _plan_tick(self) -> None:
        wait = self.workspace.live.next_tick
        if wait is None and self.main.query_one(Panel).showing == "time":
            wait = _CLOCK_SECONDS
        if wait is not None and self._timer is None:
            self._timer = self.set_timer(wait, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._has_left:
            return
        self.workspace.live.tick()
        if self.main.query_one(Panel).showing == "time":
            self.main.query_one(Panel).update_from(self.workspace)
        self._plan_tick()

    def on_print(self, event: events.Print) -> None:
        """Show a message that `dsc_host` prints, for example the place of a new master key. It is printed again at the end."""
        # The text may be bytes: Click takes Textual's replacement of standard error for a binary file.
        text: str | bytes = event.text
        words = (text.decode() if isinstance(text, bytes) else text).strip()
        if words:
            self.messages.append(words)
            self.push_screen(NoteScreen(self.messages[-1]))

    def on_resize(self, event: events.Resize) -> None:
        """Check again whether the window is large enough."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        """In a window that is too small, show a message and the display's text instead of an incomplete card."""
        is_tall = TALL_COLUMNS <= size.width < COLUMNS and size.height >= TALL_ROWS
        self.main.set_class(is_tall, "-tall")
        self.main.set_class(not is_tall and (size.width < COLUMNS or size.height < ROWS), "-small")
        shown = f"Display: {self.workspace.live.display or '(off)'}"
        wanted = f"This window has {size.width} columns and {size.height} rows.\nThe card needs {COLUMNS} and {ROWS}. q quits."
        put(self.main.query_one("#small", Static), f"{shown}\n\n{wanted}")

    # ---- actions of the user ----

    def action_card(self, key: str) -> None:
        """Press a key of the card."""
        self._hint = ""
        self.workspace.live.press(key)

    def on_key_pressed(self, event: KeyPressed) -> None:
        """Press the key of the card that was clicked."""
        self.action_card(event.key)

    def on_press_key_let_go(self, event: PressKey.LetGo) -> None:
        """Say that *press* must be held longer."""
        self._hint = _LET_GO
        self._show()

    def action_panel(self, name: str) -> None:
        """Open the panel `name`, or close it."""
        self.main.query_one(Panel).toggle(name)
        # While the card is off, the clock of the card is behind.
        self.workspace.live.tick()
        self._show()

    def action_scroll_panel(self, lines: int) -> None:
        """Scroll the panel by this many lines."""
        self.main.query_one(Panel).scroll_relative(y=lines, animate=False)

    def action_secrets(self) -> None:
        """Show the secrets of the flash after a confirmation, or hide them."""
        panel = self.main.query_one(Panel)
        if panel.showing != "flash":
            return
        if panel.secrets:
            self._show_secrets(False)
        else:
            self.push_screen(ConfirmScreen(_SHOW_KEY), self._show_secrets)

    def _show_secrets(self, agreed: bool | None) -> None:
        self.main.query_one(Panel).secrets = bool(agreed)
        self._show()

    def action_pause(self) -> None:
        """Stop the card's time, or let it run again."""
        self.workspace.live.pause(not self.workspace.live.paused)

    def action_advance(self) -> None:
        """Advance the clock by 10 seconds."""
        self.workspace.live.advance(_ADVANCE_SECONDS)

    def action_to_off(self) -> None:
        """Advance the clock until the card switches itself off."""
        self.workspace.live.advance_to_off()

    def action_battery(self) -> None:
        """Remove and replace the battery."""
        self._hint = ""
        self.workspace.live.restart()

    def action_dark(self) -> None:
        """Switch between the dark and the light theme."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_leave(self, code: int) -> None:
        """Exit with `code`."""
        self.exit(code)

    # ---- making a card ----

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions on the card while a dialog is open. Disable the action that makes a card if the card is not blank."""
        if action in _CARD_ACTIONS and len(self.screen_stack) > 1:
            return action == "leave" and parameters == (_STOPPED,)
        return action != "make" or is_blank(self.workspace.live.facts())

    def action_make(self, problem: str = "") -> None:
        """Open the dialog that makes a card, with the message `problem` at its top."""
        name = self.workspace.name
        self.push_screen(MakeScreen(name, problem or self._problem or _WELCOME), self._make)

    def _make(self, new_card: NewCard | None) -> None:
        if new_card is not None:
            self.run_worker(lambda: self._make_in_thread(new_card), thread=True, exclusive=True)

    def _make_in_thread(self, new_card: NewCard) -> None:
        settings = self.workspace.settings
        try:
            if new_card.name is not None:
                self.workspace.rename(new_card.name)
            make(self.workspace.live, new_card.data, settings.open_verifier)
        except (DscError, SimulatorError, Failed, OSError) as error:
            self.call_from_thread(self.action_make, str(error))
        else:
            self._hint = _success_text(new_card)
            self._request_redraw()


def _success_text(new_card: NewCard) -> str:
    serial = new_card.data.serial
    if not new_card.data.enroll:
        return f"Made {serial} without enrolling it. Hold PRESS (p) to switch it on."
    challenge = f"For a challenge, run in another terminal: dscplus challenge {serial}"
    return f"Made {serial} and enrolled it. Hold PRESS (p) to switch it on.\n{challenge}"


def _is_light(colorfgbg: str) -> bool:
    """Return whether the terminal has a light background, which some terminals report in COLORFGBG."""
    return colorfgbg.rpartition(";")[2] in ("7", "15")
