"""The judgment of a response, or of two successive responses for a resync, in one transaction with all its consequences.

A challenge is closed when it was answered correctly, has expired, or has had the maximum number of responses. The sender of a
response can know all three. So the verifier refuses a response to a closed challenge, or to a challenge that was never issued,
without computing the right response. The first few responses to a closed challenge are logged one by one. Later responses, and
responses to challenges that were never issued, are only counted. For these, the verifier does not lock the card's row, so they
delay no login with the card. `judge` is an exception: it locks the row first.

For a response to an open challenge, the verifier does the same computation and executes the same statements, whatever the
reason for a refusal. So neither `Verdict.accepted` nor the duration distinguishes a locked, suspended or missing card from a
wrong response, or tells whether the response to a card that refuses all was right. There is one exception: a value that no card
could show takes less work. Its sender can see that it is not a response, so the shorter duration reveals nothing.

If the database locks rows, the verifier computes after it has locked the card's row. SQLite locks the whole file. There the
verifier computes before it takes the lock. It computes again if a field that the result depends on was changed in the meantime.
Within a transaction of the caller (`judge`), it computes under the lock on SQLite too.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.ocra import Responder, Suite
from dsc_host.records.audit_writer import Event
from dsc_host.records.keys import Secret
from dsc_host.records.transaction import Known, Step
from dsc_host.schema.card_tables import DECOY
from dsc_host.verifier import card_lookup, closed_challenges, counter_search, decoys, rows
from dsc_host.verifier.model import Policy, Reason, State, Verdict
from dsc_host.verifier.rows import CardRecord, ChallengeRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

Answer = tuple[str, str]
"""The id of a challenge and a response to it."""

_REFUSED_STATES = {State.SUSPENDED: Reason.SUSPENDED, State.LOST: Reason.LOST, State.RETIRED: Reason.RETIRED}
_CHARGED = (Reason.WRONG, Reason.MALFORMED, Reason.UNKNOWN)
"""The reasons that count as a failure. UNKNOWN is among them because decoys are paused and locked like cards."""
_NO_PIN = "no PIN at all"
"""The text that replaces a missing PIN, so that the computation takes as long as with a PIN. No PIN equals it."""
_MOST_DOUBLINGS = 30
_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class _Finding:
    """The result of comparing the responses with the right ones. The card's state affects it only if decoy or retired."""

    reason: Reason
    counter: int
    duress: bool = False


def is_id(challenge_id: object) -> bool:
    """Return whether the value could be a challenge's id."""
    return isinstance(challenge_id, str) and re.fullmatch("[0-9a-f]{22}", challenge_id) is not None


@dataclass(frozen=True, slots=True)
class JudgmentRequest:
    """The answers to judge: one, or two for a resync. If `new_pin` is not None, it is used in place of the card's PIN.

    With `once`, the challenges take no further response, whatever the outcome.
    """

    action: str
    answers: Sequence[Answer]
    new_pin: str | None = None
    once: bool = False

    def ids(self) -> list[str]:
        """Return the ids of the challenges, or an empty list if a value cannot be an id or if an id occurs twice."""
        ids = [challenge_id for challenge_id, _ in self.answers]
        return ids if all(is_id(each) for each in ids) and len({*ids}) == len(ids) else []


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding that was computed from a card's row before the row was locked."""

    row: CardRecord
    """The row as it was read, with a valid seal."""
    finding: _Finding


def begin(context: CardContext, asked: JudgmentRequest) -> Step[Verdict, CardTransaction]:
    """Begin a judgment, and return its last step: usually a function that judges the answers and records the verdict.

    On SQLite, first read the rows in a transaction that only reads, and compare the responses. If the challenge is unknown, or
    responses to it are only counted by now, the answers are refused at once. Then the last step is the verdict as a `Known`.
    """
    if context.store.locks_rows:
        # Read and compute after the row was locked: the lock delays no other card, and reading first would cost a round trip.
        return Judgment(asked)
    with context.store.read_once() as db:
        found, challenges = _card_and_challenges(db, asked, rows.find_card_of)
    if found is not None:
        context.seals.check(found)
    for challenge in challenges:
        context.seals.check_challenge(challenge)
    # Read the clock only now: the challenge may have expired while this call waited for the database.
    now = context.now()
    if found is None:
        return Known(closed_challenges.refuse_and_count(context, asked.action, Reason.UNKNOWN, now))
    closed = closed_challenges.first_closed(challenges, context.policy, now)
    if closed and not closed_challenges.is_logged(closed[1], context.policy):
        return Known(closed_challenges.refuse_and_count(context, asked.action, closed[0], now))
    # The card may be refused by the time that its row is locked, so the search must not end at the right counter.
    draft = None if closed else Draft(found, _find(context, found, challenges, asked, now, whole=True))
    return lambda tx: _judge(tx, asked, draft)


@dataclass(frozen=True, slots=True)
class Judgment:
    """The last step of a judgment without a draft. `records.transaction.Step` describes last steps."""

    asked: JudgmentRequest

    def __call__(self, tx: CardTransaction) -> Verdict:
        """Judge the answers in this transaction."""
        return _judge(tx, self.asked, None)


def judge(tx: CardTransaction, action: str, answers: Sequence[Answer], new_pin: str | None = None) -> Verdict:
    """Judge the answers in this transaction, and record the consequences. `action` is the name of the log entry's action.

    If the answers are accepted and `new_pin` is not None, `new_pin` becomes the card's PIN.
    """
    return _judge(tx, JudgmentRequest(action, answers, new_pin), None)


def _judge(tx: CardTransaction, asked: JudgmentRequest, draft: Draft | None) -> Verdict:
    found, challenges = _card_and_challenges(tx.db, asked, rows.lock_card_of)
    return judge_found(tx, asked, found, challenges, draft)


def judge_found(
    tx: CardTransaction,
    asked: JudgmentRequest,
    found: CardRecord | None,
    challenges: Sequence[ChallengeRecord],
    draft: Draft | None = None,
) -> Verdict:
    """Judge the answers to challenges of the card `found`, whose row is locked. `challenges` has a challenge for each answer.

    `found` is None if the challenges of the answers do not exist, or are not of one card. `draft` was computed before the lock.
    """
    # Read the clock only now: the challenge may have expired while other transactions had locked the card.
    now = tx.now()
    if found is None:
        return closed_challenges.refuse_counted(tx, asked.action, Reason.UNKNOWN, now)
    if draft is None or draft.row != found:
        tx.seals.check(found)
    for challenge in challenges:
        tx.seals.check_challenge(challenge)
    closed = closed_challenges.first_closed(challenges, tx.policy, now)
    if closed:
        return closed_challenges.refuse_closed(tx, asked.action, challenges, closed, now)
    card = card_lookup.lock_ended(found, tx.policy, now)
    fits = draft is not None and _inputs(draft.row) == _inputs(found)
    refusal = _refusal(card, asked, tx.policy, now)
    finding = draft.finding if draft and fits else _find(tx.context, card, challenges, asked, now, whole=refusal is not None)
    reason = refusal or finding.reason
    after = _card_after(card, reason, finding, tx.policy, now)
    after = _record(tx, challenges, reason, card, after, now, asked)
    tx.log(now, _event(asked.action, challenges, reason, finding, card, after))
    return _verdict(reason, finding, after, now)


def _card_and_challenges(
    db: Connection, asked: JudgmentRequest, read: Callable[[Connection, Sequence[str]], rows.CardAndChallenges]
) -> tuple[CardRecord | None, list[ChallengeRecord]]:
    """Return the card and one challenge for each answer.

    Return no card if a challenge is missing, if the challenges belong to several cards, or if an id occurs twice.
    """
    ids = asked.ids()
    if not ids:
        return None, []
    found, challenges = read(db, ids)
    if found is None:
        return None, []
    known = [challenge for challenge in challenges if challenge and challenge.serial == found.serial]
    return (found, known) if len(known) == len(ids) else (None, [])


# ---- findings ----


def _inputs(card: CardRecord) -> tuple[object, ...]:
    """Return the fields of a card that a finding depends on."""
    return (
        card.serial, card.suite, card.counter, card.state == DECOY, card.state == State.RETIRED,
        card.sealed_key, card.sealed_pin, card.sealed_duress_pin,
    )  # fmt: skip


def _find(
    context: CardContext,
    card: CardRecord,
    challenges: Sequence[ChallengeRecord],
    asked: JudgmentRequest,
    now: float,
    *,
    whole: bool,
) -> _Finding:
    """Compare the responses with the right responses. `whole` is as in `counter_search.counter_of`."""
    responses, new_pin = [response for _, response in asked.answers], asked.new_pin
    suite = Suite.parse(card.suite)
    if new_pin is not None and suite.pin_hash is None:
        raise InputError("pin", "is not part of this card's suite: the card checks its PIN itself")
    if not all(counter_search.is_response(response, suite.digits) for response in responses):
        return _Finding(Reason.MALFORMED, card.counter)
    answers = [(challenge.question, response) for challenge, response in zip(challenges, responses, strict=True)]
    usual, forced = _responders(context, card, suite, new_pin)
    steps = counter_search.time_steps(suite, now, context.policy.time_window)

    def counter_after(responder: Responder, whole: bool) -> int | None:
        return _counter_after(responder, suite, answers, card.counter, context.policy, steps, whole=whole)

    counter = counter_after(usual, whole)
    # A PIN is never changed with the duress PIN, so that response is refused too.
    forced_counter = None if forced is None else counter_after(forced, whole or new_pin is not None)
    if card.state == DECOY:
        # Refuse even a response that matches the decoy's random key.
        return _Finding(Reason.UNKNOWN, card.counter)
    # The PIN and the duress PIN are never compared with each other, so they may be equal. Then a response counts as made with
    # the PIN, which is checked first.
    if counter is not None:
        return _Finding(Reason.ACCEPTED, counter)
    if forced_counter is not None and card.sealed_duress_pin is not None and new_pin is None:
        return _Finding(Reason.ACCEPTED, forced_counter, duress=True)
    return _Finding(Reason.WRONG, card.counter)


def _responders(
    context: CardContext, card: CardRecord, suite: Suite, new_pin: str | None
) -> tuple[Responder, Responder | None]:
    """Return a responder for the card's PIN and one for its duress PIN, which is None for a suite without a PIN."""
    # A retired card has no secrets. Use a random key, so that refusing it takes as long as refusing any other card.
    retired = card.state == State.RETIRED
    key = secrets.token_bytes(32) if retired else context.opened(card, card.sealed_key, Secret.KEY)
    if suite.pin_hash is None:
        return suite.prepare(key), None
    pin = new_pin or context.opened_pin(card, card.sealed_pin, Secret.PIN) or _NO_PIN
    duress_pin = context.opened_pin(card, card.sealed_duress_pin, Secret.DURESS_PIN) or _NO_PIN
    return suite.prepare(key, pin), suite.prepare(key, duress_pin)


def _counter_after(
    responder: Responder,
    suite: Suite,
    answers: Sequence[tuple[str, str]],
    counter: int,
    policy: Policy,
    steps: counter_search.TimeSteps,
    *,
    whole: bool,
) -> int | None:
    """Return the card's counter after accepting these answers, or None if they are wrong."""
    if not suite.counter:
        rights = [counter_search.is_right(responder, *answer, steps) for answer in answers]
        return counter if all(rights) else None
    if len(answers) == 1:
        matched = counter_search.counter_of(responder, *answers[0], counter, policy.window, steps, whole=whole)
    else:
        matched = counter_search.counter_of_two(responder, answers[0], answers[1], counter, policy.resync_window, steps)
    return None if matched is None else matched + len(answers)


# ---- refusals ----


def _refusal(card: CardRecord, asked: JudgmentRequest, policy: Policy, now: float) -> Reason | None:
    """Return the reason why every response of the card is refused now, even the right one. Return None if there is none."""
    if card.state in _REFUSED_STATES:
        return _REFUSED_STATES[State(card.state)]
    if card.valid_from is not None and now < card.valid_from:
        return Reason.NOT_YET_VALID
    if card.valid_until is not None and now >= card.valid_until:
        return Reason.NO_LONGER_VALID
    if asked.new_pin is None and card_lookup.awaits_pin(card):
        return Reason.AWAITING_PIN
    if card.locked_until is not None:
        return Reason.LOCKED if _is_locked(card, policy) else Reason.PAUSED
    return None


# ---- consequences ----


def _card_after(card: CardRecord, reason: Reason, finding: _Finding, policy: Policy, now: float) -> CardRecord:
    """Return the card's row after the judgment."""
    if reason is Reason.ACCEPTED:
        # Keep the failures of the day. Otherwise an attacker who guesses between the owner's logins could guess all day.
        return card._replace(counter=finding.counter, failures=0, locked_until=None, state=State.ACTIVE)
    if reason not in _CHARGED:
        return card
    over = now >= card.day_since + _DAY
    charged = card._replace(
        failures=card.failures + 1,
        failures_in_day=1 if over else card.failures_in_day + 1,
        day_since=now if over else card.day_since,
    )
    return charged._replace(locked_until=_locked_until(charged, policy, now))


def _is_locked(card: CardRecord, policy: Policy) -> bool:
    """Return whether the card has enough failures to be locked, not only paused."""
    return card.failures >= policy.lock_after or card.failures_in_day >= policy.most_in_a_day


def _locked_until(card: CardRecord, policy: Policy, now: float) -> float | None:
    if _is_locked(card, policy):
        return now + policy.lock_for
    rounds, rest = divmod(card.failures, policy.attempts)
    if rest or not policy.pause:
        return None
    return now + min(policy.pause * (1 << min(rounds - 1, _MOST_DOUBLINGS)), policy.lock_for)


def _record(
    tx: CardTransaction,
    challenges: Sequence[ChallengeRecord],
    reason: Reason,
    card: CardRecord,
    after: CardRecord,
    now: float,
    asked: JudgmentRequest,
) -> CardRecord:
    """Write the rows of the challenges and of the card, and return the card's new row.

    Write them even if nothing has changed, so that refusing a locked card takes as long as refusing a wrong response.
    """
    charged = reason in _CHARGED
    for challenge in challenges:
        answered = challenge._replace(
            failures=challenge.failures + charged,
            used_at=now if reason is Reason.ACCEPTED else challenge.used_at,
            judged=max(challenge.judged + 1, tx.policy.attempts if asked.once else 0),
        )
        tx.writes.write_answer(tx.seals.sealed_challenge(answered))
    rare: dict[str, Any] = {}
    if after.state != card.state:
        rare |= {"state": after.state, "state_since": now}
    if reason is Reason.ACCEPTED and asked.new_pin is not None:
        rare["sealed_pin"] = tx.resealed(asked.new_pin, card, Secret.PIN)
    row = tx.changed(after, judged=card.judged + 1, **rare)
    tx.writes.write_login(row)
    if rare:
        tx.writes.write_columns(row, *rare)
    return row


def _event(
    action: str, challenges: Sequence[ChallengeRecord], reason: Reason, finding: _Finding, card: CardRecord, after: CardRecord
) -> Event:
    detail, serial = closed_challenges.ids_of(challenges), decoys.serial_of(card.serial)
    if reason is Reason.ACCEPTED:
        detail["counter"] = str(after.counter)
        if card.state != after.state:
            detail["state"] = after.state
        if finding.duress:
            return Event(action, serial, "accepted", "duress", detail, after)
        return Event(action, serial, "accepted", "", detail, after)
    if after.locked_until is not None and after.failures != card.failures:
        detail["until"] = repr(after.locked_until)
    return Event(action, serial, "refused", reason, detail, after)


def _verdict(reason: Reason, finding: _Finding, after: CardRecord, now: float) -> Verdict:
    if reason is Reason.ACCEPTED:
        return Verdict(reason, duress=finding.duress)
    if reason in (Reason.LOCKED, Reason.PAUSED) and after.locked_until is not None:
        return Verdict(reason, retry_after=after.locked_until - now)
    return Verdict(reason)
