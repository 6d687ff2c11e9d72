"""The judging of one response, or of two in a row, and all that follows from it: in one transaction, and in one time.

Whatever the outcome, the same is computed and the same statements are executed: a card that is locked, suspended or none at
all is told from a wrong response neither by what is answered nor by how long that takes. Only where the challenge was never
issued, or the response could be no card's, is there less to do; both are known to whoever sent them.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.ocra import Responder, Suite
from dsc_host.verifier import judging, lookup, records
from dsc_host.verifier.audit import Event
from dsc_host.verifier.keys import Secret
from dsc_host.verifier.model import Policy, Reason, State, Verdict
from dsc_host.verifier.office import Office
from dsc_host.verifier.records import CardRecord, ChallengeRecord
from dsc_host.verifier.schema import DECOY

Answer = tuple[str, str]
"""The id of a challenge, and a response to it."""

_REFUSED_STATES = {State.SUSPENDED: Reason.SUSPENDED, State.LOST: Reason.LOST, State.RETIRED: Reason.RETIRED}
_CHARGED = (Reason.WRONG, Reason.MALFORMED, Reason.UNKNOWN)
"""What counts as a failure. Unknown is here what is wrong for a decoy, which is paused and locked as a card is."""
_NO_PIN = "no PIN at all"
"""In place of a duress PIN that there is not, so that its lack takes as long. No card's PIN has letters."""
_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class _Finding:
    """What the responses are, whatever else stands against them."""

    reason: Reason
    counter: int
    duress: bool = False


def is_id(challenge_id: object) -> bool:
    """Whether it could be a challenge's."""
    return isinstance(challenge_id, str) and re.fullmatch("[0-9a-f]{22}", challenge_id) is not None


def judge(office: Office, db: Connection, action: str, answers: Sequence[Answer], new_pin: str | None = None) -> Verdict:
    """Judge one answer, or two to catch up by. `new_pin` is judged by in place of the card's, and is its PIN from then on."""
    found = records.lock_card_of(db, answers[0][0]) if all(is_id(answer[0]) for answer in answers) else None
    # Not before: the challenge may have expired while others had the card.
    now = office.now()
    challenges = [records.find_challenge(db, challenge_id) for challenge_id, _ in answers] if found else []
    known = [challenge for challenge in challenges if found and challenge and challenge.serial == found.serial]
    if found is None or len({challenge.id for challenge in known}) < len(answers):
        office.log(db, now, Event(action, found.serial if found else None, "refused", Reason.UNKNOWN))
        return Verdict(Reason.UNKNOWN)
    card = lookup.lock_ended(found, office.policy, now)
    finding = _found(office, card, known, [response for _, response in answers], new_pin)
    reason = _refusal(known, card, office.policy, now) or finding.reason
    after = _after(card, reason, finding, office.policy, now)
    _record(db, known, reason, after, now)
    if reason is Reason.ACCEPTED and new_pin is not None:
        records.change_card(db, card.serial, sealed_pin=office.sealed(new_pin, card.serial, Secret.PIN))
    office.log(db, now, _event(action, known, reason, finding, card, after))
    return _verdict(reason, finding, after, now)


# ---- what the responses are ----


def _found(
    office: Office, card: CardRecord, challenges: Sequence[ChallengeRecord], responses: Sequence[str], new_pin: str | None
) -> _Finding:
    suite = Suite.parse(card.suite)
    if new_pin is not None and suite.pin_hash is None:
        raise InputError("pin", "is not part of this card's suite: the card checks its PIN itself")
    if not all(judging.is_response(response, suite.digits) for response in responses):
        return _Finding(Reason.MALFORMED, card.counter)
    answers = [(challenge.question, response) for challenge, response in zip(challenges, responses, strict=True)]
    usual, forced = _responders(office, card, suite, new_pin)
    counter = _counter_after(usual, suite, answers, card.counter, office.policy)
    forced_counter = None if forced is None else _counter_after(forced, suite, answers, card.counter, office.policy)
    if card.state == DECOY:
        # Even if it is by chance what the decoy's key gives.
        return _Finding(Reason.UNKNOWN, card.counter)
    # First, so that the PIN wins where the duress PIN is equal to it: neither is ever compared with the other.
    if counter is not None:
        return _Finding(Reason.ACCEPTED, counter)
    if forced_counter is not None and card.sealed_duress_pin is not None and new_pin is None:
        return _Finding(Reason.ACCEPTED, forced_counter, duress=True)
    return _Finding(Reason.WRONG, card.counter)


def _responders(office: Office, card: CardRecord, suite: Suite, new_pin: str | None) -> tuple[Responder, Responder | None]:
    """By the card's PIN, and by its duress PIN; the second is None for a suite without a PIN."""
    # The secrets of a retired card are gone; it takes as long to be refused.
    retired = card.state == State.RETIRED
    key = secrets.token_bytes(32) if retired else office.opened(card, card.sealed_key, Secret.KEY)
    if suite.pin_hash is None:
        return suite.prepare(key), None
    pin = new_pin or office.opened_pin(card, card.sealed_pin, Secret.PIN) or _NO_PIN
    duress_pin = office.opened_pin(card, card.sealed_duress_pin, Secret.DURESS_PIN) or _NO_PIN
    return suite.prepare(key, pin), suite.prepare(key, duress_pin)


def _counter_after(
    responder: Responder, suite: Suite, answers: Sequence[tuple[str, str]], counter: int, policy: Policy
) -> int | None:
    """The card's counter once these are accepted; None if they are wrong."""
    if not suite.counter:
        rights = [judging.is_right(responder, *answer) for answer in answers]
        return counter if all(rights) else None
    if len(answers) == 1:
        matched = judging.counter_of(responder, *answers[0], counter, policy.window)
    else:
        matched = judging.counter_of_two(responder, answers[0], answers[1], counter, policy.resync_window)
    return None if matched is None else matched + len(answers)


# ---- what stands against them ----


def _refusal(challenges: Sequence[ChallengeRecord], card: CardRecord, policy: Policy, now: float) -> Reason | None:
    """Why no response to these challenges counts now, if so."""
    for challenge in challenges:
        if challenge.used_at is not None:
            return Reason.USED
        if challenge.failures >= policy.attempts:
            return Reason.EXHAUSTED
        if now >= challenge.expires_at:
            return Reason.EXPIRED
    if card.state in _REFUSED_STATES:
        return _REFUSED_STATES[State(card.state)]
    if card.locked_until is not None:
        return Reason.LOCKED if card.failures >= policy.lock_after else Reason.PAUSED
    return None


# ---- what follows ----


@dataclass(frozen=True, slots=True)
class _After:
    """The card, as it is to be."""

    card: CardRecord
    counter: int
    failures: int
    locked_until: float | None
    state: str


def _after(card: CardRecord, reason: Reason, finding: _Finding, policy: Policy, now: float) -> _After:
    if reason is Reason.ACCEPTED:
        return _After(card, finding.counter, 0, None, State.ACTIVE)
    failures, locked_until = card.failures, card.locked_until
    if reason in _CHARGED:
        failures += 1
        locked_until = _locked_until(failures, policy, now)
    return _After(card, card.counter, failures, locked_until, card.state)


def _locked_until(failures: int, policy: Policy, now: float) -> float | None:
    if failures >= policy.lock_after:
        return now + policy.lock_for
    rounds, rest = divmod(failures, policy.attempts)
    if rest or not policy.pause:
        return None
    return now + min(policy.pause * (1 << min(rounds - 1, _MOST_DOUBLINGS)), policy.lock_for)


def _record(db: Connection, challenges: Sequence[ChallengeRecord], reason: Reason, after: _After, now: float) -> None:
    """Also where nothing changes: a refusal is not to be quicker than a failure."""
    charged = reason in _CHARGED
    for challenge in challenges:
        used_at = now if reason is Reason.ACCEPTED else challenge.used_at
        records.answered_challenge(db, challenge, challenge.failures + charged, used_at)
    records.judged_card(db, after.card, after.counter, after.failures, after.locked_until)
    if after.state != after.card.state:
        records.change_card(db, after.card.serial, state=after.state, state_since=now)


def _event(
    action: str, challenges: Sequence[ChallengeRecord], reason: Reason, finding: _Finding, card: CardRecord, after: _After
) -> Event:
    detail = {"id": " ".join(challenge.id for challenge in challenges)}
    if reason is Reason.ACCEPTED:
        detail["counter"] = str(after.counter)
        if card.state != after.state:
            detail["state"] = after.state
        if finding.duress:
            return Event(action, card.serial, "accepted", "duress", detail)
        return Event(action, card.serial, "accepted", "", detail)
    if after.locked_until is not None and after.failures != card.failures:
        detail["until"] = repr(after.locked_until)
    return Event(action, card.serial, "refused", reason, detail)


def _verdict(reason: Reason, finding: _Finding, after: _After, now: float) -> Verdict:
    if reason is Reason.ACCEPTED:
        return Verdict(reason, duress=finding.duress)
    if reason in (Reason.LOCKED, Reason.PAUSED) and after.locked_until is not None:
        return Verdict(reason, retry_after=after.locked_until - now)
    return Verdict(reason)
