"""The master key is changed while others work. An interrupted change goes on, and afterwards the old key opens nothing."""

import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, right

from dsc_host.errors import DscError, InputError
from dsc_host.schema import card_tables
from dsc_host.verifier import Enrollment, Keyring, MasterKey, Policy, Verifier, enrollment, master_key_change
from dsc_host.verifier.card_seals import Holder
from dsc_host.verifier.transaction import CardTransaction

database = databases.database
NEW = MasterKey(b"\x5a" * 32)
OFTEN = Policy(pause=0, challenges=1000)
OLD_FIRST, NEW_FIRST = Keyring(MASTER, NEW), Keyring(NEW, MASTER)
BATCH = 10
CARDS = 3 * BATCH + 5
DEADLINE = 60


def serial(number: int) -> str:
    return f"C-{number:04}"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (master_key_change, enrollment):
        monkeypatch.setattr(module, "BATCH", BATCH)


@pytest.fixture
def full(database: Database) -> Database:
    """Records under the old key: cards, one of them with all four kinds of secrets, one retired, and a decoy."""
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll_all(Enrollment(serial(number), KEY, SUITE, PIN) for number in range(CARDS))
        verifier.set_duress_pin(serial(0), "4321")
        verifier.enroll("LOCKS", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=bytes(32))
        verifier.retire(serial(1))
        verifier.challenge("NO-CARD", conceal=True)
    return database


def under(database: Database) -> dict[str, int]:
    """Return how many rows are under each key."""
    with database.raw() as db:
        counted = select(card_tables.cards.c.key_id, func.count()).group_by(card_tables.cards.c.key_id)
        return {row[0]: row[1] for row in db.execute(counted)}


def log_in(verifier: Verifier, name: str, counter: int = 0) -> bool:
    challenge = verifier.challenge(name)
    return verifier.verify(challenge.id, right(challenge, counter)).accepted


def test_afterwards_all_is_under_the_new_key_and_nothing_else_has_changed(full: Database) -> None:
    with Verifier.open(full.url, master_key=OLD_FIRST) as verifier:
        before, known = list(verifier.cards()), list(verifier.disclose())
    told: list[tuple[int, int]] = []
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        assert set(verifier.keys_in_use()) == {MASTER.id}
        assert verifier.rekey(done=lambda *so_far: told.append(so_far)) == CARDS
        assert told[-1] == (CARDS, CARDS)
        assert len(told) == 4
        assert verifier.keys_in_use() == {NEW.id: CARDS}
        batches = [json.loads(entry.detail) for entry in verifier.audit.entries() if entry.action == "keys.rekey"]
        assert batches[-1]["cards"] == f"{serial(31)} to LOCKS", "the log names no decoy"
    assert under(full) == {NEW.id: CARDS + 1, "": 1}
    with Verifier.open(full.url, master_key=NEW) as verifier:
        assert list(verifier.cards()) == before
        assert list(verifier.disclose()) == known
        assert verifier.audit.check().problems == ()
        assert log_in(verifier, serial(0))
        assert verifier.rekey() == 0
    with pytest.raises(InputError, match="master key"):
        Verifier.open(full.url, master_key=MASTER)


@pytest.mark.every_database
def test_half_way_both_keys_are_wanted_and_it_goes_on_where_it_was(full: Database) -> None:
    class Stop(Exception):
        pass

    def stop(*_: int) -> None:
        raise Stop

    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        with pytest.raises(Stop):
            verifier.rekey(done=stop)
        assert under(full)[NEW.id] == BATCH
        assert log_in(verifier, serial(0))
        assert log_in(verifier, serial(CARDS - 1))
        assert verifier.audit.check().sound
        for alone in (MASTER, NEW):
            with pytest.raises(InputError, match="master key"):
                Verifier.open(full.url, master_key=alone)
        assert verifier.rekey() == CARDS - BATCH
    assert under(full) == {NEW.id: CARDS + 1, "": 1}


@pytest.mark.every_database
def test_a_new_pin_is_under_the_key_of_its_card(full: Database) -> None:
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        verifier.enroll_all([Enrollment("LATER", KEY, SUITE, awaits_pin=True)])
    with Verifier.open(full.url, master_key=OLD_FIRST) as other:
        other.set_pin("LATER", PIN)
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        verifier.set_duress_pin(serial(2), "4321")
        challenge = verifier.challenge(serial(3))
        assert verifier.change_pin(challenge.id, right(challenge), PIN)
        assert log_in(verifier, serial(2))
        assert log_in(verifier, serial(3), 1)
        assert verifier.rekey() == CARDS
    with Verifier.open(full.url, master_key=NEW) as verifier:
        assert log_in(verifier, "LATER")
        assert log_in(verifier, serial(2), 1)
        assert log_in(verifier, serial(3), 2)


def test_a_pin_that_an_earlier_version_sealed_under_the_other_key_opens(
    full: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        with monkeypatch.context() as early:
            early.setattr(CardTransaction, "resealed", lambda tx, pin, card, kind: tx.sealed(pin, Holder.of(card), kind))
            verifier.set_duress_pin(serial(2), "4321")
        assert log_in(verifier, serial(2))
        assert verifier.rekey() == CARDS
    with Verifier.open(full.url, master_key=NEW) as verifier:
        assert log_in(verifier, serial(2), 1)


@pytest.mark.every_database
def test_a_pin_that_an_earlier_version_sealed_under_the_old_key_is_found(
    full: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        verifier.rekey()
    with Verifier.open(full.url, master_key=OLD_FIRST) as other, monkeypatch.context() as early:
        early.setattr(CardTransaction, "resealed", lambda tx, pin, card, kind: tx.sealed(pin, Holder.of(card), kind))
        for number in (2, 3, 3 + 2 * BATCH):
            other.set_duress_pin(serial(number), "4321")
        challenge = other.challenge(serial(4))
        assert other.change_pin(challenge.id, right(challenge), PIN)
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        assert verifier.keys_in_use() == {NEW.id: CARDS, MASTER.id: 0}
        assert verifier.rekey() == 4
        assert verifier.rekey() == 0
        assert set(verifier.keys_in_use()) == {NEW.id}
        assert verifier.audit.check().problems == ()
    with Verifier.open(full.url, master_key=NEW) as verifier:
        assert all(log_in(verifier, serial(number)) for number in (2, 3, 3 + 2 * BATCH))
        assert log_in(verifier, serial(4), 1)


@pytest.mark.every_database
def test_a_pin_that_no_key_opens_does_not_stop_the_change(full: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = MasterKey(b"\x77" * 32)
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        verifier.rekey()
    with Verifier.open(full.url, master_key=Keyring(NEW, MASTER)) as other, monkeypatch.context() as early:
        seal = lost.seal
        early.setattr(
            CardTransaction, "resealed",
            lambda tx, pin, card, kind: seal(pin.encode(), card.serial, kind, tx.seals.bound(Holder.of(card))),
        )  # fmt: skip
        other.set_duress_pin(serial(2), "4321")
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        assert verifier.rekey() == 0


@pytest.mark.long
@pytest.mark.every_database
def test_who_works_meanwhile_notices_nothing(full: Database) -> None:
    """Logins with both keys, the old key first, and the enrollment of cards under the old key continue throughout."""
    began, stop = threading.Event(), threading.Event()

    def work() -> tuple[int, int]:
        logins = enrolled = 0
        with Verifier.open(full.url, master_key=OLD_FIRST, policy=OFTEN) as verifier:
            while not stop.is_set():
                assert log_in(verifier, serial(2 + logins % 30), logins // 30)
                verifier.enroll(f"NEW-{enrolled}", key=KEY, suite=SUITE, pin=PIN)
                logins, enrolled = logins + 1, enrolled + 1
                began.set()
        return logins, enrolled

    with ThreadPoolExecutor(1) as pool, Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        worker = pool.submit(work)
        try:
            assert began.wait(DEADLINE)
            verifier.rekey()
        finally:
            stop.set()
        _, enrolled = worker.result(DEADLINE)
        verifier.rekey()
        assert under(full) == {NEW.id: CARDS + 1 + enrolled, "": 1}
        assert verifier.audit.check().sound
    with Verifier.open(full.url, master_key=NEW) as verifier:
        assert all(log_in(verifier, f"NEW-{number}") for number in range(min(enrolled, 5)))


def test_it_ends_though_others_go_on_to_enroll_cards_under_the_old_key(full: Database) -> None:
    with Verifier.open(full.url, master_key=OLD_FIRST) as other, Verifier.open(full.url, master_key=NEW_FIRST) as verifier:

        def enroll_more(done: int, _: int) -> None:
            assert done <= CARDS, "it would never end"
            other.enroll_all(Enrollment(f"Z-{done:03}-{each}", KEY, SUITE, PIN) for each in range(BATCH))

        assert verifier.rekey(done=enroll_more) == CARDS
        assert verifier.rekey() == verifier.keys_in_use()[NEW.id] - CARDS > 0


@pytest.mark.every_database
def test_a_key_that_seals_only_decoys_is_in_use_by_no_card(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.challenge("NO-CARD", conceal=True)
        assert verifier.keys_in_use() == {MASTER.id: 0}
    with Verifier.open(database.url, master_key=NEW_FIRST) as verifier:
        assert verifier.rekey() == 0
        assert verifier.keys_in_use() == {NEW.id: 0}
    assert under(database) == {NEW.id: 1}


def test_who_knows_only_the_old_key_is_refused_and_loses_nothing(full: Database) -> None:
    with Verifier.open(full.url, master_key=MASTER) as late:
        challenge = late.challenge(serial(5))
        with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
            verifier.rekey()
            for call in (
                lambda: late.verify(challenge.id, right(challenge)),
                lambda: late.challenge(serial(5)),
                lambda: late.enroll("LATE", key=KEY, suite=SUITE, pin=PIN),
                lambda: late.suspend(serial(5)),
            ):
                with pytest.raises(InputError, match="master key"):
                    call()
            assert verifier.verify(challenge.id, right(challenge)).accepted
            assert verifier.audit.check().sound


def rekey_and_tell(url: str, pipe: Connection) -> None:
    master_key_change.BATCH = BATCH

    def tell(*so_far: int) -> None:
        pipe.send(so_far)
        # Wait for a word before each further batch: a kill that comes late then finds batches that are left to do.
        pipe.recv()

    with Verifier.open(url, master_key=NEW_FIRST) as verifier:
        verifier.rekey(done=tell)


def test_killed_between_or_in_batches_it_goes_on(full: Database) -> None:
    context = multiprocessing.get_context("spawn")
    for batches in (1, 2):
        ours, theirs = context.Pipe()
        worker = context.Process(target=rekey_and_tell, args=(full.url, theirs), daemon=True)
        worker.start()
        for _ in range(batches):
            assert ours.poll(DEADLINE)
            ours.recv()
            ours.send("go on")
        worker.kill()
        worker.join(DEADLINE)
        theirs.close()
        with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
            assert verifier.audit.check().sound
            assert len(list(verifier.disclose())) == CARDS, "every secret opens"
    with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
        verifier.rekey()
    assert under(full) == {NEW.id: CARDS + 1, "": 1}


@pytest.mark.every_database
def test_two_at_once_do_it_once(full: Database) -> None:
    together = threading.Barrier(2)

    def rekey(_: int) -> int:
        with Verifier.open(full.url, master_key=NEW_FIRST) as verifier:
            together.wait(DEADLINE)
            return verifier.rekey()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(rekey, range(2))) == CARDS
    assert under(full) == {NEW.id: CARDS + 1, "": 1}


@pytest.fixture
def key_file(tmp_path: Any) -> Any:
    path = tmp_path / "master.key"
    path.touch(0o600)
    return path


def test_a_file_may_hold_several_keys_each_once(key_file: Any) -> None:
    for between in ("\n", "\r\n", " ", "\n\n  \n", "\t"):
        key_file.write_bytes(between.join([NEW._key.hex(), MASTER._key.hex().upper(), NEW._key.hex(), ""]).encode())
        keys = Keyring.from_file(key_file)
        assert [key.id for key in keys.keys] == [NEW.id, MASTER.id]
        assert keys.current.id == NEW.id
    keys.write(key_file)
    assert [key.id for key in Keyring.from_file(key_file).keys] == [NEW.id, MASTER.id]
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert NEW._key.hex() not in repr(keys)


def test_a_file_with_many_keys_is_read_whole(key_file: Any) -> None:
    keys = Keyring(*(MasterKey.generate() for _ in range(100)))
    keys.write(key_file)
    assert Keyring.from_file(key_file).ids == keys.ids


def test_what_is_no_key_is_refused_without_being_quoted(key_file: Any) -> None:
    for text in ("", "\n", "12", "x" * 64, "00" * 33, "00" * 32 + "\nno key", "\0" * 64, "\uff10" * 64, "0" * 10**6):
        key_file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="master key") as caught:
            Keyring.from_file(key_file)
        assert str(key_file) in str(caught.value)
        assert "no key" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", f"{NEW._key.hex()} {MASTER._key.hex()}")
    assert Keyring.from_environment("KEYS").ids == {NEW.id, MASTER.id}
    monkeypatch.delenv("KEYS")
    with pytest.raises(InputError, match="KEYS is not set"):
        Keyring.from_environment("KEYS")


def test_a_callable_is_called_once_and_may_fail(tmp_path: Any) -> None:
    calls: list[int] = []

    def fetch() -> Keyring:
        calls.append(1)
        return OLD_FIRST

    with Verifier.open(f"sqlite:///{tmp_path / 'dsc.db'}", master_key=fetch) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        assert log_in(verifier, "A-1")
    assert calls == [1]

    def unreachable() -> Keyring:
        raise ConnectionError("the KMS does not answer")

    with pytest.raises(ConnectionError):
        Verifier.open(f"sqlite:///{tmp_path / 'other.db'}", master_key=unreachable)
    assert not (tmp_path / "other.db").exists()
    with pytest.raises(DscError):
        Verifier.open(f"sqlite:///{tmp_path / 'other.db'}", master_key=lambda: b"short")


@pytest.mark.every_database
@pytest.mark.parametrize("bulk", ["rekey", "enroll_all"])
def test_after_each_batch_others_have_some_time_to_themselves(
    full: Database, bulk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    with Verifier.open(full.url, master_key=OLD_FIRST) as other, Verifier.open(full.url, master_key=NEW_FIRST) as verifier:

        def rest(seconds: float) -> None:
            # The database must be free now, or this would wait for ever.
            assert log_in(other, serial(7), len(rests))
            rests.append(seconds)

        monkeypatch.setattr("dsc_host.records.transaction.time.sleep", rest)
        if bulk == "rekey":
            verifier.rekey()
        else:
            verifier.enroll_all(Enrollment(f"B-{number}", KEY, SUITE, PIN) for number in range(4 * BATCH))
    assert len(rests) >= 3
    assert min(rests) > 0
