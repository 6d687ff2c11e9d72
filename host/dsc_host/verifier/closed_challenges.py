"""Closed challenges: how they are recognized, and how responses to them are refused.

The first few responses to a closed challenge are logged one by one, and counted in the row of the challenge. Later responses,
and responses to unknown challenges, are counted together in memory. A process logs their number at most once a minute.
"""

from collections.abc import Sequence
from typing import TypeAlias

from dsc_host.records.audit_writer import Event
from dsc_host.verifier import decoys
from dsc_host.verifier.model import Policy, Reason, Verdict
from dsc_host.verifier.rows import ChallengeRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

_LOGGED = 2
"""The largest number of responses to one challenge that are logged one by one, as a multiple of the policy's `attempts`.

The responses to the challenge while it was open are included.
"""
_COUNTED_FOR = 60
"""The length, in seconds, of the periods in which a process counts responses. Each period has at most one log entry."""

Closed: TypeAlias = tuple[Reason, ChallengeRecord]
"""The reason why a challenge is closed, and the challenge."""


def first_closed(challenges: Sequence[ChallengeRecord], policy: Policy, now: float) -> Closed | None:
    """Return the first closed challenge with the reason, or None if all challenges are open.

    The card's state has no influence, because the sender of a response must not learn it.
    """
    for challenge in challenges:
        if challenge.used_at is not None:
            return Reason.USED, challenge
        if now >= challenge.expires_at:
            return Reason.EXPIRED, challenge
        # Count all responses, not only failures: while a card is locked, no response counts as a failure.
        if challenge.judged >= policy.attempts:
            return Reason.EXHAUSTED, challenge
    return None


def is_logged(challenge: ChallengeRecord, policy: Policy) -> bool:
    """Return whether another response to this closed challenge must be logged.

    Without a limit, a client that sends many such responses could make the log grow, and keep the log's end locked.
    """
    return challenge.judged < most_logged(policy)


def refuse_and_count(context: CardContext, action: str, reason: Reason, now: float) -> Verdict:
    """Refuse the answers, and count the refusal. The database is written only for the first refusal in each minute."""
    if (event := _counted(context, action, reason, now)) is not None:
        context.change(lambda tx: tx.log(now, event))
    return Verdict(reason, closed=True)


def refuse_counted(tx: CardTransaction, action: str, reason: Reason, now: float) -> Verdict:
    """Refuse the answers, and count the refusal. The first refusal in each minute is logged in this transaction."""
    event = tx.once(("refused", action, reason), lambda: _counted(tx.context, action, reason, now))
    if event is not None:
        tx.log(now, event)
    return Verdict(reason, closed=True)


def _counted(context: CardContext, action: str, reason: Reason, now: float) -> Event | None:
    """Count a refusal. Return an event for the log if it is the first refusal in this minute, and otherwise None.

    The event also has the number of refusals in earlier minutes that were only counted until now.
    """
    began = now // _COUNTED_FOR * _COUNTED_FOR
    earlier = sum(counted.count - 1 for counted in context.unjudged.take_ended(now))
    if not context.unjudged.add(repr(began), "responses", now, began + _COUNTED_FOR):
        return None
    return Event(action, None, "refused", reason, {"earlier": str(earlier)} if earlier else {})


def refuse_closed(
    tx: CardTransaction, action: str, challenges: Sequence[ChallengeRecord], closed: Closed, now: float
) -> Verdict:
    """Refuse answers to challenges of a card whose row is locked. `closed` is the first closed challenge, with the reason."""
    reason, challenge = closed
    if not is_logged(challenge, tx.policy):
        return refuse_counted(tx, action, reason, now)
    tx.writes.write_answer(tx.seals.sealed_challenge(challenge._replace(judged=challenge.judged + 1)))
    tx.log(now, Event(action, decoys.serial_of(challenge.serial), "refused", reason, ids_of(challenges)))
    return Verdict(reason, closed=True)


def refuse_unlocked(tx: CardTransaction, action: str, challenges: Sequence[ChallengeRecord]) -> Verdict | None:
    """Refuse and count answers to challenges of a card whose row is not locked.

    Return None if the row must be locked first, because a challenge is open, or because the refusal must be logged.
    """
    for challenge in challenges:
        tx.seals.check_challenge(challenge)
    now = tx.now()
    closed = first_closed(challenges, tx.policy, now)
    if closed is None or is_logged(closed[1], tx.policy):
        return None
    return refuse_counted(tx, action, closed[0], now)


def most_logged(policy: Policy) -> int:
    """Return the largest number of responses to a challenge that are logged one by one."""
    return _LOGGED * policy.attempts


def ids_of(challenges: Sequence[ChallengeRecord]) -> dict[str, str]:
    """Return the ids of challenges as the details of a log entry."""
    return {"id": " ".join(challenge.id for challenge in challenges)}
