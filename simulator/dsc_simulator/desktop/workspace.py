"""The workspace of the desktop program: a profile, its card, and the endpoints of the card's line."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from dsc_simulator.board import Flash
from dsc_simulator.card import SimulatedCard
from dsc_simulator.desktop.card_setup import OpenVerifier
from dsc_simulator.desktop.live_card import LiveCard
from dsc_simulator.line_server import LineServer
from dsc_simulator.profile_store import BadName, ProfileFile, Profiles
from dsc_simulator.running import announced

DEFAULT_NAME = "default"
"""The name of the first profile, unless the user chooses another name."""


@dataclass(frozen=True)
class Settings:
    """The options of `dscplus sim`. If `name` is None, the card is temporary."""

    name: str | None
    open_verifier: OpenVerifier = field(repr=False)
    engine: str | None = None
    seed: int | None = None
    tcp_port: int = 0
    keys_on_line: bool = False
    """Whether programs may press the card's keys over the line. Without a screen, there is no other way to press them."""
    profiles: Profiles = field(default_factory=Profiles)


class Workspace:
    """The card of `settings`, which runs until `close`. `changed` is called, in any thread, when the card may look different.

    The constructor raises SimulatorError and OSError.
    """

    def __init__(self, settings: Settings, *, changed: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self.changed = changed
        self._open(settings.name)

    def _open(self, name: str | None) -> None:
        settings = self.settings
        with ExitStack() as stack:
            self.profile: ProfileFile | None = None
            engine, flash = settings.engine or "cpython", Flash()
            if name is not None:
                self.profile = stack.enter_context(settings.profiles.open(name, settings.engine))
                engine, flash = self.profile.engine, self.profile.flash
            card = SimulatedCard(engine=engine, flash=flash, seed=settings.seed, keys_on_line=settings.keys_on_line)
            self.live = LiveCard(stack.enter_context(card), changed=lambda: self.changed())
            self.server = LineServer(self.live.send, tcp_port=settings.tcp_port, changed=lambda: self.changed())
            stack.callback(self.server.close)
            self.live.listen(self.server.deliver)
            # A card can be used even if it cannot be announced to other programs.
            with suppress(OSError):
                stack.enter_context(announced(self.title, self.server.pty, self.server.url))
            self._stack = stack.pop_all()

    @property
    def name(self) -> str | None:
        """The name of the profile, or None if the card is temporary."""
        return None if self.profile is None else self.profile.name

    @property
    def title(self) -> str:
        """The names of the profile and of the engine, as text for a person."""
        name = f"profile {self.name}" if self.profile else "temporary"
        return f"{name} · {self.live.card.engine}"

    @property
    def is_new(self) -> bool:
        """Whether no profile had this name before."""
        return self.profile is not None and self.profile.is_new

    @property
    def where(self) -> str:
        """The addresses of the card's line and the number of connected programs, as text for a person."""
        here = " · ".join(filter(None, (self.server.pty, self.server.url)))
        hosts = ("not connected", "1 program connected", "2 programs connected")[self.server.hosts]
        return f"Line: {here} · {hosts}"

    def rename(self, name: str) -> None:
        """Close the card, and open a new profile with this name. If that fails, open the previous card again."""
        previous = self.name
        if name == previous:
            return
        if name in self.settings.profiles.names():
            raise BadName(f"profile: there is already a card called {name}; dscplus sim --profile {name} opens it")
        self._stack.close()
        try:
            self._open(name)
        except BaseException:
            self._open(previous)
            raise

    def close(self) -> None:
        """Close the line's endpoints, the card and the profile."""
        self._stack.close()
