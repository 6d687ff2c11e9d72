"""A process that commits calls together is killed just before a commit, or between the commit and the answers.

No response that was answered is lost, and none that was not answered is half done: it was accepted with its log entry and its
counter, or it is as if it had never come.
"""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from tests.reliability.races import (
    DEADLINE,
    MASTER,
    POLICY,
    SEED,
    SERIALS,
    Try,
    Watch,
    new_context,
    new_database_of_cards,
    right,
    ways,
)
from tests.reliability.report import Row, Scale

from dsc_host.records.audit_writer import PendingEntries
from dsc_host.records.group_commit import Change
from dsc_host.verifier import AsyncVerifier, Verifier

STAGES: tuple[tuple[Any, str], ...] = ((PendingEntries, "write"), (Change, "settle"))
"""The function after which nothing is committed yet, and the function before which everything is committed."""
_MOST_CALLS = 12


def answer_until_killed(url: str, pipe: Connection, seed: int) -> None:
    """Log in with all cards in parallel, again and again. Report before and after each login. Die in the middle of a commit."""
    chance = random.Random(seed)
    owner, name = chance.choice(STAGES)
    left, real = chance.randint(1, _MOST_CALLS), getattr(owner, name)

    def die(*args: Any) -> Any:
        nonlocal left
        left -= 1
        if owner is PendingEntries:
            real(*args)
        # Several threads may commit at the same time, so another thread may have raised the count in the meantime.
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return None if owner is PendingEntries else real(*args)

    setattr(owner, name, die)
    asyncio.run(_answer(url, pipe))


async def _answer(url: str, pipe: Connection) -> None:
    async with await AsyncVerifier.open(url, master_key=MASTER, policy=POLICY) as verifier, asyncio.TaskGroup() as group:
        for serial in SERIALS:
            group.create_task(_log_in_without_end(verifier, serial, pipe.send))


async def _log_in_without_end(verifier: AsyncVerifier, serial: str, report: Callable[[object], None]) -> None:
    while True:
        challenge = await verifier.challenge(serial)
        counter = (await verifier.card(serial)).counter
        attempt = Try(serial, challenge.id, right(challenge.question, counter), counter)
        report((attempt, False))
        if await verifier.verify(attempt.challenge_id, attempt.response):
            report((attempt, True))


def killed(kind: str, kills: int) -> Row:
    broken = {"accepted twice": 0, "counters gone back": 0, "log wrong": 0, "idle": 0}
    unanswered = 0
    with new_database_of_cards(kind) as url, Verifier.open(url, master_key=MASTER, policy=POLICY) as verifier:
        watch = Watch(verifier)
        for seed in range(SEED, SEED + kills):
            attempts = _until_killed(url, seed)
            for attempt, accepted in attempts.values():
                if accepted:
                    watch.accepted(attempt)
            watch.look()
            for attempt, accepted in attempts.values():
                unanswered += not accepted
                watch.submit_again(attempt)
        broken |= {"accepted twice": watch.twice(), "counters gone back": watch.gone_back, "log wrong": watch.log_problems()}
        broken["idle"] = int(not unanswered)
    return Row("killed within a commit", kind, kills, broken)


def _until_killed(url: str, seed: int) -> dict[str, tuple[Try, bool]]:
    """Run a process until it dies. Return its responses, each with whether it was answered."""
    context = new_context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=answer_until_killed, args=(url, theirs, seed), daemon=True)
    process.start()
    theirs.close()
    attempts: dict[str, tuple[Try, bool]] = {}
    try:
        while ours.poll(DEADLINE):
            attempt, accepted = ours.recv()
            attempts[attempt.challenge_id] = attempt, accepted
    except EOFError:
        pass
    process.join(DEADLINE)
    assert process.exitcode == -signal.SIGKILL, "it died by itself"
    ours.close()
    return attempts


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each database, and for the pooler. `Scale.FULL` takes some minutes."""
    for kind in ways():
        yield killed(kind, 200 if scale is Scale.FULL else 4)
