"""What the calls take and give, as JSON. The schemas in the description are made of these, and so is what reads a body.

A range that stands here is refused with 400; what the verifier alone knows, such as a suite's rules, with 422.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from dsc_host.api.request_bodies import Asked
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.verifier import Card, State

SERIAL = "^[A-Z0-9-]{1,16}$"
MOST_LOCK_SECONDS = 10 * 365 * 24 * 60 * 60
MOST_CARDS = 500
"""On one page."""

Serial = Annotated[str, Meta(pattern=SERIAL, max_length=16, description="A card's serial.")]
_Any = Annotated[str, Meta(max_length=64)]  # What could be no response is not accepted, which is an answer and no error.
_Pin = Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)]
# Without control characters: no database takes a NUL.
_Owner = Annotated[str, Meta(pattern="^[^\\u0000-\\u001f\\u007f]{1,64}$", min_length=1, max_length=64)]
_Reason = Annotated[str, Meta(max_length=200, description="One line, for the log.")]
_Key = Annotated[str, Meta(pattern="^([0-9A-Fa-f]{2}){16,64}$", max_length=128, description="16 to 64 bytes in hex.")]
_UnlockKey = Annotated[str, Meta(pattern="^[0-9A-Fa-f]{64}$", max_length=64, description="32 bytes in hex.")]


# ---- the login ----


class ChallengeAsked(Asked, frozen=True):
    """Which card is to be challenged."""

    serial: Serial


class ChallengeGiven(msgspec.Struct, frozen=True):
    """What the user is to type into the card, and the name under which the response comes back."""

    id: str
    question: str
    expires_at: float
    """Unix seconds: the first moment at which a response is too late."""


class VerifyAsked(Asked, frozen=True):
    """A response to a challenge."""

    id: _Any
    response: _Any


class ResyncAsked(Asked, frozen=True):
    """The responses to two challenges, which the card made one right after the other."""

    first_id: _Any
    first_response: _Any
    second_id: _Any
    second_response: _Any


class VerdictGiven(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that may be told of a response. The reason is in the audit log."""

    accepted: bool
    duress: bool = False
    """There only if it is true: accepted, and made with the duress PIN. Nothing on the page may show it."""


# ---- the desk ----


class ChangePinAsked(Asked, frozen=True):
    """A response that was made with the new PIN."""

    id: _Any
    response: _Any
    new_pin: _Pin


class EnrolAsked(Asked, frozen=True):
    """A card for the records."""

    serial: Serial
    key: _Key
    suite: Annotated[str, Meta(max_length=64)] = DEFAULT_SUITE
    pin: _Pin | None = None
    counter: Annotated[int, Meta(ge=0)] = 0
    unlock_key: _UnlockKey | None = None
    duress_pin: _Pin | None = None
    owners: Annotated[tuple[_Owner, ...], Meta(max_length=32)] = ()


class ReasonAsked(Asked, frozen=True):
    """Why."""

    reason: _Reason = ""


class LockAsked(Asked, frozen=True):
    """Why, and for how long; without `seconds`, for as long as the policy says."""

    reason: _Reason = ""
    seconds: Annotated[float, Meta(gt=0, le=MOST_LOCK_SECONDS)] | None = None


class OwnerAsked(Asked, frozen=True):
    """A name."""

    owner: _Owner


class DuressPinAsked(Asked, frozen=True):
    """The second PIN; null takes it away."""

    duress_pin: _Pin | None


class UnlockCodeAsked(Asked, frozen=True):
    """What the locked card shows."""

    challenge: Annotated[str, Meta(pattern="^[0-9]{6}$", max_length=6)]


class UnlockCodeGiven(msgspec.Struct, frozen=True):
    """What its owner is to type into it: for the owner alone."""

    unlock_code: str


class CardsAsked(Asked, frozen=True):
    """Which cards; all, if nothing is said."""

    owner: _Owner | UnsetType = UNSET
    state: State | UnsetType = UNSET
    after: Annotated[str, Meta(pattern="^[A-Z0-9-]{0,16}$", max_length=16, description="Serials after this one.")] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_CARDS)] = 100


class CardsGiven(msgspec.Struct, frozen=True):
    """One page of cards, in the order of their serials."""

    cards: list[Card]
    next: str | None
    """Where the next page begins: its `after`. None if this is the last one."""


# ---- the service itself ----


class NothingAsked(Asked, frozen=True):
    """No query."""


class HealthGiven(msgspec.Struct, frozen=True):
    """That it works, and nothing more."""

    status: str
