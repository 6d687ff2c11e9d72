"""Refused attempts, counted in memory, so that a client that repeats them does not make the log grow.

The log gets at most two entries for all refusals under one limit: an entry for the first refusal and, when the limit has ended,
an entry with the number of refusals. Three promises:

1. A refusal that is only counted costs no write to the database.
2. At most `MOST` limits have separate counts. The refusals under all other limits are counted together.
3. Each process has separate counts. A process that ends loses the counts that it has not logged yet. The first refusals are
   already in the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

MOST = 10_000
OTHERS = ""
"""The key of the common count for the limits without a separate count."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The refusals under one limit."""

    key: str
    what: str
    """A word or two for the thing that the limit counts."""
    count: int
    since: float
    """The time of the first refusal, in Unix seconds."""
    until: float
    """The end of the limit, in Unix seconds."""


class Refusals:
    """The refusals that one process has not logged yet. Threads may share the object."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counted: dict[str, Counted] = {}
        self._lock = Lock()

    def add(self, key: str, what: str, now: float, until: float) -> bool:
        """Count a refusal under the limit `key`, which ends at `until`. Return whether it is the first and must be logged."""
        with self._lock:
            if key not in self._counted and len(self._counted) >= self._most:
                key, what = OTHERS, "others"
            before = self._counted.get(key)
            count, since = (before.count, before.since) if before else (0, now)
            self._counted[key] = Counted(key, what, count + 1, since, until)
            return before is None

    def take(self, keys: Iterable[str]) -> list[Counted]:
        """Stop counting under these limits. Return the counts above 1, because the first refusal was already logged."""
        with self._lock:
            found = [self._counted.pop(key) for key in keys if key in self._counted]
        return [counted for counted in found if counted.count > 1]

    def take_ended(self, now: float) -> list[Counted]:
        """Stop counting under all limits that have ended, and return the counts above 1."""
        with self._lock:
            keys = [key for key, counted in self._counted.items() if counted.until <= now]
        return self.take(keys)
