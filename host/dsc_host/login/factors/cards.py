"""The Digital Security Card+: a challenge, and the card's response, judged by the verifier."""

from collections.abc import Mapping
from typing import Any

from dsc_host.login.factors.protocol import REFUSED, Desk, Offered, Outcome
from dsc_host.login.model import Status
from dsc_host.login.reception import found
from dsc_host.verifier import issuing, verdicts
from dsc_host.verifier.office import Refused


class CardFactor:
    COUNTS_ITSELF = True

    def offer(self, desk: Desk, *, manual: bool = False) -> Offered | Refused:
        issued = issuing.issue(desk.at.office, desk.db, found(desk.device.serial), conceal=False)
        if isinstance(issued, Refused):
            return issued
        return Offered({"challenge": issued.question}, {"challenge": issued.id})

    def check(self, desk: Desk, kept: Mapping[str, Any], answer: str) -> Outcome:
        response = answer.replace(" ", "")
        verdict = verdicts.judge(desk.at.office, desk.db, "verify", [(kept["challenge"], response)])
        return Outcome(Status.ACCEPTED, duress=verdict.duress) if verdict else REFUSED
