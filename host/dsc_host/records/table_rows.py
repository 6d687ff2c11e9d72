"""Access to the rows of one table as records: finding, locking, adding, changing and removing them in a transaction.

A record is a NamedTuple whose fields are the table's columns, in the same order. Code that changes the data of a user must lock
the user's row first. Otherwise another transaction could change these data in the meantime, because PostgreSQL lets several
transactions write at the same time.
"""

import secrets
from typing import Any, Generic, TypeVar

from sqlalchemy import ClauseElement, ColumnElement, Connection, Select, Table, bindparam, delete, func, insert, select, update

from dsc_host.records.statements import Statement, insert_of

R = TypeVar("R", bound=tuple[Any, ...])
_ID_BYTES = 8
_KEY, _NEW = "key_", "new_"
"""The parameter for the key, and the prefix of the parameters for new values. No column has such a name."""


def new_id() -> str:
    """Return a new id: 16 hex digits that cannot be guessed."""
    return secrets.token_hex(_ID_BYTES)


def is_key(key: object) -> bool:
    """Return whether `key` is text of printable characters. Every database can search for such a key."""
    return isinstance(key, str) and key.isprintable()


class Rows(Generic[R]):
    """The records of one table, which has a primary key of one column.

    Statements that each login repeats are compiled only once: compiling them each time would take most of a login's time.
    """

    __slots__ = ("_add", "_changes", "_ensure", "_find", "_key", "_kind", "_lock", "_lock_free", "c", "table")

    def __init__(self, table: Table, kind: type[R]) -> None:
        self.table = table
        self.c = table.c
        self._kind = kind
        self._key = next(iter(table.primary_key))
        found = select(table).where(self._key == bindparam(_KEY))
        # A row that refers to a locked row may be added meanwhile: its transaction does not wait, which could be a deadlock.
        locked = found.with_for_update(key_share=True)
        self._find, self._lock, self._add = Statement(found), Statement(locked), Statement(insert(table))
        self._lock_free = Statement(found.with_for_update(key_share=True, skip_locked=True))
        self._ensure = Statement(lambda dialect: insert_of(dialect)(table).on_conflict_do_nothing())
        self._changes: dict[tuple[str, ...], Statement] = {}

    def find(self, db: Connection, key: str) -> R | None:
        """Return the record with this key, or None if there is none. For a value that cannot be a key, return None too."""
        return self._made(self._find.row(db, {_KEY: key})) if is_key(key) else None

    def locked(self, db: Connection, key: str) -> R | None:
        """Lock the record with this key and return it, or return None if there is none.

        Until this transaction ends, no other transaction can change or lock the record. With PostgreSQL, others can still add
        records that refer to it, for example a message to a user.
        """
        return self._made(self._lock.row(db, {_KEY: key})) if is_key(key) else None

    def locked_if_free(self, db: Connection, key: str) -> R | None:
        """Lock the record with this key and return it. Return None if there is none, or if another transaction locks it."""
        return self._made(self._lock_free.row(db, {_KEY: key})) if is_key(key) else None

    def one(self, db: Connection, *conditions: ColumnElement[bool]) -> R | None:
        """Return a record that meets all conditions, or None if there is none."""
        return self._made(db.execute(select(self.table).where(*conditions)).first())

    def all(
        self,
        db: Connection,
        *conditions: ColumnElement[bool],
        order: ColumnElement[Any] | None = None,
        most: int | None = None,
    ) -> list[R]:
        """Return the records that meet all conditions, at most `most`, sorted by `order`, or by key if `order` is None."""
        found: Select[Any] = select(self.table).where(*conditions).order_by(self._key if order is None else order, self._key)
        return [self._kind(*row) for row in db.execute(found.limit(most))]

    def count(self, db: Connection, *conditions: ColumnElement[bool]) -> int:
        """Return the number of records that meet all conditions."""
        return int(db.execute(select(func.count()).select_from(self.table).where(*conditions)).scalar_one())

    def add(self, db: Connection, record: R) -> R:
        """Add a record, and return it."""
        self._add.run(db, self._values(record))
        return record

    def ensure(self, db: Connection, record: R) -> None:
        """Add a record unless its key exists. If another open transaction has added the key, wait until it ends."""
        self._ensure.run(db, self._values(record))

    def change(self, db: Connection, key: str, **changes: Any) -> None:
        """Set these columns of the record with this key, to values or to expressions such as `c.failures + 1`."""
        if any(isinstance(value, ClauseElement) for value in changes.values()):
            db.execute(update(self.table).where(self._key == key).values(**changes))
            return
        names = tuple(changes)
        statement = self._changes.get(names) or self._changes.setdefault(names, self._change_of(names))
        statement.run(db, {_KEY: key, **{f"{_NEW}{name}": value for name, value in changes.items()}})

    def remove(self, db: Connection, *conditions: ColumnElement[bool]) -> int:
        """Remove the records that meet all conditions, and return how many there were."""
        return db.execute(delete(self.table).where(*conditions)).rowcount

    def remove_free(self, db: Connection, *conditions: ColumnElement[bool]) -> None:
        """Remove the records that meet all conditions, except those that other transactions have locked.

        This never waits, so it needs no place in the order of locks.
        """
        free = select(self._key).where(*conditions).with_for_update(skip_locked=True)
        db.execute(delete(self.table).where(self._key.in_(free)))

    def _change_of(self, names: tuple[str, ...]) -> Statement:
        values = {name: bindparam(f"{_NEW}{name}", type_=self.c[name].type) for name in names}
        return Statement(update(self.table).where(self._key == bindparam(_KEY)).values(values))

    def _values(self, record: R) -> dict[str, Any]:
        return dict(zip(self.table.c.keys(), record, strict=True))

    def _made(self, row: Any) -> R | None:
        return None if row is None else self._kind(*row)
