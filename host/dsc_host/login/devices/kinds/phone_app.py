"""The phone app: a question that is pushed to it, to be approved or denied there; or, without network, a challenge to type.

The number that the page shows is shown on the phone too: so nobody approves somebody else's login for their own. The app has
two keys, one that its PIN makes and one that a finger or a face releases; by which one answered is known how long a session
may last. A response string begins with the letter of its key. A phone that was asked too often, and has
approved nothing, is not asked any more that day: the challenge is typed then.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from dsc_host.errors import VerifierError
from dsc_host.login import rate_limits, rows
from dsc_host.login.context import data_of, found
from dsc_host.login.devices import codes
from dsc_host.login.devices.kinds.base import REFUSED, WAITING, Desk, Offered, Outcome
from dsc_host.login.model import Status
from dsc_host.login.rate_limits import Gate
from dsc_host.login.rows import Push
from dsc_host.records import table_rows
from dsc_host.records.context import Refused
from dsc_host.verifier import challenges, responses
from dsc_host.verifier.model import Challenge

PIN, FINGER = "pin", "biometrics"
LETTERS = {"P": PIN, "B": FINGER}
"""What a response string begins with."""
ASKED, APPROVED, DENIED, USED = "asked", "approved", "denied", "used"
_DRAWS = 10
_DAY = 24 * 60 * 60


class PhoneFactor:
    COUNTS_ITSELF = True

    def offer(self, desk: Desk, *, manual: bool = False) -> Offered | Refused:
        asked = _challenges(desk)
        if isinstance(asked, Refused):
            return asked
        question = asked[PIN].question
        ids = {method: challenge.id for method, challenge in asked.items()}
        _end_earlier(desk)
        # Whoever has the password could ask until somebody approves only to have peace; a challenge disturbs nobody.
        if manual or rate_limits.charge(desk.at, desk.db, [_pushes(desk)]):
            return Offered({"challenge": question}, {"challenges": ids})
        push = _push(desk, question, ids)
        return Offered({"number": push.number}, {"push": push.id}, once=True)

    def check(self, desk: Desk, kept: Mapping[str, Any], answer: str) -> Outcome:
        if "push" in kept:
            return self._pushed(desk, kept["push"])
        text = answer.replace(" ", "").upper()
        method = LETTERS.get(text[:1], "")
        if method not in kept["challenges"]:
            return REFUSED
        verdict = responses.judge(desk.at.office, desk.db, "verify", [(kept["challenges"][method], text[1:])])
        return entered(desk, method) if verdict else REFUSED

    def _pushed(self, desk: Desk, push_id: str) -> Outcome:
        push = found(rows.pushes.locked(desk.db, push_id))
        if push.state == APPROVED and desk.at.now() < push.expires_at:
            rows.pushes.change(desk.db, push.id, state=USED)
            return entered(desk, push.method)
        return WAITING if push.state == ASKED and desk.at.now() < push.expires_at else REFUSED


def entered(desk: Desk, method: str) -> Outcome:
    rate_limits.passed(desk.at, desk.db, [_pushes(desk)])
    sessions = desk.at.policy.sessions
    return Outcome(Status.ACCEPTED, longest=sessions.pin if method == PIN else sessions.biometrics)


def serials(device: rows.Device) -> dict[str, str]:
    """The serial of each method's key in the verifier's records."""
    return dict(data_of(device)["serials"])


def _challenges(desk: Desk) -> dict[str, Challenge] | Refused:
    """One question to each of the app's keys: the same, because a person types it once."""
    for _ in range(_DRAWS):
        question = desk.at.office.draw(6)
        office = replace(desk.at.office, draw=partial(_drawn, question))
        try:
            issued = {
                method: challenges.issue(office, desk.db, serial, False) for method, serial in serials(desk.device).items()
            }
        except VerifierError:
            # One of the keys was asked this before.
            continue
        refusals = [each for each in issued.values() if isinstance(each, Refused)]
        return refusals[0] if refusals else {m: c for m, c in issued.items() if isinstance(c, Challenge)}
    raise VerifierError("phone: nearly all its questions have been used; activate the app anew")


def _pushes(desk: Desk) -> Gate:
    """How often a phone may be asked without anything being approved."""
    return Gate("pushes", desk.device.id, desk.at.policy.phone.pushes, _DAY, _DAY)


def _drawn(question: str, _digits: int) -> str:
    return question


def _end_earlier(desk: Desk) -> None:
    """One at a time: what was asked before is not to be approved by mistake."""
    for earlier in rows.pushes.all(desk.db, rows.pushes.c.device_id == desk.device.id, rows.pushes.c.state == ASKED):
        rows.pushes.change(desk.db, earlier.id, state=DENIED)


def _number(desk: Desk) -> str:
    """Draw a number that no other page shows for this phone now: so nobody asks until theirs is the one on the owner's page."""
    earliest, column = desk.at.now() - desk.at.policy.login.step_validity, rows.pushes.c
    taken = {push.number for push in rows.pushes.all(desk.db, column.device_id == desk.device.id, column.asked_at > earliest)}
    for _ in range(_DRAWS * _DRAWS):
        number = codes.random_digits(desk.at.policy.phone.number_digits)
        if number not in taken:
            break
    return number


def _push(desk: Desk, question: str, ids: Mapping[str, str]) -> Push:
    now = desk.at.now()
    push = Push(
        id=table_rows.new_id(),
        device_id=desk.device.id,
        pin_challenge=ids[PIN],
        finger_challenge=ids.get(FINGER, ""),
        question=question,
        number=_number(desk),
        state=ASKED,
        method="",
        asked_at=now,
        expires_at=now + desk.at.policy.phone.push_validity,
        asked_from=desk.address,
    )
    return rows.pushes.add(desk.db, push)
