"""The phone app. Its user approves or denies a push of a login. Without a network, the user types a challenge into the app.

The page of a login shows a number. The user enters this number on the phone, so that nobody approves the login of somebody else
by mistake. The app has a key that is derived from its PIN. If the user has enabled biometrics, the app has a second key, which
a finger or a face releases. The key that answered determines how long the session may last. A response that the user types
into the login page begins with the letter of this key: P for the PIN, B for biometrics. After too many pushes without an
approval, a phone gets no pushes for a day, and the user types the challenge. The phone gets pushes again as soon as a typed
response is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from dsc_host.errors import StoreError, VerifierError
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import contacts
from dsc_host.login.devices import codes
from dsc_host.login.devices.kinds.base import REFUSED, WAITING, Attempt, DeviceData, DeviceKind, Offered, Outcome
from dsc_host.login.devices.kinds.challenge_card import is_misplaced
from dsc_host.login.model import Kind, Loss, Status
from dsc_host.login.rate_limits import DAY, RateLimit
from dsc_host.login.rows import Device, Push, User
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.ocra import fold_response
from dsc_host.records import table_rows
from dsc_host.records.transaction import Refused
from dsc_host.verifier import challenges, judgment, lifecycle
from dsc_host.verifier.model import Challenge, State

PIN, FINGER = "pin", "biometrics"
LETTERS = {"P": PIN, "B": FINGER}
"""The first letter of a typed response, with the method that the letter stands for."""
ASKED, APPROVED, DENIED, USED = "asked", "approved", "denied", "used"
_DRAWS = 10


@dataclass(frozen=True, slots=True)
class AppData(DeviceData):
    """The values that are stored with an app."""

    label: str
    serials: Mapping[str, str]
    """The serials of the app's keys in the verifier, by method."""
    token: str
    """The hash of the token with which the app identifies itself."""


class PhoneApp(DeviceKind):
    """The kind of the phone app."""

    name = Kind.PHONE_APP
    lasting = True
    enrolled = True
    replaces_messages = True

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        """Send a push to the phone. Offer a challenge to type if `manual` is set or the limit on pushes is reached."""
        asked = _challenges(attempt)
        if isinstance(asked, Refused):
            return asked
        question = asked[PIN].question
        ids = {method: challenge.id for method, challenge in asked.items()}
        _end_earlier(attempt)
        # Limit the pushes: an attacker who knows the password could send pushes until the annoyed owner approves one.
        if manual or rate_limits.charge(attempt.tx, [_pushes(attempt)]):
            return Offered({"challenge": question}, {"challenges": ids})
        push = _push(attempt, question, ids)
        return Offered({"number": push.number}, {"push": push.id}, once=True)

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check whether the push was approved, or judge the response to the challenge."""
        if "push" in kept:
            return self._check_push(attempt, kept["push"])
        text = fold_response(answer).upper()
        method = LETTERS.get(text[:1], "")
        if method not in kept["challenges"]:
            return REFUSED
        verdict = judgment.judge(attempt.tx.cards, "verify", [(kept["challenges"][method], text[1:])])
        return accept(attempt, method) if verdict else REFUSED

    def _check_push(self, attempt: Attempt, push_id: str) -> Outcome:
        push = found(rows.pushes.locked(attempt.tx.db, push_id))
        if push.state == APPROVED and attempt.tx.now() < push.expires_at:
            rows.pushes.change(attempt.tx.db, push.id, state=USED)
            return accept(attempt, push.method)
        return WAITING if _is_open(attempt.tx, push) else REFUSED

    def is_waiting(self, tx: LoginTransaction, kept: Mapping[str, Any]) -> bool:
        """Return whether the push still waits for an answer."""
        push = rows.pushes.find(tx.db, kept.get("push", ""))
        return push is not None and _is_open(tx, push)

    def numbers_with(self, db: Connection, user: User, device: Device) -> list[str]:
        """Return all numbers of the user: each may be a number of this phone."""
        return [known.number for known in contacts.phones_of(db, user)]

    def check_activation(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check a response. Reactivate the keys of a suspended app, and keep them active only if the response is correct."""
        serials = AppData.of(attempt.device).serials.values()
        if not all(is_misplaced(attempt.tx.cards, serial) for serial in serials):
            # The operator of the verifier has changed the state of a key since the app was suspended.
            return REFUSED
        for serial in serials:
            lifecycle.move_if_possible(attempt.tx.cards, serial, State.ACTIVE, "found")
        outcome = self.check(attempt, kept, answer)
        if outcome.status is not Status.ACCEPTED:
            for serial in serials:
                lifecycle.move_if_possible(attempt.tx.cards, serial, State.SUSPENDED, str(Loss.MISPLACED))
        return outcome

    def disable(self, tx: LoginTransaction, device: Device, reason: str) -> None:
        """Suspend the app's keys if the phone was misplaced; otherwise retire them."""
        to = State.SUSPENDED if reason == Loss.MISPLACED else State.RETIRED
        for serial in AppData.of(device).serials.values():
            lifecycle.move_if_possible(tx.cards, serial, to, reason)


def key_serial(app: str, method: str) -> str:
    """Return the serial in the verifier of the key of an app for this method. `app` is the serial of the app itself."""
    return f"{app}-{method[0].upper()}"


def app_of_key(serial: str) -> str:
    """Return the serial of the app that has a key with this serial, in the form of `key_serial`; empty if there is none."""
    app, _, letter = serial.rpartition("-")
    return app if letter in LETTERS else ""


def accept(attempt: Attempt, method: str) -> Outcome:
    """Reset the limit on pushes. Return an accepted outcome with the session duration of this method."""
    rate_limits.record_success(attempt.tx, [_pushes(attempt)])
    sessions = attempt.tx.policy.sessions
    if method == PIN:
        return Outcome(Status.ACCEPTED, longest=sessions.pin)
    return Outcome(Status.ACCEPTED, longest=sessions.biometrics, extends=True)


def _challenges(attempt: Attempt) -> dict[str, Challenge] | Refused:
    """Issue a challenge for each key of the app. All have the same question, because the user types a question only once."""
    serials = AppData.of(attempt.device).serials
    for _ in range(_DRAWS):
        context = attempt.tx.cards.context
        question = context.draw(6)
        cards = replace(attempt.tx.cards, context=replace(context, draw=partial(_drawn, question)))
        try:
            issued = {method: challenges.issue(cards, serial, False) for method, serial in serials.items()}
        except StoreError:
            raise
        except VerifierError:
            # This question was used before with one of the keys.
            continue
        refusals = [each for each in issued.values() if isinstance(each, Refused)]
        return refusals[0] if refusals else {m: c for m, c in issued.items() if isinstance(c, Challenge)}
    raise VerifierError("phone: nearly all questions for this app have been used; activate the app again")


def _pushes(attempt: Attempt) -> RateLimit:
    """Return the limit on the pushes that a phone gets without an approval or an accepted response."""
    return RateLimit("pushes", attempt.device.id, attempt.tx.policy.phone.pushes, DAY, DAY)


def _is_open(tx: LoginTransaction, push: Push) -> bool:
    return push.state == ASKED and tx.now() < push.expires_at


def _drawn(question: str, _digits: int) -> str:
    return question


def _end_earlier(attempt: Attempt) -> None:
    """Deny earlier pushes to this phone, so that nobody approves one of them by mistake."""
    for earlier in rows.pushes.all(attempt.tx.db, rows.pushes.c.device_id == attempt.device.id, rows.pushes.c.state == ASKED):
        rows.pushes.change(attempt.tx.db, earlier.id, state=DENIED)


def _number(attempt: Attempt) -> str:
    """Draw a number that no other login page shows for this phone now. After many draws, return any number.

    If pages could show the same number, an attacker would begin logins until one page has the number of the owner's page.
    """
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
