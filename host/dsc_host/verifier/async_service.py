"""The verifier for asynchronous programs: the calls of `Verifier` as coroutines, which worker threads carry out.

Four promises:

1. No call blocks the event loop. All work with the database is done in other threads.
2. A call that is canceled before a thread has started it does nothing. A call that is canceled later runs to its end and is
   recorded, but its result is lost. So after a canceled `verify`, assume that the challenge is used up.
3. `close` waits for the calls that threads have started. All other calls never start, and raise `StoreError`.
4. Long results, such as the secrets of all cards or the whole log, are read in parts. A part is read when the caller needs it.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial, wraps
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from dsc_host.errors import InputError, OutOfMemory, StoreError
from dsc_host.records.audit_check import AuditReport
from dsc_host.records.audit_entries import Checkpoint, Entry
from dsc_host.records.group_commit import MOST_TOGETHER, Change, GroupCommit, Work
from dsc_host.records.transaction import Known, Refused, Step, result_of
from dsc_host.verifier.model import Card, Enrollment, Policy, State
from dsc_host.verifier.service import Verifier
from dsc_host.verifier.transaction import CardContext, CardTransaction

SQLITE_THREADS = 1
"""The number of threads for an SQLite file. Only one transaction at a time may write, so more threads would only wait."""
SERVER_THREADS = 5
"""The number of threads for a database on a server. The connection pool keeps this many idle connections open."""
MOST_THREADS = 15
"""The largest number of threads. The connection pool allows this many connections to a server at the same time."""
PAGE = 500
"""The largest number of cards, enrollments or log entries of one iteration that are in memory at the same time."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Call:
    """One call that waits for a thread."""

    work: Callable[[], Any]
    commits: GroupCommit | None = None
    """The group commit for the last step that `work` returns. None if `work` does everything itself and returns the result."""
    future: Future[Any] = field(default_factory=Future)

    def begin(self, closed: bool) -> bool:
        """Mark the call as started. Return False if it must not be done, because it was canceled or because `closed` is true.

        If `closed` is true, the caller gets the error that the verifier has been closed.
        """
        if not self.future.set_running_or_notify_cancel():
            return False
        if closed:
            self.future.set_exception(_closed_error())
        return not closed

    def finish(self, get: Callable[[], Any]) -> None:
        """Give the caller the result of `get`, or the error that `get` raises."""
        try:
            result = get()
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Workers:
    """The threads that do the work. All copies of one AsyncVerifier share them.

    A thread takes up to 64 waiting calls whose last steps can be committed together, and commits these steps together. It takes
    any other call alone.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "dsc-verifier")
        self._waiting: deque[_Call] = deque()
        self._called_by: asyncio.AbstractEventLoop | None = None
        """The event loop that will soon start a thread for the waiting calls."""
        self._guard = threading.Lock()
        self._closed = False

    async def do(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread, and return its result."""
        result: T = await self._done(_Call(work))
        return result

    async def finish(self, context: CardContext, begin: Callable[[], Step[T, CardTransaction]]) -> T:
        """Do `begin` in a thread, then the last step that `begin` returns. Return the result of the last step."""

        def work() -> Known[T] | Work[T | Refused]:
            step = begin()
            return step if isinstance(step, Known) else context.work_of(step)

        result: T = await self._done(_Call(work, context.commits))
        return result

    async def _done(self, call: _Call) -> Any:
        if self._closed:
            raise _closed_error()
        self._waiting.append(call)
        loop = asyncio.get_running_loop()
        if call.commits is None:
            self._call_thread()
        elif self._called_by is not loop:
            # Start the thread only after all tasks that are ready now have run. So their calls are committed together with this
            # call.
            self._called_by = loop
            loop.call_soon(self._call_for_all)
        return await asyncio.wrap_future(call.future)

    def _call_for_all(self) -> None:
        self._called_by = None
        self._call_thread()

    def _call_thread(self) -> None:
        try:
            self._pool.submit(self._work)
        except RuntimeError:
            # Another thread has just closed the pool, or there is no memory for a thread.
            error = _closed_error() if self._closed else OutOfMemory()
            while calls := self._take():
                for call in calls:
                    if call.future.set_running_or_notify_cancel():
                        call.future.set_exception(error)

    def _work(self) -> None:
        """Do the calls that have waited longest. If other threads have taken all calls, do nothing."""
        calls = [call for call in self._take() if call.begin(self._closed)]
        if self._waiting:
            self._call_thread()
        changes: list[Change[Any]] = []
        for call in calls:
            if call.commits is None:
                call.finish(call.work)
            elif change := _last_step(call):
                changes.append(change)
        if changes and calls[0].commits:
            calls[0].commits.do_all(changes)

    def _take(self) -> list[_Call]:
        """Return the first waiting call, and the calls after it whose last steps can be committed together with it."""
        with self._guard:
            calls: list[_Call] = []
            while self._waiting and len(calls) < MOST_TOGETHER and (not calls or self._waiting[0].commits):
                calls.append(self._waiting.popleft())
                if calls[-1].commits is None:
                    break
            return calls

    def close(self) -> None:
        self._closed = True
        # Do not cancel the waiting calls: their callers must get the error that the verifier has been closed.
        self._pool.shutdown(wait=True)


def _last_step(call: _Call) -> Change[Any] | None:
    """Do a call up to its last step. Return the last step as a change, or None if the call has ended without one."""
    try:
        step = call.work()
    except Exception as error:
        call.future.set_exception(error)
        return None
    if isinstance(step, Known):
        call.future.set_result(step.value)
        return None
    return Change(step, lambda change: call.finish(lambda: result_of(change.result())))


def _closed_error() -> StoreError:
    return StoreError("the verifier has been closed")


def _awaitable(
    method: Callable[Concatenate[Verifier, P], T],
) -> Callable[Concatenate["AsyncVerifier", P], Coroutine[Any, Any, T]]:
    @wraps(method)
    async def call(self: "AsyncVerifier", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._workers.do(partial(method, self._verifier, *args, **kwargs))

    return call


def _grouped(
    method: Callable[Concatenate[Verifier, P], T], begin: Callable[Concatenate[Verifier, P], Step[T, CardTransaction]]
) -> Callable[Concatenate["AsyncVerifier", P], Coroutine[Any, Any, T]]:
    """Return a coroutine function for a method of `Verifier`. `begin` does everything up to the last step of the method.

    The last steps of several calls are then committed together.
    """

    @wraps(method)
    async def call(self: "AsyncVerifier", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._workers.finish(self.context, partial(begin, self._verifier, *args, **kwargs))

    return call


class AsyncVerifier:
    """The calls of `Verifier` as coroutines. Tasks may share one object. Nothing else may use the wrapped verifier.

    Callbacks that are passed to a call run in a worker thread, which also reads the iterables that are passed.

    Examples:
        >>> import asyncio
        >>> from dsc_host import AsyncVerifier, MasterKey
        >>> async def log_in():
        ...     async with await AsyncVerifier.open("sqlite://", master_key=MasterKey.generate()) as verifier:
        ...         await verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        ...         challenge = await verifier.challenge("IB3000123")
        ...         return (await verifier.verify(challenge.id, "71234507")).accepted
        >>> asyncio.run(log_in())
        False
    """

    def __init__(self, verifier: Verifier, *, threads: int = SQLITE_THREADS) -> None:
        """Wrap an open `verifier`. `close` also closes the verifier.

        `threads`, 1 to 15, is the number of calls that run at the same time. Raises `InputError` for another number.
        """
        if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
            raise InputError("threads", f"must be a whole number from 1 to {MOST_THREADS}")
        self._verifier = verifier
        self._workers = _Workers(threads)

    @classmethod
    async def open(cls, database: str, *, threads: int | None = None, **options: Any) -> Self:
        """Open the database at the URL `database`, and return the verifier. `options` are the other options of `Verifier.open`.

        `threads` defaults to 1 for SQLite and 5 for a server. Raises the errors of `Verifier.open` and of the constructor.
        """
        verifier = await asyncio.to_thread(partial(Verifier.open, database, **options))
        try:
            return cls(verifier, threads=default_threads(database) if threads is None else threads)
        except BaseException:
            verifier.close()
            raise

    async def close(self) -> None:
        """Wait for the calls that threads have started, then close the database. Later calls raise `StoreError`."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._workers.close()
        self._verifier.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def by(self, actor: str) -> Self:
        """Return a copy that acts in the name of `actor`, with the same threads and connections.

        Raises the errors of `Verifier.by`.
        """
        other = object.__new__(type(self))
        other._verifier = self._verifier.by(actor)
        other._workers = self._workers
        return other

    @property
    def context(self) -> CardContext:
        """Return the records and rules that this verifier works with, as `Verifier.context` does."""
        return self._verifier.context

    @property
    def policy(self) -> Policy:
        """Return the policy that was given to `open`."""
        return self._verifier.policy

    @property
    def audit(self) -> "AsyncAudit":
        """Return the log, for reading and checking."""
        return AsyncAudit(self._verifier, self._workers)

    enroll = _awaitable(Verifier.enroll)
    """`Verifier.enroll` as a coroutine."""
    enroll_all = _awaitable(Verifier.enroll_all)
    """`Verifier.enroll_all` as a coroutine."""
    remove = _awaitable(Verifier.remove)
    """`Verifier.remove` as a coroutine."""
    card = _awaitable(Verifier.card)
    """`Verifier.card` as a coroutine."""
    suspend = _awaitable(Verifier.suspend)
    """`Verifier.suspend` as a coroutine."""
    lost = _awaitable(Verifier.lost)
    """`Verifier.lost` as a coroutine."""
    resume = _awaitable(Verifier.resume)
    """`Verifier.resume` as a coroutine."""
    retire = _awaitable(Verifier.retire)
    """`Verifier.retire` as a coroutine."""
    lock = _awaitable(Verifier.lock)
    """`Verifier.lock` as a coroutine."""
    unlock = _awaitable(Verifier.unlock)
    """`Verifier.unlock` as a coroutine."""
    add_owner = _awaitable(Verifier.add_owner)
    """`Verifier.add_owner` as a coroutine."""
    remove_owner = _awaitable(Verifier.remove_owner)
    """`Verifier.remove_owner` as a coroutine."""
    change_pin = _grouped(Verifier.change_pin, Verifier._change_pin)
    """`Verifier.change_pin` as a coroutine."""
    set_pin = _awaitable(Verifier.set_pin)
    """`Verifier.set_pin` as a coroutine."""
    set_duress_pin = _awaitable(Verifier.set_duress_pin)
    """`Verifier.set_duress_pin` as a coroutine."""
    unlock_code = _awaitable(Verifier.unlock_code)
    """`Verifier.unlock_code` as a coroutine."""
    challenge = _grouped(Verifier.challenge, Verifier._challenge)
    """`Verifier.challenge` as a coroutine."""
    verify = _grouped(Verifier.verify, Verifier._verify)
    """`Verifier.verify` as a coroutine."""
    resync = _grouped(Verifier.resync, Verifier._resync)
    """`Verifier.resync` as a coroutine."""
    rekey = _awaitable(Verifier.rekey)
    """`Verifier.rekey` as a coroutine."""
    keys_in_use = _awaitable(Verifier.keys_in_use)
    """`Verifier.keys_in_use` as a coroutine."""

    def cards(
        self, *, owner: str | None = None, state: State | None = None, after: str = "", limit: int | None = None
    ) -> AsyncIterator[Card]:
        """Return an iterator over cards, as `Verifier.cards` does: all, or those of one `owner` or in one `state`.

        Yield at most `limit` cards, and only cards after the serial `after`. At most 500 cards are in memory at the same time.
        """
        return _in_pages(self._workers, self._verifier.cards(owner=owner, state=state, after=after, limit=limit))

    async def disclose(self, serials: Iterable[str] | None = None) -> AsyncIterator[Enrollment]:
        """Yield the enrollments of `serials`, or of all cards, as `Verifier.disclose` does.

        The call is logged when the iteration begins. At most 500 enrollments are in memory at the same time.
        """
        source = await self._workers.do(lambda: self._verifier.disclose(serials))
        async for enrollment in _in_pages(self._workers, source):
            yield enrollment


class AsyncAudit:
    """The log of an `AsyncVerifier`, for reading and checking."""

    def __init__(self, verifier: Verifier, workers: _Workers) -> None:
        """Read the log of `verifier` in the threads of `workers`. Programs use `AsyncVerifier.audit` instead."""
        self._log = verifier.audit
        self._workers = workers

    async def entries(self, after: int = 0, serial: str | None = None) -> AsyncIterator[Entry]:
        """Yield the entries with a number above `after`, in order. With `serial`, yield only the entries about this card."""
        async for entry in _in_pages(self._workers, self._log.entries(after, serial)):
            yield entry

    async def check(self, since: Checkpoint | None = None, *, whole: bool = True) -> AuditReport:
        """Check the log, as `AuditLog.check` does with `since` and `whole`."""
        return await self._workers.do(lambda: self._log.check(since, whole=whole))


async def _in_pages(workers: _Workers, source: Iterator[T]) -> AsyncIterator[T]:
    while page := await workers.do(lambda: list(islice(source, PAGE))):
        for item in page:
            yield item
        if len(page) < PAGE:
            return


def default_threads(database: str) -> int:
    """Return the default number of threads for the database at this URL."""
    return SQLITE_THREADS if database.startswith("sqlite:") else SERVER_THREADS
