"""The activity of sessions: when each was last used, kept in memory until it is written down.

Looking at a page writes nothing. So the time of each look stays here, and `maintenance.run` writes all of them in one
transaction. Each process knows its own; the others learn of it when it is written.
"""

from collections.abc import Mapping
from threading import Lock

MOST = 100_000
"""The number of sessions that are remembered at most; the one that was used least recently is forgotten first."""


class SessionActivity:
    """The times of use that are not written down yet. Threads may share it."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._used: dict[str, float] = {}
        self._lock = Lock()

    def record(self, session: str, now: float) -> None:
        """Remember that the session with this id was used, in Unix seconds."""
        with self._lock:
            self._used.pop(session, None)
            if len(self._used) >= MOST:
                del self._used[next(iter(self._used))]
            self._used[session] = now

    def last(self, session: str, written: float) -> float:
        """Return when the session was last used; `written` is what the records say."""
        with self._lock:
            return max(written, self._used.get(session, written))

    def pending(self) -> Mapping[str, float]:
        """Return what is to be written down."""
        with self._lock:
            return dict(self._used)

    def forget(self, written: Mapping[str, float]) -> None:
        """Forget what was written down, unless it was used again meanwhile."""
        with self._lock:
            for session, used in written.items():
                if self._used.get(session) == used:
                    del self._used[session]
