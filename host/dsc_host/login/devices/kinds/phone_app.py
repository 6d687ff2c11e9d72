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
from dsc_host.login.devices import codes
from dsc_host.login.devices.kinds.base import REFUSED, WAITING, Attempt, Offered, Outcome
from dsc_host.login.model import Status
from dsc_host.login.rate_limits import Gate
from dsc_host.login.rows import Push
from dsc_host.login.transaction import LoginTransaction, data_of, found
from dsc_host.records import table_rows
from dsc_host.records.transaction import Refused
from dsc_host.verifier import challenges, responses
from dsc_host.verifier.model import Challenge
from dsc_host.verifier.transaction import CardTransaction

PIN, FINGER = "pin", "biometrics"
LETTERS = {"P": PIN, "B": FINGER}
"""What a response string begins with."""
ASKED, APPROVED, DENIED, USED = "asked", "approved", "denied", "used"
_DRAWS = 10
_DAY = 24 * 60 * 60


class PhoneFactor:
    COUNTS_ITSELF = True

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        asked = _challenges(attempt)
        if isinstance(asked, Refused):
            return asked
        question = asked[PIN].question
        ids = {method: challenge.id for method, challenge in asked.items()}
        _end_earlier(attempt)
        # Whoever has the password could ask until somebody approves only to have peace; a challenge disturbs nobody.
        if manual or rate_limits.charge(attempt.tx, [_pushes(attempt)]):
            return Offered({"challenge": question}, {"challenges": ids})
        push = _push(attempt, question, ids)
        return Offered({"number": push.number}, {"push": push.id}, once=True)

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        if "push" in kept:
            return self._pushed(attempt, kept["push"])
        text = answer.replace(" ", "").upper()
        method = LETTERS.get(text[:1], "")
        if method not in kept["challenges"]:
            return REFUSED
        verdict = responses.judge(attempt.tx.cards, "verify", [(kept["challenges"][method], text[1:])])
        return entered(attempt, method) if verdict else REFUSED

    def _pushed(self, attempt: Attempt, push_id: str) -> Outcome:
        push = found(rows.pushes.locked(attempt.tx.db, push_id))
        if push.state == APPROVED and attempt.tx.now() < push.expires_at:
            rows.pushes.change(attempt.tx.db, push.id, state=USED)
            return entered(attempt, push.method)
        return WAITING if push.state == ASKED and attempt.tx.now() < push.expires_at else REFUSED


def is_waiting(tx: LoginTransaction, kept: Mapping[str, Any]) -> bool:
    """Tell whether the push that an offer has kept is still to be answered. It only reads."""
    push = rows.pushes.find(tx.db, kept.get("push", ""))
    return push is not None and push.state == ASKED and tx.now() < push.expires_at


def entered(attempt: Attempt, method: str) -> Outcome:
    rate_limits.passed(attempt.tx, [_pushes(attempt)])
    sessions = attempt.tx.policy.sessions
    return Outcome(Status.ACCEPTED, longest=sessions.pin if method == PIN else sessions.biometrics)


def serials(device: rows.Device) -> dict[str, str]:
    """The serial of each method's key in the verifier's records."""
    return dict(data_of(device)["serials"])


def _challenges(attempt: Attempt) -> dict[str, Challenge] | Refused:
    """One question to each of the app's keys: the same, because a person types it once."""
    for _ in range(_DRAWS):
        context = attempt.tx.cards.context
        question = context.draw(6)
        cards = CardTransaction(replace(context, draw=partial(_drawn, question)), attempt.tx.db)
        try:
            issued = {method: challenges.issue(cards, serial, False) for method, serial in serials(attempt.device).items()}
        except VerifierError:
            # One of the keys was asked this before.
            continue
        refusals = [each for each in issued.values() if isinstance(each, Refused)]
        return refusals[0] if refusals else {m: c for m, c in issued.items() if isinstance(c, Challenge)}
    raise VerifierError("phone: nearly all its questions have been used; activate the app anew")


def _pushes(attempt: Attempt) -> Gate:
    """How often a phone may be asked without anything being approved."""
    return Gate("pushes", attempt.device.id, attempt.tx.policy.phone.pushes, _DAY, _DAY)


def _drawn(question: str, _digits: int) -> str:
    return question


def _end_earlier(attempt: Attempt) -> None:
    """One at a time: what was asked before is not to be approved by mistake."""
    for earlier in rows.pushes.all(attempt.tx.db, rows.pushes.c.device_id == attempt.device.id, rows.pushes.c.state == ASKED):
        rows.pushes.change(attempt.tx.db, earlier.id, state=DENIED)


def _number(attempt: Attempt) -> str:
    """Draw a number that no other page shows for this phone now: so nobody asks until theirs is the one on the owner's page."""
    earliest, column = attempt.tx.now() - attempt.tx.policy.login.step_validity, rows.pushes.c
    taken = {
        push.number
        for push in rows.pushes.all(attempt.tx.db, column.device_id == attempt.device.id, column.asked_at > earliest)
    }
    for _ in range(_DRAWS * _DRAWS):
        number = codes.random_digits(attempt.tx.policy.phone.number_digits)
        if number not in taken:
            break
    return number


def _push(attempt: Attempt, question: str, ids: Mapping[str, str]) -> Push:
    now = attempt.tx.now()
    push = Push(
        id=table_rows.new_id(),
        device_id=attempt.device.id,
        pin_challenge=ids[PIN],
        finger_challenge=ids.get(FINGER, ""),
        question=question,
        number=_number(attempt),
        state=ASKED,
        method="",
        asked_at=now,
        expires_at=now + attempt.tx.policy.phone.push_validity,
        asked_from=attempt.address,
    )
    return rows.pushes.add(attempt.tx.db, push)
