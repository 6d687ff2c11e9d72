"""What the verifier takes and gives: `Policy`, `Enrollment`, `Card`, `Challenge` and `Verdict`.

Of these, only an `Enrollment` holds a key and a PIN, and does not show them.

All are frozen. Times are Unix seconds; lengths of time are seconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from dsc_host.errors import InputError
from dsc_host.ocra import DEFAULT_SUITE

MOST_WINDOW = 1000
"""A wrong response costs one HMAC for each counter of the window, while its card, in SQLite every card, is locked."""
MOST_RESYNC_WINDOW = 10_000
MOST_UNLOCK_CODES = 100
"""As many times are kept for each card."""
MOST_SECONDS = 10**10
"""Some three hundred years."""
MOST_CHALLENGES = 1000
"""As many challenges are remembered of each card, at least."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long, how often and how far. `InputError` names the field that is out of its range."""

    validity: float = 300
    """How long a challenge may be answered; more than 0."""
    attempts: int = 3
    """How many responses use up one challenge, whatever becomes of them; 1 or more."""
    lock_after: int = 10
    """How many wrong responses in a row, over all its challenges, lock a card; 1 or more."""
    lock_after_in_a_day: int = 20
    """How many wrong responses within 24 hours lock a card, also if right ones come between; at least `lock_after`."""
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
    pause: float = 30
    """For how long a card's responses are not looked at after `attempts` wrong ones in a row; twice as long after each further
    `attempts`, but never longer than `lock_for`. So nobody can lock a card in a moment. 0: not at all."""

    def __post_init__(self) -> None:
        for name in ("validity", "lock_for", "challenges_within"):
            seconds = getattr(self, name)
            if type(seconds) not in (int, float) or not 0 < seconds <= MOST_SECONDS:
                raise InputError(name, f"must be a number of seconds, more than 0, at most {MOST_SECONDS}")
        if type(self.pause) not in (int, float) or not 0 <= self.pause <= MOST_SECONDS:
            raise InputError("pause", f"must be a number of seconds, 0 to {MOST_SECONDS}")
        for name in ("attempts", "lock_after", "lock_after_in_a_day"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise InputError(name, "must be a whole number, 1 or more")
        for name, least, most in _RANGES:
            if type(getattr(self, name)) is not int or not least <= getattr(self, name) <= most:
                raise InputError(name, f"must be a whole number from {least} to {most}")

    @property
    def most_in_a_day(self) -> int:
        """How many wrong responses lock a card within a day: who allows more of them in a row allows them in a day too."""
        return max(self.lock_after, self.lock_after_in_a_day)


_RANGES = (
    ("window", 0, MOST_WINDOW),
    ("unlock_codes", 1, MOST_UNLOCK_CODES),
    ("resync_window", 1, MOST_RESYNC_WINDOW),
    ("challenges", 1, MOST_CHALLENGES),
)


class State(StrEnum):
    """Where a card is in its life. Only in the first two are its responses accepted."""

    ENROLLED = "enrolled"  # no response of it was accepted yet
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LOST = "lost"
    RETIRED = "retired"  # for ever: its secrets are gone


@dataclass(frozen=True, slots=True)
class Enrollment:
    """All that the verifier wants to know of a card, secrets included: see `Verifier.enroll` for the ranges."""

    serial: str
    key: bytes = field(repr=False)
    suite: str = DEFAULT_SUITE
    pin: str | None = field(default=None, repr=False)
    counter: int = 0
    unlock_key: bytes | None = field(default=None, repr=False)
    duress_pin: str | None = field(default=None, repr=False)
    owners: tuple[str, ...] = ()


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
    """When its lock, or the pause after some wrong responses, ends; None if there is none."""
    enrolled_at: float
    has_unlock_key: bool = False
    """Whether codes can be made that unlock it."""
    unlock_codes: int = 0
    """How many of them it was given so far."""
    unlock_code_at: float | None = None
    """When it was given the last one; None if never."""
    state: State = State.ENROLLED
    state_since: float = 0
    state_reason: str = ""
    """In the words of whoever changed it."""
    owners: tuple[str, ...] = ()
    """In their order; none is more than another."""
    has_duress_pin: bool = False


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
    EXHAUSTED = "exhausted"  # the challenge had as many responses as it may have
    EXPIRED = "expired"
    LOCKED = "locked"  # the card is; the response was not looked at
    PAUSED = "paused"  # the same, for some seconds after some wrong responses
    SUSPENDED = "suspended"
    LOST = "lost"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one response. `accepted` is all that a user may be shown; as a truth value it is the same."""

    reason: Reason
    duress: bool = False
    """Accepted, and made with the card's duress PIN: its owner is being forced. Not to be seen where the response was typed."""
    retry_after: float | None = None
    """If the card is locked or paused: the seconds until it is not. To tell it says that the card exists."""
    closed: bool = field(default=False, compare=False)
    """Nothing was judged: nobody can answer the challenge any more, or it was never issued. Whoever sent it knows that."""

    @property
    def accepted(self) -> bool:
        """Whether it was the right response, at the right time, for the first time."""
        return self.reason is Reason.ACCEPTED

    def __bool__(self) -> bool:
        # Without this, `if verifier.verify(…)` would let everyone in.
        return self.accepted
