"""How often a card is asked, which of its questions are remembered, and what is forgotten on the way."""

import random
from collections.abc import Iterator

import pytest
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifying import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import TooManyChallenges, VerifierError
from dsc_host.verifier import Policy, Reason, Verifier, issuing

COUNTERLESS = "OCRA-1:HOTP-SHA256-8:QN06"
verifier = databases.verifier
database = databases.database


def rows(database: Database) -> list[int]:
    """The numbers of the challenges that are remembered."""
    with database.raw() as db:
        return list(db.exec_driver_sql("SELECT number FROM challenges ORDER BY number").scalars())


# ---- how often ----


def test_a_card_is_given_thirty_challenges_in_five_minutes(verifier: Verifier, clock: Clock) -> None:
    for _ in range(30):
        verifier.challenge("A-1")
    for waited, left in [(0, 300), (299.5, 0.5)]:
        clock.advance(waited)
        with pytest.raises(TooManyChallenges) as caught:
            verifier.challenge("A-1")
        assert caught.value.retry_after == left
    assert isinstance(caught.value, VerifierError)
    assert str(caught.value) == ("card A-1: was given 30 challenges within 300 s; it may have the next one in 1 s")
    clock.advance(caught.value.retry_after)
    assert verifier.challenge("A-1")


def test_no_five_minutes_have_more_than_thirty(verifier: Verifier, clock: Clock) -> None:
    for _ in range(20):
        verifier.challenge("A-1")
    clock.advance(200)
    for _ in range(10):
        verifier.challenge("A-1")
    with pytest.raises(TooManyChallenges) as caught:
        verifier.challenge("A-1")
    assert caught.value.retry_after == 100
    clock.advance(100)
    for _ in range(20):
        verifier.challenge("A-1")
    with pytest.raises(TooManyChallenges) as caught:
        verifier.challenge("A-1")
    assert caught.value.retry_after == 200


def test_a_refusal_costs_another_card_nothing_and_leaves_what_is_open(verifier: Verifier) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    challenges = [verifier.challenge("A-1") for _ in range(30)]
    with pytest.raises(TooManyChallenges):
        verifier.challenge("A-1")
    assert verifier.challenge("B-2")
    assert verifier.verify(challenges[0].id, right(challenges[0])).accepted


def test_a_clock_that_is_set_back_shuts_nobody_out(verifier: Verifier, clock: Clock) -> None:
    for _ in range(30):
        verifier.challenge("A-1")
    clock.advance(-10_000)
    assert verifier.challenge("A-1")


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_the_policy_sets_the_limit(clock: Clock, limit: int) -> None:
    policy = Policy(challenges=limit, challenges_within=7)
    with Verifier.open("sqlite://", master_key=MASTER, policy=policy, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        for _ in range(2):
            for _ in range(limit):
                verifier.challenge("A-1")
            with pytest.raises(TooManyChallenges) as caught:
                verifier.challenge("A-1")
            assert caught.value.retry_after == 7
            clock.advance(7)


# ---- what is remembered ----


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> int:
    """A memory that is soon full."""
    monkeypatch.setattr(issuing, "REMEMBERED", 5)
    monkeypatch.setattr(issuing, "FORGOTTEN", 2)
    return 5


@pytest.fixture
def drawing(remembered: int, database: Database, clock: Clock) -> Iterator[Verifier]:
    """Draws one of 16 questions, of which no two are one to the card."""
    numbers = random.Random(1)
    with Verifier.open(
        database.url,
        master_key=MASTER,
        policy=Policy(challenges=1000),
        clock=clock,
        draw=lambda _: f"{100001 + numbers.randrange(16):06}",
    ) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        verifier.enroll("N-1", key=KEY, suite=COUNTERLESS)
        yield verifier


def test_the_memory_is_a_thousand_questions() -> None:
    assert issuing.REMEMBERED == 1000


@pytest.mark.every_database
def test_a_question_comes_again_after_as_many_others_and_no_sooner(drawing: Verifier, clock: Clock, remembered: int) -> None:
    asked: list[str] = []
    apart = []
    for place in range(60):
        question = drawing.challenge("A-1").question
        if question in asked:
            apart.append(place - max(number for number, other in enumerate(asked) if other == question))
        asked.append(question)
        clock.advance(400)
    assert min(apart) == remembered + 1


@pytest.mark.every_database
def test_what_is_open_is_not_forgotten(drawing: Verifier, database: Database, remembered: int) -> None:
    challenges = [drawing.challenge("A-1") for _ in range(remembered + 3)]
    assert rows(database) == list(range(1, remembered + 4))
    assert drawing.verify(challenges[0].id, right(challenges[0])).accepted


@pytest.mark.every_database
def test_no_call_forgets_more_than_a_few(drawing: Verifier, database: Database, clock: Clock, remembered: int) -> None:
    for _ in range(12):
        drawing.challenge("A-1")
    clock.advance(400)
    drawing.challenge("A-1")
    assert rows(database)[0] == 3
    drawing.challenge("A-1")
    assert rows(database)[0] == 5
    for _ in range(10):
        clock.advance(400)
        drawing.challenge("A-1")
    assert len(rows(database)) == remembered + 1


def test_a_forgotten_challenge_is_unknown(drawing: Verifier, clock: Clock) -> None:
    first = drawing.challenge("A-1")
    for _ in range(8):
        clock.advance(400)
        drawing.challenge("A-1")
    assert drawing.verify(first.id, right(first)).reason is Reason.UNKNOWN


def test_a_card_without_a_counter_is_never_asked_the_same_again(drawing: Verifier, clock: Clock) -> None:
    asked = set()
    for _ in range(16):
        asked.add(drawing.challenge("N-1").question)
        clock.advance(400)
    assert len(asked) == 16
    with pytest.raises(VerifierError, match="nearly all its questions"):
        drawing.challenge("N-1")
