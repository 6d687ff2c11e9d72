"""A database of version 3, as the dscplus before states and the log has left it, becomes one of today."""

from collections.abc import Iterator
from struct import pack

import pytest
from sqlalchemy import Connection, text
from tests.host import databases
from tests.host.databases import Database
from tests.host.older_database import older_database
from tests.host.verifying import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import InputError, StoreError
from dsc_host.verifier import Card, Reason, State, Verifier
from dsc_host.verifier.keys import Secret
from dsc_host.verifier.store import Store

pytestmark = pytest.mark.every_database

database = databases.database
NOW = 1_600_000_000.5

CARD = text(
    "INSERT INTO cards"
    " VALUES (:serial, :suite, :counter, :failures, :locked_until, :now, :key_id, :key, :pin, NULL, 0, :none, 2)"
)
CHALLENGE = text("INSERT INTO challenges VALUES (:id, :serial, :number, :question, :digest, :now, :expires_at, 0, :used_at)")


@pytest.fixture
def version_3(database: Database) -> Database:
    """`A-1` has answered once and is locked; `B-2` never did, and has an open challenge."""
    with older_database(database.url, 3) as db:
        for row in cards():
            db.execute(CARD, row)
        add_challenge(db, "A-1", 1, used_at=NOW + 1)
        add_challenge(db, "B-2", 1, used_at=None)
    return database


def cards() -> Iterator[dict[str, object]]:
    for serial, counter, failures, locked_until in (("A-1", 7, 10, NOW + 1000), ("B-2", 0, 0, None)):
        yield {
            "serial": serial,
            "suite": SUITE,
            "counter": pack(">Q", counter),
            "failures": failures,
            "locked_until": locked_until,
            "now": NOW,
            "key_id": MASTER.id,
            "key": MASTER.seal(KEY, serial, Secret.KEY),
            "pin": MASTER.seal(PIN.encode(), serial, Secret.PIN),
            "none": b"",
        }


def add_challenge(db: Connection, serial: str, number: int, used_at: float | None) -> None:
    row = {
        "id": f"{serial.encode().hex()}".ljust(22, "0"),
        "serial": serial,
        "number": number,
        "question": "000123",
        "digest": bytes([number]) * 32,
        "now": NOW,
        "expires_at": NOW + 300,
        "used_at": used_at,
    }
    db.execute(CHALLENGE, row)


def test_what_it_held_it_holds(version_3: Database, clock: Clock) -> None:
    clock.now = NOW + 2
    with Verifier.open(version_3.url, master_key=MASTER, clock=clock) as verifier:
        active = Card("A-1", SUITE, 7, 10, NOW + 1000, NOW, state=State.ACTIVE, state_since=NOW)
        enrolled = Card("B-2", SUITE, 0, 0, None, NOW, state=State.ENROLLED, state_since=NOW)
        assert verifier.cards() == [active, enrolled]


def test_an_open_challenge_is_answered_and_its_log_begins(version_3: Database, clock: Clock) -> None:
    clock.now = NOW + 2
    with Verifier.open(version_3.url, master_key=MASTER, clock=clock) as verifier:
        challenge = verifier.challenge("B-2")
        old = b"B-2".hex().ljust(22, "0")
        response = right(type(challenge)(old, "B-2", "000123", 0))
        assert verifier.verify(old, response).reason is Reason.ACCEPTED
        assert verifier.card("B-2").state is State.ACTIVE
        assert [entry.action for entry in verifier.audit.entries()] == ["log.begin", "challenge", "verify"]
        assert verifier.audit.check().sound
        first = next(verifier.audit.entries())
        detail = f'{{"cards":"2","database":"{verifier.office.seals.database}"}}'
        assert (first.reason, first.detail) == ("migrated", detail)


def test_another_master_key_migrates_nothing(version_3: Database) -> None:
    with pytest.raises(InputError, match="master key"):
        Verifier.open(version_3.url, master_key=bytes(32))
    with pytest.raises(StoreError, match="older dscplus"):
        Store.open(version_3.url)
    with Verifier.open(version_3.url, master_key=MASTER) as verifier:
        assert len(verifier.cards()) == 2
