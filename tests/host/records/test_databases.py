"""Properties of the records in either database: what is stored, under which master key, and what the tables refuse."""

import pytest
from sqlalchemy.exc import IntegrityError
from tests.host import databases
from tests.host.databases import Database
from tests.host.records.database_file import KEY, MASTER, PIN, SUITE

from dsc_host.errors import InputError, StoreError
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA
from dsc_host.verifier import MasterKey, Verifier

database = databases.database


@pytest.fixture
def enrolled(database: Database) -> Database:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        verifier.enroll("B-2", key=bytes(32), suite=SUITE, pin="0000")
    return database


def raw(database: Database, statement: str) -> None:
    with database.raw() as db:
        assert db.exec_driver_sql(statement).rowcount > 0


@pytest.mark.every_database
def test_an_empty_database_is_refused_where_none_may_be_made(database: Database) -> None:
    with pytest.raises(StoreError, match="it has no records"):
        Verifier.open(database.url, master_key=MASTER, may_make=False)
    Verifier.open(database.url, master_key=MASTER).close()
    Verifier.open(database.url, master_key=MASTER, may_make=False).close()


@pytest.mark.every_database
def test_a_counter_lies_there_big_endian_so_that_the_database_can_sort_it(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN, counter=258)
    with database.raw() as db:
        assert bytes(db.exec_driver_sql("SELECT counter FROM cards").scalar_one()) == b"\0\0\0\0\0\0\1\2"


@pytest.mark.every_database
def test_cards_come_in_the_order_of_their_serials_as_bytes(database: Database) -> None:
    serials = ["-1", "1", "A", "A-1", "A0", "A1", "B"]
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        for serial in reversed(serials):
            verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
        assert [card.serial for card in verifier.cards()] == serials


@pytest.mark.pooled
@pytest.mark.every_database
def test_any_exception_undoes_what_was_written(enrolled: Database) -> None:
    store = Store.open(enrolled.url, SCHEMA)

    def interrupted() -> None:
        with store.write() as db:
            db.exec_driver_sql("DELETE FROM cards")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with store.read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM cards").scalar_one() == 2
    store.close()


def test_two_master_keys_never_mix_in_one_database(database: Database) -> None:
    # The first to open an empty database owns it.
    with Verifier.open(database.url, master_key=MASTER) as ours:
        with pytest.raises(InputError, match="master key"):
            Verifier.open(database.url, master_key=MasterKey.generate())
        ours.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        with pytest.raises(InputError, match="master key"):
            Verifier.open(database.url, master_key=MasterKey.generate())
        assert [(card.serial, card.failures) for card in ours.cards()] == [("A-1", 0)]
    with pytest.raises(InputError, match=r"^master key: must be 32 bytes"):
        Verifier.open(database.url, master_key=b"short")


def test_the_pin_and_the_keys_are_in_no_row(enrolled: Database) -> None:
    with enrolled.raw() as db:
        rows = [value for row in db.exec_driver_sql("SELECT * FROM cards") for value in row]
    shown = [value.encode() if isinstance(value, str) else bytes(value) for value in rows if isinstance(value, (str, bytes))]
    assert b"A-1" in shown
    assert not [value for value in shown if PIN.encode() in value or KEY in value]


@pytest.mark.every_database
@pytest.mark.parametrize(
    "changed", ["'other', serial, number + 1, question, question_digest", "'other', serial, number, question, sealed_key"]
)
def test_a_question_cannot_be_asked_twice_nor_a_number_given_twice_whatever_the_code_does(
    enrolled: Database, changed: str
) -> None:
    with Verifier.open(enrolled.url, master_key=MASTER) as verifier:
        verifier.challenge("A-1")
    with pytest.raises(IntegrityError):
        raw(
            enrolled,
            f"INSERT INTO challenges SELECT {changed}, issued_at, expires_at, challenges.failures, used_at, 0, challenges.seal "
            "FROM challenges JOIN cards USING (serial)",
        )


@pytest.mark.every_database
def test_a_challenge_goes_with_its_card_whatever_the_code_does(enrolled: Database) -> None:
    with Verifier.open(enrolled.url, master_key=MASTER) as verifier:
        verifier.challenge("A-1")
    store = Store.open(enrolled.url, SCHEMA)
    with store.write() as db:
        db.exec_driver_sql("DELETE FROM cards WHERE serial = 'A-1'")
        assert db.exec_driver_sql("SELECT count(*) FROM challenges").scalar_one() == 0
    store.close()
