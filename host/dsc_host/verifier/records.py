"""What is kept of cards and challenges, and every statement that reads or changes it.

Each function does one thing inside a transaction of `Store`; none decides anything.
"""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Insert, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dsc_host.verifier.schema import cards, challenges


@dataclass(frozen=True, slots=True)
class CardRecord:
    """A row of `cards`."""

    serial: str
    suite: str
    counter: int
    failures: int
    locked_until: float | None
    enrolled_at: float
    key_id: str
    sealed_key: bytes
    sealed_pin: bytes | None
    sealed_unlock_key: bytes | None
    unlock_codes: int
    unlock_times: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChallengeRecord:
    """A row of `challenges`."""

    id: str
    serial: str
    question: str
    question_digest: bytes
    expires_at: float
    failures: int
    used_at: float | None


def add_card(db: Connection, card: CardRecord) -> bool:
    """False, and nothing changed, if there is a card of this serial."""
    return _added(db, insert(cards).values(_values(card)))


def find_card(db: Connection, serial: str) -> CardRecord | None:
    row = db.execute(select(cards).where(cards.c.serial == serial)).one_or_none()
    return None if row is None else CardRecord(**row._mapping)


def all_cards(db: Connection) -> list[CardRecord]:
    """In the order of their serials."""
    return [CardRecord(**row._mapping) for row in db.execute(select(cards).order_by(cards.c.serial))]


def change_card(db: Connection, serial: str, **changes: Any) -> None:
    db.execute(update(cards).where(cards.c.serial == serial).values(changes))


def remove_card(db: Connection, serial: str) -> bool:
    """Its challenges go too. False if there is no such card."""
    return db.execute(delete(cards).where(cards.c.serial == serial)).rowcount == 1


def has_other_key(db: Connection, key_id: str) -> bool:
    """Whether any card was sealed under another master key than this one."""
    return db.execute(select(cards.c.serial).where(cards.c.key_id != key_id).limit(1)).first() is not None


def add_challenge(db: Connection, challenge: ChallengeRecord) -> bool:
    """False, and nothing changed, if the card was asked this question before."""
    return _added(db, insert(challenges).values(_values(challenge)))


def find_challenge(db: Connection, challenge_id: str) -> ChallengeRecord | None:
    row = db.execute(select(challenges).where(challenges.c.id == challenge_id)).one_or_none()
    return None if row is None else ChallengeRecord(**row._mapping)


def change_challenge(db: Connection, challenge_id: str, **changes: Any) -> None:
    db.execute(update(challenges).where(challenges.c.id == challenge_id).values(changes))


def _values(record: CardRecord | ChallengeRecord) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _added(db: Connection, statement: Insert) -> bool:
    try:
        # A savepoint: the transaction goes on after a refusal.
        with db.begin_nested():
            db.execute(statement)
    except IntegrityError:
        return False
    return True
