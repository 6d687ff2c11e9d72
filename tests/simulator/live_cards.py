"""Cards in real time, on a clock that tests move."""

from collections.abc import Iterator
from contextlib import contextmanager

from dsc_host import Verifier
from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.desktop.live_card import LiveCard

KEY = bytes(range(32))
UNLOCK_KEY = bytes(range(1, 33))


class Watch:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def checking_card(tries: int = 2) -> Iterator[LiveCard]:
    """Provide a card that checks its PIN, 1234, itself."""
    suite = "OCRA-1:HOTP-SHA256-8:C-QN06"
    profile = Profile("B-1", KEY, suite, pin_policy="card", pin="1234", tries=tries, unlock_key=UNLOCK_KEY)
    with SimulatedCard(profile=profile, keys_on_line=False) as card:
        yield LiveCard(card, now=Watch())


def nowhere() -> Verifier:
    raise AssertionError("no verifier was wished")
