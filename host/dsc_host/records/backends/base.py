"""The interface to a kind of database: the start of transactions, the marks of our databases, and advice for errors."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from dsc_host.records.segment_worker import Source
from dsc_host.records.statements import Statement

ALL_IN_USE = "this program uses all its connections to it, and none became free in time; try again, or do less at once"
"""The advice for a transaction that got no connection of the pool in time."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The marks in a database that is not empty. They show whether it is a database of dscplus."""

    ours: bool
    """Whether the database is one of dscplus."""
    version: int
    """The version of its schema, or 0 if it is not ours."""
    compatible_since: int
    """The oldest schema version whose dscplus may use the database."""


@dataclass(frozen=True, slots=True)
class Mode:
    """The statements that start a transaction."""

    statements: tuple[Statement, ...] = ()
    streams: bool = False
    """Whether the transaction may read large results in parts."""

    def start(self, db: Connection) -> None:
        """Execute the statements."""
        for statement in self.statements:
            statement.send(db, {})


Start: TypeAlias = Callable[[Connection], None]
"""A function that starts a transaction on a connection."""


class Backend(Protocol):
    """A database of one kind, with any tables. `READ`, `READ_ONCE`, `STREAM`, `WRITE` and `MIGRATE` are transaction modes."""

    WRITERS: int
    """The number of transactions of one process that may write at the same time. It is 1 unless `LOCKS_ROWS` is true."""
    LOCKS_ROWS: bool
    """Whether a writing transaction locks single rows. Otherwise, it locks the whole database."""
    READ: Mode
    """A mode that sees the database in its state at the first statement, and writes nothing."""
    READ_ONCE: Mode
    """A mode for a single read, or for several reads that are sent together. All of them see the same state of the database."""
    STREAM: Mode
    """A mode like `READ`, for large results that are read in parts."""
    WRITE: Mode
    MIGRATE: Mode

    name: str
    """The name of the database in messages, without a password."""
    engine: Engine

    def connect(self, mode: Mode) -> Connection:
        """Return a connection for a transaction of this mode."""

    def source(self) -> Source | None:
        """Return the data that another process needs to read the database, or None for a database in memory."""

    def close(self) -> None:
        """Close the connections."""

    def turn(self, mode: Mode) -> AbstractContextManager[Start]:
        """Wait for this thread's turn, if the mode needs a turn. Provide the function that starts the transaction.

        The end of the `with` block ends the turn. Raises `StoreError` if the turn does not come in time.
        """

    def identity(self, db: Connection) -> Identity | None:
        """Return the database's marks, or None if it is empty."""

    def claim(self, db: Connection) -> None:
        """Make all other transactions that claim the database wait until this transaction ends."""

    def wait_for_locks(self, db: Connection, waits: bool) -> None:
        """Make the next statements of this transaction wait for locks (the default), or fail immediately."""

    def create(self, db: Connection) -> None:
        """Create the objects that must exist before the tables."""

    def mark(self, db: Connection, version: int, compatible_since: int | None = None) -> None:
        """Mark the database as ours, with this schema version and the oldest schema version whose dscplus may use it."""

    def keep_copy(self, version: int) -> Path | None:
        """Copy the database before its migration from `version`, and return the path of the copy.

        Return None if no copy was made, because administrators copy this kind of database, or because it is in memory.
        """

    def check_migrated(self, db: Connection) -> None:
        """Raise `StoreError` if a migration left rows that refer to missing rows."""

    def after_migrating(self) -> None:
        """Undo the changes that the statements of `MIGRATE` have made to connections."""

    def finish_opening(self) -> None:
        """Finish opening the database, after it was recognized as ours."""

    def advice(self, error: SQLAlchemyError) -> str:
        """Return a message with the problem and its remedy, without a password or stored data."""

    def may_quote_data(self, error: SQLAlchemyError) -> bool:
        """Return whether the database's own error may quote stored data, so that it must not be shown."""

    def was_conflict(self, error: SQLAlchemyError) -> bool:
        """Return whether the transaction failed because of other transactions, so that a repetition may succeed."""
