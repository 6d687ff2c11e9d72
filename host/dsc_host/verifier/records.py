"""What is kept of cards and challenges, and every statement that reads or changes it.

Each function does one thing inside a transaction of `Store`; none decides anything. Who changes a card or its challenges
first locks the card, and locks no other: `lock_card` and `lock_card_of` are the one order in which all wait.
"""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

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
    asked: int


@dataclass(frozen=True, slots=True)
class ChallengeRecord:
    """A row of `challenges`."""

    id: str
    serial: str
    number: int
    question: str
    question_digest: bytes
    issued_at: float
    expires_at: float
    failures: int
    used_at: float | None


def add_card(db: Connection, card: CardRecord) -> bool:
    """False, and nothing changed, if there is a card of this serial."""
    return _added(db, cards, _values(card))


def find_card(db: Connection, serial: str) -> CardRecord | None:
    return _card(db.execute(_card_of(serial)).one_or_none())


def lock_card(db: Connection, serial: str) -> CardRecord | None:
    """The card, which nobody else changes or locks until the transaction ends."""
    return _card(db.execute(_locking(_card_of(serial))).one_or_none())


def lock_card_of(db: Connection, challenge_id: str) -> CardRecord | None:
    """The same for the card that owns this challenge. What is read of its challenges after this is true until the end."""
    owner = select(cards).join(challenges).where(challenges.c.id == challenge_id)
    return _card(db.execute(_locking(owner)).one_or_none())


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
    # By the ends of the index, which costs the same however many cards there are; `!=` would look at each.
    ends = (select(end(cards.c.key_id)).scalar_subquery() for end in (func.min, func.max))
    return any(found is not None and found != key_id for found in db.execute(select(*ends)).one())


def add_challenge(db: Connection, challenge: ChallengeRecord) -> bool:
    """False, and nothing changed, if the card is remembered to have been asked this question."""
    return _added(db, challenges, _values(challenge))


def find_challenge(db: Connection, challenge_id: str) -> ChallengeRecord | None:
    row = db.execute(select(challenges).where(challenges.c.id == challenge_id)).one_or_none()
    return None if row is None else ChallengeRecord(**row._mapping)


def change_challenge(db: Connection, challenge_id: str, **changes: Any) -> None:
    db.execute(update(challenges).where(challenges.c.id == challenge_id).values(changes))


def issued_at(db: Connection, serial: str, number: int) -> float | None:
    """When the card was given its challenge of this number; None if that is not remembered."""
    return db.execute(
        select(challenges.c.issued_at).where(challenges.c.serial == serial, challenges.c.number == number)
    ).scalar_one_or_none()


def forget_challenges(db: Connection, serial: str, up_to: int, expired_at: float, most: int) -> None:
    """Remove the card's oldest challenges whose number is at most `up_to`, if they have expired; `most` of them at a time."""
    oldest = (
        select(challenges.c.id)
        .where(challenges.c.serial == serial, challenges.c.number <= up_to, challenges.c.expires_at <= expired_at)
        .order_by(challenges.c.number)
        .limit(most)
    )
    db.execute(delete(challenges).where(challenges.c.id.in_(oldest)))


def _card_of(serial: str) -> Select[Any]:
    return select(cards).where(cards.c.serial == serial)


def _locking(statement: Select[Any]) -> Select[Any]:
    # SQLite leaves it out: there, whoever writes is alone.
    return statement.with_for_update(of=cards)


def _card(row: Row[Any] | None) -> CardRecord | None:
    return None if row is None else CardRecord(**row._mapping)


def _values(record: CardRecord | ChallengeRecord) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _added(db: Connection, table: Table, values: dict[str, Any]) -> bool:
    # Not by catching the error: after one, PostgreSQL's transaction could only be undone.
    insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(table)
    statement = insert.values(values).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return db.execute(statement).rowcount == 1
