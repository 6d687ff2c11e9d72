"""A card on a web page: the real firmware in a VM of the server's process.

Visitors of the page press the card's keys and read its display. Promises:

- Every method may be called from any thread.
- The card's clock follows the real time.
"""

from collections.abc import Mapping

from dsc_simulator import engines
from dsc_simulator.board import KEYS
from dsc_simulator.card import SimulatedCard
from dsc_simulator.desktop.live_card import InProcessPort, LiveCard
from dsc_simulator.drawings.card import HOLD, Key, keys, svg
from dsc_simulator.profile import Profile


class PageCard:
    """One card. `profile` has the fields of `Profile`, for example `serial` and `key`. Without a profile, the card is blank."""

    def __init__(self, profile: Mapping[str, object] | None = None, *, engine: str | None = None) -> None:
        """Start the card. `engine` is `cpython` or `micropython`. The default is `micropython` if that is installed."""
        engine = engine or ("micropython" if engines.available("micropython") else "cpython")
        self._card = SimulatedCard(engine=engine, profile=Profile(**profile) if profile else None)  # type: ignore[arg-type]
        self._live = LiveCard(self._card)
        self._presses = 0

    @property
    def display(self) -> str:
        """Return what the display shows now. It is empty while the card is off."""
        self._live.tick()
        return self._live.display

    @property
    def presses(self) -> int:
        """Return the number of key presses so far, a part of the picture's address: each press loads a new picture."""
        return self._presses

    @property
    def serial(self) -> str:
        """Return the serial that the card reports on its line. It is empty while the card is blank."""
        return self._live.facts().get("serial", "")

    @property
    def keys(self) -> Mapping[str, Key]:
        """Return the positions of the drawn keys, in hundredths of the picture."""
        return keys()

    def press(self, key: str) -> None:
        """Press a key. Ignore a name that is not a key."""
        if key in KEYS:
            self._presses += 1
            self._live.tick()
            self._live.press(key)

    def svg(self, *, label: str = "", hold: str = HOLD) -> str:
        """Return a picture of the card as it looks now. `drawings.card.svg` explains the arguments."""
        return svg(self.display, label=label, hold=hold)

    def switch_off(self) -> None:
        """Press the key *press*, which switches the card off, unless the card is off already."""
        if self.display:
            self.press("PRESS")

    def line(self) -> InProcessPort:
        """Return the card's serial line, for a `CardClient`."""
        return InProcessPort(self._live)

    def close(self) -> None:
        """Switch the card off permanently."""
        self._card.close()
