"""The start of the desktop program."""

import os
from contextlib import closing
from dataclasses import replace
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from dsc_host.cli.output import notice
from dsc_simulator.desktop.app import CardApp
from dsc_simulator.desktop.terminal import leave_with_terminal, take_any_bytes
from dsc_simulator.desktop.workspace import Settings, Workspace
from dsc_simulator.errors import SimulatorError
from dsc_simulator.profile_store import ProfileBroken


def run(settings: Settings) -> int:
    """Show the card of `settings` until the user leaves. Return the exit code. Raise SimulatorError and OSError."""
    try:
        workspace, problem = _open(settings)
    except (SimulatorError, OSError) as error:
        if not in_browser():
            raise
        # In a browser, a message on the terminal would not be seen.
        NoticeApp(str(error)).run()
        return 1
    with closing(workspace):
        leave_with_terminal()
        take_any_bytes()
        app = CardApp(workspace, problem=problem, make_first=workspace.is_new)
        code = app.run()
        for words in app.messages:
            notice(words)
        return (app.return_code or 0) if code is None else code


def in_browser() -> bool:
    """Return whether textual-serve started this program for a page in a browser."""
    return "TEXTUAL_DRIVER" in os.environ


class NoticeApp(App[None]):
    """A program that shows why there is no card."""

    BINDINGS: ClassVar[list[BindingType]] = [("q,ctrl+c", "quit", "Quit")]

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """Show the message."""
        yield Static(self._words, markup=False)


def _open(settings: Settings) -> tuple[Workspace, str]:
    """Open the workspace. Return it, and a message to show first, which may be empty.

    If the profile is broken, open a new profile under another name instead.
    """
    try:
        return Workspace(settings), ""
    except ProfileBroken as broken:
        notice(f"Error: {broken}")
        name = settings.profiles.free_name(f"{broken.path.stem[:28]}-2")
        return Workspace(replace(settings, name=name)), f"{broken}\n\nHere is a new card under another name."
