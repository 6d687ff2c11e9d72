"""The program itself: one screen with the card, what comes next, where its line is, and a panel that is hidden at first."""

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
from textual.widgets import Footer, Static

from dsc_host import DscError
from dsc_host.cli import Failed
from dsc_simulator.desktop.card_setup import make
from dsc_simulator.desktop.card_widget import CardWidget, KeyPressed, PressKey, put
from dsc_simulator.desktop.hints import is_blank, next_step
from dsc_simulator.desktop.panels import Panel
from dsc_simulator.desktop.screens import ConfirmScreen, MakeScreen, NoteScreen, Order
from dsc_simulator.desktop.workspace import Desk
from dsc_simulator.errors import SimulatorError

COLUMNS, ROWS, WIDE = 80, 24, 140
_ADVANCE_SECONDS = 10
_LET_GO = "Hold PRESS for half a second; a shorter touch does nothing."
_WELCOME = "This card is blank: it has no key yet. Give it one, and you can log in with it."
_SHOW_KEY = "Show the card's key? Whoever sees it can make the card's responses."
_STOPPED = 130
# What is done at the card, and not while something else is asked.
_AT_THE_CARD = {"card", "make", "panel", "battery", "dark", "leave", "secrets", "pause", "advance", "to_off", "scroll_panel"}


def _key(key: str, name: str) -> Binding:
    return Binding(key, f"card('{name}')", show=False, system=True)


class CardApp(App[int]):
    """Shows `desk`, and closes nothing of it. Its return value is the exit code.

    `problem`: what the person should know first; `make_first`: begin with making a card.
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
        """There may be something new to show."""

    def __init__(self, desk: Desk, *, problem: str = "", make_first: bool = False) -> None:
        super().__init__()
        self.desk = desk
        self._problem = problem
        self._make_first = make_first
        self.said: list[str] = []
        self._hint = ""
        self._told = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Container(id="body"):
            with Vertical(id="stand"):
                yield CardWidget()
                yield Static(id="next", markup=False)
            yield Panel()
        yield Static(id="where", markup=False)
        yield Static(id="small", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    async def on_mount(self) -> None:
        self.theme = "textual-light" if _is_light(os.environ.get("COLORFGBG", "")) else "textual-dark"
        self._on_signals()
        self.desk.changed = self._tell
        self.begin_capture_print(self)
        self._show()
        if self._make_first:
            self.action_make()

    def on_unmount(self) -> None:
        self.desk.changed = lambda: None

    def _fatal_error(self) -> None:
        """As Textual does it, but without the values of variables: they may be a key or a PIN."""
        traceback = Traceback(width=None, show_locals=False)
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()

    def _on_signals(self) -> None:
        """Leave in good order whoever asks for it; where the system has no such signals, it asks otherwise."""
        loop = asyncio.get_running_loop()
        for name, code in (("SIGINT", _STOPPED), ("SIGTERM", 128 + 15), ("SIGHUP", 128 + 1)):
            with suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self.exit, code)

    # ---- what is shown ----

    def _tell(self) -> None:
        """There may be something new; said in any thread, and once until it is shown."""
        if not self._told:
            self._told = True
            # Somebody at the line may say a last word when the program has ended already.
            with suppress(RuntimeError):
                self.post_message(self.Changed())

    def on_card_app_changed(self) -> None:
        self._told = False
        if not self._has_left:
            self._show()

    @property
    def _has_left(self) -> bool:
        """Whether the screens are gone already; what was on its way to them still comes."""
        return not self.screen_stack

    def _show(self) -> None:
        live = self.desk.live
        facts = live.facts()
        self.main.query_one(CardWidget).show(live.display)
        self._title(facts.get("serial", ""))
        put(self.main.query_one("#next", Static), self._next(facts))
        put(self.main.query_one("#where", Static), self.desk.where)
        self.main.query_one(Panel).update_from(self.desk)
        self._fit(self.size)
        self._plan_tick()

    @property
    def main(self) -> Screen[Any]:
        """The screen with the card, also while another asks something above it."""
        return self.screen_stack[0]

    def _title(self, serial: str) -> None:
        card = self.main.query_one(CardWidget)
        card.border_title = self.TITLE
        whose = f"{serial or 'no key'} · {self.desk.title}"
        if card.border_subtitle != whose:
            card.border_subtitle = whose
            # A card can be made only while there is none.
            self.refresh_bindings()

    def _next(self, facts: dict[str, str]) -> str:
        live = self.desk.live
        if live.trouble:
            return f"The card has stopped: {live.trouble}\nb takes the battery out and puts it back."
        if self._hint:
            return self._hint
        still = "Time stands still (z lets it run). " if live.paused else ""
        return still + next_step(live.display, facts)

    def _plan_tick(self) -> None:
        wait = self.desk.live.next_tick
        if wait is not None and self._timer is None:
            self._timer = self.set_timer(wait, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._has_left:
            return
        self.desk.live.tick()
        if self.main.query_one(Panel).showing == "time":
            self.main.query_one(Panel).update_from(self.desk)
        self._plan_tick()

    def on_print(self, event: events.Print) -> None:
        """What the library tells the person, such as where it has put a master key. It is said once more at the end."""
        # Click takes Textual's stand-in for standard error for a binary file, and gives it bytes.
        text: str | bytes = event.text
        words = (text.decode() if isinstance(text, bytes) else text).strip()
        if words:
            self.said.append(words)
            self.push_screen(NoteScreen(self.said[-1]))

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        """In a window that is too small nothing is cut off: it says so, and what the display shows."""
        self.main.set_class(size.width < COLUMNS or size.height < ROWS, "-small")
        shown = f"Display: {self.desk.live.display or '(off)'}"
        wanted = f"This window has {size.width} columns and {size.height} rows.\nThe card needs {COLUMNS} and {ROWS}. q quits."
        put(self.main.query_one("#small", Static), f"{shown}\n\n{wanted}")

    # ---- what a person does ----

    def action_card(self, key: str) -> None:
        self._hint = ""
        self.desk.live.press(key)

    def on_key_pressed(self, event: KeyPressed) -> None:
        self.action_card(event.key)

    def on_press_key_let_go(self, event: PressKey.LetGo) -> None:
        self._hint = _LET_GO
        self._show()

    def action_panel(self, name: str) -> None:
        self.main.query_one(Panel).toggle(name)
        self._show()

    def action_scroll_panel(self, lines: int) -> None:
        self.main.query_one(Panel).scroll_relative(y=lines, animate=False)

    def action_secrets(self) -> None:
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
        self.desk.live.pause(not self.desk.live.paused)

    def action_advance(self) -> None:
        self.desk.live.advance(_ADVANCE_SECONDS)

    def action_to_off(self) -> None:
        self.desk.live.advance_to_off()

    def action_battery(self) -> None:
        self._hint = ""
        self.desk.live.restart()

    def action_dark(self) -> None:
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_leave(self, code: int) -> None:
        self.exit(code)

    # ---- making a card ----

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _AT_THE_CARD and len(self.screen_stack) > 1:
            return action == "leave" and parameters == (_STOPPED,)
        return action != "make" or is_blank(self.desk.live.facts())

    def action_make(self, problem: str = "") -> None:
        name = self.desk.name
        self.push_screen(MakeScreen(name, problem or self._problem or _WELCOME), self._make)

    def _make(self, order: Order | None) -> None:
        if order is not None:
            self.run_worker(lambda: self._make_in_thread(order), thread=True, exclusive=True)

    def _make_in_thread(self, order: Order) -> None:
        settings = self.desk.settings
        try:
            if order.name is not None:
                self.desk.rename(order.name)
            make(self.desk.live, order.wish, settings.open_verifier)
        except (DscError, SimulatorError, Failed, OSError) as error:
            self.call_from_thread(self.action_make, str(error))
        else:
            self._hint = _made(order)
            self._tell()


def _made(order: Order) -> str:
    serial = order.wish.serial
    if not order.wish.enrol:
        return f"Made {serial}, and enrolled it nowhere. Hold PRESS (p) to switch it on."
    challenge = f"For a challenge, in another terminal: dscplus challenge {serial}"
    return f"Made {serial} and enrolled it. Hold PRESS (p) to switch it on.\n{challenge}"


def _is_light(colorfgbg: str) -> bool:
    """Whether a terminal says, as some do, that its background is light."""
    return colorfgbg.rpartition(";")[2] in ("7", "15")
