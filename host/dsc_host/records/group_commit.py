"""Group commit: changes that wait for the database at the same time are committed together.

A commit waits for the disk, which takes far longer than a change. Only as many threads commit at the same time as the database
allows (`Store.writers`). The changes of the other threads wait. The next thread that may commit makes up to 64 waiting changes
together, in one transaction. In such a transaction, each change either has its own savepoint or belongs to a set, whose changes
are made by the same statements. Five promises:

1. No call returns the result of a change before the change is on the disk.
2. If a change raises an error, only this change and its log entries are undone. The other changes of the transaction are kept.
   A change that fails with an error of the database is made again in a separate transaction.
3. If the transaction cannot begin, each caller gets the error. If the transaction fails between its beginning and its commit,
   its changes are undone, and each change is made again in a separate transaction. If the commit itself fails, the database may
   have recorded the changes, so no change is repeated, and each caller gets the error.
4. In a transaction of several changes, no change waits for a lock. A change that would have to wait is made afterwards in a
   separate transaction. So the changes of a transaction may lock rows in any order, and no transactions deadlock.
5. If a thread stops waiting before any thread has begun its change, the change is never made.
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count, groupby
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from dsc_host.errors import out_of_memory
from dsc_host.records.audit_writer import PendingEntries
from dsc_host.records.statements import Statement
from dsc_host.records.store import Store

MOST_TOGETHER = 64
"""The largest number of changes in one transaction. PostgreSQL keeps in shared memory at most this many savepoints of each."""

_INTERRUPTED = (
    "the change was interrupted and may have been recorded; check before you repeat it, and verify a response only with a new "
    "challenge"
)

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection, PendingEntries], T]
"""A change: a function that takes the connection and the pending log entries. It may be called more than once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a change: its result, or its error."""

    result: Any = None
    error: Exception | None = None


class SetWork(ABC, Generic[T]):
    """A change that can be done together with other changes of its kind. Calling the object does this change alone."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, db: Connection, entries: PendingEntries) -> T:
        """Do the change alone."""

    @staticmethod
    @abstractmethod
    def do_set(db: Connection, entries: PendingEntries, works: Sequence["SetWork[Any]"]) -> "Outcomes":
        """Do the changes `works`, all of this kind, together and without waiting for a lock.

        Return a function that the caller calls as the last step of the transaction, after it has written `entries`. That
        function returns the outcome of each change, or None for a change that a lock has prevented and that must be done alone.
        Raises the errors of the database, after which the whole transaction must be undone.
        """


Outcomes: TypeAlias = Callable[[], Sequence[Outcome | None]]

# Each savepoint has its own name. So a rollback to a savepoint that is missing fails, and does not undo another change.
_SAVEPOINTS, _RELEASES, _ROLLBACKS = (
    [Statement(text(f"{verb} change_{number}")) for number in range(MOST_TOGETHER)]
    for verb in ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
)


class _Stage(Enum):
    """The stages of a transaction."""

    OPENING = auto()
    WORKING = auto()
    COMMITTING = auto()


class Change(Generic[T]):
    """One change with its outcome. The thread that commits the change calls `settled` as soon as the outcome is final."""

    __slots__ = ("_error", "_result", "_settled", "is_settled", "work")

    def __init__(self, work: Work[T], settled: Callable[["Change[T]"], None] | None = None) -> None:
        self.work = work
        self.is_settled = False
        self._settled = settled
        self._result: Any = None
        self._error: BaseException | None = None

    def result(self) -> T:
        """Return the result of the work, or raise its error."""
        if self._error is not None:
            raise self._error
        result: T = self._result
        return result

    def succeed(self, result: T) -> None:
        """Note the result. `settle` makes it final."""
        self._result, self._error = result, None

    def fail(self, error: BaseException) -> None:
        """Note the error. `settle` makes it final."""
        self._error = error

    def settle(self) -> None:
        """Make the noted outcome final."""
        self.is_settled = True
        if self._settled is not None:
            self._settled(self)


@dataclass(slots=True, eq=False)
class _Group:
    """Changes of one thread, which waits until they are committed."""

    changes: Sequence[Change[Any]]
    called: threading.Lock
    """A lock that another thread releases when it has committed these changes, or when it passes the lead to their thread."""
    leads: bool = False
    """Whether the group's own thread commits the next transaction."""

    def __post_init__(self) -> None:
        self.called.acquire()


class GroupCommit:
    """The changes that the threads of this process make to one database. All contexts of a database share one object.

    If as many threads as the database allows are committing, further threads wait. A thread that has finished its commit passes
    the lead to the first waiting thread, which commits its own changes together with those of the other waiting threads.
    """

    def __init__(self, store: Store) -> None:
        """Use an open database."""
        self._store = store
        self._writers = store.writers
        self._guard = threading.Lock()
        self._waiting: deque[_Group] = deque()
        self._leaders = 0

    def do(self, work: Work[T]) -> T:
        """Do `work` together with the work of other threads, and return its result, or raise its error."""
        change = Change(work)
        self.do_all([change])
        return change.result()

    def do_alone(self, work: Work[T]) -> T:
        """Do `work` in a separate transaction, and return its result or raise its error. See `Store.change`."""
        return self._store.change(lambda db: _recorded(db, work))

    def do_all(self, changes: Sequence[Change[Any]]) -> None:
        """Settle these changes, at most 64. The error of a change is not raised here: its `result` raises it."""
        try:
            self._store.check_usable()
            self._commit(_Group(changes, threading.Lock()))
        except Exception as error:
            for change in changes:
                if not change.is_settled:
                    change.fail(error)
                    change.settle()

    def _commit(self, group: _Group) -> None:
        with self._guard:
            if self._leaders < self._writers:
                self._leaders += 1
                group.leads = True
            else:
                self._waiting.append(group)
        if not group.leads:
            self._wait(group)
        if group.leads:
            self._lead(group)
        for change in group.changes:
            if not change.is_settled:
                self._settle_alone(change)

    # ---- waiting ----

    def _wait(self, group: _Group) -> None:
        """Wait until another thread has committed the group, or has passed the lead to this thread."""
        try:
            if not group.called.acquire(timeout=self._store.patience):
                if self._leave(group):
                    raise self._store.failure("too many changes wait for it; try again")
                group.called.acquire()
        except BaseException:
            # Ctrl-C: this thread may have got the lead in the meantime.
            if not self._leave(group) and group.leads:
                self._pass_lead()
            raise

    def _leave(self, group: _Group) -> bool:
        """Remove the group from the queue. Return False if another thread has taken the group or passed it the lead."""
        with self._guard:
            if group not in self._waiting:
                return False
            self._waiting.remove(group)
            return True

    # ---- leading ----

    def _lead(self, own: _Group) -> None:
        """Commit the group together with waiting groups, and pass on the lead."""
        groups = [own]
        try:
            groups += self._take(MOST_TOGETHER - len(own.changes))
            changes = [change for group in groups for change in group.changes]
            if len(changes) == 1 and not self._store.locks_rows:
                # There is only one change, and this database has no row locks that could block it. So do it directly.
                self._settle_alone(changes[0])
            else:
                self._together(changes)
        finally:
            self._pass_lead()
            for group in groups[1:]:
                group.called.release()

    def _take(self, room: int) -> Iterator[_Group]:
        with self._guard:
            while self._waiting and len(self._waiting[0].changes) <= room:
                room -= len(self._waiting[0].changes)
                yield self._waiting.popleft()

    def _pass_lead(self) -> None:
        with self._guard:
            if self._waiting:
                following = self._waiting.popleft()
                following.leads = True
                following.called.release()
            else:
                self._leaders -= 1

    # ---- transactions ----

    def _together(self, changes: Sequence[Change[Any]]) -> None:
        """Make the changes in one transaction. A change that is not settled afterwards must be made in a separate one."""
        stage, done = _Stage.OPENING, list[Change[Any]]()
        try:
            with self._store.write() as db:
                stage = _Stage.WORKING
                entries = PendingEntries()
                done += self._done(db, entries, changes)
                stage = _Stage.COMMITTING
        except Exception as error:
            if stage is _Stage.WORKING:
                return
            done = list(changes) if stage is _Stage.OPENING else done
            for change in done:
                change.fail(error)
        except BaseException:
            for change in done:
                change.fail(self._store.failure(_INTERRUPTED))
            raise
        finally:
            if stage is not _Stage.WORKING:
                for change in done:
                    change.settle()

    def _done(self, db: Connection, entries: PendingEntries, changes: Sequence[Change[Any]]) -> list[Change[Any]]:
        """Do the changes, and write their log entries. Return the changes that were done."""
        sets, done = list[tuple[list[Change[Any]], Outcomes]](), list[Change[Any]]()
        patient, numbers = True, count()
        for kind, run in groupby(changes, self._kind):
            members = list(run)
            if kind is not None:
                sets.append(
                    (members, kind.do_set(db, entries, [change.work for change in members if isinstance(change.work, kind)]))
                )
                continue
            if patient:
                patient = False
                self._store.wait_for_locks(db, False)
            done += [change for change in members if self._in_savepoint(db, entries, next(numbers), change)]
        if not patient:
            self._store.wait_for_locks(db, True)
        entries.write(db)
        return done + [change for members, outcomes in sets for change in _noted(members, outcomes())]

    def _kind(self, change: Change[Any]) -> type[SetWork[Any]] | None:
        """Return the class of a change that is done in a set, or None if the change has its own savepoint."""
        return type(change.work) if self._store.locks_rows and isinstance(change.work, SetWork) else None

    def _in_savepoint(self, db: Connection, entries: PendingEntries, number: int, change: Change[Any]) -> bool:
        """Make one change. Return False after an error of the database. The change then needs a separate transaction."""
        mark = len(entries)
        _SAVEPOINTS[number].send(db, {})
        try:
            with out_of_memory():
                change.succeed(change.work(db, entries))
        except Exception as error:
            _ROLLBACKS[number].run(db, {})
            entries.cut(mark)
            change.fail(error)
            if isinstance(error, SQLAlchemyError):
                return False
        _RELEASES[number].send(db, {})
        return True

    def _settle_alone(self, change: Change[Any]) -> None:
        try:
            change.succeed(self.do_alone(change.work))
        except BaseException as error:
            change.fail(error if isinstance(error, Exception) else self._store.failure(_INTERRUPTED))
            if not isinstance(error, Exception):
                raise
        finally:
            change.settle()


def _noted(members: Sequence[Change[Any]], outcomes: Sequence[Outcome | None]) -> Iterator[Change[Any]]:
    """Note the outcomes of a set. Yield the changes that were done."""
    for change, outcome in zip(members, outcomes, strict=True):
        if outcome is None:
            continue
        if outcome.error is not None:
            change.fail(outcome.error)
        else:
            change.succeed(outcome.result)
        yield change


def _recorded(db: Connection, work: Work[T]) -> T:
    entries = PendingEntries()
    result = work(db, entries)
    entries.write(db)
    return result
