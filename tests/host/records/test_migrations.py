"""Migration of older databases: all of it or nothing, and never without a copy."""

import logging
import shutil
import sqlite3
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Integer, MetaData, inspect
from sqlalchemy.engine.default import DefaultDialect
from tests.host import databases
from tests.host.databases import Database
from tests.host.records.database_file import KEY, MASTER, PIN, SUITE, sqlite, url

from dsc_host.errors import InputError, StoreError
from dsc_host.records import tables
from dsc_host.records.migrations import migrate
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA, versions
from dsc_host.verifier import MasterKey, Verifier

pytestmark = pytest.mark.every_database

database = databases.database

NEXT = f'''
import sqlalchemy as sa
from alembic import op
revision = "{versions.VERSION + 1:04}"
down_revision = "{versions.VERSION:04}"

def upgrade():
    with op.batch_alter_table("cards", recreate="always" if op.get_bind().dialect.name == "sqlite" else "never") as table:
        table.add_column(sa.Column("color", sa.Integer, nullable=False, server_default="7"))
    EXTRA
'''


def differences(db: Connection, metadata: MetaData) -> list[Any]:
    """Return the differences between the real tables and the wanted ones. `meta` holds the marks and is ignored."""
    options = {"include_name": lambda name, kind, _: kind != "table" or name != "meta"}
    with warnings.catch_warnings():
        # SQLAlchemy cannot read this index back from SQLite. `user_index` does.
        warnings.filterwarnings("ignore", "(Skipped|autogenerate skipping).* expression-based index '?ix_audit_user")
        return list(compare_metadata(MigrationContext.configure(db, opts=options), metadata))


def user_index(db: Connection) -> object:
    """Return the definition of the log's index by user."""
    sqlite_table = db.dialect.name == "sqlite"
    wanted = "sql FROM sqlite_master WHERE name" if sqlite_table else "indexdef FROM pg_indexes WHERE indexname"
    return db.exec_driver_sql(f"SELECT {wanted} = 'ix_audit_user'").scalar_one()


def checks(db: Connection) -> dict[str, list[tuple[str | None, str]]]:
    """Return the check constraints of each table, which Alembic does not compare."""
    inspector = inspect(db)
    return {
        table: sorted((check["name"], check["sqltext"]) for check in inspector.get_check_constraints(table))
        for table in tables.metadata.tables
    }


def test_the_newest_migration_is_the_schemas_version() -> None:
    scripts = ScriptDirectory(str(SCHEMA.migrations))
    assert scripts.get_heads() == [f"{versions.VERSION:04}"]
    assert scripts.get_bases() == [f"{versions.OLDEST:04}"]


def test_all_migrations_together_make_the_tables_as_they_stand(database: Database) -> None:
    store = Store.open(database.url, SCHEMA)
    with store.read() as db:
        made, index = checks(db), user_index(db)
    with store.write() as db:
        tables.metadata.drop_all(db)
        assert migrate(db, None, SCHEMA.migrations) == versions.VERSION
        assert differences(db, tables.metadata) == []
        assert (checks(db), user_index(db)) == (made, index)
        assert sum(map(len, made.values())) == 5
    store.close()


def test_a_difference_is_seen(database: Database) -> None:
    store = Store.open(database.url, SCHEMA)
    with store.write() as db:
        db.exec_driver_sql("ALTER TABLE cards ADD COLUMN color INTEGER")
        assert [difference[0] for difference in differences(db, tables.metadata)] == ["remove_column"]
    store.close()


@pytest.fixture
def older(database: Database) -> Database:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN, counter=7)
        verifier.challenge("A-1")
    return database


def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str = "") -> int:
    """Turn this dscplus into a newer version, whose cards have one more column. Return its version."""
    folder = tmp_path / "migrations"
    shutil.copytree(SCHEMA.migrations, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(NEXT.replace("EXTRA", extra))
    version = SCHEMA.version + 1
    newer = replace(SCHEMA, migrations=folder, version=version, compatible_since=version)
    monkeypatch.setattr("dsc_host.verifier.card_store.SCHEMA", newer)
    return newer.version


@pytest.mark.pooled
def test_it_is_migrated_with_all_that_it_holds(
    older: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    version = next_version(tmp_path, monkeypatch)
    caplog.set_level(logging.WARNING)
    with Verifier.open(older.url, master_key=MASTER) as verifier:
        assert verifier.card("A-1").counter == 7
        if older.kind == "sqlite":
            with verifier._context.store.read() as db:
                assert db.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    wanted = MetaData()
    for table in tables.metadata.sorted_tables:
        table.to_metadata(wanted)
    wanted.tables["cards"].append_column(Column("color", Integer, nullable=False))
    store = Store.open(older.url, replace(SCHEMA, version=version))
    with store.write() as db:
        assert differences(db, wanted) == []
        # Rebuilding a table removed no rows of others, and its foreign keys are still checked.
        assert db.exec_driver_sql("SELECT count(*) FROM challenges").scalar_one() == 1
        db.exec_driver_sql("DELETE FROM cards")
        assert db.exec_driver_sql("SELECT count(*) FROM challenges").scalar_one() == 0
    store.close()
    notices = [record.getMessage() for record in caplog.records if record.name == "dsc_host.verifier"]
    assert len(notices) == 1, "the second time there is nothing to migrate"
    assert f"migrated from schema {version - 1} to {version}" in notices[0]


def test_a_migration_that_fails_changes_nothing(older: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        next_version(tmp_path, newer, extra='raise RuntimeError("half-way")')
        with pytest.raises(RuntimeError, match="half-way"):
            Verifier.open(older.url, master_key=MASTER)
    store = Store.open(older.url, SCHEMA)
    with store.read() as db:
        assert differences(db, tables.metadata) == []
        assert db.exec_driver_sql("SELECT count(*) FROM challenges").scalar_one() == 1
    store.close()


def test_rows_that_point_nowhere_stop_it(enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Verifier.open(url(enrolled), master_key=MASTER) as verifier:
        verifier.challenge("A-1")
    with monkeypatch.context() as newer:
        next_version(tmp_path, newer, extra="op.execute(\"DELETE FROM cards WHERE serial = 'A-1'\")")
        with pytest.raises(StoreError, match="it has rows that refer to missing rows"):
            Verifier.open(url(enrolled), master_key=MASTER)
    with Verifier.open(url(enrolled), master_key=MASTER) as verifier:
        assert len(list(verifier.cards())) == 2


def test_a_newer_database_is_refused_untouched(older: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        next_version(tmp_path, newer)
        Verifier.open(older.url, master_key=MASTER).close()
    with pytest.raises(StoreError, match=r"newer dscplus.*upgrade"):
        Verifier.open(older.url, master_key=MASTER)


def test_without_a_function_for_migrations_an_older_database_is_refused_untouched(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = next_version(tmp_path, monkeypatch)
    before = sorted(enrolled.parent.iterdir())
    with pytest.raises(
        StoreError, match=rf"dsc\.db: it was made by an older dscplus \(its schema is {version - 1}\); update it"
    ):
        Store.open(url(enrolled), replace(SCHEMA, version=version))
    assert sorted(enrolled.parent.iterdir()) == before


@pytest.mark.pooled
def test_of_many_who_open_it_one_migrates_it(
    older: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    next_version(tmp_path, monkeypatch)
    together = Barrier(4)

    def opened(_: int) -> int:
        together.wait(60)
        with Verifier.open(older.url, master_key=MASTER) as verifier:
            return verifier.card("A-1").counter

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [7] * 4
    assert len([record for record in caplog.records if "migrated from" in record.getMessage()]) == 1


def test_the_copy_is_the_file_as_it_was_and_its_owners_alone(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copy = enrolled.with_name(f"dsc.db.schema-{versions.VERSION}.backup")
    with Verifier.open(url(enrolled), master_key=MASTER) as before:
        before.challenge("A-1")
        with monkeypatch.context() as newer:
            next_version(tmp_path, newer)
            # The copy also has data that is only in the write-ahead log yet.
            Verifier.open(url(enrolled), master_key=MASTER).close()
    assert str(copy) in caplog.text
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with Verifier.open(url(copy), master_key=MASTER) as verifier:
        assert [card.serial for card in verifier.cards()] == ["A-1", "B-2"]
    with sqlite(copy) as db:
        assert db.execute("SELECT count(*) FROM challenges").fetchone() == (1,)


def test_an_earlier_copy_is_left_as_it_is(enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"dsc.db.schema-{versions.VERSION}.backup"
    enrolled.with_name(name).write_bytes(b"precious")
    next_version(tmp_path, monkeypatch)
    Verifier.open(url(enrolled), master_key=MASTER).close()
    assert enrolled.with_name(name).read_bytes() == b"precious"
    assert enrolled.with_name(f"{name}-2").exists()


def test_a_migration_that_fails_leaves_no_copy(enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        next_version(tmp_path, newer)
        for _ in range(2):
            with pytest.raises(InputError, match="master key"):
                Verifier.open(url(enrolled), master_key=MasterKey.generate())
    assert list(enrolled.parent.glob("*.backup*")) == []
    with Verifier.open(url(enrolled), master_key=MASTER) as verifier:
        assert len(list(verifier.cards())) == 2


@pytest.mark.parametrize("committed", [False, True])
def test_a_migration_whose_end_fails_leaves_a_copy_only_if_it_was_committed(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """A commit fails if the disk is full. An interrupt may come just after a commit."""
    real = DefaultDialect.do_commit

    def fail(self: DefaultDialect, connection: Any) -> None:
        if connection.cursor().execute("PRAGMA user_version").fetchone() == (versions.VERSION,):
            return real(self, connection)
        if committed:
            real(self, connection)
            raise KeyboardInterrupt
        raise sqlite3.OperationalError("database or disk is full")

    next_version(tmp_path, monkeypatch)
    for _ in range(1 if committed else 2):
        with monkeypatch.context() as failing:
            failing.setattr(DefaultDialect, "do_commit", fail)
            with pytest.raises(KeyboardInterrupt if committed else StoreError):
                Verifier.open(url(enrolled), master_key=MASTER)
    copies = [f"dsc.db.schema-{versions.VERSION}.backup"] if committed else []
    assert [path.name for path in enrolled.parent.glob("*.backup*")] == copies
    with Verifier.open(url(enrolled), master_key=MASTER) as verifier:
        assert len(list(verifier.cards())) == 2


def test_without_a_copy_there_is_no_migration(enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk is full")

    with monkeypatch.context() as newer:
        next_version(tmp_path, newer)
        newer.setattr("dsc_host.records.backends.sqlite._copy", full)
        with pytest.raises(StoreError, match="no copy of it could be made"):
            Verifier.open(url(enrolled), master_key=MASTER)
    assert not list(tmp_path.glob("*.backup"))
    with closing(sqlite3.connect(enrolled)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (versions.VERSION,)
