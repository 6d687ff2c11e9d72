"""The desktop program without a terminal, driven by tests, with its screen as lines of text."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.simulator.live_cards import Watch, nowhere
from textual.pilot import Pilot
from textual.widgets import Static

from dsc_host import MasterKey, Verifier
from dsc_simulator import Profile
from dsc_simulator.board import Flash
from dsc_simulator.desktop import Settings, Workspace
from dsc_simulator.desktop.app import CardApp
from dsc_simulator.profile_store import Profiles

SIZE = (80, 24)
PATIENCE = 3000
CARD = Profile(serial="IB3000123", key=bytes(range(32)))
Story = Callable[["Person"], Awaitable[None]]


class Person:
    """A person at the screen, driven by `pilot`. `verifier` enrolls cards; it is opened on first use."""

    def __init__(self, pilot: Pilot[int], workspace: Workspace, opened: Callable[[], Verifier], clock: Watch) -> None:
        self.pilot, self.workspace, self.clock = pilot, workspace, clock
        self._opened = opened

    @property
    def verifier(self) -> Verifier:
        return self._opened()

    @property
    def app(self) -> CardApp:
        app = self.pilot.app
        assert isinstance(app, CardApp)
        return app

    def says(self, name: str) -> str:
        """Return the text of one of the screen's areas, such as `next`."""
        return str(self.app.main.query_one(f"#{name}", Static).content)

    def screen(self) -> str:
        """Return everything on the screen, as text."""
        width, height = self.app.size
        console = Console(width=width, height=height, file=io.StringIO(), record=True, legacy_windows=False)
        console.print(self.app.screen._compositor.render_update(full=True))
        return "\n".join(line.rstrip() for line in console.export_text().splitlines())

    async def type(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def click(self, *keys: str) -> None:
        for key in keys:
            assert await self.pilot.click(f"#key-{key}")
        await self.pilot.pause()

    async def until(self, true: Callable[[], bool]) -> None:
        """Let the program run until the condition is true."""
        for _ in range(PATIENCE):
            if true():
                return
            await self.pilot.pause(0.01)
        raise AssertionError("it never came:\n" + self.screen())


def play(story: Story, folder: Path, *, profile: Profile | None = None, size: tuple[int, int] = SIZE, **how: Any) -> CardApp:
    """Run `story` on a card that is kept in `folder` and is `profile` or blank. Return the program after its end."""
    clock = Watch()
    with ExitStack() as stack:

        @cache
        def opened() -> Verifier:
            return stack.enter_context(Verifier.open("sqlite://", master_key=MasterKey.generate()))

        settings = Settings("default", lambda: nullcontext(opened()), seed=1, profiles=Profiles(folder))
        if profile is not None:
            keep(settings, profile.flash())
        with closing(Workspace(settings)) as workspace:
            workspace.live._now, workspace.live._caught_up_to = clock, clock.now
            app = CardApp(workspace, **how)

            async def run() -> None:
                async with app.run_test(size=size) as pilot:
                    await pilot.pause()
                    await story(Person(pilot, workspace, opened, clock))

            asyncio.run(run())
        return app


def at_card(**how: Any) -> Callable[[Story], Callable[[Path], None]]:
    """Turn a story into a test: `play` it, with these options, on a card in a new folder."""

    def decorate(story: Story) -> Callable[[Path], None]:
        def test(tmp_path: Path) -> None:
            play(story, tmp_path / "cards", **how)

        test.__name__ = story.__name__
        return test

    return decorate


def keep(settings: Settings, flash: Flash) -> None:
    """Write a card's flash to disk, as the profile of the settings."""
    assert settings.name is not None
    with settings.profiles.open(settings.name) as file:
        for slot, data in enumerate(flash.slots):
            assert data is not None
            file.flash.write(slot, data)


def cards(folder: Path) -> Path:
    """Return the folder in which the program keeps its cards."""
    return folder / "data" / "dscplus" / "cards"


def keep_card(folder: Path, name: str = "default") -> Path:
    """Store CARD under this name; return its file."""
    keep(Settings(name, nowhere, profiles=Profiles(cards(folder))), CARD.flash())
    return cards(folder) / f"{name}.json"
