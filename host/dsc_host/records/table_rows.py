"""Rows of one table as records: found, locked, added and changed, inside a transaction of the store's.

A record is a NamedTuple whose fields are the table's columns, in their order. Who changes what belongs to a user has locked the
user's row before: so that what was read stays true, in PostgreSQL too, where others write at the same time.
"""

import secrets
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

R = TypeVar("R", bound=tuple[Any, ...])
_ID_BYTES = 8


def new_id() -> str:
    """16 hex digits that cannot be guessed."""
    return secrets.token_hex(_ID_BYTES)


def is_key(key: object) -> bool:
    """Whether it can be one: a database takes neither what is no text, nor every text."""
    return isinstance(key, str) and key.isprintable()


class Rows(Generic[R]):
    """The records of one table, whose first column is its key."""

    __slots__ = ("_key", "_kind", "c", "table")

    def __init__(self, table: Table, kind: type[R]) -> None:
        self.table = table
        self.c = table.c
        self._kind = kind
        self._key = next(iter(table.primary_key))

    def find(self, db: Connection, key: str) -> R | None:
        """The record of this key; None if there is none, whatever the key is."""
        return self.one(db, self._key == key) if is_key(key) else None

    def locked(self, db: Connection, key: str) -> R | None:
        """The same; nobody else changes it, or locks it, until the transaction ends."""
        if not is_key(key):
            return None
        return self._made(db.execute(select(self.table).where(self._key == key).with_for_update()).first())

    def one(self, db: Connection, *conditions: ColumnElement[bool]) -> R | None:
        """The record that meets all of these."""
        return self._made(db.execute(select(self.table).where(*conditions)).first())

    def all(
        self,
        db: Connection,
        *conditions: ColumnElement[bool],
        order: ColumnElement[Any] | None = None,
        most: int | None = None,
    ) -> list[R]:
        """Those that meet all of these, in the order of `order`, else of their keys."""
        found: Select[Any] = select(self.table).where(*conditions).order_by(self._key if order is None else order, self._key)
        return [self._kind(*row) for row in db.execute(found.limit(most))]

    def count(self, db: Connection, *conditions: ColumnElement[bool]) -> int:
        return int(db.execute(select(func.count()).select_from(self.table).where(*conditions)).scalar_one())

    def add(self, db: Connection, record: R) -> R:
        db.execute(insert(self.table).values(dict(zip(self.table.c.keys(), record, strict=True))))
        return record

    def ensure(self, db: Connection, record: R) -> None:
        """Add it unless there is one of its key; another transaction's, that has not ended, is waited for."""
        values = dict(zip(self.table.c.keys(), record, strict=True))
        insert_into = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
        db.execute(insert_into(self.table).values(values).on_conflict_do_nothing())

    def change(self, db: Connection, key: str, **changes: Any) -> None:
        db.execute(update(self.table).where(self._key == key).values(**changes))

    def remove(self, db: Connection, *conditions: ColumnElement[bool]) -> int:
        """How many there were."""
        return db.execute(delete(self.table).where(*conditions)).rowcount

    def _made(self, row: Any) -> R | None:
        return None if row is None else self._kind(*row)
