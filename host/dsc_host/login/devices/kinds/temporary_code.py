"""Temporary codes: support gives them to identified callers. They are static, and their scope shrinks after some days."""

import hmac
from collections.abc import Mapping
from typing import Any

from dsc_host.login.devices import codes, registry
from dsc_host.login.devices.kinds.base import REFUSED, Attempt, Offered, Outcome
from dsc_host.login.model import Scope, Status
from dsc_host.login.transaction import found
from dsc_host.records import vault

_DAY = 24 * 60 * 60


class TemporaryCodeFactor:
    """The kind of temporary codes."""

    COUNTS_ITSELF = False

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered:
        """Offer nothing: the page only asks for the code."""
        return Offered({}, {})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check the code. The scope of the session depends on the age of the code."""
        right = found(vault.get(attempt.tx.cards, registry.secret(attempt.device.id)))
        given = codes.normalized(answer) or ""
        if not hmac.compare_digest(given.encode(), right):
            return REFUSED
        # A session never outlives the scope of its code.
        full_until = attempt.device.made_at + attempt.tx.policy.temporary.full_days * _DAY
        if attempt.tx.now() < full_until:
            return Outcome(Status.ACCEPTED, Scope.FULL, until=full_until)
        return Outcome(Status.ACCEPTED, Scope.ACCOUNT, until=attempt.device.expires_at)
