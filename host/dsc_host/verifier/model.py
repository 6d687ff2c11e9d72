"""What the verifier takes and gives: `Policy`, `Card`, `Challenge` and `Verdict`. None of them holds a key or a PIN.

All are frozen. Times are Unix seconds; lengths of time are seconds.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from dsc_host.errors import InputError

MOST_WINDOW = 1000
"""A wrong response costs one HMAC for each counter of the window, while its card, in SQLite every card, is locked."""
MOST_RESYNC_WINDOW = 10_000
MOST_UNLOCK_CODES = 100
"""As many times are kept for each card."""
MOST_CHALLENGES = 1000
"""As many challenges are remembered of each card, at least."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long, how often and how far. `InputError` names the field that is out of its range."""

    validity: float = 300
    """How long a challenge may be answered; more than 0."""
    attempts: int = 3
    """How many wrong responses use up one challenge; 1 or more."""
    lock_after: int = 10
    """How many wrong responses in a row, over all its challenges, lock a card; 1 or more."""
    lock_for: float = 24 * 60 * 60
    """How long the lock lasts; more than 0."""
    window: int = 20
    """How many responses a card may have shown that never came here: counters looked ahead; 0 to 1000."""
    unlock_codes: int = 10
    """How many unlock codes a card may be given in any 24 hours; 1 to 100."""
    resync_window: int = 1000
    """How far ahead `Verifier.resync` looks for two responses in a row; 1 to 10,000."""
    challenges: int = 30
    """How many challenges a card may be given in any `challenges_within` seconds; 1 to 1000."""
    challenges_within: float = 5 * 60
    """More than 0."""

    def __post_init__(self) -> None:
        for field in ("validity", "lock_for", "challenges_within"):
            seconds = getattr(self, field)
            if type(seconds) not in (int, float) or not 0 < seconds < math.inf:
                raise InputError(field, "must be a number of seconds, more than 0")
        for field in ("attempts", "lock_after"):
            if type(getattr(self, field)) is not int or getattr(self, field) < 1:
                raise InputError(field, "must be a whole number, 1 or more")
        for field, least, most in _RANGES:
            if type(getattr(self, field)) is not int or not least <= getattr(self, field) <= most:
                raise InputError(field, f"must be a whole number from {least} to {most}")


_RANGES = (
    ("window", 0, MOST_WINDOW),
    ("unlock_codes", 1, MOST_UNLOCK_CODES),
    ("resync_window", 1, MOST_RESYNC_WINDOW),
    ("challenges", 1, MOST_CHALLENGES),
)


@dataclass(frozen=True, slots=True)
class Card:
    """An enrolled card, as it stands at the moment of asking."""

    serial: str
    suite: str
    counter: int
    """The lowest counter whose response would be accepted; always 0 for a suite without one."""
    failures: int
    """Wrong responses since the last right one, or since the last lock ended."""
    locked_until: float | None
    """When its lock ends; None if it is not locked."""
    enrolled_at: float
    has_unlock_key: bool = False
    """Whether codes can be made that unlock it."""
    unlock_codes: int = 0
    """How many of them it was given so far."""
    unlock_code_at: float | None = None
    """When it was given the last one; None if never."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a user is to type into the card, and the name under which the response comes back."""

    id: str
    """22 hex digits that cannot be guessed."""
    serial: str
    question: str
    """Decimal digits, as many as the suite's question may have."""
    expires_at: float
    """The first moment at which a response is too late."""


class Reason(StrEnum):
    """Why a response was accepted or not: for a log, and never for the user, to whom it would say what to try next."""

    ACCEPTED = "accepted"
    WRONG = "wrong"  # not this card's response, or one whose counter is past or beyond the window
    MALFORMED = "malformed"  # could not be any card's response; counted like a wrong one
    UNKNOWN = "unknown"  # no such challenge
    USED = "used"  # the challenge was answered rightly before
    EXHAUSTED = "exhausted"  # the challenge had its wrong responses
    EXPIRED = "expired"
    LOCKED = "locked"  # the card is; the response was not looked at


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one response. `accepted` is all that a user may be shown; as a truth value it is the same."""

    reason: Reason

    @property
    def accepted(self) -> bool:
        """Whether it was the right response, at the right time, for the first time."""
        return self.reason is Reason.ACCEPTED

    def __bool__(self) -> bool:
        # Without this, `if verifier.verify(…)` would let everyone in.
        return self.accepted
