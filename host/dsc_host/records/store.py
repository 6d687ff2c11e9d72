"""The database store. Its transactions are atomic and durable. Transactions that change the same card run one after another.

Five promises, for every kind of database:

1. A database of another program is refused with advice, and not changed. The database of a newer dscplus is refused too, unless
   it is in PostgreSQL and the newer versions have only added to our tables.
2. An older database is migrated in one transaction. An SQLite file is copied first.
3. When a `write` transaction has locked a card, no other transaction changes this card until the first one ends. So reading,
   deciding and recording are atomic, with any number of threads, processes and machines.
4. When a `write` transaction has been committed, its changes are on the disk. If it fails before its commit, none of them
   remain.
5. Every error of the database becomes a `StoreError`, which names the database, and quotes neither a password nor stored data.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NoReturn, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from dsc_host.errors import InputError, StoreError, out_of_memory
from dsc_host.records import tables
from dsc_host.records.backends.base import Backend, Identity, Mode
from dsc_host.records.backends.postgresql import PostgreSQL
from dsc_host.records.backends.sqlite import SQLite
from dsc_host.records.schema import Schema
from dsc_host.records.segment_worker import Source

PATIENCE = 10.0
"""The seconds to wait for locks of other transactions. A transaction of a login takes far less time."""
TRIES = 5
"""The largest number of attempts at a transaction that the database aborts because of conflicts with others."""
_log = logging.getLogger("dsc_host.verifier")

T = TypeVar("T")


AfterMigration = Callable[[Connection, int], None]
"""A function that is called at the end of a migration, with the connection and the old version."""


class _Conflict(StoreError):
    """A conflict with other transactions. Another attempt at the transaction may succeed."""


class Store:
    """One database, shared by the threads of one process. Another process, even a fork, must open its own store."""

    def __init__(
        self, backend: Backend, schema: Schema, after_migration: AfterMigration | None = None, patience: float = PATIENCE
    ) -> None:
        """Use a backend. Nothing is read from the database yet."""
        self._backend = backend
        self.patience = patience
        self._schema = schema
        self._after_migration = after_migration
        self._opened_in = os.getpid()
        self._newer: int | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        url: str,
        schema: Schema,
        *,
        patience: float = PATIENCE,
        may_make: bool = True,
        after_migration: AfterMigration | None = None,
    ) -> "Store":
        """Open the database at `url`, whose tables are those of `schema`.

        `sqlite:///relative/file` and `sqlite:////absolute/file` name a file. A missing file is created, and only its owner can
        access it. `sqlite://` is a database in memory. `postgresql://user:password@host/database` is an existing database, in
        which the tables are in a schema named `dscplus`.

        Args:
            url: The URL of the database.
            schema: The tables.
            patience: The seconds to wait for other transactions.
            may_make: Whether to create the tables in an empty database. If false, an empty database is refused.
            after_migration: A function to call at the end of the transaction that migrates an older database, with the
                connection and the old version. Without this function, an older database is refused.

        Raises:
            InputError: The URL is of another kind.
            StoreError: The database cannot be opened, belongs to another program, or has a version that cannot be used.
        """
        store = cls(_backend(url, patience), schema, after_migration, patience)
        try:
            store._prepare(may_make)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the connections. A database in memory is lost. Closing the store again does nothing.

        In a forked process, leave the connections open, because the parent still uses them.
        """
        self._closed = True
        if os.getpid() == self._opened_in:
            self._backend.close()

    def read(self, *, streams: bool = False) -> AbstractContextManager[Connection]:
        """Return a transaction that sees the database as it was at its first statement, even if others write in the meantime.

        With `streams`, the transaction can read large results in parts.
        """
        return self._transaction(self._backend.STREAM if streams else self._backend.READ)

    def read_once(self) -> AbstractContextManager[Connection]:
        """Return a transaction for one `Statement`, or for several that are all sent before the first result is taken."""
        return self._transaction(self._backend.READ_ONCE)

    def write(self) -> AbstractContextManager[Connection]:
        """Return a transaction that may write. The end of the `with` block commits it. Any exception undoes it."""
        return self._transaction(self._backend.WRITE)

    def change(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction that may write, and return its result.

        If the database aborts the transaction because of a conflict, `work` is repeated from its beginning, with at most 5
        attempts in all. So `work` must change nothing outside the database.
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
        """Wait for other transactions that claim the database, then claim it until this transaction ends.

        The claim must be the first statement of the transaction. An operation needs a claim if locks on rows do not suffice,
        for example because a row does not exist yet.
        """
        self._backend.claim(db)

    @property
    def source(self) -> Source | None:
        """The data with which another process can read the database; None for a database in memory."""
        return self._backend.source()

    @property
    def writers(self) -> int:
        """The number of transactions of this process that may write at the same time."""
        return self._backend.WRITERS

    @property
    def locks_rows(self) -> bool:
        """Whether a writing transaction locks single rows. Otherwise, it locks the whole database."""
        return self._backend.LOCKS_ROWS

    def wait_for_locks(self, db: Connection, waits: bool) -> None:
        """Make the next statements of this transaction wait for locks or, if `waits` is false, fail immediately."""
        self._backend.wait_for_locks(db, waits)

    @contextmanager
    def _transaction(self, mode: Mode) -> Iterator[Connection]:
        self.check_usable()
        try:
            # Wait for the turn before taking a connection, so that waiting threads do not keep connections from readers.
            with out_of_memory(), self._backend.turn(mode) as start, self._backend.connect(mode) as db, db.begin():
                # Do not use a listener for the engine's events: it would make every statement take 50 % longer.
                start(db)
                yield db
        except SQLAlchemyError as error:
            self._raise_store_error(error)

    @contextmanager
    def _raising_store_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            self._raise_store_error(error)

    def _raise_store_error(self, error: SQLAlchemyError) -> NoReturn:
        kind = _Conflict if self._backend.was_conflict(error) else StoreError
        failure = self.failure(self._backend.advice(error), kind)
        raise failure from (None if self._backend.may_quote_data(error) else error)

    def check_usable(self) -> None:
        """Raise `StoreError` if the store has been closed, or was opened before this process was forked."""
        if self._closed:
            raise self.failure("it has been closed")
        if os.getpid() != self._opened_in:
            # Two processes that share a connection break it, and in SQLite may damage the file.
            raise self.failure("it was opened before this process was forked; open it after the fork")

    def check_not_newer(self) -> None:
        """Raise `StoreError` if a newer dscplus has migrated the database.

        Operations on all rows, such as backups, call this: the newer dscplus may have added tables that are unknown here.
        """
        if self._newer is not None:
            raise self.failure(f"a newer dscplus migrated it to schema {self._newer}; use that dscplus for this")

    def failure(self, problem: str, kind: type[StoreError] = StoreError) -> StoreError:
        """Return an error that names the database and this problem."""
        return kind(f"{self._backend.name}: {problem}")

    def _prepare(self, may_make: bool) -> None:
        with self.read() as db:
            identity = self._backend.identity(db)
        if identity is None:
            if not may_make:
                raise self.failure("it has no records; create them with dscplus enroll or dscplus personalize")
            self.change(self._make)
        version = self._version()
        if version < self._schema.version:
            if self._after_migration is None:
                raise self.failure(
                    f"it was made by an older dscplus (its schema is {version}); update it with: dscplus card list"
                )
            self._migrate(self._after_migration)
        elif version > self._schema.version:
            self._newer = version
            _log.warning(
                "%s: a newer dscplus migrated it to schema %d; this dscplus, with schema %d, can still use it; upgrade soon",
                self._backend.name,
                version,
                self._schema.version,
            )
        with self._raising_store_errors():
            self._backend.finish_opening()

    def _make(self, db: Connection) -> None:
        self._backend.claim(db)
        # Check again, because another process may have been first.
        if self._backend.identity(db) is None:
            self._backend.create(db)
            tables.metadata.create_all(db, tables=list(self._schema.tables), checkfirst=False)
            db.execute(tables.audit_head.insert().values(tables.EMPTY_HEAD))
            self._backend.mark(db, self._schema.version, self._schema.compatible_since)

    def _version(self) -> int:
        with self.read() as db:
            return self._checked_version(db)

    def _checked_version(self, db: Connection) -> int:
        identity = self._backend.identity(db)
        if identity is None or not identity.ours:
            raise self.failure("it is the database of another program; name another database")
        if identity.compatible_since > self._schema.version:
            raise self.failure(
                f"it was made by a newer dscplus (its schema is {identity.version}, this dscplus has {self._schema.version}); "
                "upgrade dscplus, or name another database"
            )
        if identity.version < self._schema.oldest:
            raise self.failure(
                f"it was made by an older dscplus (its schema is {identity.version}, the oldest that can be updated is "
                f"{self._schema.oldest}); name another database, and enroll the cards again"
            )
        return identity.version

    def _migrate(self, after_migration: AfterMigration) -> None:
        # Import it here, because it loads slowly and is rarely needed.
        from dsc_host.records.migrations import migrate

        copy, version, is_complete = None, self._schema.version, False
        try:
            with self._transaction(self._backend.MIGRATE) as db:
                self._backend.claim(db)
                # Check again, because another process may have been first.
                version = self._checked_version(db)
                if version < self._schema.version:
                    copy = self._backend.keep_copy(version)
                    self._backend.mark(db, migrate(db, version, self._schema.migrations), self._schema.compatible_since)
                    self._backend.check_migrated(db)
                    after_migration(db, version)
                    is_complete = True
        except BaseException:
            # If nothing was changed, remove the copy: if a service tried again and again, its copies would fill the disk.
            if copy and not (is_complete and self._may_have_migrated(version)):
                copy.unlink()
            raise
        self._backend.after_migrating()
        if version < self._schema.version:
            kept = f"; the old file is kept in {copy}" if copy else ""
            _log.warning("%s: migrated from schema %d to %d%s", self._backend.name, version, self._schema.version, kept)

    def _may_have_migrated(self, before: int) -> bool:
        """Return whether the migration from the schema `before` was committed, or whether this cannot be found out."""
        try:
            return self._version() != before
        except StoreError:
            return True


def stored_identity(url: str, schema: Schema, *, patience: float = PATIENCE) -> Identity | None:
    """Return what the database at `url` says about itself, or None if it is empty. Do not migrate the database.

    As in `Store.open`, a missing SQLite file is created. Wait for other transactions for up to `patience` seconds. Raises
    `InputError` for a URL of another kind, and `StoreError` for a database that cannot be opened or belongs to another program.
    """
    backend = _backend(url, patience)
    store = Store(backend, schema)
    try:
        with store.read() as db:
            identity = backend.identity(db)
        if identity is not None and not identity.ours:
            raise StoreError(f"{backend.name}: it is the database of another program; name another database")
    finally:
        store.close()
    return identity


def check_url(url: str) -> None:
    """Raise `InputError` unless `Store.open` accepts this kind of URL. Do not open the database."""
    _kind_of(url)


def _backend(url: str, patience: float) -> Backend:
    kind, parts = _kind_of(url)
    return kind.open(parts, patience)


def _kind_of(url: str) -> tuple[type[SQLite] | type[PostgreSQL], URL]:
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError("database", "must be a URL such as sqlite:///dsc.db or postgresql://user@host/database") from None
    # Quote only the scheme of the URL, because the rest may hold a password.
    if parts.drivername == "sqlite":
        return SQLite, parts
    if parts.drivername in ("postgresql", "postgresql+psycopg"):
        return PostgreSQL, parts
    raise InputError(
        "database", f"must be a URL such as sqlite:///dsc.db or postgresql://user@host/database, not {parts.drivername}:…"
    )
