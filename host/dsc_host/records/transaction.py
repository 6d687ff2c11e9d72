"""Transactions of the records, and their context: the database, its keys and seals, the clock, and the actor.

Operations are functions whose first argument is a transaction. `Context.change` opens one, does the work, and commits it. Work
that the database aborted because of others is repeated from its beginning. Work that returns `Refused` is committed, because it
has logged the refusal, and the error is raised afterwards.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from dsc_host.errors import DscError
from dsc_host.records.keys import Keyring
from dsc_host.records.seals import Seals
from dsc_host.records.store import Store

LIBRARY = "library"
"""The actor if the caller named none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """The result of a transaction that refuses and is still committed, because it logs the refusal."""

    error: DscError


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction: its connection, and its context."""

    context: "Context[Any]"
    db: Connection

    @property
    def keys(self) -> Keyring:
        """The master keys."""
        return self.context.keys

    @property
    def seals(self) -> Seals:
        """The seals of the database."""
        return self.context.seals

    def now(self) -> float:
        """Return the time in Unix seconds. Call it after locking a row, because waiting for a lock takes time."""
        return self.context.now()


TX = TypeVar("TX", bound=Transaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(ABC, Generic[TX]):
    """A database of records, opened in the name of one actor."""

    store: Store
    keys: Keyring
    seals: Seals
    clock: Callable[[], float]
    actor: str = LIBRARY

    @abstractmethod
    def transaction(self, db: Connection) -> TX:
        """Return a transaction on this connection."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return float(self.clock())

    def change(self, work: Callable[[TX], T | Refused]) -> T:
        """Do `work` in a transaction that may write, and return its result, or raise its refusal.

        The work may be repeated from its beginning, so it must change nothing else.
        """
        done = self.store.change(lambda db: work(self.transaction(db)))
        if isinstance(done, Refused):
            raise done.error
        return done

    def change_in_turn(self, work: Callable[[TX], T | Refused]) -> T:
        """Do as `change` does, for one of many transactions in a row, and then give others some time.

        SQLite does not queue other processes: they try again and again, and without this pause might never succeed.
        """
        began = 0.0

        def timed(tx: TX) -> T | Refused:
            nonlocal began
            began = time.perf_counter()
            return work(tx)

        done = self.change(timed)
        # Measure the work without the wait for the lock. Otherwise the pauses would grow with the load of others.
        time.sleep((time.perf_counter() - began) / 4)
        return done

    def read(self, work: Callable[[TX], T]) -> T:
        """Do `work` in a transaction that only reads, and return its result."""
        with self.reading() as tx:
            return work(tx)

    @contextmanager
    def reading(self) -> Iterator[TX]:
        """Open a transaction that only reads. It takes no lock, and nobody waits for it."""
        with self.store.read() as db:
            yield self.transaction(db)

    @contextmanager
    def writing(self) -> Iterator[TX]:
        """Open a transaction that may write. The end of the block commits it; any exception undoes it."""
        with self.store.write() as db:
            yield self.transaction(db)
