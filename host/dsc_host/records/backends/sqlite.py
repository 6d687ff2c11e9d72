"""Records in one SQLite file, or in memory.

One transaction writes at a time (`BEGIN IMMEDIATE`), so the data that it reads does not change until it ends. The write-ahead
log lets other transactions read in the meantime. Because of `synchronous = FULL`, committed changes are on the disk.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from dsc_host.errors import InputError, StoreError
from dsc_host.files import sync_name, warn_if_exposed
from dsc_host.records.backends.base import ALL_IN_USE, Identity, Mode, Start
from dsc_host.records.backends.turns import turns_of
from dsc_host.records.segment_worker import Source
from dsc_host.records.statements import Statement
from dsc_host.records.tables import APPLICATION_ID

_RETRY = 0.01
"""The seconds between two attempts to turn on the write-ahead log."""
_TRY_MILLISECONDS = 2
"""The time for which SQLite itself waits to become the writer, before this module tries again."""
_BESIDE = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite keeps beside a database, with the same permissions as the database."""
_HEADER = b"SQLite format 3\0"

# The advice, by the beginning of SQLite's name for the error. Some names are longer, for example SQLITE_READONLY_DIRECTORY.
_ADVICE = {
    "SQLITE_BUSY": "another program keeps it locked; end that program, or try again",
    "SQLITE_CANTOPEN": "it cannot be opened; check that this user may read and write it and its folder",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup",
    "SQLITE_FULL": "the disk is full; make room on it",
    "SQLITE_NOTADB": "it is not a dscplus database; name another file",
    "SQLITE_READONLY": "it is not writable; check that this user can write to the file and its folder",
}
_NOT_UTF_8 = "Could not decode to UTF-8"
"""The beginning of the driver's error for a text that is not UTF-8. The error quotes the text."""


class SQLite:
    """A `Backend` for SQLite. `open` also creates the file if it is missing."""

    READ = READ_ONCE = STREAM = Mode((Statement(text("BEGIN")),))
    WRITE = Mode((Statement(text("BEGIN IMMEDIATE")),))
    # A migration may rebuild a table and drop the old one. With foreign keys, this would delete the rows that refer to it.
    MIGRATE = Mode((Statement(text("PRAGMA foreign_keys = OFF")), *WRITE.statements))
    WRITERS = 1
    LOCKS_ROWS = False

    def __init__(self, path: Path | None, patience: float) -> None:
        self.name = str(path) if path else "database in memory"
        self.engine = _engine(path, patience)
        self._path = path
        self._patience = patience
        # A database in memory has one connection, so the pool already queues the threads that wait for it.
        self._turns = turns_of(str(path)) if path else None
        self._try, self._wait = (_busy_timeout(ms) for ms in (_TRY_MILLISECONDS, int(patience * 1000)))

    @classmethod
    def open(cls, url: URL, patience: float) -> "SQLite":
        """Open or create the file of a URL.

        Raises `InputError` for a URL that names no file, and `StoreError` if the file cannot be created or is not a database.
        """
        path = _path(url)
        if path:
            _make_file(path)
            warn_if_exposed(path, *_BESIDE)
        return cls(path, patience)

    def connect(self, _mode: Mode) -> Connection:
        """Return a connection."""
        return self.engine.connect()

    def source(self) -> Source | None:
        """Return the URI of the file for reading, or None for a database in memory."""
        return Source("sqlite", {"database": f"{self._path.absolute().as_uri()}?mode=ro"}) if self._path else None

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    @contextmanager
    def turn(self, mode: Mode) -> Iterator[Start]:
        """Wait for this thread's turn to write to the file. A transaction that only reads needs no turn.

        Only this thread then asks for SQLite's lock. The other threads of the process wait for their turns.
        """
        if self._turns is None or mode is self.READ:
            yield mode.start
            return
        deadline = time.monotonic() + self._patience
        with self._turns.turn(deadline) as has_come:
            if not has_come:
                raise StoreError(f"{self.name}: {_ADVICE['SQLITE_BUSY']}")
            yield partial(self._start_writing, mode, deadline)

    def _start_writing(self, mode: Mode, deadline: float, db: Connection) -> None:
        """Start a transaction as soon as no other process is writing.

        Meanwhile, SQLite's own waiting is limited to 2 ms for each attempt. Its pauses between two attempts would grow up to
        100 ms, so it would miss the moments between the transactions of a busy process. Afterwards the normal limit is set
        again. It is needed for a file without a write-ahead log, whose readers hold locks.
        """
        self._try.row(db, {})
        try:
            while True:
                try:
                    mode.start(db)
                    break
                except SQLAlchemyError as error:
                    if not _sqlite_error(error).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                        raise
        finally:
            self._wait.row(db, {})

    def identity(self, db: Connection) -> Identity | None:
        """Return the marks in the file's header, or None if the database is empty."""
        application_id, version, parts = (
            db.exec_driver_sql(statement).scalar_one()
            for statement in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if not (application_id or version or parts):
            return None
        # The marks are in the file's header, where programs such as `file` find them.
        version = version if application_id == APPLICATION_ID else 0
        # Allow no older dscplus: the programs that share a file are on one machine, and are upgraded together.
        return Identity(application_id == APPLICATION_ID, version, version)

    def claim(self, db: Connection) -> None:
        """Do nothing: only one transaction at a time can write to the file."""

    def wait_for_locks(self, db: Connection, waits: bool) -> None:
        """Do nothing: a transaction that writes has already locked the whole file."""

    def create(self, db: Connection) -> None:
        """Do nothing: the tables need no other objects."""

    def mark(self, db: Connection, version: int, compatible_since: int | None = None) -> None:
        """Store the marks in the file's header."""
        db.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        db.exec_driver_sql(f"PRAGMA user_version = {int(version)}")

    def keep_copy(self, version: int) -> Path | None:
        """Copy the file, and return the path of the copy. Only its owner can access the copy.

        The caller has begun a transaction that may write, but has not changed anything in it.
        """
        if self._path is None:
            return None
        copy = _new_file(self._path, f"schema-{version}.backup")
        try:
            _copy(self._path, copy)
            sync_name(copy)
        except BaseException as error:
            copy.unlink()
            if isinstance(error, sqlite3.Error | OSError):
                raise StoreError(
                    f"{self.name}: no copy of it could be made in {copy.parent}, so it was not migrated"
                ) from error
            raise
        return copy

    def check_migrated(self, db: Connection) -> None:
        """Raise `StoreError` if a row refers to a missing row."""
        if db.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise StoreError(
                f"{self.name}: it has rows that refer to missing rows, so it was not migrated; restore it from a backup"
            )

    def after_migrating(self) -> None:
        """Close the connections, so that new connections check foreign keys."""
        self.engine.dispose()

    def finish_opening(self) -> None:
        """Turn on the write-ahead log of a file."""
        if self._path:
            self._log_ahead()

    def advice(self, error: SQLAlchemyError) -> str:
        """Return a message with the problem and its remedy."""
        if isinstance(error, exc.TimeoutError):
            return ALL_IN_USE
        name = _sqlite_error(error)
        for beginning, advice in _ADVICE.items():
            if name.startswith(beginning):
                return advice
        if self.may_quote_data(error):
            return "it holds a text that is not UTF-8: it was changed or is damaged; restore it from a backup"
        return str(getattr(error, "orig", None) or error)

    def may_quote_data(self, error: SQLAlchemyError) -> bool:
        """Return whether the error quotes a text that is not UTF-8. SQLite's other errors quote no data."""
        return str(getattr(error, "orig", None)).startswith(_NOT_UTF_8)

    def was_conflict(self, error: SQLAlchemyError) -> bool:
        """Return False: a transaction waits for the others before it starts, so it cannot conflict with them."""
        return False

    def _log_ahead(self) -> None:
        """Turn on the write-ahead log, so that readers and the writer do not wait for each other."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                with self.engine.connect() as db:
                    mode = db.exec_driver_sql("PRAGMA journal_mode = WAL").scalar_one()
                break
            except SQLAlchemyError as error:
                # If several processes open a new file at the same time, SQLite does not wait here.
                if not _sqlite_error(error).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY)
        if mode != "wal":
            raise StoreError(f"{self.name}: its disk does not allow a write-ahead log; move it to a local disk")


def _path(url: URL) -> Path | None:
    """Return the file that `url` names, or None for a database in memory."""
    if url.username or url.password or url.host or url.port:
        raise InputError("database", "must have three slashes before the file's name, for example sqlite:///dsc.db")
    if url.query:
        raise InputError("database", "takes no options after the question mark")
    if not url.database or url.database == ":memory:":
        return None
    if "\0" in url.database:
        raise InputError("database", "a file's name cannot hold a NUL")
    # `Path.resolve` would raise a `RuntimeError` for links that lead in a circle.
    return Path(os.path.realpath(url.database))


def _make_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise StoreError(f"{path}: it is a folder; name a file in it")
        if path.exists() and not path.is_file():
            # For a pipe, SQLite would wait forever. For a device, SQLite would create files beside the device.
            raise StoreError(f"{path} is a {'pipe' if path.is_fifo() else 'device'}; name a file")
        if not path.parent.is_dir():
            raise StoreError(f"{path}: there is no folder {path.parent}; make it first")
        # Create the file here, because SQLite would let all users read it. SQLite's log files get the same permissions.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sync_name(path)
    except FileExistsError:
        _check_header(path)
    except OSError as error:
        raise StoreError(f"{path}: it cannot be created: {error.strerror}") from error


def _new_file(path: Path, suffix: str) -> Path:
    """Create an empty file beside `path` under a new name, so that an earlier copy is never overwritten."""
    for number in count(1):
        copy = path.with_name(f"{path.name}.{suffix}" + (f"-{number}" if number > 1 else ""))
        try:
            os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreError(f"{copy}: it cannot be created: {error.strerror}; the database was not migrated") from error
        break
    return copy


def _copy(path: Path, copy: Path) -> None:
    # Let SQLite make the copy, because some committed data may be in the write-ahead log beside the file.
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA synchronous = FULL")
        source.backup(target)


def _check_header(path: Path) -> None:
    # Check the header here, because SQLite itself regards a file of one byte as empty.
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        raise StoreError(f"{path}: it cannot be read: {error.strerror}") from error
    if header not in (b"", _HEADER):
        raise StoreError(f"{path}: {_ADVICE['SQLITE_NOTADB']}")


def _engine(path: Path | None, patience: float) -> Engine:
    # A `Mode` starts each transaction, not the driver. A database in memory has only one connection, which the threads use in
    # turns.
    engine = create_engine(
        URL.create("sqlite", database=str(path) if path else ":memory:"),
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": patience},
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=5 if path else 1,
        max_overflow=10 if path else 0,
        pool_timeout=patience,
        # `_end_transaction` rolls back, and only if that is needed.
        pool_reset_on_return=None,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "checkin", _end_transaction)
    return engine


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # Without FULL, a power cut could undo an accepted response, which could then be used again.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _end_transaction(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Roll back a transaction whose commit has failed, for example because a reader has locked a file without a log.

    Otherwise, the transaction would keep the file locked while its connection is in the pool. SQLAlchemy does not roll it back.
    """
    if connection is not None and connection.in_transaction:
        connection.rollback()


def _busy_timeout(milliseconds: int) -> Statement:
    return Statement(text(f"PRAGMA busy_timeout = {milliseconds}"))


def _sqlite_error(error: BaseException | None) -> str:
    """Return SQLite's own name for the error, for example `SQLITE_BUSY`, or empty text for another error."""
    return getattr(getattr(error, "orig", None), "sqlite_errorname", "")
