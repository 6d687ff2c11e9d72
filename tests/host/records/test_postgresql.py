"""Properties of PostgreSQL alone: our schema beside other tables, its refusals, locks on rows, and lost connections."""

import builtins
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool
from tests.host import databases
from tests.host.databases import Database
from tests.host.records.database_file import posix_only
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import InputError, StoreError
from dsc_host.records.backends import postgresql
from dsc_host.records.backends.pipeline import PipelinedConnection
from dsc_host.records.statements import Statement, Values
from dsc_host.records.store import TRIES, Store
from dsc_host.schema import SCHEMA, card_tables
from dsc_host.verifier import Verifier, rows
from dsc_host.verifier.rows import CardRecord

pytestmark = pytest.mark.postgresql
DEADLINE = 60
CUT_OFF = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dscplus' AND datname = current_database()"
)


@pytest.fixture
def database() -> Iterator[Database]:
    with databases.new_postgresql() as url:
        yield Database("postgresql", url)


@pytest.fixture
def enrolled(database: Database) -> Database:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    return database


@pytest.fixture
def others(enrolled: Database) -> Iterator[Connection]:
    """Yield another program's connection to the same records."""
    with enrolled.raw() as db:
        yield db


def cards(db: Connection) -> list[CardRecord]:
    return rows.find_cards(db, owner=None, state=None, after="", limit=100)


def outsider(database: Database) -> Engine:
    """Return an engine for another program in the same database, which does not know our schema."""
    return create_engine(make_url(database.url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


def test_a_schema_that_was_made_for_us_is_used_and_others_tables_may_lie_beside_it(database: Database) -> None:
    with outsider(database).begin() as db:
        for statement in ("SCHEMA dscplus", "TABLE cards (letters text)", "TABLE meta (application text)"):
            db.exec_driver_sql(f"CREATE {statement}")
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    with outsider(database).begin() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM public.cards").scalar_one() == 0
        assert db.exec_driver_sql("SELECT count(*) FROM dscplus.cards").scalar_one() == 1


def everything(database: Database) -> list[Any]:
    with outsider(database).begin() as db:
        return list(db.exec_driver_sql("SELECT oid, relname, relnamespace FROM pg_class ORDER BY oid"))


def test_another_programs_schema_is_refused_untouched(database: Database) -> None:
    for thing in (
        "TABLE dscplus.cards (letters text)",
        "TABLE dscplus.meta (application text, version text)",
        "TABLE dscplus.meta AS SELECT 'another program' AS application, 3 AS version",
        "TABLE dscplus.meta AS SELECT 'dscplus verifier' AS application, 'x' AS version",
        "FUNCTION dscplus.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ):
        with outsider(database).begin() as db:
            for statement in ("DROP SCHEMA IF EXISTS dscplus CASCADE", "CREATE SCHEMA dscplus", f"CREATE {thing}"):
                db.exec_driver_sql(statement)
        before = everything(database)
        with pytest.raises(StoreError, match="another program"):
            Verifier.open(database.url, master_key=MASTER)
        assert everything(database) == before


def test_every_transaction_is_set_up_for_safety_and_leaves_its_session_as_it_was(database: Database) -> None:
    name = make_url(database.url).database
    with outsider(database).begin() as db:
        db.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        db.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    with closing(Store.open(database.url, SCHEMA)) as store:
        with store.write() as db:
            assert settings(db) == ["dscplus, pg_temp", "on", "read committed", "10s", "1min"]
            session = db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        # A pooler gives the session to other programs.
        with store._backend.engine.connect() as db:
            assert db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() == session
            assert settings(db) == ['"$user", public', "off", "serializable", "0", "0"]


def settings(db: Connection) -> list[str]:
    names = (
        "search_path",
        "synchronous_commit",
        "transaction_isolation",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    )
    return [db.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://me:hush@127.0.0.1:1/x", "^postgresql database x on 127.0.0.1: it cannot be used: .*refused"),
        ("postgresql://me@127.0.0.1:1/x?password=hush", "^postgresql database x on 127.0.0.1: it cannot be used: .*refused"),
        ("postgresql://me:hush@127.0.0.1:1/x?hush=1", "invalid connection option"),
    ],
)
def test_no_message_holds_the_password(url: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem) as caught:
        Store.open(url, SCHEMA, patience=1)
    assert "hush" not in str(caught.value)
    assert "hush=1" in url or "hush" not in str(caught.value.__cause__)


def test_a_database_that_does_not_exist_is_named(database: Database) -> None:
    url = make_url(database.url).set(database="missing").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match=r'postgresql database missing: it cannot be used: .*"missing" does not exist'):
        Store.open(url, SCHEMA)


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "psycopg":
            raise ModuleNotFoundError(name)
        return genuine(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreError, match=r"pip install 'dscplus\[postgresql\]'"):
        Store.open("postgresql://me:hush@127.0.0.1:1/x", SCHEMA)


def test_connections_that_were_lost_meanwhile_are_made_anew(
    enrolled: Database, others: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_TRUSTED_SECONDS", 0)
    with Verifier.open(enrolled.url, master_key=MASTER) as verifier:
        verifier.challenge("A-1")
        others.exec_driver_sql(CUT_OFF)
        assert verifier.challenge("A-1")


def test_a_connection_that_is_lost_half_way_is_a_store_error_and_changes_nothing(
    enrolled: Database, others: Connection
) -> None:
    store = Store.open(enrolled.url, SCHEMA)

    def cut() -> None:
        with store.write() as db:
            rows.remove_cards(db, ["A-1"])
            others.exec_driver_sql(CUT_OFF)
            rows.remove_cards(db, ["B-2"])

    with pytest.raises(StoreError, match="connection to it was lost; try again"):
        cut()
    with store.read() as db:
        assert len(cards(db)) == 2
    store.close()


def test_messages_quote_nothing_that_was_stored(enrolled: Database) -> None:
    store = Store.open(enrolled.url, SCHEMA)

    def store_half() -> None:
        with store.write() as db:
            db.execute(card_tables.cards.insert().values(serial="s3cret"))

    with pytest.raises(StoreError, match="NotNullViolation") as caught:
        store_half()
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"
    assert caught.value.__suppress_context__
    store.close()


def test_cards_do_not_wait_for_each_other(enrolled: Database) -> None:
    with Verifier.open(enrolled.url, master_key=MASTER) as verifier:
        store = Store.open(enrolled.url, SCHEMA)
        with store.write() as db:
            assert rows.lock_card(db, "A-1")
            challenge = verifier.challenge("B-2")
            assert verifier.verify(challenge.id, right(challenge)).accepted
            assert verifier.card("A-1").counter == 0
            assert verifier.enroll("C-3", key=KEY, suite=SUITE, pin=PIN)
        store.close()


_FORK = """
import os, sys
from dsc_host.verifier import Verifier
verifier = Verifier.open(sys.argv[1], master_key=bytes(range(32)))
child = os.fork()
if child == 0:
    verifier.close()
    os._exit(0)
os.waitpid(child, 0)
print([card.serial for card in verifier.cards()])
"""


@posix_only
def test_a_fork_that_closes_its_copy_leaves_the_connection_to_the_parent(enrolled: Database) -> None:
    # Run in a separate process, because the test's process has threads, which a fork would break.
    command = [sys.executable, "-c", _FORK, enrolled.url]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "['A-1', 'B-2']\n"


def test_a_card_that_others_keep_locked_is_given_up_on(enrolled: Database) -> None:
    ours, theirs = Store.open(enrolled.url, SCHEMA, patience=0.05), Store.open(enrolled.url, SCHEMA)
    with theirs.write() as db:
        rows.lock_card(db, "A-1")
        with pytest.raises(StoreError, match="another program keeps it locked"):
            ours.change(lambda db: rows.lock_card(db, "A-1"))
    assert ours.change(lambda db: rows.lock_card(db, "A-1"))
    ours.close()
    theirs.close()


@pytest.mark.parametrize("reason", ["used", "expired"])
def test_who_waited_for_a_card_sees_what_happened_meanwhile(
    enrolled: Database, clock: Clock, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Verifier.open(enrolled.url, master_key=MASTER, clock=clock) as verifier, ThreadPoolExecutor(1) as pool:
        challenge = verifier.challenge("A-1")
        store = Store.open(enrolled.url, SCHEMA)
        waiting = threading.Event()

        def told(statement: Statement, db: Connection, values: Values) -> Any:
            waiting.set()
            return ask(statement, db, values)

        with store.write() as db:
            rows.lock_card(db, "A-1")
            ask = Statement.ask
            monkeypatch.setattr(Statement, "ask", told)
            verdict = pool.submit(verifier.verify, challenge.id, right(challenge))
            assert waiting.wait(DEADLINE)
            if reason == "used":
                found = rows.find_card_of(db, [challenge.id])[1][0]
                assert found
                rows.write_answer(db, verifier.context.seals.sealed_challenge(found._replace(used_at=1.0)))
            else:
                clock.advance(300)
        assert verdict.result(DEADLINE).reason == reason
        store.close()


def test_two_who_enrol_the_first_cards_at_once_do_not_mix_master_keys(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier, ThreadPoolExecutor(1) as pool:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        store = Store.open(database.url, SCHEMA)
        waiting = threading.Event()
        with store.write() as db:
            store.claim(db)
            card = rows.find_card(db, "A-1")
            assert card
            event.listen(verifier._context.store._backend.engine, "before_cursor_execute", lambda *_: waiting.set())
            enrolling = pool.submit(verifier.enroll, "B-2", key=KEY, suite=SUITE, pin=PIN)
            assert waiting.wait(DEADLINE)
            rows.add_cards(db, [card._replace(serial="C-3", key_id="another")])
        with pytest.raises(InputError, match="master key"):
            enrolling.result(DEADLINE)
        store.close()


def test_what_was_given_up_because_of_others_is_tried_again_a_few_times(enrolled: Database) -> None:
    tries: list[int] = []
    succeeds_at, state = 3, ""

    def work(db: Connection) -> int:
        tries.append(len(tries))
        card = rows.find_card(db, "A-1")
        assert card
        rows.change_card(db, card._replace(failures=card.failures + 1), "failures")
        if len(tries) < succeeds_at:
            db.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        return len(tries)

    with closing(Store.open(enrolled.url, SCHEMA)) as store:
        for failures, state in enumerate(("40001", "40P01"), 1):  # noqa: B007
            tries.clear()
            assert store.change(work) == 3
            with store.read() as db:
                assert [card.failures for card in cards(db)] == [failures, 0]
        tries.clear()
        succeeds_at = 1000
        with pytest.raises(StoreError, match="it kept conflicting with other transactions"):
            store.change(work)
    assert len(tries) == TRIES


def test_a_login_takes_few_round_trips(enrolled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements whose results nobody needs yet travel with the next statement."""
    trips = []

    def count(owner: Any, name: str) -> None:
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args: (trips.append(name), real(*args))[1])

    with Verifier.open(enrolled.url, master_key=MASTER) as verifier:
        verifier.challenge("A-1", conceal=True)  # Opens a connection, and makes the decoy.
        monkeypatch.setattr(postgresql, "_TRUSTED_SECONDS", 60)
        count(psycopg.Pipeline, "sync")
        count(PipelinedConnection, "commit")
        challenge = verifier.challenge("A-1", conceal=True)
        assert verifier.verify(challenge.id, right(challenge))
        assert len(trips) == 6


@pytest.mark.parametrize("waits", [True, False])
def test_an_error_of_a_statement_that_nobody_waits_for_is_raised_later(enrolled: Database, waits: bool) -> None:
    wrong = Statement(text("INSERT INTO meta (application, version) SELECT NULL, 1"))

    def work(db: Connection) -> None:
        wrong.send(db, {})
        if waits:
            rows.find_card(db, "A-1")

    with closing(Store.open(enrolled.url, SCHEMA)) as store:
        for _ in range(20):
            with pytest.raises(StoreError, match="SQLSTATE 23502"):
                store.change(work)
            # The connection works again.
            assert store.change(lambda db: rows.lock_card(db, "A-1"))


def test_after_an_error_in_a_synchronization_no_result_is_taken_for_another(enrolled: Database) -> None:
    with closing(Store.open(enrolled.url, SCHEMA)) as store:
        with store.write() as db:
            db.exec_driver_sql("CREATE TABLE late (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        with pytest.raises(StoreError), store.read_once() as db:
            db.exec_driver_sql("INSERT INTO late VALUES (1), (1)")
        for number in range(3):
            with store.read() as db:
                assert db.exec_driver_sql(f"SELECT {number}").scalar() == number
