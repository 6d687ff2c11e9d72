"""Refusals because of a limit, counted in memory, so that whoever repeats them does not make the log grow.

Of all refusals under one limit, the log gets two entries: one when they begin, and one with their number when the limit is
over. Three promises:

1. A refusal that was counted costs no write to the database.
2. However many limits refuse at once, at most `MOST` are counted by themselves; all others are counted together.
3. The numbers are this process's own. What it has counted when it ends is not logged: the entry of the beginning stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

MOST = 10_000
OTHERS = ""
"""Stands for all limits that are not counted by themselves."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The refusals under one limit."""

    key: str
    what: str
    """What the limit counts, in one word or two."""
    count: int
    since: float
    """When the first one was, in Unix seconds."""
    until: float
    """When the limit is over."""


class Refusals:
    """The refusals that one process has not reported yet. Threads may share it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counted: dict[str, Counted] = {}
        self._lock = Lock()

    def add(self, key: str, what: str, now: float, until: float) -> bool:
        """Count a refusal under the limit `key`, which is over at `until`. Return whether it is the first, and to be logged."""
        with self._lock:
            if key not in self._counted and len(self._counted) >= self._most:
                key, what = OTHERS, "others"
            before = self._counted.get(key)
            count, since = (before.count, before.since) if before else (0, now)
            self._counted[key] = Counted(key, what, count + 1, since, until)
            return before is None

    def take(self, keys: Iterable[str]) -> list[Counted]:
        """Stop counting under these limits, and return what was counted beside the first refusal, which is logged already."""
        with self._lock:
            found = [self._counted.pop(key) for key in keys if key in self._counted]
        return [counted for counted in found if counted.count > 1]

    def over(self, now: float) -> list[Counted]:
        """Do the same for all limits that are over."""
        with self._lock:
            keys = [key for key, counted in self._counted.items() if counted.until <= now]
        return self.take(keys)
