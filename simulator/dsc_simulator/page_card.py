"""A card on a web page: the real firmware on a VM in the server's process, pressed and read by whoever looks at the page.

Promises: every call may come from any thread; time passes on the card as it passes on the clock of the wall; what its line
says goes to whoever asked, as on a card of plastic.
"""

from collections.abc import Mapping

from dsc_simulator.card import SimulatedCard
from dsc_simulator.desktop.live_card import InProcessPort, LiveCard
from dsc_simulator.drawings.card import Key, keys, svg
from dsc_simulator.profile import Profile

KEYS = (*"0123456789", "OK", "C", "PRESS")


class PageCard:
    """One card. Blank, or with a profile: `serial`, `key`, `suite`."""

    def __init__(self, profile: Mapping[str, object] | None = None, *, engine: str = "micropython") -> None:
        """`engine` as for `SimulatedCard`."""
        self._card = SimulatedCard(engine=engine, profile=Profile(**profile) if profile else None)  # type: ignore[arg-type]
        self._live = LiveCard(self._card)
        self._pressed = 0

    @property
    def display(self) -> str:
        """What it shows now; empty while it is off."""
        self._live.tick()
        return self._live.display

    @property
    def number(self) -> int:
        """Of the keys that were pressed: with each, the picture is another one."""
        return self._pressed

    @property
    def serial(self) -> str:
        """Its own, as it says on its line; empty while it is blank."""
        return self._live.facts().get("serial", "")

    @property
    def keys(self) -> Mapping[str, Key]:
        """Where its keys are drawn, in hundredths of the picture."""
        return keys()

    def press(self, key: str) -> None:
        """Press a key; what is none does nothing."""
        if key in KEYS:
            self._pressed += 1
            self._live.tick()
            self._live.press(key)

    def svg(self) -> str:
        """The card as it looks now."""
        return svg(self.display)

    def line(self) -> InProcessPort:
        """Its serial line, for a `CardClient`."""
        return InProcessPort(self._live)

    def close(self) -> None:
        """Take its battery out for good."""
        self._card.close()
