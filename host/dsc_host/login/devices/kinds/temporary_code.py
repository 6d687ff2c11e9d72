"""Temporary codes, which support gives to identified callers.

The user enters the same code at each login. After some days the code opens only the account's pages, and later it expires.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsc_host.login.devices import codes
from dsc_host.login.devices.kinds.base import (
    REFUSED,
    Attempt,
    DeviceData,
    DeviceKind,
    Offered,
    Outcome,
    accepted_until,
    secret_of,
)
from dsc_host.login.model import Kind
from dsc_host.login.policy.model import Policy
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device
from dsc_host.login.transaction import found
from dsc_host.records import vault


@dataclass(frozen=True, slots=True)
class TemporaryData(DeviceData):
    """The values that are stored with a temporary code."""

    given_by: str = ""
    """The name of the support member who gave the code; empty for codes of early versions."""


class TemporaryCode(DeviceKind):
    """The kind of temporary codes."""

    name = Kind.TEMPORARY_CODE
    temporary = True
    needs_challenge = False

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered:
        """Offer nothing: the page only asks for the code."""
        return Offered({}, {})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check the code. The scope of the session depends on the age of the code."""
        right = found(vault.get(attempt.tx.cards, secret_of(attempt.device)))
        given = codes.normalized(answer) or ""
        if not hmac.compare_digest(given.encode(), right):
            return REFUSED
        return accepted_until(attempt, self.full_until(attempt.tx.policy, attempt.device))

    def given_by(self, device: Device) -> str:
        """Return the name of the support member who gave the code."""
        return TemporaryData.of(device).given_by

    def valid_until(self, policy: Policy, now: float) -> float:
        """Return the Unix time at which a code that is made at `now` expires."""
        return self.full_days_end(policy, now) + policy.temporary.account_days * DAY

    def full_until(self, policy: Policy, device: Device) -> float:
        """Return the Unix time at which the full access of the code ends."""
        return self.full_days_end(policy, device.made_at)

    def full_days_end(self, policy: Policy, made_at: float) -> float:
        """Return the Unix time until which a code that was made at `made_at` gives full access."""
        return made_at + policy.temporary.full_days * DAY
