"""From the options to the program on the screen, and back to an exit code."""

import os
from contextlib import closing
from dataclasses import replace
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from dsc_host.cli import notice
from dsc_simulator.desktop.app import CardApp
from dsc_simulator.desktop.terminal import leave_with_terminal
from dsc_simulator.desktop.workspace import Desk, Settings
from dsc_simulator.errors import SimulatorError
from dsc_simulator.profiles import ProfileBroken


def run(settings: Settings) -> int:
    """Show the card that the settings say until its person leaves; returns the exit code. Raises SimulatorError and OSError."""
    try:
        desk, problem = _open(settings)
    except (SimulatorError, OSError) as error:
        if not in_browser():
            raise
        # Nobody would see what is said elsewhere.
        NoticeApp(str(error)).run()
        return 1
    with closing(desk):
        leave_with_terminal()
        app = CardApp(desk, problem=problem, make_first=desk.is_new)
        code = app.run()
        for words in app.said:
            notice(words)
        return (app.return_code or 0) if code is None else code


def in_browser() -> bool:
    """Whether textual-serve has started this program for a page."""
    return "TEXTUAL_DRIVER" in os.environ


class NoticeApp(App[None]):
    """Says why there is no card."""

    BINDINGS: ClassVar[list[BindingType]] = [("q,ctrl+c", "quit", "Quit")]

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        yield Static(self._words, markup=False)


def _open(settings: Settings) -> tuple[Desk, str]:
    """The desk, and what its person should know first. In place of a broken profile, there is a new one of another name."""
    try:
        return Desk(settings), ""
    except ProfileBroken as broken:
        notice(f"Error: {broken}")
        name = settings.profiles.free_name(f"{broken.path.stem[:28]}-2")
        return Desk(replace(settings, name=name)), f"{broken}\n\nHere is a new card under another name."
