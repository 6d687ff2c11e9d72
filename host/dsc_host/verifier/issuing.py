"""Challenges: how a question is drawn, which ones are remembered, and how often a card may be asked.

The limit is on the card, because a challenge is what wrong responses, and so a lock, need. It is no guard against
guessing, which the lock is: so it errs on the owner's side.
"""

import hashlib
import math
import secrets
from collections.abc import Callable

from sqlalchemy import Connection

from dsc_host.errors import TooManyChallenges, VerifierError
from dsc_host.ocra import Suite
from dsc_host.verifier import records
from dsc_host.verifier.model import Challenge, Policy
from dsc_host.verifier.records import CardRecord, ChallengeRecord

DRAWS = 100
"""Draws of a question before giving up: with nine in ten of a card's questions used, one challenge in 37,000 fails."""
REMEMBERED = 1000
"""How many of a card's latest questions it is not asked again, if its suite has a counter."""
FORGOTTEN = 10
"""At most so many rows are removed when one is added: however many have expired, no call takes longer for it."""
_ID_BYTES = 11


def draw_question(digits: int) -> str:
    """A number of so many decimal digits, leading zeros included, from the operating system's random source."""
    return str(secrets.randbelow(10**digits)).zfill(digits)


def issue(db: Connection, card: CardRecord, policy: Policy, now: float, draw: Callable[[int], str]) -> Challenge:
    """A new challenge for a card that is locked in this transaction. Raises TooManyChallenges, VerifierError."""
    _check_rate(db, card, policy, now)
    suite = Suite.parse(card.suite)
    if suite.counter and card.asked > REMEMBERED:
        # Without a counter, a question that comes again has the response that it had.
        records.forget_challenges(db, card.serial, card.asked - REMEMBERED, now, FORGOTTEN)
    for _ in range(DRAWS):
        record = _drawn(card, suite, now, now + policy.validity, draw)
        if records.add_challenge(db, record):
            records.change_card(db, card.serial, asked=record.number)
            return Challenge(record.id, record.serial, record.question, record.expires_at)
    raise VerifierError(f"card {card.serial}: nearly all its questions have been used; enrol it anew, with a new key")


def _check_rate(db: Connection, card: CardRecord, policy: Policy, now: float) -> None:
    if card.asked < policy.challenges:
        return
    # Numbers have no gaps, and a challenge that still counts is remembered: so this one row is the whole window's count.
    earliest = records.issued_at(db, card.serial, card.asked + 1 - policy.challenges)
    # A time to come is one of a clock that was set back: it does not count, or the owner would wait until then.
    if earliest is None or earliest > now or earliest + policy.challenges_within <= now:
        return
    retry_after = earliest + policy.challenges_within - now
    raise TooManyChallenges(
        f"card {card.serial}: was given {policy.challenges} challenges within {policy.challenges_within:g} s; "
        f"it may have the next one in {math.ceil(retry_after)} s",
        retry_after,
    )


def _drawn(card: CardRecord, suite: Suite, now: float, expires_at: float, draw: Callable[[int], str]) -> ChallengeRecord:
    question = draw(suite.question_length)
    return ChallengeRecord(
        id=secrets.token_hex(_ID_BYTES),
        serial=card.serial,
        number=card.asked + 1,
        question=question,
        question_digest=hashlib.sha256(suite.encode_question(question)).digest(),
        issued_at=now,
        expires_at=expires_at,
        failures=0,
        used_at=None,
    )
