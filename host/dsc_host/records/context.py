"""The context of all work on a database of records: the database, its keys and seals, the time, and who acts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from dsc_host.errors import DscError
from dsc_host.records import audit
from dsc_host.records.audit import Event
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A database of records, opened in the name of one actor."""

    store: Store
    keys: Keyring
    seals: Seals
    clock: Callable[[], float]
    actor: str = LIBRARY

    def now(self) -> float:
        """Return the time in Unix seconds. Ask for it after a row is locked: time passes while others hold it."""
        return float(self.clock())

    def change(self, work: Callable[[Connection], T | Refused]) -> T:
        """Do `work` in a transaction that may write, and return what it returns, or raise what it refuses with.

        It may be done again from its beginning, so it must change nothing else.
        """
        done = self.store.change(work)
        if isinstance(done, Refused):
            raise done.error
        return done

    def change_in_turn(self, work: Callable[[Connection], T | Refused]) -> T:
        """As `change`, for one of many in a row; afterwards, others have some time to themselves.

        SQLite does not queue those who wait: they look again and again, and without this might never find it free.
        """
        began = time.perf_counter()
        done = self.change(work)
        time.sleep((time.perf_counter() - began) / 4)
        return done

    def log(self, db: Connection, now: float, *events: Event) -> None:
        """Log these events, as the last thing that a transaction does."""
        audit.record(db, self.keys, self.seals, now, self.actor, events)
