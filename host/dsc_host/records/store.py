"""The database: opened safely, and used in transactions that are whole, durable and one at a time for each card.

Five promises, whichever database it is:

1. A database that is not ours, or is a newer dscplus's, is refused, with what to do about it, and left as it was.
2. An older one is brought up to date in one transaction, an SQLite file not before it was copied.
3. What `write` reads of a card that it has locked stays true until it ends: reading, deciding and recording are one step,
   among any number of threads, processes and machines.
4. What `write` has done is on the disk when it returns; what fails, in any way, leaves no trace.
5. Whatever the database reports comes out as a `StoreError` that names it. It quotes neither a password nor what was stored.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NoReturn, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from dsc_host.errors import InputError, StoreError, out_of_memory
from dsc_host.records import tables
from dsc_host.records.backends.base import Backend, Mode
from dsc_host.records.backends.postgresql import PostgreSQL
from dsc_host.records.backends.sqlite import SQLite
from dsc_host.records.schema import Schema

PATIENCE = 10.0
"""Seconds to wait for others who hold the database: far longer than any transaction here takes."""
TRIES = 5
"""How often a transaction is begun that others keep from ending."""
_log = logging.getLogger("dsc_host.verifier")

T = TypeVar("T")


Migrated = Callable[[Connection, int], None]


def _not_to_be_migrated(_db: Connection, version: int) -> None:
    raise StoreError(f"it was made by an older dscplus (its schema is {version}); bring it up to date: dscplus card list does")


class _Conflict(StoreError):
    """Others were in the way: the same transaction may succeed if it is tried again."""


class Store:
    """One database, shared by the threads of one process. Another process opens its own; so does one made by a fork."""

    def __init__(self, backend: Backend, schema: Schema, migrated: Migrated) -> None:
        self._backend = backend
        self._schema = schema
        self._migrated = migrated
        self._opened_in = os.getpid()
        self._closed = False

    @classmethod
    def open(
        cls,
        url: str,
        schema: Schema,
        *,
        patience: float = PATIENCE,
        may_make: bool = True,
        migrated: Migrated = _not_to_be_migrated,
    ) -> "Store":
        """The database at `url`, whose tables are those of `schema`.

        `sqlite:///relative/file`, `sqlite:////absolute/file`, or `sqlite://`: one in memory. A file that does not exist
        is made, for its owner alone. `postgresql://user:password@host/database`: an existing database, in which a schema
        `dscplus` is made. `patience` is how many seconds to wait for others. Without `may_make`, an empty database is
        refused. `migrated` is called at the end of the transaction that brings an older database up to date, with the
        version that it had; without it, one is refused. Raises `InputError` for a URL of another kind, `StoreError` for a
        database that cannot be opened or is not ours.
        """
        store = cls(_backend(url, patience), schema, migrated)
        try:
            store._prepare(may_make)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give up the connections; a database in memory is gone. May be called again."""
        self._closed = True
        self._backend.engine.dispose()

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the database as it is at its first statement, whatever others write meanwhile."""
        return self._transaction(self._backend.READ)

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that may write. It is committed at the end of the block, undone by any exception."""
        return self._transaction(self._backend.WRITE)

    def change(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction that may write, and return what it returns.

        If the database gave it up because of others, all of it is done again, up to 5 times: `work` must change
        nothing else.
        """
        for _ in range(TRIES - 1):
            try:
                with self.write() as db:
                    return work(db)
            except _Conflict:
                continue
        with self.write() as db:
            return work(db)

    def claim(self, db: Connection) -> None:
        """Until this transaction ends, no other one claims: for what concerns no one card. To be its first statement."""
        self._backend.claim(db)

    @contextmanager
    def _transaction(self, mode: Mode) -> Iterator[Connection]:
        self._check_usable()
        try:
            with out_of_memory(), self._connected(mode) as db, db.begin():
                # Not by a listener to the engine's events: with one, every statement takes half as long again.
                for statement in mode.statements:
                    statement.run(db, {})
                yield db
        except SQLAlchemyError as error:
            self._tell(error)

    def _connected(self, mode: Mode) -> Connection:
        db = self._backend.engine.connect()
        return db.execution_options(**mode.options) if mode.options else db

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            self._tell(error)

    def _tell(self, error: SQLAlchemyError) -> NoReturn:
        kind = _Conflict if self._backend.was_conflict(error) else StoreError
        failure = self._failure(self._backend.advice(error), kind)
        raise failure from (error if self._backend.CHAINS_ERRORS else None)

    def _check_usable(self) -> None:
        if self._closed:
            raise self._failure("it has been closed")
        if os.getpid() != self._opened_in:
            # A connection that two processes use breaks, and in SQLite may break the file.
            raise self._failure("it was opened by the process that this one was forked from; open it after the fork")

    def _failure(self, problem: str, kind: type[StoreError] = StoreError) -> StoreError:
        return kind(f"{self._backend.name}: {problem}")

    def _prepare(self, may_make: bool) -> None:
        with self.read() as db:
            identity = self._backend.identity(db)
        if identity is None:
            if not may_make:
                raise self._failure("there are no records in it; enroll or personalize makes them")
            self.change(self._make)
        if self._version() < self._schema.version:
            self._migrate()
        with self._failures_told():
            self._backend.finish_opening()

    def _make(self, db: Connection) -> None:
        self._backend.claim(db)
        # Asked again: another process may have been first.
        if self._backend.identity(db) is None:
            self._backend.create(db)
            tables.metadata.create_all(db, tables=list(self._schema.tables), checkfirst=False)
            db.execute(tables.audit_head.insert().values(tables.EMPTY_HEAD))
            self._backend.mark(db, self._schema.version)

    def _version(self) -> int:
        with self.read() as db:
            return self._checked_version(db)

    def _checked_version(self, db: Connection) -> int:
        identity = self._backend.identity(db)
        if identity is None or not identity.ours:
            raise self._failure("it is the database of another program; name another one")
        if identity.version > self._schema.version:
            raise self._failure(
                f"it was made by a newer dscplus (its schema is {identity.version}, this one knows {self._schema.version}); "
                "upgrade dscplus, or name another database"
            )
        if identity.version < self._schema.oldest:
            raise self._failure(
                f"it was made by an older dscplus (its schema is {identity.version}, this one knows from "
                f"{self._schema.oldest} on); name another database, and enroll the cards again"
            )
        return identity.version

    def _migrate(self) -> None:
        # Here, because it takes longer to load than all the rest, and is hardly ever needed.
        from dsc_host.records.migrations import migrate

        copy = None
        with self._transaction(self._backend.MIGRATE) as db:
            self._backend.claim(db)
            # Asked again: another process may have been first.
            version = self._checked_version(db)
            if version < self._schema.version:
                copy = self._backend.keep_copy(version)
                self._backend.mark(db, migrate(db, version, self._schema.migrations))
                self._backend.check_migrated(db)
                self._migrated(db, version)
        self._backend.after_migrating()
        if version < self._schema.version:
            kept = f"; as it was, it is in {copy}" if copy else ""
            _log.warning("%s: migrated from schema %d to %d%s", self._backend.name, version, self._schema.version, kept)


def _backend(url: str, patience: float) -> Backend:
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError("database", "must be a URL such as sqlite:///dsc.db or postgresql://user@host/database") from None
    # Nothing of the URL but its scheme is quoted: it may hold a password.
    if parts.drivername == "sqlite":
        return SQLite.open(parts, patience)
    if parts.drivername in ("postgresql", "postgresql+psycopg"):
        return PostgreSQL.open(parts, patience)
    raise InputError(
        "database", f"must be a URL such as sqlite:///dsc.db, not {parts.drivername}:…; or postgresql://user@host/database"
    )
