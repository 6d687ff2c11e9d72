"""The protocol of all device kinds.

A factor offers a challenge: it returns what the page shows, and what is kept until the answer comes. Later it checks the
answer. Both happen in an open transaction that has locked the user. Parallel answers are therefore judged one after the other,
and single-use values are used once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from dsc_host.login.model import Scope, Status
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records.transaction import Refused


@dataclass(frozen=True, slots=True)
class Attempt:
    """A single offer or check: the transaction, the user and the device."""

    tx: LoginTransaction
    user: User
    device: Device
    token: str = field(repr=False)
    """The token of the login, which only the visitor's browser has."""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A challenge: what the page shows, and what is kept with the login until the answer comes."""

    shows: Mapping[str, str]
    keeps: Mapping[str, Any]
    once: bool = False
    """Whether a single refusal uses it up. This is so if the user types nothing and could not correct it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an answer."""

    status: Status
    scope: Scope = Scope.FULL
    longest: float | None = None
    """The maximum duration of the session in seconds, if it differs from the policy's. The session then has no idle timeout."""
    until: float | None = None
    """The Unix time at which the session ends at the latest."""
    duress: bool = False
    looked_at: bool = True
    """Whether the answer was compared. An answer that was not is no guess and is not counted."""


REFUSED = Outcome(Status.REFUSED)
STALE = Outcome(Status.REFUSED, looked_at=False)
"""The outcome for an answer to a challenge that is no longer open."""
ACCEPTED = Outcome(Status.ACCEPTED)
WAITING = Outcome(Status.WAITING)


class Factor(Protocol):
    """One kind of proof that the user has a device."""

    COUNTS_ITSELF: bool
    """Whether the verifier counts wrong answers and locks the device."""

    def offer(self, attempt: Attempt, *, manual: bool) -> Offered | Refused:
        """Offer a challenge. `manual` asks for one to type instead of a push. A refusal is committed with its log entry."""

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check an answer to what was offered. Raises nothing, whatever the text."""
