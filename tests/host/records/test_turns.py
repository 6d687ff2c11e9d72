"""Turns to write: first come, first served, and no error of a waiting or writing thread keeps the next from its turn."""

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.host.records.database_file import sqlite, url

from dsc_host.errors import StoreError
from dsc_host.records.backends import turns as module
from dsc_host.records.backends.base import Mode
from dsc_host.records.backends.turns import Turns, turns_of
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA

SOON = 60
"""The seconds to wait on a busy machine. Nothing normally takes that long."""


def in_time() -> float:
    return time.monotonic() + SOON


def is_free(turns: Turns) -> bool:
    with turns.turn(0) as has_come:
        return has_come


def test_threads_are_served_in_the_order_in_which_they_came() -> None:
    turns, served = Turns(), list[int]()
    joined = threading.Semaphore(0)

    class Queue(deque[Any]):
        def append(self, waiting: Any) -> None:
            super().append(waiting)
            joined.release()

    def wait(number: int) -> None:
        with turns.turn(in_time()) as has_come:
            assert has_come
            served.append(number)

    turns._waiting = Queue()
    threads = [threading.Thread(target=wait, args=(number,)) for number in range(20)]
    with turns.turn(0):
        for thread in threads:
            thread.start()
            assert joined.acquire(timeout=SOON)
    for thread in threads:
        thread.join(SOON)
    assert served == list(range(20))
    assert is_free(turns)


def test_a_thread_that_has_waited_long_enough_leaves_the_queue() -> None:
    turns = Turns()
    with turns.turn(0) as has_come:
        assert has_come
        assert not is_free(turns)
        assert not turns._waiting
    assert is_free(turns)


def test_an_error_ends_the_turn() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns.turn(0):
        raise KeyError
    assert is_free(turns)


class Interrupt(BaseException):
    """Ends the waiting as Ctrl-C does, but not the test run."""


def interrupt() -> bool:
    raise Interrupt


@pytest.mark.parametrize("is_called", [True, False])
@pytest.mark.parametrize("end", [interrupt, bool])
def test_a_turn_that_comes_as_the_waiting_ends_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[], bool], is_called: bool
) -> None:
    """The waiting ends by Ctrl-C or by its deadline, just before or just after the turn has come."""
    turns = Turns()
    first = turns.turn(0)

    class Call:
        def acquire(self, timeout: float | None = None) -> bool:
            if timeout is None:
                return True
            if is_called:
                first.__exit__(None, None, None)
            return end()

        def release(self) -> None: ...

    first.__enter__()
    monkeypatch.setattr(module.threading, "Lock", Call)
    try:
        with turns.turn(0) as has_come:
            assert has_come is is_called
    except Interrupt:
        assert end is interrupt
    if not is_called:
        first.__exit__(None, None, None)
    assert is_free(turns)


_FORK = """
import os
from dsc_host.records.backends.turns import turns_of
held = turns_of("x")
with held.turn(0):
    child = os.fork()
    if child == 0:
        with turns_of("x").turn(0) as has_come:
            os._exit(7 if has_come else 8)
    assert turns_of("x") is held
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(module.os, "fork"), reason="this system does not fork")
def test_a_forked_process_does_not_wait_for_threads_that_it_does_not_have() -> None:
    done = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=SOON)
    assert (done.stdout, done.stderr) == ("7\n", "")


# ---- at the store ----


@pytest.fixture
def store(enrolled: Path) -> Any:
    store = Store.open(url(enrolled), SCHEMA, patience=0.02)
    yield store
    store.close()


def test_all_stores_of_one_file_share_the_queue(store: Store, enrolled: Path) -> None:
    other = Store.open(url(enrolled), SCHEMA, patience=0.02)
    with store.write(), pytest.raises(StoreError, match=r"dsc\.db: another program keeps it locked"):
        write(other)
    write(other)
    other.close()
    assert store._backend._turns is turns_of(str(enrolled.resolve()))  # type: ignore[attr-defined]


def write(store: Store) -> None:
    with store.write() as db:
        assert db.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 20, "within a transaction, SQLite waits itself"


def test_a_thread_that_waits_for_its_turn_takes_no_connection(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.write():
        monkeypatch.setattr(store._backend, "connect", interrupt)
        with pytest.raises(StoreError, match="another program"):
            write(store)


def test_another_process_is_not_missed_between_two_tries(enrolled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    start = Mode.start

    def counted(mode: Mode, db: Any) -> None:
        tries.append(mode)
        if len(tries) == 3:
            other.rollback()
        start(mode, db)

    store = Store.open(url(enrolled), SCHEMA)
    with sqlite(enrolled) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(Mode, "start", counted)
        with store.write():
            assert len(tries) == 3
    store.close()
