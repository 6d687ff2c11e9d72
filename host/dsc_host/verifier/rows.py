"""The rows of cards, their owners and challenges, and the statements that read or change them.

Each function does one task inside a transaction of `Store`, and makes no decision. A login locks the row of its card before it
changes the card or its challenges, and locks the end of the log last. This order prevents deadlocks.

Each row has a seal (`card_seals`) that covers all its columns. So a function that changes some columns also writes the seal,
and takes the whole new row as its argument.

The statements of a login are prepared once, as `Statement` objects. All other statements are built at each use.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    Connection,
    Integer,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from dsc_host.errors import StoreError
from dsc_host.records.statements import Statement, insert_of
from dsc_host.schema.card_tables import DECOY, IS_DECOY, IS_REAL, NO_OWNERS, cards, challenges, owners


class CardRecord(NamedTuple):
    """A row of `cards`. The fields are the columns, in their order."""

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
    state: str
    state_since: float
    state_reason: str
    sealed_duress_pin: bytes | None
    judged: int = 0
    failures_in_day: int = 0
    day_since: float = 0.0
    enrolment: str = ""
    version: int = 1
    owners_hash: bytes = NO_OWNERS
    valid_from: float | None = None
    valid_until: float | None = None
    seal: bytes = b""

    @property
    def in_log(self) -> str | None:
        """Return the text by which a log entry names this version of the row. None for a decoy, which the log does not name."""
        return None if self.state == DECOY else f"{self.enrolment}:{self.version}"


class ChallengeRecord(NamedTuple):
    """A row of `challenges`. The fields are the columns, in their order."""

    id: str
    serial: str
    number: int
    question: str
    question_digest: bytes
    issued_at: float
    expires_at: float
    failures: int
    used_at: float | None
    judged: int = 0
    seal: bytes = b""


CardAndChallenges: TypeAlias = tuple[CardRecord | None, list[ChallengeRecord | None]]
"""The card that some challenges belong to, and the challenges, with None in place of each challenge that does not exist."""

_CARD = select(cards).where(cards.c.serial == bindparam("of"))
_CARD_OF = select(cards).join(challenges).where(challenges.c.id == bindparam("of"))
_FIND_CARD = Statement(_CARD)
# SQLAlchemy omits FOR UPDATE in SQLite, which has a single writer.
_LOCK_CARD = Statement(_CARD.with_for_update(of=cards))
_REAL = cards.alias()
_EITHER = func.coalesce(
    select(_REAL.c.serial).where(_REAL.c.serial == bindparam("of")).scalar_subquery(), bindparam("otherwise")
)
# Read the whole row of the serial or, if it has no row, the whole next row. So the database reads as many pages of the table
# for a serial without a card as for one with a card. There is always a next row, because the decoys sort after all cards.
_NEXT = (
    select(_REAL.c.serial, _REAL.c.seal).where(_REAL.c.serial >= bindparam("of")).order_by(_REAL.c.serial).limit(1).subquery()
)
_EITHER_BY_NEXT = func.coalesce(
    select(_NEXT.c.serial).where(_NEXT.c.serial == bindparam("of"), _NEXT.c.seal.is_not(None)).scalar_subquery(),
    bindparam("otherwise"),
)
_LOCK_EITHER = Statement(select(cards).where(cards.c.serial == _EITHER_BY_NEXT).with_for_update(of=cards))
_FIND_CARD_OF = Statement(_CARD_OF)
_OWNED = Statement(
    select(cards)
    .join(owners)
    .where(IS_REAL, owners.c.serial > bindparam("after"), owners.c.owner == bindparam("of"))
    .order_by(owners.c.serial)
    .limit(bindparam("most", type_=Integer))
)
_OWNERS_OF_ONE = Statement(select(owners.c.owner).where(owners.c.serial == bindparam("of")).order_by(owners.c.owner))
_LOCK_CARD_OF = Statement(_CARD_OF.with_for_update(of=cards))
_CHALLENGE = Statement(select(challenges).where(challenges.c.id == bindparam("of")))


def _issued_before(serial: Any) -> Statement:
    """Return a statement that reads the time of an earlier challenge. `lock_for_challenge` explains the parameter `ago`."""
    number = select(cards.c.asked + 1 - bindparam("ago")).where(cards.c.serial == serial).scalar_subquery()
    return Statement(select(challenges.c.issued_at).where(challenges.c.serial == serial, challenges.c.number == number))


_ISSUED_BEFORE, _ISSUED_BEFORE_TO_EITHER = _issued_before(bindparam("of")), _issued_before(_EITHER)
# The columns that change at each login. No index has these columns, because each login would have to write the index too.
LOGIN_COLUMNS = (
    "counter", "failures", "failures_in_day", "day_since", "locked_until", "asked", "judged", "version", "seal",
)  # fmt: skip


def _change_of(names: Sequence[str]) -> Statement:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return Statement(update(cards).where(cards.c.serial == bindparam("of")).values(values))


_USED = _change_of(LOGIN_COLUMNS)
_CHANGES: dict[tuple[str, ...], Statement] = {}
"""The statements of `change_card`, by the columns that they write."""
ANSWER_COLUMNS = ("failures", "used_at", "judged", "seal")
_ANSWERED = Statement(
    update(challenges)
    .where(challenges.c.id == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in ANSWER_COLUMNS})
)
_OLDEST = (
    select(challenges.c.id)
    .where(
        challenges.c.serial == bindparam("of"),
        challenges.c.number <= bindparam("up_to"),
        challenges.c.expires_at <= bindparam("expired_at"),
    )
    .order_by(challenges.c.number)
    .limit(bindparam("most", type_=Integer))
)
_FORGET = Statement(delete(challenges).where(challenges.c.id.in_(_OLDEST)))
_CARDS_COUNTED = func.count(case((IS_REAL, 1)))
"""An expression for the number of rows that are not decoys."""
# Use ON CONFLICT. If a conflict raised an error, PostgreSQL could only undo the transaction.
_ADD_CHALLENGE = Statement(lambda dialect: insert_of(dialect)(challenges).on_conflict_do_nothing())
_ADD_DECOY = Statement(lambda dialect: insert_of(dialect)(cards).on_conflict_do_nothing())


# ---- cards ----


def add_cards(db: Connection, added: Sequence[CardRecord]) -> set[str]:
    """Add cards with different serials. Skip cards whose serial is in use. Return the serials of the added cards."""
    statement = insert_of(db.dialect)(cards).on_conflict_do_nothing().returning(cards.c.serial)
    return set(db.execute(statement, [_values(card) for card in added]).scalars())


def add_decoy(db: Connection, card: CardRecord) -> None:
    """Add a decoy unless its serial already has a row."""
    _ADD_DECOY.send(db, _values(card))


def find_card(db: Connection, serial: str) -> CardRecord | None:
    """Return the row of this serial, or None."""
    return _card(_FIND_CARD.row(db, {"of": serial}))


def lock_card(db: Connection, serial: str) -> CardRecord | None:
    """Lock and return the row of this serial, or None. Until the transaction ends, nobody else can change or lock it."""
    return _card(_LOCK_CARD.row(db, {"of": serial}))


def lock_for_challenge(db: Connection, serial: str, otherwise: str | None, ago: int) -> tuple[CardRecord | None, float | None]:
    """Lock and return a card with the Unix time of one of its earlier challenges.

    If there is no card, lock and return the decoy with the name `otherwise` in the same way, which takes the same time. `ago`
    says which challenge: 1 for the card's latest challenge, 2 for the one before it, and so on. The time is None if that
    challenge is not stored.
    """
    # The second statement begins after the row was locked, so it sees what the previous holder of the lock has committed.
    if otherwise is None:
        card, issued = _LOCK_CARD.ask(db, {"of": serial}), _ISSUED_BEFORE.ask(db, {"of": serial, "ago": ago})
    else:
        values = {"of": serial, "otherwise": otherwise}
        card, issued = _LOCK_EITHER.ask(db, values), _ISSUED_BEFORE_TO_EITHER.ask(db, {**values, "ago": ago})
    found, earlier = _card(card.row()), issued.row()
    return found, None if earlier is None else earlier[0]


def find_card_of(db: Connection, challenge_ids: Sequence[str]) -> CardAndChallenges:
    """Return the card that the first of these challenges belongs to, or None, together with the challenges."""
    return _card_of(_FIND_CARD_OF, db, challenge_ids)


def lock_card_of(db: Connection, challenge_ids: Sequence[str]) -> CardAndChallenges:
    """Lock the card that the first of these challenges belongs to, and return the same values as `find_card_of`.

    The card's challenges do not change until the transaction ends.
    """
    return _card_of(_LOCK_CARD_OF, db, challenge_ids)


def _card_of(statement: Statement, db: Connection, challenge_ids: Sequence[str]) -> CardAndChallenges:
    card = statement.ask(db, {"of": challenge_ids[0]})
    asked = [_CHALLENGE.ask(db, {"of": each}) for each in challenge_ids]
    return _card(card.row()), [_challenge(each.row()) for each in asked]


def find_cards(db: Connection, *, owner: str | None, state: str | None, after: str, limit: int) -> list[CardRecord]:
    """Return at most `limit` cards with serials after `after`, in order: all, or those of `owner`, in `state`, or both."""
    if owner is not None and state is None:
        # Logins use this query, to find the cards of an owner.
        return [CardRecord(*row) for row in _OWNED.rows(db, {"of": owner, "after": after, "most": limit})]
    # For one owner, select the serials from the table of owners, whose index gives the order.
    serial = cards.c.serial if owner is None else owners.c.serial
    statement = select(cards).where(IS_REAL, serial > after).order_by(serial).limit(limit)
    if owner is not None:
        statement = statement.join(owners).where(owners.c.owner == owner)
    if state is not None:
        statement = statement.where(cards.c.state == state)
    return [CardRecord(*row) for row in db.execute(statement)]


def states_of(db: Connection, serials: Iterable[str]) -> dict[str, str]:
    """Return the state of each of these serials that has a row, by serial."""
    found = select(cards.c.serial, cards.c.state).where(cards.c.serial.in_(list(serials)))
    return {row.serial: row.state for row in db.execute(found)}


def change_card(db: Connection, card: CardRecord, *columns: str) -> None:
    """Write these columns of a row, its version and its seal."""
    names = (*columns, "version", "seal")
    statement = _CHANGES.get(names) or _CHANGES.setdefault(names, _change_of(names))
    statement.send(db, {"of": card.serial, **{f"new_{name}": getattr(card, name) for name in names}})


def write_login(db: Connection, card: CardRecord) -> None:
    """Write the columns that change when a card is given a challenge or its response is judged."""
    _USED.send(db, {"of": card.serial, **{f"new_{name}": getattr(card, name) for name in LOGIN_COLUMNS}})


def remove_cards(db: Connection, serials: Iterable[str]) -> None:
    """Remove these cards with their challenges and owners."""
    db.execute(delete(cards).where(cards.c.serial.in_(list(serials))))


def forget_decoys(db: Connection, before: float, most: int) -> None:
    """Remove up to `most` decoys for which nobody has requested a challenge since the Unix time `before`, oldest first."""
    oldest = (
        select(cards.c.serial)
        .where(IS_DECOY, cards.c.state_since < before)
        .order_by(cards.c.state_since)
        .limit(most)
        # Skip a decoy that another transaction is using now.
        .with_for_update(skip_locked=True)
    )
    db.execute(delete(cards).where(cards.c.serial.in_(oldest)))


def count_cards(db: Connection) -> int:
    """Return the number of cards. Decoys are not counted."""
    return db.execute(select(func.count()).select_from(cards).where(IS_REAL)).scalar_one()


def suites_near(db: Connection, serial: str, most: int) -> list[str]:
    """Return the suites of up to `most` cards on either side of a serial, one suite for each card."""
    after = select(cards.c.suite, cards.c.state).where(cards.c.serial > serial).order_by(cards.c.serial).limit(most)
    before = select(cards.c.suite, cards.c.state).where(cards.c.serial < serial).order_by(cards.c.serial.desc()).limit(most)
    # Leave the decoys out here, and not in the statement: with a condition there, the database could read all decoys.
    return [row.suite for side in (after, before) for row in db.execute(side) if row.state != DECOY]


def key_ids(db: Connection, most: int) -> set[str]:
    """Return the ids of the master keys under which cards are sealed, at most `most` of them."""
    found: set[str] = set()
    latest: str | None = ""
    while len(found) < most:
        # Step through the index, whatever the number of cards. DISTINCT would read every card.
        latest = db.execute(select(func.min(cards.c.key_id)).where(cards.c.key_id > latest)).scalar()
        if latest is None:
            break
        found.add(latest)
    return found


def lock_cards_not_under(db: Connection, key_id: str, after: str, until: float, limit: int) -> list[CardRecord]:
    """Lock and return cards whose secrets are sealed under another master key, in the order of their serials.

    Return only cards with serials after `after` that were enrolled by the Unix time `until`.
    """
    others = select(cards).where(cards.c.serial > after, cards.c.enrolled_at <= until, cards.c.key_id.not_in(["", key_id]))
    return [CardRecord(*row) for row in db.execute(others.order_by(cards.c.serial).limit(limit).with_for_update())]


def cards_with_pin(db: Connection, key_id: str, after: str, limit: int) -> list[CardRecord]:
    """Return cards with a PIN whose row names this master key, in the order of their serials, beginning after `after`."""
    has_pin = cards.c.sealed_pin.is_not(None) | cards.c.sealed_duress_pin.is_not(None)
    found = select(cards).where(cards.c.serial > after, cards.c.key_id == key_id, has_pin)
    return [CardRecord(*row) for row in db.execute(found.order_by(cards.c.serial).limit(limit))]


def cards_not_under(db: Connection, key_id: str) -> tuple[int, float]:
    """Return the number of cards that are sealed under another master key, and the Unix time when the last of them was added.

    The number leaves out decoys. The time may be that of a decoy.
    """
    counted = select(_CARDS_COUNTED, func.max(cards.c.enrolled_at)).where(cards.c.key_id.not_in(["", key_id]))
    count, last = db.execute(counted).one()
    if last is not None and not isinstance(last, float):
        raise StoreError("the time of a card's enrollment was changed; run dscplus audit verify, and restore a backup")
    return int(count), last or 0.0


def count_by_key(db: Connection) -> dict[str, int]:
    """Return the number of cards whose secrets are sealed under each master key, by the key's id.

    Decoys are not counted: a master key that seals nothing but decoys has the number 0.
    """
    counted = select(cards.c.key_id, _CARDS_COUNTED).where(cards.c.key_id != "").group_by(cards.c.key_id)
    return {str(key_id): int(count) for key_id, count in db.execute(counted)}


# ---- owners ----


def owners_of(db: Connection, serials: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the owners of these cards, sorted, by serial. Cards without owners are left out."""
    found: dict[str, list[str]] = {}
    if len(serials) == 1:
        found = {serials[0]: [owner for (owner,) in _OWNERS_OF_ONE.rows(db, {"of": serials[0]})]}
    elif serials:
        statement = select(owners).where(owners.c.serial.in_(serials)).order_by(owners.c.serial, owners.c.owner)
        for serial, owner in db.execute(statement):
            found.setdefault(serial, []).append(owner)
    return {serial: tuple(names) for serial, names in found.items() if names}


def add_owners(db: Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Add owners. Each pair is the serial of a card and the name of an owner that the card does not have yet."""
    if pairs:
        db.execute(insert(owners), [{"serial": serial, "owner": owner} for serial, owner in pairs])


def remove_owner(db: Connection, serial: str, owner: str) -> bool:
    """Remove an owner. Return False if the card has no such owner."""
    return db.execute(delete(owners).where(owners.c.serial == serial, owners.c.owner == owner)).rowcount == 1


# ---- challenges ----


def add_challenge(db: Connection, challenge: ChallengeRecord) -> bool:
    """Add a challenge. If the card has a stored challenge with an equal question, change nothing and return False."""
    return _ADD_CHALLENGE.run(db, _values(challenge)) == 1


def write_answer(db: Connection, challenge: ChallengeRecord) -> None:
    """Write the columns that change in a challenge when a response to it is judged."""
    _ANSWERED.send(db, {"of": challenge.id, **{f"new_{name}": getattr(challenge, name) for name in ANSWER_COLUMNS}})


def forget_challenges(db: Connection, serial: str, up_to: int, expired_at: float, most: int) -> None:
    """Remove up to `most` challenges of a card, oldest first: those with numbers up to `up_to` that expired by `expired_at`."""
    _FORGET.send(db, {"of": serial, "up_to": up_to, "expired_at": expired_at, "most": most})


def _card(row: tuple[Any, ...] | None) -> CardRecord | None:
    return None if row is None else CardRecord(*row)


def _challenge(row: tuple[Any, ...] | None) -> ChallengeRecord | None:
    return None if row is None else ChallengeRecord(*row)


def _values(record: CardRecord | ChallengeRecord) -> dict[str, Any]:
    return record._asdict()
