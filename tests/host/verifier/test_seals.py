"""The seals of rows. Records of older versions are sealed again, and databases and their backups are told apart."""

import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from struct import pack

import pytest
from sqlalchemy import Connection, text, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.older_database import older_database
from tests.host.records.database_file import url
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import InputError, StoreError
from dsc_host.records import tables, vault
from dsc_host.records.keys import Secret
from dsc_host.records.store import Store, _backend
from dsc_host.schema import SCHEMA, card_tables
from dsc_host.verifier import Card, Keyring, MasterKey, Reason, State, Verifier
from dsc_host.verifier.backup import backup, restore
from dsc_host.verifier.card_seals import CardSeals, Holder, new_enrollment
from dsc_host.verifier.rows import CardRecord

NEW = MasterKey(bytes(range(1, 33)))
NOW = 1_600_000_000.5
ENTRY = (1, NOW, "library", "log.begin", None, "done", "", "{}")


def make_version_5(path: Path, *, end: bytes = b"") -> None:
    """Fill a database of version 5 with two cards with owners, an open challenge, a secret and a log."""
    with older_database(url(path), 5) as db:
        fill(db, end)


def fill(db: Connection, end: bytes) -> None:
    columns = (
        "serial, suite, counter, failures, enrolled_at, key_id, sealed_key, sealed_pin, unlock_codes, unlock_times, asked,"
    )
    into = text(
        f"INSERT INTO cards ({columns} state, state_since, state_reason, judged)"
        f" VALUES (:serial, '{SUITE}', :counter, 0, {NOW}, :key_id, :key, :pin, 0, x'', 1, :state, {NOW}, '', 0)"
    )
    kept = {
        "key_id": MASTER.id,
        "key": MASTER.seal(KEY, "A-1", Secret.KEY),
        "pin": MASTER.seal(PIN.encode(), "A-1", Secret.PIN),
    }
    db.execute(into, {"serial": "A-1", "counter": pack(">Q", 7), "state": "active", **kept})
    db.execute(into, {"serial": "B-2", "counter": bytes(8), "state": "retired", "key_id": "", "key": b"", "pin": None})
    db.exec_driver_sql("INSERT INTO owners VALUES ('A-1', 'Bob'), ('A-1', 'Ada')")
    db.execute(
        text(f"INSERT INTO challenges VALUES ('{'a' * 22}', 'A-1', 1, '000123', :digest, {NOW}, {NOW + 300}, 0, NULL, 0)"),
        {"digest": bytes(32)},
    )
    secret = MASTER.seal(b"a secret", "device 1", Secret.VAULT)
    db.execute(text("INSERT INTO vault VALUES ('device 1', :key_id, :sealed)"), {"key_id": MASTER.id, "sealed": secret})
    digest = hashlib.sha256(bytes(32) + json.dumps(ENTRY, separators=(",", ":")).encode()).digest()
    db.execute(
        text(f"INSERT INTO audit VALUES (1, {NOW}, 'library', 'log.begin', NULL, 'done', '', '{{}}', :hash)"), {"hash": digest}
    )
    seal = end or MASTER.sign_log((1).to_bytes(8, "big") + digest)
    db.execute(
        text("UPDATE audit_head SET number = 1, hash = :hash, key_id = :key_id, seal = :seal"),
        {"hash": digest, "key_id": MASTER.id, "seal": seal},
    )


def test_what_schema_5_has_left_is_sealed_anew_with_all_that_it_holds(path: Path, clock: Clock) -> None:
    make_version_5(path)
    clock.now = NOW + 1
    with Verifier.open(url(path), master_key=MASTER, clock=clock) as verifier:
        active, retired = verifier.cards()
        assert (active.counter, active.owners, retired.state) == (7, ("Ada", "Bob"), State.RETIRED)
        question = type(verifier.challenge("B-2"))("a" * 22, "A-1", "000123", 0)
        assert verifier.verify(question.id, right(question, 7)).accepted
        with verifier.context.reading() as tx:
            assert vault.get(tx, "device 1") == b"a secret"
        assert verifier.audit.check().problems == ()
        assert [entry.action for entry in verifier.audit.entries()][:2] == ["log.begin", "records.migrate"]


@pytest.mark.parametrize("key", [MasterKey(bytes(32)), MASTER])
def test_what_is_not_as_it_was_sealed_is_not_migrated(path: Path, key: MasterKey) -> None:
    make_version_5(path, end=bytes(32))
    with pytest.raises((InputError, StoreError), match=r"master key|does not match its seal"):
        Verifier.open(url(path), master_key=key)
    assert _backend(url(path), 10).engine.connect().exec_driver_sql("PRAGMA user_version").scalar_one() == 5


def test_a_new_master_key_leaves_nothing_under_the_old_one(clock: Clock) -> None:
    old_and_new = Keyring(NEW, MASTER)
    with Verifier.open("sqlite://", master_key=Keyring(MASTER, NEW), clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        office = verifier.context
        office.change(lambda tx: vault.put(tx, "device 1", b"a secret"))
        verifier._context = replace(office, keys=old_and_new)
        verifier.rekey()
        assert set(verifier.keys_in_use()) == {NEW.id}
        verifier._context = replace(office, keys=Keyring(NEW))
        assert verifier.audit.check().problems == ()
        assert verifier.verify(challenge.id, right(challenge)).accepted


def test_a_database_whose_identity_is_gone_or_another_one_is_refused(path: Path) -> None:
    Verifier.open(url(path), master_key=MASTER).close()
    engine = _backend(url(path), 10).engine
    with engine.begin() as db:
        db.execute(update(tables.identity).values(database="0" * 16))
    with pytest.raises(StoreError, match="identity of the database does not match its seal"):
        Verifier.open(url(path), master_key=MASTER)
    with engine.begin() as db:
        db.execute(tables.identity.delete())
    with pytest.raises(StoreError, match="identity of the database is missing"):
        Verifier.open(url(path), master_key=MASTER)
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "cards SET counter = 'abcdefgh'",
        "cards SET unlock_times = 'abcdefgh'",
        "cards SET unlock_times = x'00'",
        "challenges SET expires_at = 'x'",
        "challenges SET judged = 'x'",
        "challenges SET judged = 99",
        "challenges SET question = x'00'",
    ],
)
def test_a_value_of_any_type_is_found_and_not_used(path: Path, clock: Clock, change: str) -> None:
    """SQLite accepts values of any type in a column, and checks no constraint if the writer does not want that."""
    with Verifier.open(url(path), master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA ignore_check_constraints = ON")
            db.execute(f"UPDATE {change}")
            db.commit()
        with pytest.raises(StoreError, match="does not match its seal"):
            verifier.verify(challenge.id, right(challenge))
        if change.startswith("cards"):
            assert verifier.audit.check().problems == ("card A-1: its row does not match its seal",)
        verifier.remove("A-1")


@pytest.mark.parametrize("change", ["owner = 'eve'", "owner = x'00'", "serial = 'B-2'"])
def test_changed_owners_are_found_and_not_shown(path: Path, clock: Clock, change: str) -> None:
    with Verifier.open(url(path), master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN, owners=("anna", "bert"))
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE owners SET {change} WHERE owner = 'anna'")
            db.commit()
        problem = "card A-1: its owners are not those that its row records: they were changed"
        assert verifier.audit.check().problems[0] == problem
        with pytest.raises(StoreError, match="card A-1: its owners in the database are not those that its row records"):
            verifier.card("A-1")


@pytest.mark.parametrize("change", ["sealed_key = 'text'", "suite = x'00'", "enrolled_at = x'00'", "enrolled_at = 'x'"])
def test_a_value_of_the_wrong_type_stops_neither_other_cards_nor_the_operator(path: Path, clock: Clock, change: str) -> None:
    with Verifier.open(url(path), master_key=Keyring(NEW, MASTER), clock=clock) as verifier:
        verifier._context = replace(verifier.context, keys=Keyring(MASTER, NEW))
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE cards SET {change} WHERE serial = 'A-1'")
            db.commit()
        for serial in ("B-2", "NO-CARD"):
            assert verifier.challenge(serial, conceal=True)
        verifier._context = replace(verifier.context, keys=Keyring(NEW, MASTER))
        for refused in (lambda: verifier.rekey(), lambda: backup(verifier, io.BytesIO())):
            with pytest.raises(StoreError):
                refused()


def test_a_backup_of_another_database_is_refused_by_who_says_which_one_is_wanted(path: Path, clock: Clock) -> None:
    kept: list[tuple[str, bytes]] = []
    for serial in ("A-1", "B-2"):
        with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
            verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
            backup(verifier, file := io.BytesIO())
            kept.append((verifier.context.seals.database, file.getvalue()))
    (ours, good), (_, bad) = kept
    with pytest.raises(InputError, match=f"not of {ours}"):
        restore(url(path), MASTER, io.BytesIO(bad), identity=ours, clock=clock)
    assert restore(url(path), MASTER, io.BytesIO(good), identity=ours, clock=clock) == 1
    with Verifier.open(url(path), master_key=MASTER, clock=clock) as verifier:
        assert verifier.context.seals.database == ours
        assert verifier.audit.check().sound


@pytest.mark.parametrize("changed", [{"failures": 3}, {"state": card_tables.DECOY}], ids=["failures", "decoy"])
def test_a_card_that_was_changed_can_be_removed_and_enrolled_anew(clock: Clock, changed: dict[str, object]) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        with verifier.context.store.write() as db:
            db.execute(update(card_tables.cards).values(changed))
        with pytest.raises(StoreError, match=r"restore the database from a backup, or remove the card"):
            verifier.card("A-1")
        verifier.remove("A-1")
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        assert verifier.audit.check().sound


def test_a_row_is_written_the_same_whatever_its_letters_and_its_state_are() -> None:
    seals, holder = CardSeals.new(), Holder("A-1", new_enrollment(), SUITE)
    card = CardRecord("A-1", SUITE, 0, 0, None, NOW, "", b"", None, None, 0, (), 0, State.ACTIVE, NOW, "Ünï ✓", None)
    sealed = seals.sealed(card._replace(enrolment=holder.enrolment))
    assert seals.is_sealed(sealed._replace(state="active"))
    for changed in ({"sealed_key": ""}, {"state_reason": "Üni ✓"}, {"failures": "0"}, {"state_reason": None}, {"seal": None}):
        assert not seals.is_sealed(sealed._replace(**changed))  # type: ignore[arg-type]


database = databases.database

CARD = text(
    "INSERT INTO cards"
    " VALUES (:serial, :suite, :counter, :failures, :locked_until, :now, :key_id, :key, :pin, NULL, 0, :none, 2)"
)
CHALLENGE = text("INSERT INTO challenges VALUES (:id, :serial, :number, :question, :digest, :now, :expires_at, 0, :used_at)")


@pytest.fixture
def version_3(database: Database) -> Database:
    """A database of version 3. `A-1` has answered once and is locked. `B-2` never answered and has an open challenge."""
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


@pytest.mark.every_database
def test_what_it_held_it_holds(version_3: Database, clock: Clock) -> None:
    clock.now = NOW + 2
    with Verifier.open(version_3.url, master_key=MASTER, clock=clock) as verifier:
        active = Card("A-1", SUITE, 7, 10, NOW + 1000, NOW, state=State.ACTIVE, state_since=NOW)
        enrolled = Card("B-2", SUITE, 0, 0, None, NOW, state=State.ENROLLED, state_since=NOW)
        assert list(verifier.cards()) == [active, enrolled]


@pytest.mark.every_database
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
        detail = f'{{"cards":"2","database":"{verifier.context.seals.database}"}}'
        assert (first.reason, first.detail) == ("migrated", detail)


@pytest.mark.every_database
def test_another_master_key_migrates_nothing(version_3: Database) -> None:
    with pytest.raises(InputError, match="master key"):
        Verifier.open(version_3.url, master_key=bytes(32))
    with pytest.raises(StoreError, match="older dscplus"):
        Store.open(version_3.url, SCHEMA)
    with Verifier.open(version_3.url, master_key=MASTER) as verifier:
        assert len(list(verifier.cards())) == 2
