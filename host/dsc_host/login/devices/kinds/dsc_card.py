"""The Digital Security Card+: a challenge, and the card's response, judged by the verifier."""

from collections.abc import Mapping
from typing import Any

from dsc_host.login.context import found
from dsc_host.login.devices.kinds.base import REFUSED, Desk, Offered, Outcome
from dsc_host.login.model import Status
from dsc_host.records.context import Refused
from dsc_host.verifier import challenges, responses


class CardFactor:
    COUNTS_ITSELF = True

    def offer(self, desk: Desk, *, manual: bool = False) -> Offered | Refused:
        issued = challenges.issue(desk.at.office, desk.db, found(desk.device.serial), conceal=False)
        if isinstance(issued, Refused):
            return issued
        return Offered({"challenge": issued.question}, {"challenge": issued.id})

    def check(self, desk: Desk, kept: Mapping[str, Any], answer: str) -> Outcome:
        response = answer.replace(" ", "")
        verdict = responses.judge(desk.at.office, desk.db, "verify", [(kept["challenge"], response)])
        return Outcome(Status.ACCEPTED, duress=verdict.duress) if verdict else REFUSED
