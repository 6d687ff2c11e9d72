"""Cards of other makers: questions of letters or hex digits, and responses that depend on the time."""

import string

import pytest
from tests.host import databases
from tests.host.verifier_samples import KEY, MASTER, NO_PAUSE, PIN, Clock

from dsc_host.ocra import Suite
from dsc_host.verifier import Challenge, Policy, Reason, Verifier

HASHED = "OCRA-1:HOTP-SHA256-8"
WITH_TIME = f"{HASHED}:QN08-PSHA1-T30S"
verifier = databases.verifier


def shown(verifier: Verifier, challenge: Challenge, *, counter: int = 0, at: float | None = None) -> str:
    """Return what the card shows, at a time of its own clock."""
    suite = Suite.parse(verifier.card(challenge.serial).suite)
    return suite.response(
        KEY,
        challenge.question,
        counter=counter if suite.counter else None,
        pin=PIN if suite.pin_hash else None,
        timestamp=None if at is None else suite.time_steps(at),
    )


@pytest.mark.every_database
@pytest.mark.parametrize(
    ("suite", "characters"),
    [
        (f"{HASHED}:C-QA08", string.ascii_uppercase + string.digits),
        (f"{HASHED}:QA64-PSHA1", string.ascii_uppercase + string.digits),
        (f"{HASHED}:C-QH05-PSHA512", "0123456789ABCDEF"),
        ("OCRA-1:HOTP-SHA512-10:QH64", "0123456789ABCDEF"),
    ],
)
def test_questions_of_letters_and_hex_digits(verifier: Verifier, suite: str, characters: str) -> None:
    parsed = Suite.parse(suite)
    verifier.enroll("B-2", key=KEY, suite=suite, pin=PIN if parsed.pin_hash else None)
    questions = [verifier.challenge("B-2") for _ in range(20)]
    assert len({challenge.question for challenge in questions}) == 20
    assert {len(challenge.question) for challenge in questions} == {parsed.question_length}
    assert set("".join(challenge.question for challenge in questions)) <= set(characters)
    assert len(set("".join(challenge.question for challenge in questions))) > 12
    assert verifier.verify(questions[0].id, shown(verifier, questions[0])).accepted
    assert not verifier.verify(questions[1].id, shown(verifier, questions[0]))
    assert verifier.challenge("UNKNOWN", conceal=True).question


@pytest.mark.parametrize("suite", [WITH_TIME, f"{HASHED}:C-QH08-PSHA1-T30S"])
@pytest.mark.parametrize(("steps", "accepted"), [(0, True), (-2, True), (2, True), (-3, False), (3, False)])
def test_a_response_is_accepted_within_the_window_of_time_steps(clock: Clock, suite: str, steps: int, accepted: bool) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock, policy=NO_PAUSE) as verifier:
        verifier.enroll("B-2", key=KEY, suite=suite, pin=PIN)
        challenge = verifier.challenge("B-2")
        response = shown(verifier, challenge, at=clock.now + 30 * steps, counter=3)
        assert verifier.verify(challenge.id, response).accepted is accepted
        assert verifier.card("B-2").failures == (0 if accepted else 1)
        again = Reason.USED if accepted else Reason.WRONG
        assert verifier.verify(challenge.id, response).reason is again
        if accepted and "C-" in suite:
            assert verifier.card("B-2").counter == 4


def test_the_window_of_time_is_the_policys(clock: Clock) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock, policy=Policy(time_window=0)) as verifier:
        verifier.enroll("B-2", key=KEY, suite=WITH_TIME, pin=PIN)
        for offset, accepted in ((30, False), (0, True)):
            challenge = verifier.challenge("B-2")
            assert verifier.verify(challenge.id, shown(verifier, challenge, at=clock.now + offset)).accepted is accepted


def test_a_card_with_counter_and_time_is_caught_up_with(clock: Clock) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("B-2", key=KEY, suite=f"{HASHED}:C-QN08-T1M")
        first, second = verifier.challenge("B-2"), verifier.challenge("B-2")
        responses = [
            shown(verifier, challenge, counter=counter, at=clock.now + offset)
            for challenge, counter, offset in ((first, 500, -60), (second, 501, 60))
        ]
        assert not verifier.resync(first.id, responses[0], second.id, responses[0])
        assert verifier.resync(first.id, responses[0], second.id, responses[1])
        assert verifier.card("B-2").counter == 502


def test_a_duress_pin_is_known_with_the_time_too(clock: Clock) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("B-2", key=KEY, suite=WITH_TIME, pin="9999", duress_pin=PIN)
        challenge = verifier.challenge("B-2")
        assert verifier.verify(challenge.id, shown(verifier, challenge, at=clock.now)).duress
