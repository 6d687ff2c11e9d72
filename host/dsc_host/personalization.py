"""Giving a blank card its key over the line, and enrolling it: both, or neither.

The key is made from random bytes of both sides, and never leaves this machine but to the card. The card is enrolled before it
is written: one whose key nobody has could only be wiped, an enrolment without a card is taken back.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from dsc_host.errors import CardError, DscError, StateError
from dsc_host.link import CardClient, Profile, derive_key
from dsc_host.verifier import Verifier

KEY_BYTES = 32


def _untold(_message: str) -> None:
    """For whoever does not want to know."""


def with_secrets(profile: Profile, client: CardClient, pin: str) -> Profile:
    """The profile with a key; with an unlock key and the PIN as well, if the card checks its PIN itself."""
    ours, cards = secrets.token_bytes(KEY_BYTES), client.entropy(KEY_BYTES)
    key = derive_key(ours, cards, profile.serial)
    if profile.pin_policy != "card":
        return replace(profile, key=key)
    return replace(profile, key=key, code=pin, unlock_key=derive_key(ours, cards, profile.serial, purpose="unlocking"))


def personalise(
    verifier: Verifier,
    client: CardClient,
    profile: Profile,
    pin: str,
    *,
    owners: tuple[str, ...] = (),
    told: Callable[[str], None] = _untold,
) -> Profile:
    """Make the card what `profile` says, with a key of its own, and enrol it; `told` is told what a person must know.

    Raises `StateError` for a card that is personalised already, `AlreadyEnrolled`, `InputError`, and what the line raises.
    """
    if held := client.info().serial:
        raise StateError(f"the card is personalised already, as {held}")
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
        # The card may have done it, and only its answer was lost.
        if isinstance(error, DscError) and _has_become(client, whole.serial):
            return whole
        verifier.remove(whole.serial)
        told(f"The enrolment was taken back. If the card says that it is {whole.serial} all the same, wipe it.")
        raise
    return whole


def _has_become(client: CardClient, serial: str) -> bool:
    with suppress(DscError):
        return client.info().serial == serial
    return False
