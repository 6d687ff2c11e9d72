"""Counts of refused attempts in memory, so that a client that repeats such attempts does not make the log grow.

The log gets at most two entries for all refusals under one limit: an entry for the first refusal and, when the limit has ended,
an entry with the number of refusals. Three promises:

1. Counting a refusal takes no write to the database.
2. At most `MOST` limits have separate counts. The refusals under all other limits are counted together.
3. Each process has separate counts. A process that ends loses the counts that it has not logged yet. But the first refusal
   under each limit is already in the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

MOST = 10_000
"""The largest number of limits with a separate count."""
OTHERS = ""
"""The key of the common count for the limits without a separate count."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The refusals under one limit."""

    key: str
    what: str
    """A word or two that name in the log what the limit counts."""
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
        """Count a refusal under the limit `key`. Return True for the first refusal under this limit: the caller must log it.

        `what` names what the limit counts. `now` and `until`, the end of the limit, are Unix times.
        """
        with self._lock:
            if key not in self._counted and len(self._counted) >= self._most:
                key, what = OTHERS, "others"
            before = self._counted.get(key)
            count, since = (before.count, before.since) if before else (0, now)
            self._counted[key] = Counted(key, what, count + 1, since, until)
            return before is None

    def take(self, keys: Iterable[str]) -> list[Counted]:
        """Stop counting under these limits. Return the counts above 1. A count of 1 is only the refusal that was logged."""
        with self._lock:
            found = [self._counted.pop(key) for key in keys if key in self._counted]
        return [counted for counted in found if counted.count > 1]

    def take_ended(self, now: float) -> list[Counted]:
        """Stop counting under all limits that have ended, and return the counts above 1."""
        with self._lock:
            keys = [key for key, counted in self._counted.items() if counted.until <= now]
        return self.take(keys)
