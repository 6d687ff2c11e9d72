"""The state of each card according to the archived entries, so that a check can still compare the cards with the whole log.

For each card, the table `audit_kept` has a row. It holds the last version of the card that an archived entry records, and the
last enrollment or removal of the card. The sealed mark of the archive holds one hash of all these rows. So the check finds a
changed row, even if an attacker has replaced it by an earlier version of the same row.

Each update writes a new generation of rows, in batches, each in a separate transaction. The new generation becomes valid when
the mark names it. So no batch blocks logins for long, and the old generation stays valid if the process is killed. If two
processes write a new generation at the same time, only one of them succeeds. The other begins again if that is still necessary.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from heapq import merge
from itertools import groupby, islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from dsc_host.errors import StoreError
from dsc_host.records import segments
from dsc_host.records.audit_entries import encoded
from dsc_host.records.segments import Archived
from dsc_host.records.tables import audit_kept
from dsc_host.records.transaction import Context, Transaction

_BATCH = 1000


class KeptCard(NamedTuple):
    """The state of a card according to archived entries: the last version of its row, and its last enrollment or removal."""

    serial: str
    card_row: str | None
    action: str | None

    def after(self, earlier: "KeptCard") -> "KeptCard":
        """Return the state after these entries, which follow the entries of `earlier`."""
        return KeptCard(self.serial, self.card_row or earlier.card_row, self.action or earlier.action)


class Digest:
    """The hash of rows that are added in the order of their serials."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256(b"dscplus kept")

    def add(self, card: KeptCard) -> None:
        """Add a row."""
        self._hash.update(encoded(tuple(card)).encode() + b"\n")

    def value(self) -> bytes:
        """Return the hash."""
        return self._hash.digest()


def is_sound(db: Connection, mark: Archived) -> bool:
    """Return whether the rows of the mark's generation have the hash that the mark holds."""
    if not mark.generation:
        return True
    digest = Digest()
    after = ""
    try:
        while page := _page(db, mark.generation, after):
            for card in page:
                digest.add(card)
            after = page[-1].serial
    except StoreError:
        return False
    return digest.value() == mark.kept_hash


def replace_all(context: Context[Any], cards: Mapping[str, KeptCard], to: int) -> None:
    """Update the rows, so that they take all entries up to the number `to` into account.

    `cards` has the state of each card, by serial, according to the entries since the last update. Raises `StoreError` if the
    rows or the mark were changed.
    """
    while (mark := _mark(context)).kept_to < to and not _replaced(context, mark, cards, to):
        continue


def _replaced(context: Context[Any], mark: Archived, cards: Mapping[str, KeptCard], to: int) -> bool:
    """Write a new generation. Return False if another process has written one in the meantime."""
    old, new, count = Digest(), Digest(), 0
    generation = 1 + secrets.randbelow(2**31 - 1)
    rows = _merged(_old(context, mark, old), cards)
    while batch := list(islice(rows, _BATCH)):
        for card in batch:
            new.add(card)
        count += len(batch)
        values = [{"generation": generation, **card._asdict()} for card in batch]
        context.change_in_turn(lambda tx, values=values: tx.db.execute(insert(audit_kept), values) and None)  # type: ignore[misc]
    if mark.generation and old.value() != mark.kept_hash:
        if _mark(context) != mark:
            return False
        raise _changed()
    moved = replace(mark, kept_to=to, generation=generation, kept_hash=new.value())
    was_first = context.change_in_turn(lambda tx: _move(tx, mark, moved, count))
    while context.change_in_turn(_remove_some):
        continue
    return was_first


def _merged(old: Iterator[KeptCard], cards: Mapping[str, KeptCard]) -> Iterator[KeptCard]:
    both = merge(old, sorted(cards.values()), key=lambda card: card.serial)
    for _, group in groupby(both, key=lambda card: card.serial):
        # The old row comes first.
        earlier, *later = group
        yield later[0].after(earlier) if later else earlier


def _old(context: Context[Any], mark: Archived, digest: Digest) -> Iterator[KeptCard]:
    after = ""
    while True:
        page = context.read(lambda tx, after=after: _page(tx.db, mark.generation, after))  # type: ignore[misc]
        for card in page:
            digest.add(card)
            yield card
        if len(page) < _BATCH:
            return
        after = page[-1].serial


def _page(db: Connection, generation: int, after: str) -> list[KeptCard]:
    """Return the next rows of a generation. Raises `StoreError` if a row holds bytes, which SQLite accepts in any column."""
    c = audit_kept.c
    statement = select(c.serial, c.card_row, c.action).where(c.generation == generation, c.serial > after)
    page = [KeptCard(*row) for row in db.execute(statement.order_by(c.serial).limit(_BATCH))]
    if any(isinstance(value, bytes) for card in page for value in card):
        raise _changed()
    return page


def _changed() -> StoreError:
    return StoreError("the summary of archived entries was changed; see audit verify, and restore a backup")


def _mark(context: Context[Any]) -> Archived:
    return context.read(lambda tx: segments.archived(tx.db, tx.keys, tx.seals))


def _move(tx: Transaction, mark: Archived, moved: Archived, count: int) -> bool:
    tx.context.store.claim(tx.db)
    now = segments.archived(tx.db, tx.keys, tx.seals)
    if (now.kept_to, now.generation) != (mark.kept_to, mark.generation):
        return False
    # Another process that has just moved the mark may have removed our new rows.
    written = select(func.count()).select_from(audit_kept).where(audit_kept.c.generation == moved.generation)
    if tx.db.execute(written).scalar_one() != count:
        return False
    # Another process may have archived more entries in the meantime, but only entries that the old rows already include.
    segments.move_mark(tx.db, replace(moved, number=now.number, hash=now.hash), tx.keys.current, tx.seals)
    return True


def _remove_some(tx: Transaction) -> int:
    """Remove a batch of rows of invalid generations, and return their number.

    If another process is still writing such a generation, it notices the removal, and begins again.
    """
    tx.context.store.claim(tx.db)
    c, generation = audit_kept.c, segments.archived(tx.db, tx.keys, tx.seals).generation
    others = select(c.generation, c.serial).where(c.generation != generation).order_by(c.generation, c.serial).limit(_BATCH)
    found = tx.db.execute(others).all()
    if found:
        first = [row for row in found if row.generation == found[0].generation]
        tx.db.execute(delete(audit_kept).where(c.generation == first[0].generation, c.serial <= first[-1].serial))
    return len(found)
