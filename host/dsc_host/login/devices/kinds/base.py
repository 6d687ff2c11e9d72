"""What every way of proving who one is has in common.

A factor offers: says what the page shows, and what has to be kept until the answer comes. It checks: says what the answer is.
It does both in the transaction that is open, in which the user is locked: so of answers that come at once, one is judged after
the other, and what is to be used once is.
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
    """Where one offer is made, or one answer checked."""

    tx: LoginTransaction
    user: User
    device: Device
    token: str = field(repr=False)
    """The login's own: what nobody but the visitor's browser has."""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """What the page shows, and what is kept with the login until the answer comes."""

    shows: Mapping[str, str]
    keeps: Mapping[str, Any]
    once: bool = False
    """Whether one refusal uses it up: there is nothing that could be typed more rightly."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer is."""

    status: Status
    scope: Scope = Scope.FULL
    longest: float | None = None
    """How long the session may last, if not as long as others; then it does not end for being idle."""
    until: float | None = None
    """When it ends at the latest."""
    duress: bool = False
    looked_at: bool = True
    """Whether the answer was compared with anything. One that was not is no guess, and is not counted."""


REFUSED = Outcome(Status.REFUSED)
STALE = Outcome(Status.REFUSED, looked_at=False)
"""To an answer to what is not asked for any more."""
ACCEPTED = Outcome(Status.ACCEPTED)
WAITING = Outcome(Status.WAITING)


class Factor(Protocol):
    """One way of proving who one is."""

    COUNTS_ITSELF: bool
    """Whether wrong answers are counted, and lock it, where it checks them: in the verifier."""

    def offer(self, attempt: Attempt, *, manual: bool) -> Offered | Refused:
        """`manual`: where there are two ways, that which needs nothing but the page. A refusal is kept: it is logged."""

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """What this answer is to what was offered. Raises for no text whatever."""
