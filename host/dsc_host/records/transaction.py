"""Transactions of the records, and the context that they belong to: the database, its keys and seals, the time, who acts.

Operations are functions that take a transaction first. `Context.change` opens one, does the work, and commits it; work that
the database gave up because of others is done again from its beginning. A work that returns `Refused` is committed, because
it has logged the refusal, and the error is raised afterwards.
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
"""The actor if nobody was named."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """The result of a transaction that refuses, and is committed all the same because it logs the refusal."""

    error: DscError


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction: the connection that it has, and the context that it belongs to."""

    context: "Context[Any]"
    db: Connection

    @property
    def keys(self) -> Keyring:
        """Return the master keys."""
        return self.context.keys

    @property
    def seals(self) -> Seals:
        """Return the seals of the database."""
        return self.context.seals

    def now(self) -> float:
        """Return the time in Unix seconds. Ask for it after a row is locked: time passes while others hold it."""
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
        """Return the transaction that this connection has."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return float(self.clock())

    def change(self, work: Callable[[TX], T | Refused]) -> T:
        """Do `work` in a transaction that may write, and return what it returns, or raise what it refuses with.

        It may be done again from its beginning, so it must change nothing else.
        """
        done = self.store.change(lambda db: work(self.transaction(db)))
        if isinstance(done, Refused):
            raise done.error
        return done

    def change_in_turn(self, work: Callable[[TX], T | Refused]) -> T:
        """Do as `change` does, for one of many in a row; afterwards, others have some time to themselves.

        SQLite does not queue those who wait: they look again and again, and without this might never find it free.
        """
        began = time.perf_counter()
        done = self.change(work)
        time.sleep((time.perf_counter() - began) / 4)
        return done

    def read(self, work: Callable[[TX], T]) -> T:
        """Do `work` in a transaction that only reads, and return what it returns."""
        with self.reading() as tx:
            return work(tx)

    @contextmanager
    def reading(self) -> Iterator[TX]:
        """Open a transaction that only reads: it takes no lock, and nobody waits for it."""
        with self.store.read() as db:
            yield self.transaction(db)

    @contextmanager
    def writing(self) -> Iterator[TX]:
        """Open a transaction that may write. It is committed at the end of the block, undone by any exception."""
        with self.store.write() as db:
            yield self.transaction(db)
