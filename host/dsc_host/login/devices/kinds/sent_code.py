"""Codes that are sent: by SMS, or read out in a call. Only the visitor's browser and the phone together open the door.

The code itself is kept nowhere: what is kept is its hash under the login's token, which is in the visitor's browser alone.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from dsc_host.login import rate_limits
from dsc_host.login.accounts.contacts import masked
from dsc_host.login.devices import answer_limits, codes
from dsc_host.login.devices.kinds.base import ACCEPTED, REFUSED, Attempt, Offered, Outcome
from dsc_host.login.messages import outbox
from dsc_host.login.transaction import data_of
from dsc_host.records.transaction import Refused


class SentCodeFactor:
    COUNTS_ITSELF = False

    def __init__(self, channel: str) -> None:
        """`channel`: that of the outbox."""
        self._channel = channel

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        number = data_of(attempt.device)["number"]
        if refusal := rate_limits.charge(attempt.tx, answer_limits.messages(attempt.tx.context, attempt.user, number)):
            return Refused(refusal)
        code = codes.random_digits(attempt.tx.policy.login.code_digits)
        spoken = " ".join(code) if self._channel == outbox.VOICE else code
        outbox.tell(attempt.tx, attempt.user, "code", channel=self._channel, to=number, code=spoken)
        until = attempt.tx.now() + attempt.tx.policy.login.code_validity
        return Offered({"sent_to": masked(number)}, {"digest": _digest(attempt, code), "until": until})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        right = hmac.compare_digest(_digest(attempt, answer.replace(" ", "")), kept["digest"])
        return ACCEPTED if right and attempt.tx.now() < kept["until"] else REFUSED


def _digest(attempt: Attempt, code: str) -> str:
    text = f"{attempt.device.id} {code}".encode("utf-8", "surrogatepass")
    return hmac.new(attempt.token.encode("utf-8", "surrogatepass"), text, "sha256").hexdigest()
