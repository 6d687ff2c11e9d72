"""The base class of all device kinds, which declares everything in which the kinds differ.

A kind offers a challenge: it returns the values that the page shows, and the values to store until the answer comes. Later the
kind checks the answer. Both happen in an open transaction that has locked the user. Parallel answers are therefore judged one
after the other, and a code that is valid once cannot be used twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Connection

from dsc_host.login import json_column
from dsc_host.login.model import DeviceState, Kind, Loss, Scope, Status
from dsc_host.login.policy.model import Policy
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records.transaction import Refused


@dataclass(frozen=True, slots=True)
class DeviceData:
    """The values that a kind stores with each of its devices. This base class has none."""

    @classmethod
    def of(cls, device: Device) -> Self:
        """Return the values of a device."""
        return json_column.read(cls, device.data)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A single offer or check: the transaction, the user and the device."""

    tx: LoginTransaction
    user: User
    device: Device
    token: str = field(repr=False)
    """The token of the login or session, which only the visitor's browser has; the session's id for a proof without a token."""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A challenge: the values that the page shows, and the values that are stored with the login until the answer comes."""

    shows: Mapping[str, str]
    keeps: Mapping[str, Any]
    once: bool = False
    """Whether the challenge takes only one answer. A push does: if it is denied, the challenge is closed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an answer."""

    status: Status
    scope: Scope = Scope.FULL
    longest: float | None = None
    """The seconds that the session lasts, in place of the policy's `sessions.longest`. Such a session has no idle timeout."""
    until: float | None = None
    """The Unix time at which the session ends at the latest."""
    extends: bool = False
    """Whether a further answer with the same method extends the session that this answer opened."""
    duress: bool = False
    compared: bool = True
    """Whether the answer was compared. An answer that was not compared is not counted as a guess."""


REFUSED = Outcome(Status.REFUSED)
STALE = Outcome(Status.REFUSED, compared=False)
"""The outcome for an answer to a challenge that is no longer open."""
ACCEPTED = Outcome(Status.ACCEPTED)
WAITING = Outcome(Status.WAITING)


class DeviceKind(ABC):
    """The base class of device kinds. Its attributes are the defaults, and each kind sets the attributes that differ.

    The policy's table of levels has a row for each kind, with its level, its limits, and whether it can be shared.
    """

    name: Kind
    """The name of the kind in the database and in the policy."""
    physical = False
    """Whether a device is a physical object. Users who share somebody else's device set their own physical devices aside."""
    lasting = False
    """Whether a device is meant for permanent use. A user with such a device gets no online card."""
    temporary = False
    """Whether a device is used only until its user has a lasting device again."""
    enrolled = False
    """Whether the verifier holds the device's keys. The verifier then counts wrong answers and locks the device."""
    replaces_messages = False
    """Whether a user with such a device gets no codes by SMS and call-back."""
    has_sheet = False
    """Whether a device is a sheet of codes, which are shown until it is activated."""
    changes_pin = False
    """Whether the user can change the PIN on the device."""
    digits = False
    """Whether an answer consists of digits."""
    needs_challenge = True
    """Whether an answer is valid only for one challenge. A static code is valid without a challenge."""
    losses: tuple[Loss, ...] = (Loss.LOST,)
    """The losses that a caller can report to support. Without support, users can report any device as lost or stolen."""

    @abstractmethod
    def offer(self, attempt: Attempt, *, manual: bool) -> Offered | Refused:
        """Offer a challenge. If `manual` is true, offer a challenge that the user types, instead of a push.

        The transaction of a refusal is committed, so that its log entry stays.
        """

    @abstractmethod
    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check an answer to the offered challenge. Raises no error for any text."""

    def check_activation(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check an answer that activates the device."""
        return self.check(attempt, kept, answer)

    def check_new_pin(self, attempt: Attempt, kept: Mapping[str, Any], answer: str, pin: str) -> Outcome:
        """Check an answer that was made with a new PIN. If it is correct, replace the old PIN."""
        return REFUSED

    def is_waiting(self, tx: LoginTransaction, kept: Mapping[str, Any]) -> bool:
        """Return whether the offer still waits for an answer from the user's phone. Writes nothing."""
        return False

    def code_letters(self, policy: Policy, device: Device) -> int | None:
        """Return the number of characters of each code of a code card; None for other kinds."""
        return None

    def sent_at(self, policy: Policy, kept: Mapping[str, Any]) -> float | None:
        """Return the Unix time at which a code was sent for the offer; None if nothing was sent."""
        return None

    def again_at(self, policy: Policy, kept: Mapping[str, Any]) -> float | None:
        """Return the Unix time from which the offer may be sent again; None if nothing was sent."""
        return None

    def label(self, device: Device) -> str:
        """Return a text that distinguishes a device from others of its kind."""
        return device.serial or ""

    def number(self, device: Device) -> str:
        """Return the phone number that codes are sent to; empty if none are sent."""
        return ""

    def numbers_with(self, db: Connection, user: User, device: Device) -> list[str]:
        """Return the phone numbers that may be lost together with the device: a thief of the phone would get their codes."""
        return [number] if (number := self.number(device)) else []

    def given_by(self, device: Device) -> str:
        """Return the name of the support member who gave a temporary device; empty if it is not known."""
        return ""

    def valid_until(self, policy: Policy, now: float) -> float | None:
        """Return the Unix time at which a device that is activated at `now` expires; None if it does not expire."""
        return None

    def activates_at(self, device: Device) -> float | None:
        """Return the Unix time of the automatic activation that is stored with a device; None if there is none.

        A code card has it from the beginning. A card with a request has it once its owner was notified that the activation is
        imminent.
        """
        return None

    def with_activation(self, device: Device, at: float) -> DeviceData:
        """Return the values of a device that is to be activated automatically at the Unix time `at`.

        Raises `TypeError` for a kind whose devices are never activated automatically.
        """
        raise TypeError(f"a {self.name} is not activated automatically: {device.id}, {at}")

    def full_until(self, policy: Policy, device: Device) -> float | None:
        """Return the Unix time at which the full access of a device ends; None if it never ends or its end is not known yet."""
        return None

    def is_returnable(self, policy: Policy, device: Device) -> bool:
        """Return whether the issuer takes the device back."""
        return False

    def state_after(self, loss: Loss) -> DeviceState:
        """Return the state of a device after its loss."""
        return DeviceState(loss.value) if self.lasting else DeviceState.ENDED

    def state_when_suspended(self) -> DeviceState:
        """Return the state of a device after a user has reported its loss with name and password only."""
        return DeviceState.MISPLACED if self.lasting else DeviceState.ENDED

    def replaces(self, other: "DeviceKind") -> bool:
        """Return whether the activation of a device of this kind permanently ends misplaced devices of the other kind."""
        return other.name == self.name

    def can_answer(self, tx: LoginTransaction, device: Device) -> bool:
        """Return whether the device can answer: False if the verifier's operator has taken the device's keys out of use."""
        return True

    def disable(self, tx: LoginTransaction, device: Device, reason: str) -> None:  # noqa: B027 - most kinds have no keys
        """Take the device's keys, if it has any, out of use in the verifier. `reason` may be a loss."""


def accepted_until(attempt: Attempt, full_until: float | None) -> Outcome:
    """Return the outcome of a correct answer.

    `full_until` is what `DeviceKind.full_until` returns. After this time, the device opens only the account's pages. A session
    ends when the access of its device changes.
    """
    if full_until is None:
        return ACCEPTED
    if attempt.tx.now() < full_until:
        return Outcome(Status.ACCEPTED, Scope.FULL, until=full_until)
    return Outcome(Status.ACCEPTED, Scope.ACCOUNT, until=attempt.device.expires_at)


def secret_of(device: Device) -> str:
    """Return the name under which the vault keeps the secret that the device's codes are made from."""
    return f"device:{device.id}"
