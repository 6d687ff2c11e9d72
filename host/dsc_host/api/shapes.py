"""The bodies and queries of all operations. The OpenAPI schemas and the parsers are made from these classes.

A value that does not have the type, pattern or range that is given here is refused with 400. A wrong value that only the
verifier can recognize, such as a suite, is refused with 422.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from dsc_host.api.request_bodies import Asked
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.records.tables import SERIAL_LETTERS
from dsc_host.verifier import Card, State, card_rules

SERIAL = f"^{card_rules.SERIAL}$"
_NO_OR_SERIAL = f"^(|{card_rules.SERIAL})$"
MOST_LOCK_SECONDS = 10 * 365 * 24 * 60 * 60
MOST_CARDS = 500
"""The maximum number of cards on one page."""

Serial = Annotated[str, Meta(pattern=SERIAL, max_length=SERIAL_LETTERS, description="A card's serial.")]
# Ids and responses have no pattern: a malformed response is not an error, but gets the verdict "not accepted".
_Any = Annotated[str, Meta(max_length=64)]
_Pin = Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)]
# Control characters are excluded. PostgreSQL, for example, cannot store a NUL.
_Owner = Annotated[str, Meta(pattern="^[^\\u0000-\\u001f\\u007f]{1,64}$", min_length=1, max_length=64)]
_Reason = Annotated[str, Meta(max_length=200, description="One line, for the log.")]
_Key = Annotated[str, Meta(pattern="^([0-9A-Fa-f]{2}){16,64}$", max_length=128, description="16 to 64 bytes in hex.")]
_UnlockKey = Annotated[str, Meta(pattern="^[0-9A-Fa-f]{64}$", max_length=64, description="32 bytes in hex.")]


# ---- operations of the scope login ----


class ChallengeAsked(Asked, frozen=True):
    """The card to challenge."""

    serial: Serial


class ChallengeGiven(msgspec.Struct, frozen=True):
    """A challenge: the question to type into the card, and the id to send with the response."""

    id: str
    question: str
    expires_at: float
    """The Unix time from which a response is too late."""


class VerifyAsked(Asked, frozen=True):
    """A response to a challenge."""

    id: _Any
    response: _Any
    typed: bool = False
    """Whether a person typed the response. If so, white space and dashes are removed, and full-width digits become ASCII."""


class ResyncAsked(Asked, frozen=True):
    """The responses to two challenges, which the card must have computed directly one after the other."""

    first_id: _Any
    first_response: _Any
    second_id: _Any
    second_response: _Any
    typed: bool = False
    """Whether a person typed the responses. If so, white space and dashes are removed, and full-width digits become ASCII."""


class VerdictGiven(msgspec.Struct, frozen=True, omit_defaults=True):
    """The verdict on a response. Its reason is only in the audit log."""

    accepted: bool
    duress: bool = False
    """Whether the response was accepted, and was made with the duress PIN. Left out if false. Never show this to users."""


# ---- operations of the scope desk ----


class ChangePinAsked(Asked, frozen=True):
    """A new PIN, and a response that was made with this new PIN."""

    id: _Any
    response: _Any
    new_pin: _Pin
    typed: bool = False
    """Whether a person typed the response. If so, white space and dashes are removed, and full-width digits become ASCII."""


class EnrollAsked(Asked, frozen=True):
    """A card to enroll."""

    serial: Serial
    key: _Key
    suite: Annotated[str, Meta(max_length=64)] = DEFAULT_SUITE
    pin: _Pin | None = None
    counter: Annotated[int, Meta(ge=0)] = 0
    unlock_key: _UnlockKey | None = None
    duress_pin: _Pin | None = None
    owners: Annotated[tuple[_Owner, ...], Meta(max_length=32)] = ()


class ReasonAsked(Asked, frozen=True):
    """The reason for a change."""

    reason: _Reason = ""


class LockAsked(Asked, frozen=True):
    """A reason for a lock, and the duration of the lock. Without `seconds`, the policy sets the duration."""

    reason: _Reason = ""
    seconds: Annotated[float, Meta(gt=0, le=MOST_LOCK_SECONDS)] | None = None


class OwnerAsked(Asked, frozen=True):
    """The name of an owner."""

    owner: _Owner


class DuressPinAsked(Asked, frozen=True):
    """The new duress PIN. Null removes the duress PIN."""

    duress_pin: _Pin | None


class UnlockCodeAsked(Asked, frozen=True):
    """The challenge that the locked card shows."""

    challenge: Annotated[str, Meta(pattern="^[0-9]{6}$", max_length=6)]


class UnlockCodeGiven(msgspec.Struct, frozen=True):
    """The code that unlocks the card. Give it only to the owner."""

    unlock_code: str


class CardsAsked(Asked, frozen=True):
    """The cards to list. Without `owner` and `state`, all cards are listed."""

    owner: _Owner | UnsetType = UNSET
    state: State | UnsetType = UNSET
    after: Annotated[str, Meta(pattern=_NO_OR_SERIAL, max_length=SERIAL_LETTERS, description="Serials above this one.")] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_CARDS)] = 100


class CardsGiven(msgspec.Struct, frozen=True):
    """One page of cards, sorted by serial."""

    cards: list[Card]
    next: str | None
    """The value of `after` for the next page, or null on the last page."""


# ---- operations about the service ----


class NothingAsked(Asked, frozen=True):
    """An empty query."""


class HealthGiven(msgspec.Struct, frozen=True):
    """The answer of a service whose database answers."""

    status: str
