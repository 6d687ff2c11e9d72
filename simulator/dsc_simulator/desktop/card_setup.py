"""The personalization of a simulated card over its serial line, and its enrollment, as in `dscplus personalize`."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsc_host import CardClient, InputError, Profile
from dsc_host.cli.options import DEFAULT_SUITES
from dsc_host.personalization import KEY_BYTES, personalize, with_secrets
from dsc_simulator.desktop.live_card import InProcessPort, LiveCard

if TYPE_CHECKING:
    # Import this module only for the types: it loads the database library, which takes longer than loading the screen.
    from dsc_host import Verifier

_PIN_DIGITS = 4

OpenVerifier = Callable[[], AbstractContextManager["Verifier"]]


@dataclass(frozen=True)
class CardData:
    """The user's input for a new card. The constructor raises InputError if such a card cannot be made."""

    serial: str
    pin: str = field(repr=False)
    pin_again: str = field(repr=False)
    policy: str = "ocra"
    enroll: bool = True

    def __post_init__(self) -> None:
        if not (self.pin.isascii() and self.pin.isdigit() and len(self.pin) == _PIN_DIGITS):
            raise InputError("PIN", "must be 4 digits, 0 to 9")
        if self.pin != self.pin_again:
            raise InputError("PIN", "must be the same both times")
        self.profile(bytes(KEY_BYTES), None)

    def profile(self, key: bytes, unlock_key: bytes | None) -> Profile:
        """Return the profile with this key and, for a card that checks its PIN, this unlock key."""
        suite = DEFAULT_SUITES[self.policy]
        if self.policy == "card":
            return Profile(serial=self.serial, key=key, suite=suite, pin_policy="card", code=self.pin, unlock_key=unlock_key)
        return Profile(serial=self.serial, key=key, suite=suite)


def random_serial() -> str:
    """Return a random serial, which another card is unlikely to have."""
    return f"SIM{secrets.randbelow(10**6):06}"


def make(live: LiveCard, data: CardData, open_verifier: OpenVerifier) -> None:
    """Give the blank card a key. If `data.enroll` is set, enroll the card first, and undo that if the card gets no key.

    Raise DscError, OSError and cli.Failed.
    """
    with CardClient(InProcessPort(live)) as client:
        if held := client.info().serial:
            raise InputError("card", f"is already personalized as {held}")
        profile = data.profile(bytes(KEY_BYTES), None)
        if not data.enroll:
            client.personalize(with_secrets(profile, client, data.pin))
            return
        with open_verifier() as verifier:
            personalize(verifier, client, profile, data.pin)
