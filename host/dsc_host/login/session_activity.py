"""The activity of sessions: the time when each session was last used, kept in memory until it is written to the database.

A page that only shows something writes nothing to the database. Therefore the time of its use is kept here, and
`maintenance.run` writes all times in one transaction. Each process has its own times, which other processes see after the next
write.
"""

from collections.abc import Mapping
from threading import Lock

MOST = 100_000
"""The maximum number of sessions in memory. If there are more, the least recently used session is forgotten."""


class SessionActivity:
    """The times of use that are not in the database yet. Threads may share an object."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._lock = Lock()

    def record(self, session: str, now: float) -> None:
        """Record that the session with this id was used at the Unix time `now`."""
        with self._lock:
            self._used.pop(session, None)
            if len(self._used) >= MOST:
                del self._used[next(iter(self._used))]
            self._used[session] = now

    def last(self, session: str, written: float) -> float:
        """Return the Unix time when the session was last used. `written` is the time in the database."""
        with self._lock:
            return max(written, self._used.get(session, written))

    def pending(self) -> Mapping[str, float]:
        """Return the times that must be written to the database, by the ids of their sessions."""
        with self._lock:
            return dict(self._used)

    def forget(self, written: Mapping[str, float]) -> None:
        """Forget the times that were written, except for sessions that were used again since then."""
        with self._lock:
            for session, used in written.items():
                if self._used.get(session) == used:
                    del self._used[session]
