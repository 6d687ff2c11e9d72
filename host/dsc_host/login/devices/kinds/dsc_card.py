"""The Digital Security Card+: the page shows a challenge, and the verifier judges the card's response."""

from collections.abc import Mapping
from typing import Any

from dsc_host.login.devices.kinds.base import REFUSED, Attempt, Offered, Outcome
from dsc_host.login.model import Status
from dsc_host.login.transaction import found
from dsc_host.records.transaction import Refused
from dsc_host.verifier import challenges, responses


class CardFactor:
    """The kind of the Digital Security Card+."""

    COUNTS_ITSELF = True

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        """Issue a challenge for the card."""
        issued = challenges.issue(attempt.tx.cards, found(attempt.device.serial), conceal=False)
        if isinstance(issued, Refused):
            return issued
        return Offered({"challenge": issued.question}, {"challenge": issued.id})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Have the verifier judge the response."""
        response = answer.replace(" ", "")
        verdict = responses.judge(attempt.tx.cards, "verify", [(kept["challenge"], response)])
        return Outcome(Status.ACCEPTED, duress=verdict.duress) if verdict else REFUSED
