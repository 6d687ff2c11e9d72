"""The values that the verifier takes and returns: `Policy`, `Enrollment`, `Card`, `Challenge` and `Verdict`.

Only `Enrollment` has a key and a PIN. Its `repr` leaves them out.

All classes are frozen. Times are Unix seconds. Durations are in seconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from dsc_host.errors import InputError
from dsc_host.ocra import DEFAULT_SUITE

MOST_WINDOW = 1000
"""The largest `Policy.window`. For each counter in it, a wrong response costs one HMAC, or two if the suite has a PIN."""
MOST_RESYNC_WINDOW = 10_000
MOST_TIME_WINDOW = 20
"""The largest `Policy.time_window`. For each time step, a wrong response costs the HMACs of the whole counter window."""
MOST_UNLOCK_CODES = 100
"""The largest `Policy.unlock_codes`. Each card's row holds the times of up to this many codes."""
MOST_SECONDS = 10**10
"""The longest duration, and the largest Unix time: about three hundred years."""
MOST_CHALLENGES = 1000
"""The largest `Policy.challenges`. The verifier remembers at least this many challenges of each card."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The durations, limits and windows that the verifier works with.

    Raises `InputError` naming the field that is out of its range.

    Examples:
        >>> from dsc_host import MasterKey, Policy, Verifier
        >>> strict = Policy(validity=60, attempts=1)
        >>> Verifier.open("sqlite://", master_key=MasterKey.generate(), policy=strict).policy.attempts
        1
    """

    validity: float = 300
    """The number of seconds for which a challenge can be answered. More than 0."""
    attempts: int = 3
    """The number of responses that use up one challenge, whatever their outcome. 1 or more."""
    lock_after: int = 10
    """The number of wrong responses in a row that lock a card, whatever challenges they answer. 1 or more."""
    lock_after_in_a_day: int = 20
    """The number of wrong responses that lock a card, even if there are right responses between them. 1 or more.

    They are counted for 24 hours from the first of them. A number below `lock_after` counts as `lock_after`.
    """
    lock_for: float = 24 * 60 * 60
    """The duration of a lock, in seconds. More than 0."""
    window: int = 20
    """The number of responses that a card may show without a login: its next response is still accepted. 0 to 1000."""
    unlock_codes: int = 10
    """The number of unlock codes that a card may get in any 24 hours. 1 to 100."""
    resync_window: int = 1000
    """The number of counters that `Verifier.resync` looks ahead for two successive responses. 1 to 10,000."""
    time_window: int = 2
    """The number of time steps that a card's clock may be ahead or behind, for a suite with a time input (T). 0 to 20."""
    challenges: int = 30
    """The number of challenges that a card may get in any `challenges_within` seconds. 1 to 1000."""
    challenges_within: float = 5 * 60
    """The period for `challenges`, in seconds. More than 0."""
    pause: float = 30
    """The seconds for which a card's responses are ignored after `attempts` wrong responses in a row. 0 turns the pause off.

    After every further `attempts` wrong responses, the next pause is twice as long, up to `lock_for`. So a stranger cannot lock
    a card quickly.
    """

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
        """Return `lock_after_in_a_day`, but at least `lock_after`."""
        return max(self.lock_after, self.lock_after_in_a_day)


_RANGES = (
    ("window", 0, MOST_WINDOW),
    ("unlock_codes", 1, MOST_UNLOCK_CODES),
    ("resync_window", 1, MOST_RESYNC_WINDOW),
    ("time_window", 0, MOST_TIME_WINDOW),
    ("challenges", 1, MOST_CHALLENGES),
)


class State(StrEnum):
    """The state of a card. Responses are accepted only in the first two states.

    Attributes:
        ENROLLED: None of the card's responses has been accepted yet.
        ACTIVE: A response was accepted, or the card was resumed.
        SUSPENDED: The card is out of use until it is resumed.
        LOST: The card is out of use until it is found and resumed.
        RETIRED: The card is out of use for good, and its secrets are erased.

    Examples:
        >>> from dsc_host import MasterKey, State, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> verifier.enroll("IB3000123", key=bytes(32), pin="1234").state is State.ENROLLED
        True
    """

    ENROLLED = "enrolled"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LOST = "lost"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Enrollment:
    """All data of a card that the verifier needs, including its secrets. `Verifier.enroll` says which values are allowed.

    Attributes:
        serial: The card's serial.
        key: The secret that the card shares with the verifier.
        suite: The OCRA suite, which defines the inputs of a response.
        pin: The PIN, 4 digits. None if the suite has no PIN, or if the PIN is not known yet (see `awaits_pin`).
        counter: The counter that the card will use next.
        unlock_key: The 32 bytes from which unlock codes are made, or None.
        duress_pin: A second PIN for an owner who may be forced to log in, or None.
        owners: The names of the owners.

    Examples:
        >>> from dsc_host import Enrollment, MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> verifier.enroll_all([Enrollment("IB3000123", key=bytes(32), pin="1234"), Enrollment("IB3000124", key=bytes(32))])
        1
    """

    serial: str
    key: bytes = field(repr=False)
    suite: str = DEFAULT_SUITE
    pin: str | None = field(default=None, repr=False)
    counter: int = 0
    unlock_key: bytes | None = field(default=None, repr=False)
    duress_pin: str | None = field(default=None, repr=False)
    owners: tuple[str, ...] = ()
    awaits_pin: bool = False
    """Whether the verifier does not know the PIN yet, although the suite has one. `Verifier.set_pin` sets the PIN later."""
    valid_from: float | None = None
    """The Unix time from which the card's responses are accepted. None means: from the enrollment on."""
    valid_until: float | None = None
    """The Unix time from which the card's responses are refused. None means that the validity does not end."""


@dataclass(frozen=True, slots=True)
class Card:
    """An enrolled card, as it was at the time of the call.

    Attributes:
        serial: The card's serial.
        suite: The card's OCRA suite.
        enrolled_at: The Unix time when the card was enrolled.
        state: The state, for example `State.ACTIVE`.
        state_since: The Unix time of the last change of state.
        has_duress_pin: Whether the card has a second PIN.

    Examples:
        >>> from dsc_host import MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234", owners=("anna",))
        >>> card.counter, card.owners
        (0, ('anna',))
    """

    serial: str
    suite: str
    counter: int
    """The lowest counter whose response would be accepted. Always 0 for a suite without a counter."""
    failures: int
    """The number of wrong responses since the last right response, the end of the last lock, or the last call of `unlock`."""
    locked_until: float | None
    """The Unix time when the card's lock, or its pause after wrong responses, ends. None if it has neither."""
    enrolled_at: float
    has_unlock_key: bool = False
    """Whether the verifier can make unlock codes for the card."""
    unlock_codes: int = 0
    """The number of unlock codes that were made for the card so far."""
    unlock_code_at: float | None = None
    """The Unix time when the last unlock code was made. None if there was none."""
    state: State = State.ENROLLED
    state_since: float = 0
    state_reason: str = ""
    """The reason that was given for the last change of state."""
    owners: tuple[str, ...] = ()
    """The owners' names, sorted. All owners have equal rights."""
    has_duress_pin: bool = False
    awaits_pin: bool = False
    """Whether the suite has a PIN that the verifier does not know yet. Until the PIN is set, no response is accepted."""
    valid_from: float | None = None
    """The Unix time when the card's validity begins. None means that it has no beginning."""
    valid_until: float | None = None
    """The Unix time when the card's validity ends. None means that it has no end."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A question for the user to type into the card, and the id to pass to `Verifier.verify` with the response.

    Attributes:
        serial: The serial of the card that is challenged.

    Examples:
        >>> from dsc_host import MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate(), clock=lambda: 1000.0)
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        >>> challenge = verifier.challenge("IB3000123")
        >>> len(challenge.question), challenge.expires_at
        (6, 1300.0)
    """

    id: str
    """The challenge's id: 22 random hex digits, which nobody can guess."""
    serial: str
    question: str
    """Decimal digits (QN), letters and digits (QA), or hex digits (QH), as many as the suite allows."""
    expires_at: float
    """The Unix time from which a response is too late."""


class Reason(StrEnum):
    """The reason why a response was accepted or refused. Write it to a log only: a reason would help an attacker.

    Attributes:
        ACCEPTED: The right response, at the right time, for the first time.
        WRONG: Not this card's response, or its counter is in the past or beyond the window.
        MALFORMED: A value that no card could show. It counts as a wrong response.
        UNKNOWN: There is no such challenge, it is for a serial without a card, or the two of a resync are not of one card.
        USED: A right response to the challenge was already accepted.
        EXHAUSTED: The challenge has had the maximum number of responses.
        EXPIRED: The response came too late.
        LOCKED: The card is locked, so the response was ignored.
        PAUSED: The card is paused for some seconds after wrong responses, so the response was ignored.
        SUSPENDED: The card is suspended.
        LOST: The card is lost.
        RETIRED: The card is retired.
        AWAITING_PIN: The verifier does not know the card's PIN yet, so the response was ignored.
        NOT_YET_VALID: The card's validity begins later, so the response was ignored.
        NO_LONGER_VALID: The card's validity has ended, so the response was ignored.

    Examples:
        >>> from dsc_host import MasterKey, Reason, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> verifier.verify("no such challenge", "71234507").reason is Reason.UNKNOWN
        True
    """

    ACCEPTED = "accepted"
    WRONG = "wrong"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    USED = "used"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    LOCKED = "locked"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    LOST = "lost"
    RETIRED = "retired"
    AWAITING_PIN = "awaiting pin"
    NOT_YET_VALID = "not yet valid"
    NO_LONGER_VALID = "no longer valid"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one judgment. Show users only `accepted`, which is also the verdict's truth value.

    Attributes:
        reason: The reason, for your log.

    Examples:
        >>> from dsc_host import MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> bool(verifier.verify("no such challenge", "71234507"))
        False
    """

    reason: Reason
    duress: bool = False
    """Whether the response was accepted and made with the duress PIN. With this PIN, an owner shows that somebody forces them.

    Do not show this on the screen where the response was typed.
    """
    retry_after: float | None = None
    """The seconds until the card's lock or pause ends. None unless the reason is LOCKED or PAUSED.

    Do not show a number to somebody who must not learn that the serial is in use.
    """
    closed: bool = field(default=False, compare=False)
    """Whether the challenge is closed or unknown, so that the response was not judged. The sender can know this anyway."""

    @property
    def accepted(self) -> bool:
        """Return whether this was the right response, at the right time, for the first time."""
        return self.reason is Reason.ACCEPTED

    def __bool__(self) -> bool:
        # Without this method, `if verifier.verify(…)` would let everyone in.
        return self.accepted
