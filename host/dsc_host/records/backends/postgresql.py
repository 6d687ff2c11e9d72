"""Records in a PostgreSQL database, in a schema named `dscplus`. The database may have tables of other programs too.

Transactions that write run under READ COMMITTED. Each one first locks the row of its card. If it had to wait for the lock, it
then reads the changes that the previous transaction has committed. So reading, deciding and recording are atomic for each card,
and transactions on different cards do not wait for each other. SERIALIZABLE would guarantee the same, but it has two
disadvantages. Of several conflicting transactions, all except one would fail and would have to be repeated. And every program
that writes would have to use SERIALIZABLE.
"""

import time
from contextlib import AbstractContextManager, nullcontext

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from dsc_host.errors import InputError, StoreError
from dsc_host.records.backends.base import ALL_IN_USE, Identity, Mode, Start
from dsc_host.records.segment_worker import Source
from dsc_host.records.statements import Statement
from dsc_host.records.tables import APPLICATION_ID

SCHEMA = "dscplus"
_APPLICATION = "dscplus verifier"
_IDLE_SECONDS = 60
"""The seconds after which the server ends an idle transaction, so that a vanished client does not keep a card locked."""

_TRUSTED_SECONDS = 1
"""The seconds without use after which a connection is tested before its next use."""
_UNUSED_SINCE = "dscplus_unused_since"
"""The key under which the pool notes when a connection was last used."""

_LOST = "the connection to it was lost; try again: a response that was being verified may have been recorded as used"
# The advice, by the first characters of the SQLSTATE.
_ADVICE = {
    "08": _LOST,
    "25006": "it is a read-only copy and cannot be changed; name the primary server",
    "25P03": _LOST,
    "28": "it refuses this user; check the user and the password in the URL",
    "3D000": "there is no such database; create it first (createdb)",
    "40": "it kept conflicting with other transactions; try again",
    "42501": f"this user may not do that; grant it CREATE in the database, or make the schema {SCHEMA} its own",
    "53100": "the server's disk is full; make room on it",
    "53300": "the server has too many connections; raise its limit, or end other programs",
    "55P03": "another program keeps it locked; end that program, or try again",
    "57P": _LOST,
    "XX001": "it is damaged; restore it from a backup",
    "XX002": "one of its indexes is damaged; REINDEX it, or restore it from a backup",
}

# A pooler such as pgbouncer may run each transaction in a different session, and give this session to another program. So we do
# not change the settings of a session: each transaction makes its own settings, which are sent with its first statement.
_OUR_SCHEMA = f"set_config('search_path', '{SCHEMA}, pg_temp', true)"
_SAFE = f"""set_config('idle_in_transaction_session_timeout', '{_IDLE_SECONDS}s', true), set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)"""

# Count all objects in the schema with which CREATE could conflict.
_PARTS = text(
    "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid)"
    " + (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) FROM pg_namespace n WHERE n.nspname = :schema"
)

_NOT_OURS = Identity(False, 0, 0)


def _statement(sql: str) -> Statement:
    return Statement(text(sql))


class PostgreSQL:
    """A `Backend` for PostgreSQL."""

    READ = Mode((_statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), _statement(f"SELECT {_OUR_SCHEMA}")))
    # PostgreSQL runs statements that are sent together in one transaction.
    READ_ONCE = Mode((_statement(f"SELECT {_OUR_SCHEMA}"),))
    # A large result is read in parts through a cursor on the server, which a pipelined connection does not have.
    STREAM = Mode(READ.statements, streams=True)
    # While one transaction has locked the end of the log and waits for the disk, a second one can do its work.
    WRITERS = 2
    LOCKS_ROWS = True

    def __init__(self, url: URL, patience: float) -> None:
        self.name = f"postgresql database {url.database}" + (f" on {url.host}" if url.host else "")
        queried = url.query.get("password", ())
        self._secrets = [str(url.password or ""), *((queried,) if isinstance(queried, str) else queried)]
        self.engine, self._streaming = (_engine(url, patience, pipelined=pipelined) for pipelined in (True, False))
        self._at_once, self._patiently = (_statement(f"SET LOCAL lock_timeout = {ms}") for ms in (1, _patience_ms(patience)))
        settings = f"SELECT {_OUR_SCHEMA}, {_SAFE}, set_config('lock_timeout', '{_patience_ms(patience)}ms', true)"
        self.WRITE = Mode((_statement("BEGIN ISOLATION LEVEL READ COMMITTED"), _statement(settings)))
        self.MIGRATE = Mode(self.WRITE.statements, streams=True)

    @classmethod
    def open(cls, url: URL, patience: float) -> "PostgreSQL":
        """Prepare a database without connecting.

        Raises `InputError` if the URL names no database, and `StoreError` if the driver is not installed.
        """
        if not url.database:
            raise InputError("database", "its URL must name one, for example postgresql://user@host/database")
        return cls(url.set(drivername="postgresql+psycopg"), patience)

    def connect(self, mode: Mode) -> Connection:
        """Return a connection for a transaction of this mode."""
        return (self._streaming if mode.streams else self.engine).connect()

    def source(self) -> Source | None:
        """Return the server's address, including the password if the URL has one."""
        _, arguments = self.engine.dialect.create_connect_args(self.engine.url)
        # Remove the entry that SQLAlchemy adds for the conversion of types, because it is not part of the address.
        return Source("postgresql", {name: value for name, value in arguments.items() if name != "context"})

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()
        self._streaming.dispose()

    def turn(self, mode: Mode) -> AbstractContextManager[Start]:
        """Return without waiting: locks on rows make transactions wait for each other on the server."""
        return nullcontext(mode.start)

    def identity(self, db: Connection) -> Identity | None:
        """Return the marks in the schema, or None if the schema is empty or missing."""
        if not db.execute(_PARTS, {"schema": SCHEMA}).scalar():
            return None
        if db.execute(text("SELECT to_regclass(:meta)"), {"meta": f"{SCHEMA}.meta"}).scalar() is None:
            return _NOT_OURS
        # Read the row as JSON, because a table `meta` of another program has other columns.
        marks = db.exec_driver_sql("SELECT to_jsonb(m) FROM meta m LIMIT 2").scalars().all()
        if len(marks) != 1 or marks[0].get("application") != _APPLICATION or type(marks[0].get("version")) is not int:
            return _NOT_OURS
        version, since = marks[0]["version"], marks[0].get("compatible_since")
        return Identity(True, version, since if type(since) is int else version)

    def claim(self, db: Connection) -> None:
        """Take an advisory lock, with a number that other programs in the database are unlikely to use."""
        db.execute(text("SELECT pg_advisory_xact_lock(:claim)"), {"claim": APPLICATION_ID})

    def wait_for_locks(self, db: Connection, waits: bool) -> None:
        """Set how long the next statements of this transaction wait for a lock: the normal time, or a millisecond.

        A millisecond is the shortest time that PostgreSQL allows, because 0 means no limit.
        """
        (self._patiently if waits else self._at_once).send(db, {})

    def create(self, db: Connection) -> None:
        """Create the schema and the table of the marks."""
        # Do not use IF NOT EXISTS: it needs the right to create schemas even if the schema exists.
        if db.execute(text("SELECT to_regnamespace(:schema)"), {"schema": SCHEMA}).scalar() is None:
            db.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        db.exec_driver_sql(f"CREATE TABLE {SCHEMA}.meta (application text NOT NULL, version integer NOT NULL)")

    def mark(self, db: Connection, version: int, compatible_since: int | None = None) -> None:
        """Store the marks."""
        # A database of an older dscplus lacks this column.
        db.exec_driver_sql("ALTER TABLE meta ADD COLUMN IF NOT EXISTS compatible_since integer")
        db.exec_driver_sql("DELETE FROM meta")
        db.execute(
            text("INSERT INTO meta (application, version, compatible_since) VALUES (:application, :version, :since)"),
            {"application": _APPLICATION, "version": version, "since": compatible_since},
        )

    def keep_copy(self, version: int) -> None:
        """Do nothing: administrators copy such a database themselves, for example with pg_dump."""

    def check_migrated(self, db: Connection) -> None:
        """Do nothing: PostgreSQL always checks foreign keys itself."""

    def after_migrating(self) -> None:
        """Do nothing: only the tables were changed."""

    def finish_opening(self) -> None:
        """Do nothing: the database is ready."""

    def advice(self, error: SQLAlchemyError) -> str:
        """Return a message with the problem and its remedy, without a password or stored data."""
        if isinstance(error, exc.TimeoutError):
            return ALL_IN_USE
        if not isinstance(error, DBAPIError):
            return str(error)
        state = _sqlstate(error)
        for beginning, advice in _ADVICE.items():
            if state.startswith(beginning):
                return advice
        if state:
            # The error's text may quote stored data.
            return f"it failed: {type(error.orig).__name__} (SQLSTATE {state}); the server's log has the details"
        if error.connection_invalidated:
            return _LOST
        return f"it cannot be used: {self._message(error)}; check that it runs, and the URL's host, database, user and password"

    def may_quote_data(self, error: SQLAlchemyError) -> bool:
        """Return True: PostgreSQL's errors can quote whole rows."""
        return True

    def was_conflict(self, error: SQLAlchemyError) -> bool:
        """Return whether the error is a serialization failure or a deadlock."""
        return _sqlstate(error) in ("40001", "40P01")

    def _message(self, error: DBAPIError) -> str:
        """Return the driver's message in one line and without the password."""
        told = " ".join(str(error.orig).split())
        for secret in filter(None, self._secrets):
            told = told.replace(secret, "***")
        return told


def _engine(url: URL, patience: float, *, pipelined: bool) -> Engine:
    try:
        engine = create_engine(
            url,
            # Do not let psycopg prepare statements: like a setting, a prepared statement belongs to a session.
            connect_args={
                "connect_timeout": max(round(patience), 1),
                "application_name": "dscplus",
                "prepare_threshold": None,
            },
            hide_parameters=True,
            # A `Mode` starts each transaction. The driver's own BEGIN would wait for its result.
            isolation_level="AUTOCOMMIT",
            pool_size=5,
            max_overflow=10,
            pool_timeout=patience,
        )
    except ImportError:
        raise StoreError("a postgresql database needs a driver; install it: pip install 'dscplus[postgresql]'") from None

    _test_idle(engine)
    if pipelined:
        # Import it here, because the driver is optional.
        from dsc_host.records.backends.pipeline import pipeline

        pipeline(engine)
    return engine


def _test_idle(engine: Engine) -> None:
    """Test a connection before its use if it was unused for some time: the server may have been restarted."""

    def returned(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_UNUSED_SINCE] = time.monotonic()

    def taken(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        now = time.monotonic()
        if now - entry.info.get(_UNUSED_SINCE, now) > _TRUSTED_SECONDS and not _answers(engine, connection):
            # The pool then takes another connection, or opens a new connection.
            raise DisconnectionError

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", taken)


def _answers(engine: Engine, connection: DBAPIConnection) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False


def _patience_ms(patience: float) -> int:
    return max(round(patience * 1000), 1)


def _sqlstate(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""
