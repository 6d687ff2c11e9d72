"""Attempts, pauses and locks: the outcome of stories of wrong and right responses."""

import pytest
from tests.host import databases
from tests.host.databases import enrolled_verifier
from tests.host.verifier_samples import Clock, drawing, fail, right, wrong

from dsc_host.errors import InputError
from dsc_host.verifier import Policy, Reason, Verdict, Verifier

verifier = databases.verifier
LOCKING = Policy(pause=0, challenges=1000)
PAUSING = Policy(pause=30, challenges=1000)
STORIES: dict[str, tuple[Policy, str]] = {
    "a lock ends by itself, and the count starts anew": (
        LOCKING,
        "10 wrong, wait 86399.75, right is locked 0.25, wait 0.25, free, failures 0, 9 wrong, free, 1 wrong, until 86400",
    ),
    "right responses in between buy no more than twenty guesses in a day": (
        LOCKING,
        "9 wrong, wait 3600, right, 9 wrong, wait 3600, right, 2 wrong, until 86400, right is locked 86400, wait 86400, right",
    ),
    "failures of a day count for nothing the day after": (
        LOCKING,
        "9 wrong, right, wait 86400, 9 wrong, right, wait 86400, 9 wrong, right, free",
    ),
    "unlocking forgets those of the day too": (LOCKING, "9 wrong, right, 9 wrong, right, 2 wrong, unlock, 9 wrong, free"),
    "who allows more in a row allows them in a day": (Policy(pause=0, lock_after=23), "22 wrong, free, 1 wrong, until 86400"),
    "and whatever else they allow in a day": (
        Policy(pause=0, lock_after=23, lock_after_in_a_day=1),
        "22 wrong, free, 1 wrong, until 86400",
    ),
    "each round of failures pauses twice as long, until it locks": (
        PAUSING,
        "3 wrong, until 30, wait 30, free, 3 wrong, until 60, wait 60, 3 wrong, until 120, wait 120, failures 9, 1 wrong, "
        "until 86400, right is locked 86400",
    ),
    "after a right response, pauses are short again": (PAUSING, "3 wrong, wait 30, right, 2 wrong, free, 1 wrong, until 30"),
    "unlocking ends a pause": (PAUSING, "3 wrong, right is paused 30, unlock, free, failures 0, 2 wrong, free, right"),
    "unlocking ends a lock": (LOCKING, "10 wrong, right is locked 86400, unlock, free, failures 0, right"),
    "a pause is never longer than a lock": (
        Policy(attempts=1, lock_after=10**6, lock_for=100, pause=30),
        "1 wrong, until 30, wait 30, 1 wrong, until 60, wait 60, 1 wrong, until 100, wait 100, 1 wrong, until 100",
    ),
    "a clock that is set back ends no pause": (PAUSING, "3 wrong, wait -3600, right is paused 3630"),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_follows_from_wrong_and_right_responses(clock: Clock, name: str) -> None:
    policy, story = STORIES[name]
    with enrolled_verifier("sqlite", policy, clock=clock, draw=drawing()) as verifier:
        for step in story.split(", "):
            take(verifier, clock, step)
        assert list(verifier.cards()) == [verifier.card("A-1")]


def take(verifier: Verifier, clock: Clock, step: str) -> None:
    """Take one step of a story, or compare the card with what the step says."""
    card = verifier.card("A-1")
    match step.split():
        case [number, "wrong"]:
            fail(verifier, "A-1", int(number))
        case ["right"]:
            challenge = verifier.challenge("A-1")
            assert verifier.verify(challenge.id, right(challenge, card.counter)).accepted
        case ["right" | "wrong" as what, "is", reason, seconds]:
            challenge = verifier.challenge("A-1")
            response = right(challenge, card.counter) if what == "right" else wrong(challenge)
            assert verifier.verify(challenge.id, response) == Verdict(Reason(reason), retry_after=float(seconds))
        case ["wait", seconds]:
            clock.advance(float(seconds))
        case ["unlock"]:
            verifier.unlock("A-1")
        case ["free"]:
            assert card.locked_until is None
        case ["until", seconds]:
            assert card.locked_until == clock.now + float(seconds)
        case ["failures", number]:
            assert card.failures == int(number)
        case _:
            raise ValueError(step)


OUT_OF_RANGE: dict[str, list[object]] = {
    "validity": [0, float("nan"), float("inf"), "300", 10**400],
    "attempts": [0, True],
    "lock_after": [0, 2.0],
    "lock_for": [-1, 10**400],
    "pause": [10**400],
    "window": [-1, 1001],
    "resync_window": [0, 10_001],
    "time_window": [-1, 21, 1.0],
    "challenges": [0, 1001, True],
    "challenges_within": [0, float("inf"), 10**400],
    "unlock_codes": [0, 101, True, 10.0],
}


def test_a_policy_out_of_range_is_refused() -> None:
    for name, values in OUT_OF_RANGE.items():
        for value in values:
            with pytest.raises(InputError) as caught:
                Policy(**{name: value})  # type: ignore[arg-type]
            assert caught.value.field == name
