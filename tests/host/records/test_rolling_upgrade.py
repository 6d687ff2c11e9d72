"""An older and a newer dscplus on one server, while the newer dscplus migrates the tables."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, inspect
from tests.host import databases
from tests.host.databases import Database, new_database
from tests.host.older_database import older_database
from tests.host.verifier_samples import KEY, MASTER, NO_PAUSE, PIN, SUITE, right

from dsc_host.errors import StoreError
from dsc_host.records.schema import Schema
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA
from dsc_host.verifier import Verifier
from dsc_host.verifier.backup import backup

SINCE = SCHEMA.compatible_since
pytestmark = pytest.mark.postgresql
MANY = replace(NO_PAUSE, challenges=1000, challenges_within=0.001)
"""A policy without a limit on challenges: a quick machine makes many logins during a migration."""
ADDED = ("audit_segments", "audit_archive", "audit_kept", "grants")
"""The tables that came after the oldest version that is compatible."""


OLDER = replace(
    SCHEMA,
    version=SINCE,
    compatible_since=SINCE,
    tables=tuple(table for table in SCHEMA.tables if table.name not in ADDED),
)
"""The schema of the oldest dscplus that is compatible. Its code is that of this one, and it knows fewer tables."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Database]:
    """A database that the oldest dscplus that is compatible has made."""
    with new_database(databases.POSTGRESQL, tmp_path) as database:
        with older_database(database.url, SINCE):
            pass
        with database.raw() as db:
            # That dscplus did not know the column yet.
            db.exec_driver_sql("ALTER TABLE meta DROP COLUMN compatible_since")
        yield database


def opened(database: Database, schema: Schema, monkeypatch: pytest.MonkeyPatch) -> Verifier:
    with monkeypatch.context() as patched:
        patched.setattr("dsc_host.verifier.card_store.SCHEMA", schema)
        return Verifier.open(database.url, master_key=MASTER, policy=MANY)


def log_in(verifier: Verifier) -> None:
    counter = verifier.card("A-1").counter
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge, counter))


def test_logins_go_on_at_an_older_dscplus(server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    old = opened(server, OLDER, monkeypatch)
    old.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    migrated, begun = Event(), Event()

    def log_in_meanwhile() -> None:
        while not migrated.is_set():
            log_in(old)
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        logins = pool.submit(log_in_meanwhile)
        assert begun.wait(60)
        try:
            new = opened(server, SCHEMA, monkeypatch)
        finally:
            migrated.set()
        logins.result(60)
    # An older dscplus that is started now also works.
    restarted = opened(server, OLDER, monkeypatch)
    for verifier in (old, new, restarted, new):
        log_in(verifier)
    with pytest.raises(StoreError, match=f"a newer dscplus migrated it to schema {SCHEMA.version}; use that dscplus"):
        backup(restarted, BytesIO())
    log = restarted.audit
    for call in (restarted.rekey, restarted.keys_in_use, log.check, log.seal, lambda: log.archive(Path("never"), 1e12)):
        with pytest.raises(StoreError, match="use that dscplus for this"):
            call()
    assert new.audit.check().sound
    for verifier in (old, new, restarted):
        verifier.close()


def test_one_that_is_too_old_is_refused(server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(server, SCHEMA, monkeypatch).close()
    with pytest.raises(StoreError, match=rf"newer dscplus \(its schema is {SCHEMA.version}, this dscplus has {SINCE - 1}"):
        opened(server, replace(OLDER, version=SINCE - 1), monkeypatch)


def columns(db: Connection) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return each column's type, and whether a row may leave it out, by table and column."""
    inspector = inspect(db)
    return {
        (table, column["name"]): (str(column["type"]), column["nullable"] or column.get("default") is not None)
        for table in inspector.get_table_names()
        for column in inspector.get_columns(table)
    }


def rules(db: Connection, names: set[str]) -> dict[str, Any]:
    """Return the rules about the rows of these tables: checks, foreign keys and unique indexes."""
    inspector = inspect(db)
    return {
        table: (
            sorted(check["sqltext"] for check in inspector.get_check_constraints(table)),
            sorted(str(sorted(key.items(), key=str)) for key in inspector.get_foreign_keys(table)),
            sorted(str(index["column_names"]) for index in inspector.get_indexes(table) if index["unique"]),
        )
        for table in names
    }


def test_migrations_since_the_oldest_compatible_version_only_add(server: Database) -> None:
    with server.raw() as db:
        before = columns(db)
        known = {table for table, _ in before}
        bound = rules(db, known)
    Store.open(server.url, SCHEMA, after_migration=lambda *_: None).close()
    with server.raw() as db:
        after = columns(db)
        assert rules(db, known) == bound
    assert {at: after[at] for at in before} == before
    added = {at: left_out for at, (_, left_out) in after.items() if at not in before and at[0] != "meta"}
    assert {table for table, _ in added} - known == set(ADDED)
    assert all(left_out for (table, _), left_out in added.items() if table in known)
