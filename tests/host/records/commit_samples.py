"""Changes for the tests of group commit: some cards, the fixtures that commit changes on them, and what was logged."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.host import databases
from tests.host.verifier_samples import KEY, PIN, SUITE, Clock

from dsc_host.records.group_commit import Change, GroupCommit
from dsc_host.records.store import Store
from dsc_host.records.transaction import Known
from dsc_host.verifier import (
    Challenge,
    Enrollment,
    Policy,
    State,
    Verifier,
    lifecycle,
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


def answer(verifier: Verifier, challenge: Challenge, response: str) -> Change[Any]:
    step = verifier._verify(challenge.id, response)
    assert not isinstance(step, Known)
    return change(verifier, step)


class Interrupt(BaseException):
    """Ends a thread's work as Ctrl-C does, but not the test run."""
