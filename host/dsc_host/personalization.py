"""Personalization of a blank card over the serial line, together with its enrollment.

The key is made from random bytes of this machine and of the card. The card is enrolled before its profile is written. If the
profile cannot be written, the enrollment is undone. In the reverse order, a failed enrollment would leave a card whose key
nobody knows, and which can only be wiped.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dsc_host.errors import CardError, DscError, StateError
from dsc_host.link import CardClient, Profile, derive_key

if TYPE_CHECKING:
    from dsc_host.verifier import Verifier

KEY_BYTES = 32


def _ignore(_message: str) -> None:
    """Ignore the message."""


def with_secrets(profile: Profile, client: CardClient, pin: str) -> Profile:
    """Return the profile with a key. If the card checks the PIN itself, add an unlock key and the PIN."""
    ours, cards = secrets.token_bytes(KEY_BYTES), client.entropy(KEY_BYTES)
    key = derive_key(ours, cards, profile.serial)
    if profile.pin_policy != "card":
        return replace(profile, key=key)
    return replace(profile, key=key, code=pin, unlock_key=derive_key(ours, cards, profile.serial, purpose="unlocking"))


def personalize(
    verifier: "Verifier",
    client: CardClient,
    profile: Profile,
    pin: str,
    *,
    owners: tuple[str, ...] = (),
    told: Callable[[str], None] = _ignore,
) -> Profile:
    """Enroll a card, and write `profile` with a new key to the blank card of `client`. Return the complete profile.

    `verifier` keeps the records. `pin` is the card's PIN, and `owners` are the names of its owners. After a failure that leaves
    the state of the card unknown, `told` is called with a message for the person at the card. Raises `StateError` if the card
    is already personalized, `AlreadyEnrolled` if the serial is already enrolled, `InputError`, and the errors of the serial
    line.
    """
    if held := client.info().serial:
        raise StateError(f"the card is already personalized as {held}; wipe it first")
    whole = with_secrets(profile, client, pin)
    known_pin = pin if whole.pin_policy == "ocra" else None
    verifier.enroll(
        whole.serial, key=whole.key, suite=whole.suite, pin=known_pin, unlock_key=whole.unlock_key, owners=owners
    )  # fmt: skip
    try:
        client.personalize(whole)
    except CardError:
        verifier.remove(whole.serial)
        raise
    except BaseException as error:
        # If only the card's answer was lost, the card has the profile, and stays enrolled.
        if isinstance(error, DscError) and _has_serial(client, whole.serial):
            return whole
        verifier.remove(whole.serial)
        told(f"The enrollment was undone. If the card nevertheless reports the serial {whole.serial}, wipe it.")
        raise
    return whole


def _has_serial(client: CardClient, serial: str) -> bool:
    with suppress(DscError):
        return client.info().serial == serial
    return False
