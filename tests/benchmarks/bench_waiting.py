"""Waiting for the one writer of an SQLite file: the slowest requests of a busy service, and another program beside it.

32 callers log in over HTTP, to one worker and to two in turns. The figures are ratios within a run.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, median
from threading import Event, Thread
from typing import NamedTuple

from tests.benchmarks.bench_service import KEY, MASTER, PIN, SUITE, connected, serving
from tests.benchmarks.measure import Figure
from tests.host.databases import new_database

from dsc_host.api import Scope, add_token
from dsc_host.verifier import Enrollment, MasterKey, Verifier

CALLERS, LOGINS, WARM, ROUNDS = 32, 10, 2, 3
MOST_TAIL = 3
OTHER = "B-other"


class Run(NamedTuple):
    """The requests of one run, in seconds, their rate, and the changes of another program meanwhile, in seconds."""

    requests: list[float]
    rate: float
    changes: list[float]

    @property
    def tail(self) -> float:
        """The 99th percentile of the requests, in medians."""
        return _percentile_99(self.requests) / median(self.requests)


def measure() -> Iterator[Figure]:
    """Yield the figures, in about a minute."""
    runs = [{workers: _run(workers) for workers in (1, 2)} for _ in range(ROUNDS)]
    for workers in (1, 2):
        tail = median(each[workers].tail for each in runs)
        yield Figure(f"99th percentile / median of a request, {_named(workers)}", tail, at_most=MOST_TAIL)
    for workers in (1, 2):
        changes = [_percentile_99(each[workers].changes) / median(each[workers].requests) for each in runs]
        yield Figure(f"99th percentile of another program / that median, {_named(workers)}", median(changes))
    yield Figure("requests a second, 2 workers / 1", mean(each[2].rate / each[1].rate for each in runs))


def _named(workers: int) -> str:
    return f"{workers} worker{'s' * (workers > 1)}"


def _percentile_99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


def _run(workers: int) -> Run:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database = stack.enter_context(new_database("sqlite", Path(folder)))
        verifier = stack.enter_context(Verifier.open(database.url, master_key=MasterKey(MASTER)))
        serials = [OTHER, *(_serial(caller, login) for caller in range(CALLERS) for login in range(LOGINS))]
        verifier.enroll_all(Enrollment(serial, KEY, SUITE.text, PIN) for serial in serials)
        token = add_token(Path(folder) / "tokens", "bench", [Scope.LOGIN])
        port = stack.enter_context(serving(database.url, folder, workers))
        return asyncio.run(_logged_in(port, token, verifier))


async def _logged_in(port: int, token: str, verifier: Verifier) -> Run:
    await _all(port, token, range(WARM))
    changes: list[float] = []
    ended = Event()
    other = Thread(target=_change, args=(verifier, changes, ended))
    other.start()
    start = time.perf_counter()
    requests = await _all(port, token, range(WARM, LOGINS))
    rate = len(requests) / (time.perf_counter() - start)
    ended.set()
    other.join()
    return Run(requests, rate, changes)


def _change(verifier: Verifier, changes: list[float], ended: Event) -> None:
    """Change a card now and then, as an operator's command does."""
    while not ended.wait(0.02):
        start = time.perf_counter()
        verifier.lock(OTHER, seconds=1)
        changes.append(time.perf_counter() - start)


async def _all(port: int, token: str, logins: range) -> list[float]:
    callers = [_log_in(port, token, caller, logins) for caller in range(CALLERS)]
    return [seconds for times in await asyncio.gather(*callers) for seconds in times]


async def _log_in(port: int, token: str, caller: int, logins: range) -> list[float]:
    """Log in with one card after another. Return the seconds that each request took."""
    times = []
    async with connected(port, token) as ask:
        for login in logins:
            start = time.perf_counter()
            challenge = await ask("/challenge", {"serial": _serial(caller, login)})
            asked = time.perf_counter()
            response = SUITE.response(KEY, challenge["question"], counter=0, pin=PIN)
            answered = time.perf_counter()
            assert await ask("/verify", {"id": challenge["id"], "response": response}) == {"accepted": True}
            times += [asked - start, time.perf_counter() - answered]
    return times


def _serial(caller: int, login: int) -> str:
    return f"B-{caller}-{login}"
