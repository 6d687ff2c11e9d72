"""The database file: what is opened or refused, what is in it, and that its failures change nothing."""

import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.host.databases import new_database
from tests.host.records.database_file import KEY, MASTER, PIN, SUITE, posix_only, sqlite, url

from dsc_host.errors import InputError, StoreError
from dsc_host.ocra import Suite
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA, card_tables, versions
from dsc_host.verifier import Verifier

UNLOCK_KEY = b"the one that unlocks it, leaking"


def test_a_relative_file_is_where_one_expects_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Verifier.open("sqlite:///here.db", master_key=MASTER).close()
    assert (tmp_path / "here.db").exists()


@posix_only
def test_its_files_are_their_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with Verifier.open(url(path), master_key=MASTER) as verifier:
            verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["dsc.db", "dsc.db-wal", "dsc.db-shm"], 0o600)


def test_every_connection_is_set_up_for_safety(path: Path) -> None:
    store = Store.open(url(path), SCHEMA)
    with store.read() as first, store.read() as second:
        for db in (first, second):
            pragmas = {
                name: db.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    store.close()


@pytest.mark.parametrize(
    ("database", "problem"),
    [
        *((database, "must be a URL") for database in ("", "dsc.db", "sqlite://host:port/dsc.db", None, 5)),
        ("mysql://user:hunter2@host/db", "not mysql:"),
        ("sqlite+aiosqlite:///dsc.db", "not sqlite"),
        ("postgresql://user:hunter2@host", "must name one"),
        ("postgresql+asyncpg://user:hunter2@host/db", "not postgresql.asyncpg"),
        ("sqlite://dsc.db", "three slashes"),
        ("sqlite:///dsc.db?mode=ro", "no options"),
        ("sqlite:///d\0sc.db", "NUL"),
        ("nonsense://", "not nonsense"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused(
    database: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=problem) as caught:
        Verifier.open(database, master_key=MASTER)
    assert caught.value.field == "database"
    assert "hunter2" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_or_in_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"no folder {tmp_path / 'missing'}; make it first"):
        Verifier.open(url(tmp_path / "missing" / "dsc.db"), master_key=MASTER)
    with pytest.raises(StoreError, match="is a folder"):
        Verifier.open(url(tmp_path), master_key=MASTER)
    assert list(tmp_path.iterdir()) == []


def check_refused_untouched(path: Path, problem: str) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreError, match=problem) as caught:
        Verifier.open(url(path), master_key=MASTER)
    assert str(caught.value).startswith(f"{path}: ")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_ours_is_refused(path: Path) -> None:
    for content in (b"x", b"no database, and a long one " * 1000, b"\0" * 4096):
        path.write_bytes(content)
        check_refused_untouched(path, "not a dscplus database; name another file")
    for statement in ("CREATE TABLE cards (serial)", "PRAGMA application_id = 77", "PRAGMA user_version = 1"):
        for mode in ("DELETE", "WAL"):
            path.unlink()
            with sqlite(path) as db:
                db.execute(f"PRAGMA journal_mode = {mode}")
                db.execute(statement)
            check_refused_untouched(path, "another program")


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (versions.VERSION + 1, "newer dscplus.*upgrade"),
        (versions.OLDEST - 1, f"older dscplus .its schema is {versions.OLDEST - 1}.*enroll the cards again"),
        (0, "schema is 0"),
    ],
)
def test_another_version_of_the_schema_is_refused(enrolled: Path, version: int, problem: str) -> None:
    with sqlite(enrolled) as db:
        db.execute(f"PRAGMA user_version = {version}")
    check_refused_untouched(enrolled, problem)


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    Verifier.open(url(path), master_key=MASTER).close()
    with sqlite(path) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"DSCP", "big"),)


def test_a_damaged_database_is_a_store_error(enrolled: Path) -> None:
    content = bytearray(enrolled.read_bytes())
    content[4096:] = b"\xa5" * len(content[4096:])
    enrolled.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Verifier.open(url(enrolled), master_key=MASTER)


def test_no_secret_lies_in_the_files(path: Path) -> None:
    with Verifier.open(url(path), master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        verifier.enroll("L-1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=UNLOCK_KEY)
        code = verifier.unlock_code("L-1", "482913")
        challenge = verifier.challenge("A-1")
        response = Suite.parse(SUITE).response(KEY, challenge.question, counter=0, pin=PIN)
        verifier.verify(challenge.id, "wrong")
        assert verifier.verify(challenge.id, response).accepted
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    content += path.read_bytes()
    assert SUITE.encode() in content
    assert challenge.id.encode() in content
    keys = (KEY, UNLOCK_KEY, bytes(range(32)))
    for secret in (*keys, *(key.hex().encode() for key in keys), response.encode(), code.encode()):
        assert secret not in content


def run(store: Store, *statements: str) -> None:
    """Execute the statements in one transaction."""
    with store.write() as db:
        for statement in statements:
            db.exec_driver_sql(statement)


def cards_in(store: Store) -> int:
    with store.read() as db:
        return int(db.exec_driver_sql("SELECT count(*) FROM cards").scalar_one())


@pytest.fixture
def store(enrolled: Path) -> Iterator[Store]:
    store = Store.open(url(enrolled), SCHEMA, patience=0.02)
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


def test_a_transaction_whose_commit_fails_does_not_keep_the_file_locked(enrolled: Path, store: Store) -> None:
    """Readers keep the writer from its commit if the file has no write-ahead log."""
    store._backend.engine.dispose()
    with closing(sqlite3.connect(enrolled, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM cards").fetchone() != (0,)
        with pytest.raises(StoreError, match="another program keeps it locked"):
            run(store, "UPDATE cards SET state_reason = 'first'")
        other.execute("COMMIT")
        run(store, "DELETE FROM cards")
    assert cards_in(store) == 0


@pytest.mark.every_database
def test_a_transaction_that_gets_no_connection_is_given_up_on(database_kind: str, tmp_path: Path) -> None:
    """A pool has 15 connections."""
    with ExitStack() as readers:
        place = readers.enter_context(new_database(database_kind, tmp_path)).url
        Verifier.open(place, master_key=MASTER).close()
        store = readers.enter_context(closing(Store.open(place, SCHEMA, patience=0.02)))
        for _ in range(15):
            readers.enter_context(store.read())
        with pytest.raises(StoreError, match="this program uses all its connections to it"), store.read():
            pass


@pytest.fixture
def writer(enrolled: Path) -> Iterator[sqlite3.Connection]:
    """Yield another program that writes to a database whose write-ahead log is not turned on yet."""
    with closing(sqlite3.connect(enrolled)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_the_log_is_turned_on_when_others_let_it(
    enrolled: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: writer.rollback())
    Store.open(url(enrolled), SCHEMA).close()
    with sqlite(enrolled) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_log_is_not_waited_for_endlessly(
    enrolled: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(StoreError, match="another program keeps it locked"):
        Store.open(url(enrolled), SCHEMA, patience=0.02)


def test_reading_does_not_wait_for_a_writer(enrolled: Path) -> None:
    with Verifier.open(url(enrolled), master_key=MASTER) as verifier, closing(sqlite3.connect(enrolled)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM cards")
        assert len(list(verifier.cards())) == 2
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
    with pytest.raises(StoreError, match="is not writable"):
        run(store, "PRAGMA query_only = ON", "DELETE FROM cards")
    assert cards_in(store) == 2


def test_messages_quote_nothing_that_was_stored(store: Store) -> None:
    def store_half() -> None:
        with store.write() as db:
            db.execute(card_tables.cards.insert().values(serial="s3cret"))

    with pytest.raises(StoreError) as caught:
        store_half()
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


def test_a_text_that_is_not_utf_8_is_not_quoted(store: Store) -> None:
    run(store, "UPDATE cards SET state_reason = CAST(x'733363726574ff' AS TEXT) WHERE serial = 'B-2'")
    with pytest.raises(StoreError, match="holds a text that is not UTF-8") as caught, store.read() as db:
        db.execute(card_tables.cards.select()).all()
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


@posix_only
def test_only_a_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The name of a socket must be short.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as device:
        device.bind("device")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name, problem in (
        ("device", "is a device; name a file"),
        ("circle", "cannot be read"),
        ("circle/x", "there is no folder"),
    ):
        with pytest.raises(StoreError, match=problem):
            Store.open(url(tmp_path / name), SCHEMA)


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
        list(verifier.cards())
    except StoreError as error:
        os._exit(7 if "after the fork" in str(error) else 8)
    os._exit(9)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@posix_only
def test_a_connection_is_not_carried_over_a_fork(path: Path) -> None:
    # Run in a separate process, because the test's process has threads, which a fork would break.
    assert subprocess.run([sys.executable, "-c", _FORK, url(path)], check=False).returncode == 7
