"""Races: of parallel submissions of one right response, one is accepted, and the others get the reason that it was used.

Every round starts all workers at one moment. None may fail in another way: each waits for a database that is locked for an
instant.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from tests.host import databases
from tests.host.databases import Database, new_database
from tests.host.verifier_samples import KEY, MASTER, NO_PAUSE, PIN, SUITE, right

from dsc_host.errors import AlreadyEnrolled, TooManyChallenges, TooManyUnlockCodes
from dsc_host.ocra import Suite
from dsc_host.verifier import Policy, Reason, Verifier

pytestmark = pytest.mark.every_database

WORKERS = 4
ROUNDS = 6
DEADLINE = 60  # seconds, for a worker that died
database = databases.database

T = TypeVar("T")


def at_once(work: Callable[[int], T]) -> list[T]:
    """Return the results of `work` for each worker. All workers start at one moment."""
    start = threading.Barrier(WORKERS)

    def worker(number: int) -> T:
        start.wait(DEADLINE)
        return work(number)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(worker, range(WORKERS)))


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
        response = right(challenge, counter)
        verdicts = at_once(lambda _, c=challenge, r=response: verifier.verify(c.id, r))  # type: ignore[misc]
        assert Counter(verdict.reason for verdict in verdicts) == one_of(WORKERS)
    assert verifier.card("A-1").counter == ROUNDS


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


@pytest.mark.pooled
@pytest.mark.parametrize("name", ["unlock_code", "challenge"])
def test_no_card_is_given_more_in_parallel(database: Database, name: str) -> None:
    most = WORKERS // 2
    policy = Policy(unlock_codes=most, challenges=most)
    with ExitStack() as stack:
        # Each worker has its own verifier. They share only the database.
        desks = [stack.enter_context(Verifier.open(database.url, master_key=MASTER, policy=policy)) for _ in range(WORKERS)]
        desks[0].enroll("A-1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=bytes(32))

        def ask(number: int) -> bool:
            try:
                return bool(getattr(desks[number], name)("A-1", *["482913"] * (name == "unlock_code")))
            except (TooManyUnlockCodes, TooManyChallenges):
                return False

        assert Counter(at_once(ask)) == {True: most, False: most}
        assert desks[0].card("A-1").unlock_codes == (most if name == "unlock_code" else 0)


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


def test_an_empty_database_is_begun_by_one(database: Database) -> None:
    def enroll(number: int) -> None:
        with Verifier.open(database.url, master_key=MASTER) as verifier:
            verifier.enroll(f"P-{number}", key=KEY, suite=SUITE, pin=PIN)

    at_once(enroll)
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        assert [card.serial for card in verifier.cards()] == [f"P-{number}" for number in range(WORKERS)]
        assert verifier.audit.check().sound
