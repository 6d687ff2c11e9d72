"""What the failures of the database file look like, that they change nothing, and that a copy of the file is a backup."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.host.database_file import MASTER, posix_only, sqlite, url

from dsc_host.errors import StoreError
from dsc_host.verifier import Verifier, schema
from dsc_host.verifier.store import Store


def run(store: Store, *statements: str) -> None:
    """The statements, in one transaction."""
    with store.write() as db:
        for statement in statements:
            db.exec_driver_sql(statement)


def cards_in(store: Store) -> int:
    with store.read() as db:
        return int(db.exec_driver_sql("SELECT count(*) FROM cards").scalar_one())


@pytest.fixture
def store(enrolled: Path) -> Iterator[Store]:
    store = Store.open(url(enrolled), patience=0.02)
    yield store
    store.close()


def test_a_database_that_others_keep_locked_is_given_up_on(enrolled: Path, store: Store) -> None:
    with closing(sqlite3.connect(enrolled)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program keeps it locked"):
            run(store)
        other.rollback()
        run(store, "DELETE FROM cards")
    assert cards_in(store) == 0


@pytest.fixture
def writer(enrolled: Path) -> Iterator[sqlite3.Connection]:
    """Another program, writing into a database whose write-ahead log is not turned on yet."""
    with closing(sqlite3.connect(enrolled)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_the_log_is_turned_on_when_others_let_it(
    enrolled: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: writer.rollback())
    Store.open(url(enrolled)).close()
    with sqlite(enrolled) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_log_is_not_waited_for_endlessly(
    enrolled: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(StoreError, match="another program keeps it locked"):
        Store.open(url(enrolled), patience=0.02)


def test_reading_does_not_wait_for_a_writer(enrolled: Path) -> None:
    with Verifier.open(url(enrolled), master_key=MASTER) as verifier, closing(sqlite3.connect(enrolled)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM cards")
        assert len(verifier.cards()) == 2
        other.rollback()


def test_a_full_disk_is_a_store_error_and_changes_nothing(store: Store) -> None:
    with store.read() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
    full = [
        f"PRAGMA max_page_count = {pages}",
        "DELETE FROM cards WHERE serial = 'B-2'",
        "UPDATE cards SET sealed_key = zeroblob(1000000)",
    ]
    with pytest.raises(StoreError, match="disk is full"):
        run(store, *full)
    assert cards_in(store) == 2


def test_a_database_that_may_not_be_written_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError, match="may not be written"):
        run(store, "PRAGMA query_only = ON", "DELETE FROM cards")
    assert cards_in(store) == 2


def test_messages_quote_nothing_that_was_stored(store: Store) -> None:
    def store_half() -> None:
        with store.write() as db:
            db.execute(schema.cards.insert().values(serial="s3cret"))

    with pytest.raises(StoreError) as caught:
        store_half()
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


def test_a_copy_of_the_file_is_a_backup(enrolled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(enrolled, copy)
    with Verifier.open(url(copy), master_key=MASTER) as verifier:
        assert [card.serial for card in verifier.cards()] == ["A-1", "B-2"]


_FORK = """
import os, sys
from dsc_host.errors import StoreError
from dsc_host.verifier import Verifier
verifier = Verifier.open(sys.argv[1], master_key=bytes(32))
child = os.fork()
if child == 0:
    try:
        verifier.cards()
    except StoreError as error:
        os._exit(7 if "after the fork" in str(error) else 8)
    os._exit(9)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@posix_only
def test_a_connection_is_not_carried_over_a_fork(path: Path) -> None:
    # In a process of its own: the test's has threads, which a fork would break.
    assert subprocess.run([sys.executable, "-c", _FORK, url(path)], check=False).returncode == 7
