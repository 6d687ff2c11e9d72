"""Threads that wait for a group commit: they take turns whatever ends another thread, and a lock holds up only its own card."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.host.records import commit_samples
from tests.host.records.commit_samples import SERIALS, SOON, Interrupt, challenge, logged, suspend, suspend_and_fail

from dsc_host.errors import StoreError
from dsc_host.records.group_commit import GroupCommit
from dsc_host.records.store import Store
from dsc_host.records.transaction import result_of
from dsc_host.verifier import (
    Verifier,
    challenges,
    rows,
)
from dsc_host.verifier.transaction import CardTransaction

verifier, commits = commit_samples.verifier, commit_samples.commits
on_server, transactions = commit_samples.on_server, commit_samples.transactions


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
