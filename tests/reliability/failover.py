"""Failover on PostgreSQL: the primary is killed under load, and the standby becomes the primary.

No response is accepted twice, no counter goes back, and the log tells of each response that a caller was told is accepted. This
needs a synchronous standby. With an asynchronous one, answered calls are lost, which the check must notice.

The processes reach the servers directly, and find the server that accepts writes. Or they reach them through a pooler that is
led to the other server.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.host.pgbouncer import PROGRAM, pgbouncer
from tests.reliability.postgresql_pair import binaries, pair
from tests.reliability.races import DEADLINE, KEY, MASTER, POLICY, SEED, SERIALS, SUITE, Try, Watch, new_context, right
from tests.reliability.report import Row, Scale

from dsc_host.errors import StoreError
from dsc_host.verifier import Verifier

LOST = "lost"
"""The report of a worker that got an error in place of a verdict, and does not know whether its response was accepted."""


def log_in_without_end(url: str, pipe: Connection, seed: int) -> None:
    """Run one process: log in with one card after another, and report each result. Go on after errors of the database."""
    cards = random.Random(seed)
    with Verifier.open(url, master_key=MASTER, policy=POLICY) as verifier:
        pipe.send((None, "open"))
        while True:
            attempt = None
            try:
                serial = cards.choice(SERIALS)
                challenge = verifier.challenge(serial)
                counter = verifier.card(serial).counter
                attempt = Try(serial, challenge.id, right(challenge.question, counter), counter)
                if verifier.verify(attempt.challenge_id, attempt.response):
                    pipe.send((attempt, "accepted"))
            except StoreError:
                pipe.send((attempt, LOST))


class Workers:
    """Processes that log in without end, and what they have reported."""

    def __init__(self, url: str, workers: int) -> None:
        context = new_context()
        self.accepted: list[Try] = []
        self.lost: list[Try] = []
        self._workers: dict[Connection, Any] = {}
        for seed in range(SEED, SEED + workers):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=log_in_without_end, args=(url, theirs, seed), daemon=True)
            worker.start()
            theirs.close()
            self._workers[ours] = worker
        for pipe in self._workers:
            assert pipe.poll(DEADLINE)

    def work(self, accepted: int) -> None:
        """Wait until this number of further responses were accepted."""
        until = len(self.accepted) + accepted
        while len(self.accepted) < until:
            ready = wait(list(self._workers), DEADLINE)
            if not ready:
                raise TimeoutError("the workers do nothing")
            for pipe in ready:
                assert isinstance(pipe, Connection)
                self._take(*pipe.recv())

    def _take(self, attempt: Try | None, result: str) -> None:
        if attempt:
            (self.lost if result == LOST else self.accepted).append(attempt)

    def end(self) -> None:
        """Kill all processes, and read what they have reported last."""
        for pipe, worker in self._workers.items():
            worker.kill()
            worker.join(DEADLINE)
            try:
                while True:
                    self._take(*pipe.recv())
            except (EOFError, OSError):
                pipe.close()


def fail_over(workers: int, before: int, *, synchronous: bool = True, pooled: bool = False) -> dict[str, int]:
    """Let workers log in, fail over meanwhile, and let them go on. Return how often each promise was broken.

    The primary dies after `before` accepted responses. Unless `synchronous`, the standby gets none of them.
    """
    with pair() as servers, pgbouncer(servers.primary.folder, servers.user) if pooled else nullcontext() as pooler:
        url = pooler.url(servers.database) if pooler else servers.url
        with Verifier.open(url, master_key=MASTER) as verifier:
            for serial in SERIALS:
                verifier.enroll(serial, key=KEY, suite=SUITE.text)
        if not synchronous:
            servers.part()
        group = Workers(url, workers)
        try:
            group.work(before)
            servers.primary.kill()
            servers.promote()
            if pooler:
                pooler.lead_to(servers.standby.folder)
            group.work(2 * workers)
        finally:
            group.end()
        with Verifier.open(url, master_key=MASTER, policy=POLICY) as verifier:
            return _broken(Watch(verifier), group)


def _broken(watch: Watch, group: Workers) -> dict[str, int]:
    for attempt in group.accepted:
        watch.accepted(attempt)
    # A response without a verdict may be accepted now, but only if it was not accepted before.
    for attempt in (*group.lost, *group.accepted):
        watch.submit_again(attempt)
    watch.look()
    return {"accepted twice": watch.twice(), "counters gone back": watch.gone_back, "log wrong": watch.log_problems()}


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each way to the servers, or none if PostgreSQL is not installed. `Scale.FULL` takes some minutes."""
    if binaries() is None:
        return
    yield _row("postgresql", scale)
    if PROGRAM:
        yield _row("pgbouncer", scale)


def _row(way: str, scale: Scale) -> Row:
    full = scale is Scale.FULL
    chance, tries = random.Random(SEED), 20 if full else 1
    broken: Counter[str] = Counter()
    for _ in range(tries):
        before = chance.randint(1, 100 if full else 10)
        broken.update(fail_over(workers=4 if full else 2, before=before, pooled=way == "pgbouncer"))
    return Row("the primary is killed", way, tries, broken)
