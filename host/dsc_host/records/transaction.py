"""Transactions of the records, and their context: the database, its keys and seals, the clock, and the actor.

An operation is a function whose first argument is a transaction. `Context.change` opens a transaction, calls the operation, and
commits. If the database aborts the transaction because of a conflict with others, the operation is repeated from its beginning.
If the operation returns `Refused`, the transaction is still committed, because it has logged the refusal. The error is raised
afterwards.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Connection

from dsc_host.errors import DscError
from dsc_host.records import audit_writer
from dsc_host.records.audit_writer import Event, PendingEntries
from dsc_host.records.group_commit import GroupCommit, SetWork, Work
from dsc_host.records.keys import Keyring
from dsc_host.records.seals import Seals
from dsc_host.records.store import Store

LIBRARY = "library"
"""The actor if the caller does not name one."""

T = TypeVar("T")
Repeated: TypeAlias = dict[Any, Any]
"""The values that the attempts of one change share."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal as the result of an operation. The transaction is still committed, because it logs the refusal."""

    error: DscError


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A result that is already known, so that the operation needs no transaction that writes."""

    value: T


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction: its connection, and its context."""

    context: "Context[Any]"
    db: Connection
    entries: PendingEntries | None = None
    """The log entries of this transaction. None if the transaction only reads."""
    repeated: Repeated = field(default_factory=dict, repr=False, compare=False)
    """The values that `once` has made."""

    @property
    def keys(self) -> Keyring:
        """The master keys."""
        return self.context.keys

    @property
    def seals(self) -> Seals:
        """The seals of the database."""
        return self.context.seals

    def now(self) -> float:
        """Return the time in Unix seconds. Lock rows before this call, because waiting for a lock takes time."""
        return self.context.now()

    def log(self, now: float, *events: Event) -> None:
        """Log these events. The entries are written as the last step of the transaction."""
        if self.entries is None:
            raise AssertionError("a transaction that only reads logs nothing")
        self.entries.add(self.keys, self.seals, now, self.context.actor, events)

    def once(self, name: object, make: Callable[[], T]) -> T:
        """Return the value of `make`. If the change was attempted before, return the value of the earlier attempt instead.

        So `make` may change something outside the database, for example a count. Each value of a change needs its own `name`.
        """
        if name not in self.repeated:
            self.repeated[name] = make()
        value: T = self.repeated[name]
        return value

    def last_entry(self) -> int:
        """Return the number of the log's last entry, counting the entries of this transaction that are not written yet."""
        return audit_writer.last_number(self.db) + len(self.entries or ())


TX = TypeVar("TX", bound=Transaction)
Change: TypeAlias = Callable[[TX], T | Refused] | SetWork[T | Refused]
"""A change: a function that takes a transaction, or a change that can be done together with other changes of its kind."""
Step: TypeAlias = Known[T] | Change[TX, T]
"""The last step of an operation: either the result, if it is already known, or the change that returns the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(ABC, Generic[TX]):
    """A database of records, opened in the name of one actor."""

    store: Store
    keys: Keyring
    seals: Seals
    clock: Callable[[], float]
    commits: GroupCommit
    actor: str = LIBRARY

    @abstractmethod
    def transaction(self, db: Connection, entries: PendingEntries | None = None, repeated: Repeated | None = None) -> TX:
        """Return a transaction on this connection, which adds its log entries to `entries`.

        All attempts of a change must get the same `repeated`. None means that there is only one attempt.
        """

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return float(self.clock())

    def change(self, work: Change[TX, T]) -> T:
        """Do `work` in a transaction that may write, and return its result, or raise its refusal.

        The transaction may also do the work of other threads: see `group_commit`. The work may be repeated from its beginning,
        so it must change nothing outside the database, except with `Transaction.once`.
        """
        return result_of(self.commits.do(self.work_of(work)))

    def finish(self, step: "Step[T, TX]") -> T:
        """Return the result of `step`. If it is a change, do this change."""
        return step.value if isinstance(step, Known) else self.change(step)

    def work_of(self, work: Callable[[TX], T] | SetWork[T]) -> Work[T]:
        """Return `work` in the form that `commits` takes. It acts in the name of this context's actor."""
        if isinstance(work, SetWork):
            return work
        repeated: Repeated = {}
        return lambda db, entries: work(self.transaction(db, entries, repeated))

    def change_in_turn(self, work: Callable[[TX], T | Refused]) -> T:
        """Do `work` in a separate transaction, then pause. Use it for each of many transactions in a row.

        The pause lets other processes write. SQLite does not queue processes that wait: they try again and again, and without
        pauses might never succeed.
        """
        began = 0.0

        def timed(tx: TX) -> T | Refused:
            nonlocal began
            began = time.perf_counter()
            return work(tx)

        done = result_of(self.commits.do_alone(self.work_of(timed)))
        # Measure only the work, not the wait for the lock. Otherwise the pauses would grow when others write more.
        time.sleep((time.perf_counter() - began) / 4)
        return done

    def read(self, work: Callable[[TX], T]) -> T:
        """Do `work` in a transaction that only reads, and return its result."""
        with self.reading() as tx:
            return work(tx)

    @contextmanager
    def reading(self) -> Iterator[TX]:
        """Open a transaction that only reads. It locks no rows, so no other transaction waits for it."""
        with self.store.read() as db:
            yield self.transaction(db)

    @contextmanager
    def writing(self) -> Iterator[TX]:
        """Open a transaction that may write. The end of the `with` block commits it. Any exception undoes it."""
        with self.store.write() as db:
            entries = PendingEntries()
            yield self.transaction(db, entries)
            entries.write(db)


def result_of(done: T | Refused) -> T:
    """Return the result of a committed transaction, or raise its refusal."""
    if isinstance(done, Refused):
        raise done.error
    return done
