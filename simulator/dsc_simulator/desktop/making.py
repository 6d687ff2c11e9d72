"""Giving a simulated card its key, and enrolling it, as `dscplus personalize` does: over its line, by a CardClient."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from dsc_host import CardClient, DscError, InputError, Profile, Verifier, derive_key
from dsc_host.cli import DEFAULT_SUITES
from dsc_simulator.desktop.live import InProcessPort, LiveCard

_KEY_BYTES = 32
_PIN_DIGITS = 4

OpenVerifier = Callable[[], AbstractContextManager[Verifier]]


@dataclass(frozen=True)
class Wish:
    """What a person wants the card to be. Raises InputError if it can't be that."""

    serial: str
    pin: str = field(repr=False)
    pin_again: str = field(repr=False)
    policy: str = "ocra"
    enrol: bool = True

    def __post_init__(self) -> None:
        if not (self.pin.isascii() and self.pin.isdigit() and len(self.pin) == _PIN_DIGITS):
            raise InputError("PIN", "must be 4 digits, 0 to 9")
        if self.pin != self.pin_again:
            raise InputError("PIN", "must be the same both times")
        self.profile(bytes(_KEY_BYTES), None)

    def profile(self, key: bytes, unlock_key: bytes | None) -> Profile:
        suite = DEFAULT_SUITES[self.policy]
        if self.policy == "card":
            return Profile(serial=self.serial, key=key, suite=suite, pin_policy="card", code=self.pin, unlock_key=unlock_key)
        return Profile(serial=self.serial, key=key, suite=suite)


def likely_serial() -> str:
    """A serial that no other card is likely to have."""
    return f"SIM{secrets.randbelow(10**6):06}"


def make(live: LiveCard, wish: Wish, open_verifier: OpenVerifier) -> None:
    """Give the blank card its key and, if wished, enrol it; both or neither. Raises DscError, OSError and cli.Failed."""
    with CardClient(InProcessPort(live)) as client:
        if held := client.info().serial:
            raise InputError("card", f"is personalised already, as {held}")
        profile = _with_secrets(client, wish)
        if not wish.enrol:
            client.personalize(profile)
            return
        with open_verifier() as verifier:
            _enrol_and_write(verifier, client, profile, wish.pin)


def _with_secrets(client: CardClient, wish: Wish) -> Profile:
    ours, cards = secrets.token_bytes(_KEY_BYTES), client.entropy(_KEY_BYTES)
    key = derive_key(ours, cards, wish.serial)
    return wish.profile(key, derive_key(ours, cards, wish.serial, purpose="unlocking") if wish.policy == "card" else None)


def _enrol_and_write(verifier: Verifier, client: CardClient, profile: Profile, pin: str) -> None:
    # Enrolled first: a card whose key nobody has could only be wiped; an enrolment without a card is taken back.
    known_pin = pin if profile.pin_policy == "ocra" else None
    verifier.enroll(profile.serial, key=profile.key, suite=profile.suite, pin=known_pin, unlock_key=profile.unlock_key)
    try:
        client.personalize(profile)
    except BaseException:
        with suppress(DscError):
            verifier.remove(profile.serial)
        raise
