"""The verifier for programs that await: the same calls, done in worker threads.

Four promises:

1. No call keeps the event loop: whatever waits for the database, waits in a thread of this verifier's own.
2. A call that is cancelled before a thread took it up does nothing. One that a thread has taken up goes on to its end, and
   what it does is recorded, though nobody hears of it: after a cancelled `verify`, take the challenge for used up.
3. `close` lets what a thread has taken up end first; what none has taken up never begins, and raises `StoreError`.
4. What may be long, all cards' secrets or the whole log, is read a part at a time, as fast as it is taken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from dsc_host.errors import InputError, OutOfMemory, StoreError
from dsc_host.records.audit import AuditReport, Checkpoint, Entry
from dsc_host.verifier.model import Enrollment, Policy
from dsc_host.verifier.service import Verifier
from dsc_host.verifier.transaction import CardContext

SQLITE_THREADS = 1
"""One transaction at a time writes to an SQLite file. More threads only wait for each other, by trying again and again."""
SERVER_THREADS = 5
"""As many connections to a server are kept open."""
MOST_THREADS = 15
"""As many connections there can be at once."""
PAGE = 500
"""So many enrollments, or entries, are in memory at once."""

P = ParamSpec("P")
T = TypeVar("T")


class _Crew:
    """The threads that do the work, shared by all copies of one AsyncVerifier."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "dsc-verifier")
        self._closed = False

    async def do(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise _closed()
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(self._pool, self._unless_closed, work)
        except RuntimeError:
            # Closed by another thread, a moment ago; or there is no memory for a thread.
            raise (_closed() if self._closed else OutOfMemory()) from None
        return await running

    def _unless_closed(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise _closed()
        return work()

    def close(self) -> None:
        self._closed = True
        # Not by cancelling what waits: who awaits it would be told that somebody had cancelled them.
        self._pool.shutdown(wait=True)


def _closed() -> StoreError:
    return StoreError("the verifier has been closed")


def _awaitable(
    method: Callable[Concatenate[Verifier, P], T],
) -> Callable[Concatenate["AsyncVerifier", P], Coroutine[Any, Any, T]]:
    @wraps(method)
    async def call(self: "AsyncVerifier", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._crew.do(partial(method, self._verifier, *args, **kwargs))

    return call


class AsyncVerifier:
    """What `Verifier` does, awaited. Tasks share one; it has the verifier for itself.

    Callbacks that a call takes are called in a worker thread, and what it is to draw from is drawn from there.
    """

    def __init__(self, verifier: Verifier, *, threads: int = SQLITE_THREADS) -> None:
        """Around an open verifier, which `close` closes. `threads`: how many calls are done at once, 1 to 15; `InputError`."""
        if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
            raise InputError("threads", f"must be a whole number from 1 to {MOST_THREADS}")
        self._verifier = verifier
        self._crew = _Crew(threads)

    @classmethod
    async def open(cls, database: str, *, threads: int | None = None, **options: Any) -> Self:
        """As `Verifier.open`, whose options it takes. `threads`, if left out: 1 for SQLite, 5 for a server."""
        verifier = await asyncio.to_thread(partial(Verifier.open, database, **options))
        try:
            return cls(verifier, threads=default_threads(database) if threads is None else threads)
        except BaseException:
            verifier.close()
            raise

    async def close(self) -> None:
        """Wait for the calls that threads have taken up, then let go of the database. May be called again."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._crew.close()
        self._verifier.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def by(self, actor: str) -> Self:
        """The same verifier, threads and connections; what it does is logged as this actor's. `InputError`."""
        other = object.__new__(type(self))
        other._verifier = self._verifier.by(actor)
        other._crew = self._crew
        return other

    @property
    def context(self) -> CardContext:
        """As `Verifier.context`."""
        return self._verifier.context

    @property
    def policy(self) -> Policy:
        """As it was given to `open`."""
        return self._verifier.policy

    @property
    def audit(self) -> "AsyncAudit":
        """The log, to read and to check."""
        return AsyncAudit(self._verifier, self._crew)

    enroll = _awaitable(Verifier.enroll)
    enroll_all = _awaitable(Verifier.enroll_all)
    remove = _awaitable(Verifier.remove)
    card = _awaitable(Verifier.card)
    cards = _awaitable(Verifier.cards)
    suspend = _awaitable(Verifier.suspend)
    lost = _awaitable(Verifier.lost)
    resume = _awaitable(Verifier.resume)
    retire = _awaitable(Verifier.retire)
    lock = _awaitable(Verifier.lock)
    unlock = _awaitable(Verifier.unlock)
    add_owner = _awaitable(Verifier.add_owner)
    remove_owner = _awaitable(Verifier.remove_owner)
    change_pin = _awaitable(Verifier.change_pin)
    set_duress_pin = _awaitable(Verifier.set_duress_pin)
    unlock_code = _awaitable(Verifier.unlock_code)
    challenge = _awaitable(Verifier.challenge)
    verify = _awaitable(Verifier.verify)
    resync = _awaitable(Verifier.resync)
    rekey = _awaitable(Verifier.rekey)
    keys_in_use = _awaitable(Verifier.keys_in_use)

    async def disclose(self, serials: Iterable[str] | None = None) -> AsyncIterator[Enrollment]:
        """As `Verifier.disclose`; logged when the first is asked for. At most 500 are in memory at once."""
        source = await self._crew.do(lambda: self._verifier.disclose(serials))
        async for enrollment in _drawn(self._crew, source):
            yield enrollment


class AsyncAudit:
    """As `Verifier.audit`."""

    def __init__(self, verifier: Verifier, crew: _Crew) -> None:
        """For `AsyncVerifier.audit`."""
        self._log = verifier.audit
        self._crew = crew

    async def entries(self, after: int = 0, serial: str | None = None) -> AsyncIterator[Entry]:
        """All entries with a number above `after`, or those of one card, in order; some at a time."""
        async for entry in _drawn(self._crew, self._log.entries(after, serial)):
            yield entry

    async def check(self, since: Checkpoint | None = None) -> AuditReport:
        """As `AuditLog.check`."""
        return await self._crew.do(lambda: self._log.check(since))


async def _drawn(crew: _Crew, source: Iterator[T]) -> AsyncIterator[T]:
    while page := await crew.do(lambda: list(islice(source, PAGE))):
        for item in page:
            yield item


def default_threads(database: str) -> int:
    """How many threads serve a database best, by its URL."""
    return SQLITE_THREADS if database.startswith("sqlite:") else SERVER_THREADS
