"""Codes by SMS and by phone call. A login needs both the visitor's browser and the phone.

The code itself is not stored. The database keeps its hash under the login's token, which only the visitor's browser has.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from dsc_host.login import rate_limits
from dsc_host.login.accounts.contacts import masked
from dsc_host.login.devices import codes, message_limits
from dsc_host.login.devices.kinds.base import ACCEPTED, REFUSED, Attempt, Offered, Outcome
from dsc_host.login.messages import outbox
from dsc_host.login.transaction import data_of
from dsc_host.records.transaction import Refused


class SentCodeFactor:
    """The kind of codes that are sent over one channel."""

    COUNTS_ITSELF = False

    def __init__(self, channel: str) -> None:
        """`channel` is the outbox's name of the channel."""
        self._channel = channel

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        """Put a new code into the outbox, unless a limit on messages is reached."""
        number = data_of(attempt.device)["number"]
        if refusal := rate_limits.charge(attempt.tx, message_limits.messages(attempt.tx.context, attempt.user, number)):
            return Refused(refusal)
        code = codes.random_digits(attempt.tx.policy.login.code_digits)
        spoken = " ".join(code) if self._channel == outbox.VOICE else code
        outbox.add(attempt.tx, attempt.user, "code", channel=self._channel, to=number, code=spoken)
        until = attempt.tx.now() + attempt.tx.policy.login.code_validity
        return Offered({"sent_to": masked(number)}, {"digest": _digest(attempt, code), "until": until})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check the code and its time."""
        right = hmac.compare_digest(_digest(attempt, answer.replace(" ", "")), kept["digest"])
        return ACCEPTED if right and attempt.tx.now() < kept["until"] else REFUSED


def _digest(attempt: Attempt, code: str) -> str:
    text = f"{attempt.device.id} {code}".encode("utf-8", "surrogatepass")
    return hmac.new(attempt.token.encode("utf-8", "surrogatepass"), text, "sha256").hexdigest()
