"""Challenges: how a question is drawn, how earlier questions are remembered, and how challenges are limited.

The rate limit counts the challenges of each card. A wrong response counts only if its challenge is open, so the limit slows
down anybody who tries to lock a card. A caller who guesses responses is stopped by the lock, and not by this limit. So if the
clock was set back, the verifier ignores the limit, and the owner does not have to wait.

With `conceal`, the caller also gets challenges for serials without a card, and so does not learn which cards exist. A decoy
then takes the place of the card.
"""

import hashlib
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from dsc_host.errors import DscError, TooManyChallenges, VerifierError
from dsc_host.ocra import Suite
from dsc_host.records.audit_writer import Event
from dsc_host.records.transaction import Refused
from dsc_host.schema.card_tables import DECOY
from dsc_host.verifier import card_lookup, card_rules, decoys, rows
from dsc_host.verifier.model import Challenge, Policy
from dsc_host.verifier.row_writes import Forgotten
from dsc_host.verifier.rows import CardRecord, ChallengeRecord
from dsc_host.verifier.transaction import CardTransaction

REMEMBERED = 1000
"""The number of a card's latest questions that are not asked again. If the suite has no counter, no question is repeated."""
FORGOTTEN = 10
"""The largest number of old rows that are removed when a row is added, so that no call takes long."""
_ID_BYTES = 11
_ALPHABETS = {"A": "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", "H": "0123456789ABCDEF"}
"""The characters of questions in the formats A and H. The letters I and O are left out, because they look like 1 and 0."""


def draw_question(digits: int) -> str:
    """Return this many random decimal digits, from the operating system's random source."""
    return str(secrets.randbelow(10**digits)).zfill(digits)


def _draw(suite: Suite, draw: Callable[[int], str]) -> str:
    """Draw a question of the greatest length that the suite allows."""
    alphabet = _ALPHABETS.get(suite.question_format)
    if alphabet is None:
        return draw(suite.question_length)
    return "".join(secrets.choice(alphabet) for _ in range(suite.question_length))


@dataclass(frozen=True, slots=True)
class Issue:
    """The last step of a call for a challenge: it draws the challenge. `records.transaction.Step` describes last steps."""

    serial: str
    conceal: bool

    def __call__(self, tx: CardTransaction) -> Challenge | Refused:
        """Draw the challenge in this transaction."""
        return issue(tx, self.serial, self.conceal)


def issue(tx: CardTransaction, serial: str, conceal: bool) -> Challenge | Refused:
    """Draw and log a challenge, or log and return the refusal: see `Verifier.challenge`."""
    card, earliest = _locked(tx, serial, conceal) if card_rules.is_serial(serial) else (None, None)
    return issue_to(tx, serial, card, earliest)


def issue_to(tx: CardTransaction, serial: str, card: CardRecord | None, earliest: float | None) -> Challenge | Refused:
    """Draw and log a challenge for a locked card, or for the decoy in its place. Otherwise log and return the refusal.

    `earliest` is the time of the challenge that decides whether the rate limit is reached: see `rows.lock_for_challenge`.
    """
    now = tx.now()
    if card is None:
        return _refuse(tx, now, serial, card_lookup.unknown(serial), "unknown")
    tx.seals.check(card)
    try:
        _check_rate(earliest, serial, tx.policy, now)
        challenge, card = _new_challenge(tx, card, serial, now)
    except TooManyChallenges as error:
        card = tx.changed(card)
        tx.writes.write_login(card)
        return _refuse(tx, now, serial, error, "too many", card)
    reason = card.state if card.state == DECOY else ""
    tx.log(now, Event("challenge", serial, "done", reason, {"id": challenge.id}, card))
    return challenge


def _locked(tx: CardTransaction, serial: str, conceal: bool) -> tuple[CardRecord | None, float | None]:
    """Lock and return the card, with the time of the earlier challenge that decides whether the limit is reached.

    With `conceal`, return the decoy if there is no card. The same statements are executed whether the card exists or not.
    """
    if conceal:
        decoys.locked_decoy(tx, serial, tx.now())
    return rows.lock_for_challenge(tx.db, serial, decoys.name_of(serial) if conceal else None, tx.policy.challenges)


def _new_challenge(tx: CardTransaction, card: CardRecord, serial: str, now: float) -> tuple[Challenge, CardRecord]:
    """Return a challenge whose question the card has not had recently, and the card's new row. Lock the card first."""
    suite = Suite.parse(card.suite)
    if suite.counter:
        # Run this even if there is nothing to forget. Otherwise the duration would reveal how often others have requested
        # challenges for this card. Without a counter, nothing is forgotten: a repeated question would have the same response.
        tx.writes.forget(Forgotten(card.serial, card.asked - REMEMBERED, now, FORGOTTEN))
    challenge_id, asked_card = secrets.token_hex(_ID_BYTES), card

    def draw() -> ChallengeRecord:
        return tx.seals.sealed_challenge(_draw_record(challenge_id, asked_card, suite, now, now + tx.policy.validity, tx.draw))

    record = tx.writes.add(draw)
    if record is None:
        raise VerifierError(f"card {serial}: nearly all its questions have been used; enroll it again, with a new key")
    card = tx.changed(card, asked=record.number)
    tx.writes.write_login(card)
    return Challenge(record.id, serial, record.question, record.expires_at), card


def _refuse(
    tx: CardTransaction, now: float, serial: str, error: DscError, reason: str, card: CardRecord | None = None
) -> Refused:
    tx.log(now, Event("challenge", serial if card_rules.is_serial(serial) else None, "refused", reason, row=card))
    return Refused(error)


def _check_rate(earliest: float | None, serial: str, policy: Policy, now: float) -> None:
    # A card's challenges are numbered without gaps, and remembered while the limit counts them. With a limit of N, only the
    # challenge N places before the new one matters: if it was issued within the period, the limit is reached. The caller has
    # searched for that challenge even if the card has had fewer than N challenges. Otherwise the duration of the call would
    # reveal the number of challenges. A time in the future means that the clock was set back since then. Such a time is
    # ignored, so that the owner need not wait.
    if earliest is None or earliest > now or earliest + policy.challenges_within <= now:
        return
    retry_after = earliest + policy.challenges_within - now
    raise TooManyChallenges(
        f"card {serial}: has had {policy.challenges} challenges within {policy.challenges_within:g} s; "
        f"request the next one in {math.ceil(retry_after)} s",
        retry_after,
    )


def _draw_record(
    challenge_id: str, card: CardRecord, suite: Suite, now: float, expires_at: float, draw: Callable[[int], str]
) -> ChallengeRecord:
    question = _draw(suite, draw)
    return ChallengeRecord(
        id=challenge_id,
        serial=card.serial,
        number=card.asked + 1,
        question=question,
        question_digest=hashlib.sha256(suite.encode_question(question)).digest(),
        issued_at=now,
        expires_at=expires_at,
        failures=0,
        used_at=None,
    )
