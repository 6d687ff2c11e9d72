"""Anchors that compare the cards with the log: each card's row must have the version that the log has recorded last.

Anchors find two attacks that a check of the log alone would miss. If somebody removes the last entries of the log and restores
an earlier sealed end, some rows have versions that the log does not record. If somebody replaces a row by an earlier version of
it, the log records a later version.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, func, select

from dsc_host.errors import StoreError
from dsc_host.records import kept_cards, segments
from dsc_host.records.keys import Keyring
from dsc_host.records.segments import Archived
from dsc_host.records.tables import audit, audit_kept
from dsc_host.schema.card_tables import BEGINS_OR_ENDS, DECOY, cards
from dsc_host.verifier import card_lookup, rows
from dsc_host.verifier.card_seals import CardSeals
from dsc_host.verifier.rows import CardRecord

_PAGE = 500
_FIRST = 1
"""The version of a row that was last changed before log entries recorded versions."""
_ENROLLED = "card.enroll"
_MOST_DIGITS = 19
"""The largest number of digits in a version. This program never writes a longer number, which Python may refuse to convert."""


def problems(db: Connection, keys: Keyring, seals: CardSeals) -> Iterator[str]:
    """Yield a sentence for each difference between the cards and the log. Some entries of the log may be archived."""
    try:
        mark = segments.archived(db, keys, seals)
    except StoreError:
        # The check of the log, which runs too, reports this error.
        mark = Archived()
    if not kept_cards.is_sound(db, mark):
        yield "the summary of archived entries about the cards was changed"
    yield from _card_problems(db, seals, mark.generation)
    yield from _missing_cards(db, mark.generation)


def _card_problems(db: Connection, seals: CardSeals, generation: int) -> Iterator[str]:
    after = ""
    while True:
        statement = select(cards).where(cards.c.serial > after).order_by(cards.c.serial).limit(_PAGE)
        page = [CardRecord(*row) for row in db.execute(statement)]
        serials = [card.serial for card in page]
        logged, owners = _last_logged(db, serials, generation), rows.owners_of(db, serials)
        for card in page:
            if not seals.is_sealed(card):
                yield f"card {ascii(card.serial)[1:-1]}: its row does not match its seal"
            elif card.state != DECOY:
                yield from _compare(card, logged.get(card.serial))
                if not card_lookup.has_owners(card, owners.get(card.serial, ())):
                    yield f"card {card.serial}: its owners are not those that its row records: they were changed"
        if len(page) < _PAGE:
            return
        after = page[-1].serial


def _compare(card: CardRecord, logged: str | None) -> Iterator[str]:
    """Yield a sentence if a row does not have the version that the log has recorded last for it."""
    if logged == card.in_log or (logged is None and card.version == _FIRST):
        return
    enrollment, _, version = (logged or ":0").rpartition(":")
    is_version = version.isdecimal() and len(version) <= _MOST_DIGITS
    if enrollment not in ("", card.enrolment):
        yield (
            f"card {card.serial}: its row is of another enrollment than the last log entry about it: "
            "an old row was put back, or entries were removed"
        )
    elif is_version and int(version) < card.version:
        yield (
            f"card {card.serial}: its row is at version {card.version}, but the log records only version {version}: "
            "entries were removed"
        )
    else:
        yield f"card {card.serial}: its row is older than the version that the log records: an old row was put back"


def _last_logged(db: Connection, serials: Sequence[str], generation: int) -> dict[str, str]:
    """Return the enrollment and the version of the row in the last log entry about each card, as one text, by serial."""
    if not serials:
        return {}
    # This is fast: with the index by serial and number, the database reads only the last entries about each card.
    latest = (
        select(audit.c.card_row)
        .where(audit.c.serial == cards.c.serial, audit.c.card_row.is_not(None))
        .order_by(audit.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    archived = (
        select(audit_kept.c.card_row)
        .where(audit_kept.c.generation == generation, audit_kept.c.serial == cards.c.serial)
        .scalar_subquery()
    )
    found = db.execute(select(cards.c.serial, func.coalesce(latest, archived)).where(cards.c.serial.in_(serials)))
    return {serial: str(row) for serial, row in found if row is not None}


def _missing_cards(db: Connection, generation: int) -> Iterator[str]:
    """Yield a sentence for each card that has no row although, according to the log, it was enrolled and not removed."""
    latest = select(func.max(audit.c.number)).where(BEGINS_OR_ENDS).group_by(audit.c.serial)
    there = select(cards.c.serial).where(cards.c.serial == audit.c.serial).exists()
    gone = select(audit.c.serial).where(audit.c.number.in_(latest), audit.c.action == _ENROLLED, ~there)
    kept_there = select(cards.c.serial).where(cards.c.serial == audit_kept.c.serial).exists()
    later = select(audit.c.number).where(BEGINS_OR_ENDS, audit.c.serial == audit_kept.c.serial).exists()
    of_archived = select(audit_kept.c.serial).where(
        audit_kept.c.generation == generation, audit_kept.c.action == _ENROLLED, ~kept_there, ~later
    )
    for serial in sorted(map(str, (*db.execute(gone).scalars(), *db.execute(of_archived).scalars()))):
        yield f"card {ascii(serial)[1:-1]}: the log says that it is enrolled, but it has no row: it was removed"
