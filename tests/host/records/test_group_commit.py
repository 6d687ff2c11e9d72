"""Group commit: changes that wait together are committed together, and each has its own outcome."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.host.records import commit_samples
from tests.host.records.commit_samples import SERIALS, Interrupt, challenge, change, logged, suspend, suspend_and_fail
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import StoreError, TooManyChallenges, UnknownCard
from dsc_host.records.audit_writer import PendingEntries
from dsc_host.records.group_commit import Change, GroupCommit
from dsc_host.records.store import Store
from dsc_host.records.transaction import result_of
from dsc_host.verifier import (
    Challenge,
    Enrollment,
    Keyring,
    MasterKey,
    Policy,
    State,
    Verifier,
    lifecycle,
    rows,
)
from dsc_host.verifier.transaction import CardTransaction

verifier, commits = commit_samples.verifier, commit_samples.commits
on_server, transactions = commit_samples.on_server, commit_samples.transactions


@pytest.mark.pooled
@pytest.mark.every_database
def test_each_change_of_a_transaction_has_its_own_outcome(
    verifier: Verifier, commits: GroupCommit, transactions: list[Store]
) -> None:
    transactions.clear()
    asked, unknown = challenge(verifier, "C-0"), challenge(verifier, "NO-CARD")
    failed, suspended = change(verifier, suspend_and_fail), change(verifier.by("Ada"), suspend)
    commits.do_all([failed, asked, unknown, suspended])
    assert len(transactions) == 1
    assert isinstance(asked.result(), Challenge)
    assert suspended.result() == "suspended"
    with pytest.raises(UnknownCard):
        result_of(unknown.result())
    with pytest.raises(KeyError):
        failed.result()
    assert logged(verifier) == [
        ("challenge", "C-0", "done"),
        ("challenge", "NO-CARD", "refused"),
        ("card.suspend", "A-1", "done"),
    ]
    assert [entry.actor for entry in verifier.audit.entries()][-2:] == ["library", "Ada"]
    assert verifier.verify(asked.result().id, right(asked.result())).accepted


@pytest.mark.every_database
def test_a_limit_holds_within_a_transaction(verifier: Verifier, commits: GroupCommit) -> None:
    verifier._context = replace(verifier.context, policy=Policy(challenges=3))
    asked = [challenge(verifier, "A-1") for _ in range(5)]
    commits.do_all(asked)
    assert [isinstance(each.result(), Challenge) for each in asked] == [True] * 3 + [False] * 2
    with pytest.raises(TooManyChallenges):
        result_of(asked[-1].result())


@pytest.mark.every_database
def test_nothing_is_settled_before_it_is_committed(verifier: Verifier, commits: GroupCommit) -> None:
    seen = []

    def settled(_: object) -> None:
        # A transaction of its own sees only what others have committed.
        seen.append([verifier.card(serial).state for serial in ("A-1", "C-0")])

    def suspend_other(tx: CardTransaction) -> None:
        lifecycle.move(tx, "C-0", State.SUSPENDED, "")

    commits.do_all([change(verifier, suspend, settled), change(verifier, suspend_other, settled)])
    assert seen == [["suspended", "suspended"]] * 2


@pytest.mark.pooled
@pytest.mark.every_database
def test_a_transaction_that_fails_is_done_again_one_by_one(
    verifier: Verifier, commits: GroupCommit, transactions: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tries = PendingEntries.write, list[int]()

    def fail_once(entries: PendingEntries, db: Connection) -> None:
        tries.append(len(entries))
        if len(tries) == 1:
            raise StoreError("the disk is full")
        write(entries, db)

    monkeypatch.setattr(PendingEntries, "write", fail_once)
    transactions.clear()
    asked = [challenge(verifier, serial) for serial in SERIALS]
    commits.do_all(asked)
    assert tries == [5, 1, 1, 1, 1, 1]
    assert len(transactions) == 6
    assert [each.result().serial for each in asked] == SERIALS
    assert len(logged(verifier)) == 5


def test_a_transaction_that_sqlite_has_undone_is_done_again_one_by_one(verifier: Verifier, commits: GroupCommit) -> None:
    """After some errors, for example of a full disk, SQLite undoes the whole transaction by itself."""
    tries = []

    def undo(tx: CardTransaction) -> None:
        tries.append(tx)
        if len(tries) == 1:
            tx.db.exec_driver_sql("ROLLBACK")
            tx.db.exec_driver_sql("SELECT no_such_column")

    asked = [challenge(verifier, "C-0"), change(verifier, undo), challenge(verifier, "C-1")]
    commits.do_all(asked)
    assert len(tries) == 2
    assert [entry[1] for entry in logged(verifier)] == ["C-0", "C-1"]
    assert {each.result().id for each in (asked[0], asked[2])} == {
        row.id for row in (_find(verifier, asked[0]), _find(verifier, asked[2])) if row
    }


def _find(verifier: Verifier, asked: Change[Any]) -> rows.ChallengeRecord | None:
    return verifier.context.read(lambda tx: rows.find_card_of(tx.db, [asked.result().id])[1][0])


@pytest.mark.every_database
def test_after_a_commit_that_fails_nothing_is_repeated(
    verifier: Verifier, commits: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Store.write

    @contextmanager
    def lose_connection(store: Store) -> Iterator[Connection]:
        with write(store) as db:
            yield db
        raise StoreError("the connection to it was lost")

    monkeypatch.setattr(Store, "write", lose_connection)
    asked = [challenge(verifier, serial) for serial in SERIALS]
    commits.do_all(asked)
    monkeypatch.undo()
    for each in asked:
        with pytest.raises(StoreError, match="lost"):
            each.result()
    assert len(logged(verifier)) == 5, "each was recorded once"


@pytest.mark.every_database
def test_a_database_that_cannot_be_written_is_waited_for_once(
    verifier: Verifier, commits: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    @contextmanager
    def refuse(store: Store) -> Iterator[Connection]:
        tries.append(store)
        raise StoreError("another program keeps it locked")
        yield

    monkeypatch.setattr(Store, "write", refuse)
    asked = [challenge(verifier, serial) for serial in SERIALS]
    commits.do_all(asked)
    assert len(tries) == 1
    for each in asked:
        with pytest.raises(StoreError, match="locked"):
            each.result()


def test_after_an_interrupt_within_the_commit_nothing_is_repeated(
    verifier: Verifier, commits: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Store.write

    @contextmanager
    def interrupted(store: Store) -> Iterator[Connection]:
        with write(store) as db:
            yield db
        raise Interrupt

    monkeypatch.setattr(Store, "write", interrupted)
    asked = [challenge(verifier, serial) for serial in SERIALS]
    with pytest.raises(Interrupt):
        commits.do_all(asked)
    monkeypatch.undo()
    for each in asked:
        with pytest.raises(StoreError, match="may have been recorded"):
            each.result()
    assert len(logged(verifier)) == 5


def test_the_master_key_is_changed_while_others_log_in(clock: Clock, tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path / 'dsc.db'}", Keyring(MasterKey(bytes(32)), MASTER)
    with Verifier.open(url, master_key=MASTER, clock=clock) as verifier:
        verifier.enroll_all(Enrollment(serial, KEY, SUITE, PIN) for serial in SERIALS)
    with Verifier.open(url, master_key=keys, clock=clock) as verifier, ThreadPoolExecutor(6) as pool:
        rekeyed = pool.submit(verifier.rekey)
        assert list(pool.map(lambda serial: _log_in(verifier, serial), SERIALS)) == [True] * len(SERIALS)
        assert rekeyed.result() == len(SERIALS)
        assert set(verifier.keys_in_use()) == {keys.current.id}
        assert verifier.audit.check().problems == ()


def _log_in(verifier: Verifier, serial: str) -> bool:
    asked = [verifier.challenge(serial) for _ in range(4)]
    return all(verifier.verify(each.id, right(each, counter)) for counter, each in enumerate(asked))
