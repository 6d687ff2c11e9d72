"""The cost of the login system with 100,000 users with four factors each, compared with 1,000: in process, and as pages.

The cost of a login is measured without the password's hash, which is expensive on purpose and does not depend on the number of
users. The pages are measured with it, under the load of eight visitors, who share the machine's cores with the portal.
"""

import asyncio
import gc
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from tests.benchmarks import user_records
from tests.benchmarks.bench_service import connection, server_process
from tests.benchmarks.measure import Figure, percentile_95
from tests.benchmarks.user_records import KEY, PASSWORD, PIN, SUITE
from tests.host.login.letters import newest_code

from dsc_host.login import Calling, Kind, Letter, LoginSystem, Policy, Stage, WrongCredentials
from dsc_host.login.devices import codes
from dsc_host.portal.security import csrf
from dsc_host.verifier import MasterKey, Verifier

MASTER = bytes(range(32))
FEW, MANY = 1_000, 100_000
PROBES = 300
"""The number of logins by each device whose cost is measured."""
GUESSES = 200
VISITORS, LOGINS = 8, 25
CHEAP = {"passwords": {"memory_kib": 8, "iterations": 1}}
PAGES = ("/", "/devices", "/protection", "/request")
COMMAND = "from dsc_host.cli.main import main; main()"


def measure() -> Iterator[Figure]:
    """Yield the figures, in about two minutes."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        few, many = (stack.enter_context(_scenario(folder, number)) for number in (FEW, MANY))
        yield Figure(f"adding {MANY:,} users", many.seconds, "s")
        yield from logging_in(few, many)
        yield guessing(many)
        few.use_published_cost()
        many.use_published_cost()
        stack.close()
        yield from pages(folder)


# ---- in process ----


@dataclass
class Scenario:
    """A system with this number of users, and the messages to them."""

    system: LoginSystem
    users: int
    seconds: float
    letters: list[Letter] = field(default_factory=list)

    def use_published_cost(self) -> None:
        """Give every password the cost of the published policy from now on."""
        dear = LoginSystem.over(self.system.verifier).context.passwords.hashed(PASSWORD)
        self.system.change(lambda tx: tx.db.exec_driver_sql("UPDATE users SET password = ?", (dear,)))


@contextmanager
def _scenario(folder: str, users: int) -> Iterator[Scenario]:
    letters: list[Letter] = []
    with Verifier.open(_url(folder, users), master_key=MasterKey(MASTER)) as verifier:
        senders = dict.fromkeys(("email", "sms", "voice"), Calling(letters.append))
        system = LoginSystem.over(verifier, policy=Policy.of(CHEAP), senders=senders)
        start = time.perf_counter()
        user_records.add_users(system, users)
        yield Scenario(system, users, time.perf_counter() - start, letters)


def _url(folder: str, users: int) -> str:
    return f"sqlite:///{folder}/{users}.db"


def logging_in(few: Scenario, many: Scenario) -> Iterator[Figure]:
    for kind in (Kind.DSC_PLUS, Kind.CODE_CARD, Kind.SMS):
        costs: dict[int, list[float]] = {few.users: [], many.users: []}
        gc.collect()
        for probe in range(PROBES):
            # The users are spread over all records and take turns.
            for scenario in (few, many):
                costs[scenario.users].append(_log_in(scenario, probe * scenario.users // PROBES, kind))
        ratio = median(costs[MANY]) / median(costs[FEW])
        yield Figure(f"logging in by {kind} among {MANY:,} users / {FEW:,}", ratio, at_most=1.2)


def _log_in(scenario: Scenario, number: int, kind: Kind) -> float:
    """Return the seconds that the system takes. The work of the device is not included."""
    start = time.perf_counter()
    begun = scenario.system.begin(user_records.name(number), PASSWORD, "192.0.2.1")
    step = scenario.system.choose(begun.token, user_records.device_id(number, kind))
    asked = time.perf_counter()
    assert step.offer is not None
    answer = _answer(kind, step.offer.shows, scenario.letters)
    answered = time.perf_counter()
    done = scenario.system.answer(step.token, answer).step
    assert done is not None
    assert done.stage is Stage.IN
    return asked - start + time.perf_counter() - answered


def _answer(kind: Kind, shows: Mapping[str, str], letters: list[Letter]) -> str:
    if kind is Kind.DSC_PLUS:
        return SUITE.response(KEY, shows["challenge"], counter=0, pin=PIN)
    if kind is Kind.CODE_CARD:
        return " ".join(codes.code(user_records.SEED, int(index), 4) for index in shows["indexes"].split())
    return newest_code(letters)


def guessing(scenario: Scenario) -> Figure:
    """Compare the times of a wrong password and an unknown name, at the cost of the published policy."""
    dear = LoginSystem.over(scenario.system.verifier)
    known, unknown = user_records.name(scenario.users - 1), "nobody"
    hashed = dear.context.passwords.hashed(PASSWORD)
    scenario.system.change(lambda tx: tx.db.exec_driver_sql("UPDATE users SET password = ? WHERE name = ?", (hashed, known)))
    costs: dict[str, list[float]] = {known: [], unknown: []}
    for guess in range(GUESSES):
        for name, taken in costs.items():
            taken.append(_refused(dear, name, f"198.51.{guess}.1"))
            # Otherwise the limits would refuse the names.
            scenario.system.change(lambda tx: tx.db.exec_driver_sql("DELETE FROM attempts"))
    ratio = median(costs[known]) / median(costs[unknown])
    return Figure("a wrong password / an unknown name, or its inverse", max(ratio, 1 / ratio), at_most=1.05)


def _refused(system: LoginSystem, name: str, address: str) -> float:
    start = time.perf_counter()
    try:
        system.begin(name, "a wrong one, surely", address)
    except WrongCredentials:
        return time.perf_counter() - start
    raise AssertionError("it was let in")


# ---- as pages ----


def pages(folder: str) -> Iterator[Figure]:
    shown: dict[int, list[float]] = {}
    memory: dict[int, float] = {}
    for users in (FEW, MANY):
        environment = {"DSCPLUS_DB": _url(folder, users), "DSCPLUS_MASTER_KEY": MASTER.hex()}
        arguments = ("-c", COMMAND, "portal", "--port", "0")
        with server_process(arguments, environment, Path(folder, f"log-{users}")) as (port, process):
            start = time.perf_counter()
            times = asyncio.run(_load(port, users))
            rate = VISITORS * LOGINS / (time.perf_counter() - start)
            memory[users], shown[users] = _most_mebibytes(process.pid), times["page"]
    yield Figure(f"logins with {len(PAGES)} pages each, {VISITORS} visitors, {MANY:,} users", rate, "per second")
    for what, label in (("page", "a page"), ("password", "name and password"), ("answer", "the device's answer")):
        yield Figure(f"{label} under this load, 95 of 100 within", percentile_95(times[what]) * 1000, "ms")
    yield Figure(
        f"that of a page, among {MANY:,} users / {FEW:,}", percentile_95(shown[MANY]) / percentile_95(shown[FEW]), at_most=1.5
    )
    yield Figure("the portal's memory, at its most", memory[MANY], "MiB")
    yield Figure(f"that, among {MANY:,} users / {FEW:,}", memory[MANY] / memory[FEW], at_most=1.2)


async def _load(port: int, users: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"page": [], "password": [], "device": [], "answer": []}
    async with asyncio.TaskGroup() as group:
        for visitor in range(VISITORS):
            group.create_task(_visit(port, users, visitor, times))
    return times


async def _visit(port: int, users: int, visitor: int, times: dict[str, list[float]]) -> None:
    for login in range(LOGINS):
        # Spread over all records. Some were logged in before, so their cards are at the second counter, which does not matter.
        number = (login * VISITORS + visitor) * (users // (VISITORS * LOGINS)) + 1
        async with _connected(port, f"203.0.113.{visitor}", times) as ask:
            await ask("page", "/login")
            await ask("password", "/login", name=user_records.name(number), password=PASSWORD)
            await ask("device", "/login/device", device=user_records.device_id(number, Kind.DSC_PLUS))
            page = await ask("page", "/login/answer")
            shown = page.partition('aria-labelledby="shown-1">')[2].partition("</output>")[0]
            question = re.sub("<[^>]+>", "", shown)
            await ask("answer", "/login/answer", answer=SUITE.response(KEY, question, counter=1, pin=PIN))
            for path in PAGES:
                assert "Logged in as" in await ask("page", path)


@asynccontextmanager
async def _connected(port: int, address: str, times: dict[str, list[float]]) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Provide a visitor: one connection that stays open, and a cookie."""
    cookie = ""
    async with connection(port) as exchange:

        async def ask(what: str, path: str, **form: str) -> str:
            nonlocal cookie
            head = f"{'POST' if form else 'GET'} {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n"
            head += f"Cookie: __Host-session={cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            start = time.perf_counter()
            answered, page = await exchange(head, urlencode({"csrf": csrf(cookie), **form}) if form else "")
            times[what].append(time.perf_counter() - start)
            assert answered.startswith(("HTTP/1.1 200", "HTTP/1.1 303")), answered + page
            cookie = answered.partition("__Host-session=")[2].partition(";")[0] or cookie
            return page

        yield ask


def _most_mebibytes(pid: int) -> float:
    """Return the peak memory of the process in MiB. NaN where the system does not report it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
