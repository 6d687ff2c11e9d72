"""Pauses: after some wrong responses a card is left alone for a while, so that nobody can lock it in a moment."""

from collections.abc import Iterator

import pytest
from tests.host.databases import enrolled_verifier
from tests.host.verifying import KEY, MASTER, PIN, SUITE, Clock, right, wrong

from dsc_host.errors import TooManyChallenges
from dsc_host.verifier import Policy, Reason, Verdict, Verifier

POLICY = Policy(attempts=3, lock_after=10, pause=30)


@pytest.fixture
def verifier(database_kind: str, clock: Clock) -> Iterator[Verifier]:
    with enrolled_verifier(database_kind, POLICY, clock=clock) as verifier:
        yield verifier


def err(verifier: Verifier) -> Verdict:
    challenge = verifier.challenge("A-1")
    return verifier.verify(challenge.id, wrong(challenge))


def log_in(verifier: Verifier, counter: int = 0) -> Verdict:
    challenge = verifier.challenge("A-1")
    return verifier.verify(challenge.id, right(challenge, counter))


def test_each_further_round_of_failures_pauses_it_twice_as_long_until_it_is_locked(verifier: Verifier, clock: Clock) -> None:
    for pause in (30, 60, 120):
        assert [err(verifier).reason for _ in range(3)] == [Reason.WRONG] * 3
        assert verifier.card("A-1").locked_until == clock.now + pause
        clock.advance(pause)
        assert verifier.card("A-1").locked_until is None
    assert verifier.card("A-1").failures == 9
    assert err(verifier).reason is Reason.WRONG
    assert verifier.card("A-1").locked_until == clock.now + POLICY.lock_for
    assert log_in(verifier) == Verdict(Reason.LOCKED, retry_after=POLICY.lock_for)


def test_during_a_pause_nothing_is_looked_at_and_nothing_counted(verifier: Verifier, clock: Clock) -> None:
    open_before = verifier.challenge("A-1")
    for _ in range(3):
        err(verifier)
    clock.advance(29)
    assert err(verifier) == Verdict(Reason.PAUSED, retry_after=1)
    assert verifier.verify(open_before.id, right(open_before)) == Verdict(Reason.PAUSED, retry_after=1)
    assert (verifier.card("A-1").failures, verifier.card("A-1").counter) == (3, 0)
    clock.advance(1)
    assert verifier.verify(open_before.id, right(open_before)).accepted


def test_a_right_response_begins_the_count_again(verifier: Verifier, clock: Clock) -> None:
    for _ in range(3):
        err(verifier)
    clock.advance(30)
    assert log_in(verifier)
    for _ in range(2):
        err(verifier)
    assert verifier.card("A-1").locked_until is None
    err(verifier)
    assert verifier.card("A-1").locked_until == clock.now + 30


def test_a_pause_is_never_longer_than_a_lock(clock: Clock) -> None:
    policy = Policy(attempts=1, lock_after=10**6, lock_for=100, pause=30)
    with Verifier.open("sqlite://", master_key=MASTER, policy=policy, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        waits = []
        for _ in range(40):
            err(verifier)
            until = verifier.card("A-1").locked_until
            assert until
            waits.append(until - clock.now)
            clock.advance(100)
        assert waits == [30, 60] + [100] * 38


def test_a_clock_that_is_set_back_ends_no_pause(verifier: Verifier, clock: Clock) -> None:
    for _ in range(3):
        err(verifier)
    clock.advance(-3600)
    assert log_in(verifier) == Verdict(Reason.PAUSED, retry_after=3630)


def test_unlock_ends_a_pause(verifier: Verifier) -> None:
    for _ in range(3):
        err(verifier)
    assert verifier.unlock("A-1").failures == 0
    assert log_in(verifier)


def test_who_may_ask_for_challenges_needs_minutes_to_lock_a_card_and_its_owner_gets_in_between(
    verifier: Verifier, clock: Clock
) -> None:
    began, tries = clock.now, 0
    while (card := verifier.card("A-1")).failures < POLICY.lock_after:
        if card.locked_until:
            clock.advance(card.locked_until - clock.now)
        err(verifier)
        tries += 1
    assert (tries, clock.now - began) == (10, 30 + 60 + 120), "without pauses, it was no time at all"
    verifier.unlock("A-1")
    for counter in range(5):
        for _ in range(3):
            err(verifier)
        clock.advance(30)
        assert log_in(verifier, counter), "one who logs in meanwhile begins the count again"


def test_to_ask_too_often_is_refused_long_before(verifier: Verifier) -> None:
    for _ in range(POLICY.challenges):
        err(verifier)
    with pytest.raises(TooManyChallenges):
        err(verifier)
