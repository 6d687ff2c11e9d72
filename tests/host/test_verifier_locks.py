"""Attempts and locks, on both databases and a clock that stands still until it is moved."""

import pytest
from tests.host import databases
from tests.host.verifying import KEY, MASTER, PIN, SUITE, Clock, fail, right, wrong

from dsc_host.errors import InputError
from dsc_host.verifier import Policy, Reason, Verifier

pytestmark = pytest.mark.every_database

verifier = databases.verifier


def test_three_wrong_responses_use_up_a_challenge(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    for _ in range(3):
        assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.WRONG
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.EXHAUSTED
    assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.EXHAUSTED
    assert verifier.card("A-1").failures == 3


def test_the_last_attempt_counts(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    for _ in range(2):
        verifier.verify(challenge.id, wrong(challenge))
    assert verifier.verify(challenge.id, right(challenge)).accepted


def test_a_right_response_ends_the_row_of_failures(verifier: Verifier) -> None:
    fail(verifier, "A-1", 9)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).accepted
    assert verifier.card("A-1").failures == 0
    fail(verifier, "A-1", 9)
    assert verifier.card("A-1").locked_until is None


def test_the_tenth_failure_in_a_row_locks(verifier: Verifier, clock: Clock) -> None:
    challenge = verifier.challenge("A-1")
    fail(verifier, "A-1", 10)
    card = verifier.card("A-1")
    assert (card.failures, card.locked_until) == (10, clock.now + 86_400)
    assert verifier.cards() == [card]
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.LOCKED


def test_a_locked_card_is_not_charged_and_its_lock_does_not_grow(verifier: Verifier, clock: Clock) -> None:
    fail(verifier, "A-1", 10)
    before = verifier.card("A-1")
    clock.advance(100)
    challenge = verifier.challenge("A-1")
    for _ in range(3):
        assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.LOCKED
    assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.EXHAUSTED
    assert verifier.card("A-1") == before


def test_a_lock_ends_by_itself_and_the_count_starts_anew(verifier: Verifier, clock: Clock) -> None:
    fail(verifier, "A-1", 10)
    clock.advance(86_399.75)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.LOCKED
    clock.advance(0.25)
    card = verifier.card("A-1")
    assert (card.failures, card.locked_until) == (0, None)
    assert verifier.cards() == [card]
    fail(verifier, "A-1", 9)
    # The lock did not use the challenge up.
    assert verifier.verify(challenge.id, right(challenge)).accepted


def test_after_a_lock_ten_more_failures_lock_again(verifier: Verifier, clock: Clock) -> None:
    fail(verifier, "A-1", 10)
    clock.advance(86_400)
    fail(verifier, "A-1", 9)
    assert verifier.card("A-1").locked_until is None
    fail(verifier, "A-1", 1)
    assert verifier.card("A-1").locked_until == clock.now + 86_400


def test_failures_charge_only_the_card_that_owns_the_challenge(verifier: Verifier) -> None:
    other = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    theirs = verifier.challenge("B-2")
    fail(verifier, "A-1", 10)
    assert verifier.card("B-2") == other
    assert verifier.verify(theirs.id, right(theirs)).accepted
    assert verifier.card("A-1").failures == 10


def test_the_policy_decides(clock: Clock) -> None:
    policy = Policy(validity=10, attempts=1, lock_after=2, lock_for=5, window=0, pause=0)
    with Verifier.open("sqlite://", master_key=MASTER, policy=policy, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        assert challenge.expires_at == clock.now + 10
        assert verifier.verify(challenge.id, right(challenge, 1)).reason is Reason.WRONG
        assert verifier.verify(challenge.id, right(challenge)).reason is Reason.EXHAUSTED
        fail(verifier, "A-1", 1)
        assert verifier.card("A-1").locked_until == clock.now + 5


@pytest.mark.parametrize(
    "given",
    [
        {"validity": 0},
        {"validity": float("nan")},
        {"validity": float("inf")},
        {"validity": "300"},
        {"attempts": 0},
        {"attempts": True},
        {"lock_after": 0},
        {"lock_after": 2.0},
        {"lock_for": -1},
        {"window": -1},
        {"window": 1001},
        {"resync_window": 0},
        {"resync_window": 10_001},
        {"challenges": 0},
        {"challenges": 1001},
        {"challenges": True},
        {"challenges_within": 0},
        {"challenges_within": float("inf")},
        {"unlock_codes": 0},
        {"unlock_codes": 101},
        {"unlock_codes": True},
        {"unlock_codes": 10.0},
    ],
)
def test_a_policy_out_of_range_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        Policy(**given)  # type: ignore[arg-type]
    assert [caught.value.field] == list(given)


# ---- in a day ----


def come_in(verifier: Verifier, counter: int) -> bool:
    challenge = verifier.challenge("A-1")
    return verifier.verify(challenge.id, right(challenge, counter)).accepted


def test_right_responses_between_them_buy_no_more_guesses(verifier: Verifier, clock: Clock) -> None:
    """Nine wrong ones, then the owner comes in, and so on: after twenty in a day the card is locked."""
    for counter in range(2):
        fail(verifier, "A-1", 9)
        clock.advance(3600)
        assert come_in(verifier, counter)
    fail(verifier, "A-1", 2)
    assert verifier.card("A-1").locked_until == clock.now + 86_400
    challenge = verifier.challenge("A-1")
    verdict = verifier.verify(challenge.id, right(challenge, 2))
    assert (verdict.reason, verdict.retry_after) == (Reason.LOCKED, 86_400)
    clock.advance(86_400)
    assert come_in(verifier, 2)


def test_failures_of_a_day_count_for_nothing_the_day_after(verifier: Verifier, clock: Clock) -> None:
    for counter in range(10):
        fail(verifier, "A-1", 9)
        assert come_in(verifier, counter)
        clock.advance(86_400)
    assert verifier.card("A-1").locked_until is None


def test_unlocking_forgets_those_of_the_day_too(verifier: Verifier, clock: Clock) -> None:
    for counter in range(2):
        fail(verifier, "A-1", 9)
        assert come_in(verifier, counter)
    fail(verifier, "A-1", 2)
    verifier.unlock("A-1", "it was me")
    clock.advance(300)
    fail(verifier, "A-1", 9)
    assert verifier.card("A-1").locked_until is None


@pytest.mark.parametrize("policy", [Policy(pause=0, lock_after=30), Policy(pause=0, lock_after=30, lock_after_in_a_day=1)])
def test_who_allows_more_in_a_row_allows_them_in_a_day(policy: Policy) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, policy=policy, clock=Clock()) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        fail(verifier, "A-1", 29)
        assert verifier.card("A-1").locked_until is None
        fail(verifier, "A-1", 1)
        assert verifier.card("A-1").locked_until is not None
