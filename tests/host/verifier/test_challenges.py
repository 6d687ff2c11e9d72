"""Challenges: how often a card is asked, which of its questions are remembered, and which are forgotten."""

import random
from collections.abc import Iterator

import pytest
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import TooManyChallenges, TooManyUnlockCodes, VerifierError
from dsc_host.verifier import Policy, Reason, Verifier, challenges

COUNTERLESS = "OCRA-1:HOTP-SHA256-8:QN06"
verifier = databases.verifier
database = databases.database


def rows(database: Database) -> list[int]:
    """Return the numbers of the challenges that are remembered."""
    with database.raw() as db:
        return list(db.exec_driver_sql("SELECT number FROM challenges ORDER BY number").scalars())


RATES = {"challenge": (Policy().challenges, Policy().challenges_within), "unlock_code": (Policy().unlock_codes, 86_400.0)}


@pytest.mark.parametrize("name", RATES)
def test_no_time_has_more_than_the_policy_allows_and_each_card_its_own(verifier: Verifier, clock: Clock, name: str) -> None:
    most, within = RATES[name]
    for serial in ("B-2", "C-3"):
        verifier.enroll(serial, key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=bytes(32))

    def ask(times: int, serial: str = "B-2") -> None:
        for _ in range(times):
            getattr(verifier, name)(serial, *["482913"] * (name == "unlock_code"))

    def refused() -> float:
        with pytest.raises((TooManyChallenges, TooManyUnlockCodes)) as caught:
            ask(1)
        assert isinstance(caught.value, VerifierError)
        told.append(str(caught.value))
        return caught.value.retry_after if isinstance(caught.value, TooManyChallenges) else caught.value.again_at - clock.now

    told: list[str] = []
    ask(4)
    clock.advance(within / 2)
    ask(most - 4)
    assert refused() == within / 2
    ask(most, "C-3")
    clock.advance(within / 2 - 0.25)
    assert refused() == 0.25
    clock.advance(0.25)
    ask(4)
    assert refused() == within / 2
    assert (
        told[1]
        == {
            "challenge": "card B-2: has had 30 challenges within 300 s; request the next one in 1 s",
            # 1,700,000,000.25 plus one day, rounded up to a second.
            "unlock_code": "card B-2: has had 10 unlock codes within 24 hours; request the next one after "
            "2023-11-15T22:13:21+00:00",
        }[name]
    )
    assert verifier.card("B-2").unlock_codes == (most + 4 if name == "unlock_code" else 0), "a refusal does not count as a code"


def test_a_clock_that_is_set_back_shuts_nobody_out(verifier: Verifier, clock: Clock) -> None:
    for _ in range(30):
        verifier.challenge("A-1")
    clock.advance(-10_000)
    assert verifier.challenge("A-1")


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> int:
    """Shrink the memory of questions, and return its size."""
    monkeypatch.setattr(challenges, "REMEMBERED", 5)
    monkeypatch.setattr(challenges, "FORGOTTEN", 2)
    return 5


@pytest.fixture
def drawing(remembered: int, database: Database, clock: Clock) -> Iterator[Verifier]:
    """A verifier that draws one of 16 questions, all different to the card."""
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
    assert challenges.REMEMBERED == 1000


def test_a_question_comes_again_after_as_many_others_and_no_sooner(drawing: Verifier, clock: Clock, remembered: int) -> None:
    asked: list[str] = []
    apart = []
    for place in range(30):
        question = drawing.challenge("A-1").question
        if question in asked:
            apart.append(place - max(number for number, other in enumerate(asked) if other == question))
        asked.append(question)
        clock.advance(400)
    assert min(apart) == remembered + 1


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
