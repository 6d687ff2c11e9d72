"""The database: opened safely, and used in transactions that are whole, durable and one at a time where they write.

Four promises:

1. A file that is not a database of ours is refused, with what to do about it, and nothing is written into it.
2. `write` holds the database's one write lock from its first statement on, so what is read in it stays true until it
   ends: reading, deciding and recording are one step, among any number of threads and processes.
3. What `write` has done is on the disk when it returns; what fails, in any way, leaves no trace.
4. Whatever the database reports comes out as a `StoreError` that names the file. It never quotes what was stored.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from dsc_host.errors import InputError, StoreError
from dsc_host.verifier import schema

PATIENCE = 10.0
"""Seconds to wait for others who hold the database: far longer than any transaction here takes."""
_RETRY = 0.01
_HEADER = b"SQLite format 3\0"

# By the beginning of SQLite's name for the error: it has finer names too, SQLITE_READONLY_DIRECTORY and the like.
_ADVICE = {
    "SQLITE_BUSY": "another program keeps it locked; end that program, or try again",
    "SQLITE_CANTOPEN": "it cannot be opened; check that this user may read and write it and its folder",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_NOTADB": "it is not a dscplus database; name another file",
    "SQLITE_READONLY": "it may not be written; check that this user may write it and its folder",
}


class Store:
    """One database, shared by the threads of one process. Another process opens its own; so does one made by a fork."""

    def __init__(self, path: Path | None, patience: float) -> None:
        self._name = str(path) if path else "database in memory"
        self._patience = patience
        self._engine = _engine(path, patience)
        self._opened_in = os.getpid()
        self._closed = False

    @classmethod
    def open(cls, url: str, *, patience: float = PATIENCE) -> "Store":
        """The database at `url`: `sqlite:///relative/file`, `sqlite:////absolute/file`, or `sqlite://`: one in memory.

        A file that does not exist is made, for its owner alone. `patience` is how many seconds to wait for others.
        Raises `InputError` for a URL of another kind, `StoreError` for a database that cannot be opened or is not ours.
        """
        path = _path(url)
        if path:
            _make_file(path)
        store = cls(path, patience)
        try:
            store._prepare(in_file=path is not None)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give up the connections; a database in memory is gone. May be called again."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the database as it is at its first statement, whatever others write meanwhile."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that alone may write. It is committed at the end of the block, undone by any exception."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str | None) -> Iterator[Connection]:
        self._check_usable()
        try:
            with self._engine.execution_options(dsc_begin=begin).begin() as db:
                yield db
        except SQLAlchemyError as error:
            raise self._failure(_advice(error)) from error

    def _check_usable(self) -> None:
        if self._closed:
            raise self._failure("it has been closed")
        if os.getpid() != self._opened_in:
            # SQLite's connections break, and may break the file, if they are carried over a fork.
            raise self._failure("it was opened by the process that this one was forked from; open it after the fork")

    def _failure(self, problem: str) -> StoreError:
        return StoreError(f"{self._name}: {problem}")

    def _prepare(self, *, in_file: bool) -> None:
        with self.read() as db:
            blank = not any(schema.identity(db))
        if blank:
            with self.write() as db:
                # Asked again: another process may have been first.
                if not any(schema.identity(db)):
                    schema.create(db)
        with self.read() as db:
            self._check_identity(*schema.identity(db)[:2])
        if in_file:
            self._log_ahead()

    def _check_identity(self, application_id: int, version: int) -> None:
        if application_id != schema.APPLICATION_ID:
            raise self._failure("it is the database of another program; name another file")
        if version > schema.VERSION:
            raise self._failure(
                f"it was made by a newer dscplus (its schema is {version}, this one knows {schema.VERSION}); "
                "upgrade dscplus, or name another file"
            )
        if version < schema.VERSION:
            raise self._failure(
                f"it was made by an older dscplus (its schema is {version}, this one knows only {schema.VERSION}); "
                "name another file, and enrol the cards anew"
            )

    def _log_ahead(self) -> None:
        """Turn on the write-ahead log, under which readers and the writer do not wait for each other."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                with self._transaction(None) as db:
                    mode = db.exec_driver_sql("PRAGMA journal_mode = WAL").scalar_one()
                break
            except StoreError as error:
                # SQLite does not wait by itself here when several processes open a new file at once.
                if not _sqlite_error(error.__cause__).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY)
        if mode != "wal":
            raise self._failure("its disk does not allow a write-ahead log; put it on a local one")


def _path(url: str) -> Path | None:
    """The file that `url` names, None for a database in memory."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError("database", "must be a URL such as sqlite:///dsc.db") from None
    # Nothing of the URL but its scheme is quoted: it may hold a password.
    if parts.get_backend_name() == "postgresql":
        raise InputError("database", "PostgreSQL is not supported yet; use sqlite:///dsc.db")
    if parts.drivername != "sqlite":
        raise InputError("database", f"must be a URL such as sqlite:///dsc.db, not {parts.drivername}:…")
    if parts.username or parts.password or parts.host or parts.port:
        raise InputError("database", "three slashes come before a file's name, as in sqlite:///dsc.db")
    if parts.query:
        raise InputError("database", "takes no options after the question mark")
    if not parts.database or parts.database == ":memory:":
        return None
    if "\0" in parts.database:
        raise InputError("database", "a file's name cannot hold a NUL")
    return Path(parts.database).resolve()


def _make_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise StoreError(f"{path}: it is a folder; name a file in it")
        if not path.parent.is_dir():
            raise StoreError(f"{path}: there is no folder {path.parent}; make it first")
        # Made here because SQLite would make it readable by all; its log files take over these permissions.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        _check_header(path)
    except OSError as error:
        raise StoreError(f"{path}: it cannot be made: {error.strerror}") from error


def _check_header(path: Path) -> None:
    # SQLite sees this for itself, but takes a file of one byte for an empty one.
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        raise StoreError(f"{path}: it cannot be read: {error.strerror}") from error
    if header not in (b"", _HEADER):
        raise StoreError(f"{path}: {_ADVICE['SQLITE_NOTADB']}")


def _engine(path: Path | None, patience: float) -> Engine:
    # The driver's own idea of when a transaction begins is switched off: only `_begin` begins one. A database in memory
    # lives in one connection, which its threads take in turn.
    engine = create_engine(
        URL.create("sqlite", database=str(path) if path else ":memory:"),
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": patience},
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=5 if path else 1,
        max_overflow=10 if path else 0,
        pool_timeout=patience,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # FULL: an accepted response that a power cut un-accepts could be used again.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(db: Connection) -> None:
    statement = db.get_execution_options().get("dsc_begin")
    if statement:
        db.exec_driver_sql(statement)


def _advice(error: SQLAlchemyError) -> str:
    name = _sqlite_error(error)
    for beginning, advice in _ADVICE.items():
        if name.startswith(beginning):
            return advice
    return str(getattr(error, "orig", None) or error)


def _sqlite_error(error: BaseException | None) -> str:
    """SQLite's own name for it, such as `SQLITE_BUSY`; empty if it is not SQLite's."""
    return getattr(getattr(error, "orig", None), "sqlite_errorname", "")
