"""Codes that are sent: by SMS, or read out in a call. Only the visitor's browser and the phone together open the door.

The code itself is kept nowhere: what is kept is its hash under the login's token, which is in the visitor's browser alone.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from dsc_host.login import rate_limits
from dsc_host.login.accounts.contacts import masked
from dsc_host.login.context import data_of
from dsc_host.login.devices import answer_limits, codes
from dsc_host.login.devices.kinds.base import ACCEPTED, REFUSED, Desk, Offered, Outcome
from dsc_host.login.messages import outbox
from dsc_host.records.context import Refused


class SentCodeFactor:
    COUNTS_ITSELF = False

    def __init__(self, channel: str) -> None:
        """`channel`: that of the outbox."""
        self._channel = channel

    def offer(self, desk: Desk, *, manual: bool = False) -> Offered | Refused:
        number = data_of(desk.device)["number"]
        if refusal := rate_limits.charge(desk.at, desk.db, answer_limits.messages(desk.at, desk.user, number)):
            return Refused(refusal)
        code = codes.random_digits(desk.at.policy.login.code_digits)
        spoken = " ".join(code) if self._channel == outbox.VOICE else code
        outbox.tell(desk.at, desk.db, desk.user, "code", channel=self._channel, to=number, code=spoken)
        until = desk.at.now() + desk.at.policy.login.code_validity
        return Offered({"sent_to": masked(number)}, {"digest": _digest(desk, code), "until": until})

    def check(self, desk: Desk, kept: Mapping[str, Any], answer: str) -> Outcome:
        right = hmac.compare_digest(_digest(desk, answer.replace(" ", "")), kept["digest"])
        return ACCEPTED if right and desk.at.now() < kept["until"] else REFUSED


def _digest(desk: Desk, code: str) -> str:
    text = f"{desk.device.id} {code}".encode("utf-8", "surrogatepass")
    return hmac.new(desk.token.encode("utf-8", "surrogatepass"), text, "sha256").hexdigest()
