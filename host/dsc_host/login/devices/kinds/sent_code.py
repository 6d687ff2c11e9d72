"""Codes by SMS and by phone call. A login needs both the visitor's browser and the phone.

The policy may limit the number of days for which codes give full access. After these days, a login with a code opens only the
account's pages, where the user can get another device.

The login stores only a hash of the code, keyed with the token of the login, which only the user's browser has. The vault keeps
the code itself, sealed, until the message was sent or its last attempt failed.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsc_host.login import rate_limits
from dsc_host.login.accounts.contacts import masked
from dsc_host.login.devices import codes, message_limits
from dsc_host.login.devices.kinds.base import REFUSED, Attempt, DeviceData, DeviceKind, Offered, Outcome, accepted_until
from dsc_host.login.messages import outbox
from dsc_host.login.model import Kind
from dsc_host.login.policy.model import Policy
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device
from dsc_host.records.transaction import Refused


@dataclass(frozen=True, slots=True)
class NumberData(DeviceData):
    """The phone number that codes are sent to."""

    number: str
    ends_at: float | None = None
    """The Unix time at which full access ends, as a reminder announced it; None before the first reminder."""


class _SentCode(DeviceKind):
    """The common base of codes by SMS and by phone call."""

    digits = True
    channel: str
    """The name of the channel in the outbox."""

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        """Put a new code into the outbox, unless a limit on messages is reached."""
        number = self.number(attempt.device)
        if refusal := rate_limits.charge(attempt.tx, message_limits.messages(attempt.tx.context, attempt.user, number)):
            return Refused(refusal)
        code = codes.random_digits(attempt.tx.policy.login.code_digits)
        spoken = " ".join(code) if self.channel == outbox.VOICE else code
        outbox.add(attempt.tx, attempt.user, "code", channel=self.channel, to=number, code=spoken)
        until = attempt.tx.now() + attempt.tx.policy.login.code_validity
        return Offered({"sent_to": masked(number)}, {"digest": _digest(attempt, code), "until": until})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check whether the code is correct and has not expired."""
        right = hmac.compare_digest(_digest(attempt, answer.replace(" ", "")), kept["digest"])
        if not right or attempt.tx.now() >= kept["until"]:
            return REFUSED
        return accepted_until(attempt, self.full_until(attempt.tx.policy, attempt.device))

    def sent_at(self, policy: Policy, kept: Mapping[str, Any]) -> float | None:
        """Return the Unix time at which the code was sent."""
        return message_limits.sent_at(policy, float(kept["until"]))

    def again_at(self, policy: Policy, kept: Mapping[str, Any]) -> float | None:
        """Return the Unix time from which a new code may be sent."""
        return message_limits.again_at(policy, float(kept["until"]))

    def full_until(self, policy: Policy, device: Device) -> float | None:
        """Return the Unix time at which full access ends; None before the first reminder, and if the policy sets no end."""
        announced = NumberData.of(device).ends_at
        if not policy.sms.days or announced is None:
            return None
        return max(announced, device.made_at + policy.sms.days * DAY)

    def label(self, device: Device) -> str:
        """Return the phone number with most digits hidden."""
        return masked(self.number(device))

    def number(self, device: Device) -> str:
        """Return the phone number that codes are sent to."""
        return NumberData.of(device).number


class Sms(_SentCode):
    """The kind of codes by SMS."""

    name = Kind.SMS
    channel = outbox.SMS


class Voice(_SentCode):
    """The kind of codes that are read out in a phone call."""

    name = Kind.VOICE
    channel = outbox.VOICE


def _digest(attempt: Attempt, code: str) -> str:
    text = f"{attempt.device.id} {code}".encode("utf-8", "surrogatepass")
    return hmac.new(attempt.token.encode("utf-8", "surrogatepass"), text, "sha256").hexdigest()
