"""Turns: the threads of a process write to a file in the order in which they asked for a turn.

SQLite itself does not keep this order: the threads that wait for its lock try again and again. So some of them may wait much
longer than others.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary


class Turns:
    """The queue of the threads that want to write to one file. Threads may share the object."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self, deadline: float) -> Iterator[bool]:
        """Wait for a turn until `deadline`, a time of `time.monotonic`. Yield whether the turn has come.

        The end of the `with` block ends the turn.
        """
        is_mine = self._take(deadline)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._hand_on()

    def _take(self, deadline: float) -> bool:
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        try:
            if called.acquire(timeout=max(deadline - time.monotonic(), 0)):
                return True
        except BaseException:
            # Ctrl-C: the turn may have come in the meantime.
            if not self._leave(called):
                self._hand_on()
            raise
        return not self._leave(called)

    def _leave(self, called: threading.Lock) -> bool:
        """Leave the queue. Return False if the turn has already come."""
        with self._guard:
            if called not in self._waiting:
                return False
            self._waiting.remove(called)
            return True

    def _hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_guard = threading.Lock()
_turns: WeakValueDictionary[str, Turns] = WeakValueDictionary()


def turns_of(path: str) -> Turns:
    """Return the queue of the file at `path`. All threads of this process get the same queue, while one of them uses it."""
    with _guard:
        found = _turns.get(path)
        if found is None:
            found = _turns[path] = Turns()
        return found


def _forget() -> None:
    """Discard all queues in a forked process. The parent's threads do not exist here, and would never end their turns."""
    global _guard, _turns
    _guard = threading.Lock()
    _turns = WeakValueDictionary()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
