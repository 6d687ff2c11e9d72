"""Many at once: of parallel submissions of one right response, one is accepted, and the others are told that it was used.

Every round lets all workers loose at one moment. None may fail in another way either: a database that is locked for an
instant is waited for.
"""

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TypeAlias, TypeVar

import pytest
from tests.host import databases
from tests.host.databases import Database, new_database

from dsc_host.errors import AlreadyEnrolled, StoreError, TooManyChallenges, TooManyUnlockCodes
from dsc_host.ocra import Suite
from dsc_host.verifier import Policy, Reason, Verifier

pytestmark = pytest.mark.every_database

MASTER = bytes(range(32))
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
KEY = bytes(range(32))
PIN = "1234"
NO_PAUSE = Policy(pause=0)
WORKERS = 8
ROUNDS = 12
PROCESSES = 4
DEADLINE = 60  # seconds, for a worker that died
database = databases.database

T = TypeVar("T")
Reasons: TypeAlias = "Queue[list[str]]"


def at_once(work: Callable[[int], T]) -> list[T]:
    """What `work` gives to each of the workers, which all start at one moment."""
    start = threading.Barrier(WORKERS)

    def worker(number: int) -> T:
        start.wait(DEADLINE)
        return work(number)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(worker, range(WORKERS)))


def right(question: str, counter: int) -> str:
    return Suite.parse(SUITE).response(KEY, question, counter=counter, pin=PIN)


def one_of(workers: int) -> Counter[Reason]:
    return Counter({Reason.ACCEPTED: 1, Reason.USED: workers - 1})


@pytest.fixture(params=["memory", *databases.parameters()])
def verifier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Verifier]:
    with ExitStack() as stack:
        memory = request.param == "memory"
        url = "sqlite://" if memory else stack.enter_context(new_database(request.param, tmp_path)).url
        verifier = stack.enter_context(Verifier.open(url, master_key=MASTER, policy=NO_PAUSE))
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        yield verifier


def test_of_parallel_threads_one_is_accepted(verifier: Verifier) -> None:
    for counter in range(ROUNDS):
        challenge = verifier.challenge("A-1")
        response = right(challenge.question, counter)
        verdicts = at_once(lambda _, c=challenge, r=response: verifier.verify(c.id, r))  # type: ignore[misc]
        assert Counter(verdict.reason for verdict in verdicts) == one_of(WORKERS)
    assert verifier.card("A-1").counter == ROUNDS


def test_of_parallel_responses_with_one_counter_one_is_accepted(verifier: Verifier) -> None:
    challenges = [verifier.challenge("A-1") for _ in range(WORKERS)]
    verdicts = at_once(lambda number: verifier.verify(challenges[number].id, right(challenges[number].question, 0)))
    assert Counter(verdict.reason for verdict in verdicts) == {Reason.ACCEPTED: 1, Reason.WRONG: WORKERS - 1}
    assert verifier.card("A-1").counter == 1


def test_no_failure_is_lost(verifier: Verifier) -> None:
    challenges = [verifier.challenge("A-1") for _ in range(WORKERS)]
    at_once(lambda number: verifier.verify(challenges[number].id, "none"))
    assert verifier.card("A-1").failures == WORKERS


def test_a_challenge_has_no_more_attempts_in_parallel(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    verdicts = at_once(lambda _: verifier.verify(challenge.id, "none"))
    attempts = Policy().attempts
    assert Counter(verdict.reason for verdict in verdicts) == {
        Reason.MALFORMED: attempts,
        Reason.EXHAUSTED: WORKERS - attempts,
    }


def test_a_serial_is_enrolled_by_one(verifier: Verifier) -> None:
    def enroll(number: int) -> int | None:
        try:
            verifier.enroll("B-2", key=bytes([number]) * 16, suite=SUITE, pin=PIN)
        except AlreadyEnrolled:
            return None
        return number

    assert sum(number is not None for number in at_once(enroll)) == 1


def test_no_card_is_given_more_unlock_codes_in_parallel(database: Database) -> None:
    policy = Policy(unlock_codes=WORKERS // 2)
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=bytes(32))

    with ExitStack() as stack:
        # One each: what they share is the database.
        desks = [stack.enter_context(Verifier.open(database.url, master_key=MASTER, policy=policy)) for _ in range(WORKERS)]

        def ask(number: int) -> str | None:
            try:
                return desks[number].unlock_code("A-1", f"{number:06}")
            except TooManyUnlockCodes:
                return None

        codes = at_once(ask)
        assert sum(code is not None for code in codes) == WORKERS // 2
        assert desks[0].card("A-1").unlock_codes == WORKERS // 2


def test_no_card_is_given_more_challenges_in_parallel(database: Database) -> None:
    policy = Policy(challenges=WORKERS // 2)
    with Verifier.open(database.url, master_key=MASTER, policy=policy) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)

        def ask(_: int) -> bool:
            try:
                return bool(verifier.challenge("A-1"))
            except TooManyChallenges:
                return False

        assert Counter(at_once(ask)) == {True: WORKERS // 2, False: WORKERS // 2}


def test_parallel_challenges_never_share_a_question(database: Database) -> None:
    draws = iter(["000001", "000016", "000256"] * WORKERS + [f"{number:06}" for number in range(300, 400)])
    lock = threading.Lock()

    def draw(_: int) -> str:
        with lock:
            return next(draws)

    with Verifier.open(database.url, master_key=MASTER, draw=draw) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        questions = [challenge.question for challenge in at_once(lambda _: verifier.challenge("A-1"))]
    encoded = {Suite.parse(SUITE).encode_question(question) for question in questions}
    assert len(encoded) == WORKERS


# ---- processes ----


def submit(
    name: str, database: str, new: str, rounds: list[tuple[str, str]], barriers: tuple[Barrier, Barrier], results: Reasons
) -> None:
    """One process's part: its threads submit every round's response at the moment when all others do."""
    opening, start = barriers
    opening.wait(DEADLINE)
    # An empty database: whoever is first makes the tables.
    with Verifier.open(new, master_key=MASTER) as verifier:
        verifier.enroll(name, key=KEY, suite=SUITE, pin=PIN)
    with Verifier.open(database, master_key=MASTER) as verifier:

        def submit_all(_: int) -> list[str]:
            reasons = []
            for challenge_id, response in rounds:
                start.wait(DEADLINE)
                try:
                    reasons.append(str(verifier.verify(challenge_id, response).reason))
                except StoreError as error:
                    # Told like a reason, so that the others are not left waiting for the next round.
                    reasons.append(str(error))
            return reasons

        with ThreadPoolExecutor(WORKERS // PROCESSES) as pool:
            for reasons in pool.map(submit_all, range(WORKERS // PROCESSES)):
                results.put(reasons)


@pytest.mark.long
@pytest.mark.parametrize("kind", databases.parameters())
def test_of_parallel_processes_one_is_accepted(kind: str, tmp_path: Path) -> None:
    folders = (tmp_path / "full", tmp_path / "empty")
    with ExitStack() as stack:
        for folder in folders:
            folder.mkdir()
        race(*(stack.enter_context(new_database(kind, folder)).url for folder in folders))


def race(database: str, new: str) -> None:
    with Verifier.open(database, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenges = [verifier.challenge("A-1") for _ in range(ROUNDS)]
    rounds = [(challenge.id, right(challenge.question, counter)) for counter, challenge in enumerate(challenges)]

    # "spawn": nothing of this process is shared but the file, as on every system.
    context = multiprocessing.get_context("spawn")
    barriers, results = (context.Barrier(PROCESSES), context.Barrier(WORKERS)), context.Queue()
    names = [f"P-{number}" for number in range(PROCESSES)]
    workers = [
        context.Process(target=submit, args=(name, database, new, rounds, barriers, results), daemon=True) for name in names
    ]
    for worker in workers:
        worker.start()
    by_worker = [results.get(timeout=DEADLINE) for _ in range(WORKERS)]
    for worker in workers:
        worker.join(DEADLINE)

    for reasons in zip(*by_worker, strict=True):
        assert Counter(reasons) == one_of(WORKERS)
    with Verifier.open(database, master_key=MASTER) as verifier:
        assert verifier.card("A-1").counter == ROUNDS
    with Verifier.open(new, master_key=MASTER) as verifier:
        assert [card.serial for card in verifier.cards()] == names
