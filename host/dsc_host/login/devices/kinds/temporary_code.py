"""Temporary codes: static, given by support once it knows who is calling, and good for less as they grow older."""

import hmac
from collections.abc import Mapping
from typing import Any

from dsc_host.login.context import found
from dsc_host.login.devices import codes, registry
from dsc_host.login.devices.kinds.base import REFUSED, Desk, Offered, Outcome
from dsc_host.login.model import Scope, Status
from dsc_host.records import vault

_DAY = 24 * 60 * 60


class TemporaryCodeFactor:
    COUNTS_ITSELF = False

    def offer(self, desk: Desk, *, manual: bool = False) -> Offered:
        return Offered({}, {})

    def check(self, desk: Desk, kept: Mapping[str, Any], answer: str) -> Outcome:
        right = found(vault.get(desk.at.office, desk.db, registry.secret(desk.device.id)))
        given = codes.normalized(answer) or ""
        if not hmac.compare_digest(given.encode(), right):
            return REFUSED
        # A session is worth no more than the code is, also later.
        full_until = desk.device.made_at + desk.at.policy.temporary.full_days * _DAY
        if desk.at.now() < full_until:
            return Outcome(Status.ACCEPTED, Scope.FULL, until=full_until)
        return Outcome(Status.ACCEPTED, Scope.ACCOUNT, until=desk.device.expires_at)
