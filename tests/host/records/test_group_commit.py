"""Group commit: changes that wait together are committed together, and each has its own outcome."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection
from tests.host import databases
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right, wrong

from dsc_host.errors import OutOfMemory, StoreError, TooManyChallenges, UnknownCard
from dsc_host.records.audit_writer import Event, PendingEntries
from dsc_host.records.backends import postgresql
from dsc_host.records.group_commit import Change, GroupCommit
from dsc_host.records.statements import Asked, Values
from dsc_host.records.store import Store
from dsc_host.records.transaction import Known, result_of
from dsc_host.verifier import (
    Challenge,
    Enrollment,
    Keyring,
    MasterKey,
    Policy,
    Reason,
    State,
    Verifier,
    card_sets,
    challenges,
    lifecycle,
    rows,
)
from dsc_host.verifier.transaction import CardTransaction

verifier = databases.verifier
SOON = 60
"""The seconds to wait on a busy machine. Nothing normally takes that long."""
SERIALS = [f"C-{number}" for number in range(5)]


@pytest.fixture
def commits(verifier: Verifier) -> GroupCommit:
    verifier.enroll_all(Enrollment(serial, KEY, SUITE, PIN) for serial in SERIALS)
    return verifier.context.commits


@pytest.fixture
def on_server(clock: Clock) -> Iterator[Verifier]:
    """A verifier on PostgreSQL."""
    with databases.enrolled_verifier("postgresql", Policy(), clock=clock) as verifier:
        verifier.enroll_all(Enrollment(serial, KEY, SUITE, PIN) for serial in SERIALS)
        yield verifier


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """The transactions that wrote, in their order."""
    begun, write = list[Store](), Store.write

    def noted(store: Store) -> AbstractContextManager[Connection]:
        begun.append(store)
        return write(store)

    monkeypatch.setattr(Store, "write", noted)
    return begun


def change(verifier: Verifier, work: Callable[[CardTransaction], Any], settled: Any = None) -> Change[Any]:
    return Change(verifier.context.work_of(work), settled)


def challenge(verifier: Verifier, serial: str, settled: Any = None) -> Change[Any]:
    step = verifier._challenge(serial)
    assert not isinstance(step, Known)
    return change(verifier, step, settled)


def suspend(tx: CardTransaction) -> State:
    return lifecycle.move(tx, "A-1", State.SUSPENDED, "").state


def suspend_and_fail(tx: CardTransaction) -> None:
    suspend(tx)
    raise KeyError("fails after it has written and logged")


def logged(verifier: Verifier) -> list[tuple[str, str | None, str]]:
    """Return the entries after those of the enrollments."""
    assert verifier.audit.check().problems == ()
    return [(e.action, e.serial, e.outcome) for e in verifier.audit.entries() if e.action not in ("log.begin", "card.enroll")]


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
    return verifier.context.read(lambda tx: rows.find_challenge(tx.db, asked.result().id))


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


# ---- logins that are done set by set ----


def answer(verifier: Verifier, challenge: Challenge, response: str) -> Change[Any]:
    step = verifier._verify(challenge.id, response)
    assert not isinstance(step, Known)
    return change(verifier, step)


@pytest.mark.every_database
def test_calls_on_one_card_are_decided_one_after_the_other(
    verifier: Verifier, commits: GroupCommit, transactions: list[Store]
) -> None:
    first, second, other = (verifier.challenge(serial) for serial in ("A-1", "A-1", "C-0"))
    calls = [
        answer(verifier, first, right(first)),
        answer(verifier, first, right(first)),
        answer(verifier, other, wrong(other)),
        answer(verifier, second, right(second, 1)),
        challenge(verifier, "A-1"),
        answer(verifier, second, right(second, 2)),
    ]
    transactions.clear()
    commits.do_all(calls)
    assert len(transactions) == 1
    reasons = [each.result().reason if index != 4 else "" for index, each in enumerate(calls)]
    assert reasons == [Reason.ACCEPTED, Reason.USED, Reason.WRONG, Reason.ACCEPTED, "", Reason.USED]
    assert (verifier.card("A-1").counter, verifier.card("C-0").failures) == (2, 1)
    fourth = calls[4].result()
    assert verifier.verify(fourth.id, right(fourth, 2))
    assert verifier.audit.check().problems == ()


@pytest.mark.every_database
def test_a_question_that_was_asked_is_drawn_again(verifier: Verifier, commits: GroupCommit) -> None:
    questions = iter(["111111", "111111", "222222", "333333", "111111"])
    verifier._context = replace(verifier.context, draw=lambda _digits: next(questions))
    assert verifier.challenge("A-1").question == "111111"
    again, other = challenge(verifier, "A-1"), challenge(verifier, "C-0")
    commits.do_all([again, other])
    drawn = {again.result().question, other.result().question}
    assert "111111" not in drawn
    assert len(drawn) == 2
    assert verifier.verify(again.result().id, right(again.result()))
    assert verifier.audit.check().problems == ()


@pytest.mark.every_database
def test_each_call_is_decided_by_its_own_policy(verifier: Verifier, commits: GroupCommit) -> None:
    verifier.challenge("C-0")
    usual = challenge(verifier, "C-1")
    verifier._context = replace(verifier.context, policy=Policy(challenges=1))
    strict = challenge(verifier, "C-0")
    commits.do_all([usual, strict])
    assert usual.result().serial == "C-1"
    with pytest.raises(TooManyChallenges):
        result_of(strict.result())


@pytest.mark.every_database
def test_a_card_that_was_tampered_with_fails_alone(verifier: Verifier, commits: GroupCommit) -> None:
    with verifier.context.store.write() as db:
        card = rows.find_card(db, "C-0")
        assert card
        rows.used_card(db, card._replace(counter=7))
    calls = [challenge(verifier, serial) for serial in ("C-1", "C-0", "C-2")]
    commits.do_all(calls)
    assert [calls[0].result().serial, calls[2].result().serial] == ["C-1", "C-2"]
    with pytest.raises(StoreError, match="does not match its seal"):
        calls[1].result()


@pytest.mark.every_database
def test_a_call_that_fails_last_has_changed_nothing(
    verifier: Verifier, commits: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = verifier.challenge("C-0"), verifier.challenge("C-1")
    log = CardTransaction.log

    def fail(tx: CardTransaction, now: float, event: Event) -> None:
        log(tx, now, event)
        if event.serial == "C-0":
            raise MemoryError

    monkeypatch.setattr(CardTransaction, "log", fail)
    calls = [answer(verifier, each, right(each)) for each in (first, other)]
    commits.do_all(calls)
    monkeypatch.undo()
    assert calls[1].result().accepted
    with pytest.raises(OutOfMemory):
        calls[0].result()
    assert [verifier.card(serial).counter for serial in ("C-0", "C-1")] == [0, 1]
    assert verifier.audit.check().problems == ()
    assert verifier.verify(first.id, right(first)).accepted


@pytest.mark.postgresql
def test_a_limit_counts_what_is_committed_between_two_locks(on_server: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, lock_owners, other = on_server, card_sets._LOCK_OWNERS, ExitStack()
    verifier._context = replace(verifier.context, policy=Policy(challenges=2))
    first = verifier.challenge("C-0")
    challenges.issue(other.enter_context(verifier.context.writing()), "C-0", conceal=False)

    class LockOwners:
        def ask(self, db: Connection, values: Values) -> Asked:
            db.exec_driver_sql("SELECT 1")  # Sends the lock of the card, which is passed over.
            other.close()
            return lock_owners.ask(db, values)

    monkeypatch.setattr(card_sets, "_LOCK_OWNERS", LockOwners())
    third = challenge(verifier, "C-0")
    verifier.context.commits.do_all([third, answer(verifier, first, right(first))])
    with pytest.raises(TooManyChallenges):
        result_of(third.result())


@pytest.mark.every_database
def test_a_missing_card_among_others_looks_like_one(verifier: Verifier, commits: GroupCommit) -> None:
    serials = ("C-0", "NO-CARD", "C-1", "NO-CARD", "C-0")
    for _ in range(2):  # The first time makes the decoys.
        calls = [change(verifier, verifier._challenge(serial, conceal=True)) for serial in serials]  # type: ignore[arg-type]
        commits.do_all(calls)
        asked = [each.result() for each in calls]
        assert [each.serial for each in asked] == list(serials)
    answers = [answer(verifier, each, right(each)) for each in asked]
    commits.do_all(answers)
    reasons = [each.result().reason for each in answers]
    assert reasons == [Reason.ACCEPTED, Reason.UNKNOWN, Reason.ACCEPTED, Reason.UNKNOWN, Reason.WRONG]
    assert verifier.audit.check().problems == ()


@pytest.mark.postgresql
def test_many_logins_take_the_round_trips_of_one(on_server: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    commits, trips, sync = on_server.context.commits, list[object](), psycopg.Pipeline.sync
    commits.do_all([challenge(on_server, serial) for serial in SERIALS])  # Opens a connection.
    monkeypatch.setattr(postgresql, "_TRUSTED_SECONDS", SOON)
    monkeypatch.setattr(psycopg.Pipeline, "sync", lambda pipeline: (trips.append(pipeline), sync(pipeline))[1])
    calls = [challenge(on_server, serial) for serial in SERIALS]
    commits.do_all(calls)
    answers = [answer(on_server, each.result(), right(each.result())) for each in calls]
    commits.do_all(answers)
    assert all(each.result() for each in answers)
    assert len(trips) == 4, "each transaction waits twice before its commit"


@pytest.mark.postgresql
def test_many_responses_to_a_closed_challenge_lock_no_card(on_server: Verifier) -> None:
    verifier, used = on_server, on_server.challenge("A-1")
    assert verifier.verify(used.id, right(used))
    for _ in range(Policy().attempts * 2):
        verifier.verify(used.id, right(used))
    with verifier.context.store.write() as db:
        rows.lock_card(db, "A-1")
        assert verifier.verify(used.id, right(used)).reason is Reason.USED


# ---- locks of other transactions ----


@pytest.mark.postgresql
@pytest.mark.parametrize("alone", [True, False])
def test_a_locked_card_holds_up_nobody_else(on_server: Verifier, alone: bool) -> None:
    verifier, commits, other_is_settled = on_server, on_server.context.commits, threading.Event()
    late = challenge(verifier, "A-1")
    with verifier.context.store.write() as db:
        rows.lock_card(db, "A-1")
        other = challenge(verifier, "C-0", lambda _: other_is_settled.set())
        thread = threading.Thread(target=commits.do_all, args=([late] if alone else [late, other],))
        thread.start()
        if alone:
            commits.do_all([other])
        assert other_is_settled.wait(SOON)
        assert not late.is_settled
    thread.join(SOON)
    assert late.result().serial == "A-1"


@pytest.mark.postgresql
def test_transactions_that_lock_cards_in_any_order_do_not_deadlock(on_server: Verifier) -> None:
    """Each thread has its own queue, as processes have."""
    verifier = on_server
    results, start = list[Any](), threading.Barrier(2)

    def commit(serials: list[str]) -> None:
        own = GroupCommit(verifier.context.store)
        for _ in range(10):
            start.wait(SOON)
            asked = [challenge(verifier, serial) for serial in serials]
            own.do_all(asked)
            results.extend(result_of(each.result()) for each in asked)

    threads = [threading.Thread(target=commit, args=(serials,)) for serials in (SERIALS, SERIALS[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(results) == len(logged(verifier)) == 100


# ---- threads that wait ----


class _Noticed(deque[Any]):
    def __init__(self, joined: threading.Semaphore) -> None:
        super().__init__()
        self._joined = joined

    def append(self, waiting: Any) -> None:
        super().append(waiting)
        self._joined.release()


class Crowd:
    """A thread that holds its transaction until `go_on` is set, and threads whose changes wait meanwhile."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.go_on = threading.Event()
        self.results: dict[str, Any] = {}
        self._begun, self._joined = threading.Event(), threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        verifier.context.commits._writers = 1
        verifier.context.commits._waiting = _Noticed(self._joined)

    def lead(self, work: Callable[[CardTransaction], Any]) -> None:
        def held(tx: CardTransaction) -> Any:
            self._begun.set()
            assert self.go_on.wait(SOON)
            return work(tx)

        self._start("leader", held)
        assert self._begun.wait(SOON)

    def follow(self, *serials: str) -> None:
        for serial in serials:
            self._start(serial, lambda tx, serial=serial: challenges.issue(tx, serial, False))  # type: ignore[misc]
            assert self._joined.acquire(timeout=SOON)

    def end(self) -> None:
        self.go_on.set()
        for thread in self._threads:
            thread.join(SOON)

    def _start(self, name: str, work: Callable[[CardTransaction], Any]) -> None:
        def run() -> None:
            try:
                self.results[name] = self.verifier.context.change(work)
            except BaseException as error:
                self.results[name] = error

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()


@pytest.fixture
def crowd(verifier: Verifier, commits: GroupCommit) -> Iterator[Crowd]:
    crowd = Crowd(verifier)
    yield crowd
    crowd.end()


@pytest.mark.every_database
def test_changes_that_wait_are_committed_together(verifier: Verifier, crowd: Crowd, transactions: list[Store]) -> None:
    transactions.clear()
    crowd.lead(suspend)
    crowd.follow(*SERIALS)
    crowd.end()
    assert len(transactions) == 2
    assert crowd.results.pop("leader") == "suspended"
    assert {serial: each.serial for serial, each in crowd.results.items()} == {serial: serial for serial in SERIALS}
    assert len(logged(verifier)) == 6


def test_a_thread_that_has_waited_long_enough_changes_nothing(verifier: Verifier, crowd: Crowd) -> None:
    crowd.lead(suspend)
    verifier.context.store.patience = 0.01
    with pytest.raises(StoreError, match="too many changes wait for it"):
        verifier.challenge("C-0")
    crowd.end()
    assert logged(verifier) == [("card.suspend", "A-1", "done")]
    assert verifier.challenge("C-0").serial == "C-0"


class Interrupt(BaseException):
    """Ends a thread's work as Ctrl-C does, but not the test run."""


def interrupt(_: object) -> None:
    raise Interrupt


@pytest.mark.parametrize("work", [interrupt, suspend_and_fail])
def test_what_ends_one_thread_keeps_no_other_from_its_turn(
    verifier: Verifier, crowd: Crowd, work: Callable[[CardTransaction], Any]
) -> None:
    crowd.lead(work)
    crowd.follow(*SERIALS)
    crowd.end()
    assert isinstance(crowd.results.pop("leader"), Interrupt | KeyError)
    assert sorted(each.serial for each in crowd.results.values()) == SERIALS
    assert len(logged(verifier)) == 5


@pytest.mark.parametrize("leads", [True, False])
def test_a_thread_that_is_interrupted_as_it_waits_loses_no_turn(
    verifier: Verifier, commits: GroupCommit, monkeypatch: pytest.MonkeyPatch, leads: bool
) -> None:
    """The interrupt comes just before or just after the thread got the lead."""
    commits._leaders = 1

    class Lock:
        def acquire(self, timeout: float | None = None) -> bool:
            if timeout is None:
                return True
            if leads:
                commits._pass_lead()
            raise Interrupt

        def release(self) -> None: ...

    monkeypatch.setattr(threading, "Lock", Lock)
    with pytest.raises(Interrupt):
        verifier.challenge("C-0")
    monkeypatch.undo()
    if not leads:
        commits._pass_lead()
    assert (commits._leaders, len(commits._waiting)) == (0, 0)
    assert logged(verifier) == []
    assert verifier.challenge("C-0").serial == "C-0"


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
