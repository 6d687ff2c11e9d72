"""The search for the counter that a response was made with. The search changes no records.

A wrong response is compared with the response of every counter in the window, each time in constant time. So the duration does
not reveal which digits were right. For a right response, the duration reveals how far the card is ahead, which is no secret.
"""

import hmac
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from dsc_host.ocra import Responder, Suite
from dsc_host.verifier.card_rules import COUNTER_END

TimeSteps: TypeAlias = Sequence[int | None]
"""The time steps to try. For a suite without a time input, this is a single None."""
_NO_TIME: TimeSteps = (None,)


def is_response(response: object, digits: int) -> bool:
    """Return whether the value could be the response of a card whose responses have this many digits."""
    # Check the length first, so that a huge text costs nothing. Check for ASCII, because Unicode has other digits.
    return isinstance(response, str) and len(response) == digits and response.isascii() and response.isdigit()


def time_steps(suite: Suite, now: float, window: int) -> TimeSteps:
    """Return the time steps to try: those at most `window` steps from `now`, or a single None if the suite has no time."""
    if suite.time_step is None:
        return _NO_TIME
    step = suite.time_steps(now)
    return range(max(0, step - window), step + window + 1)


def is_right(responder: Responder, question: str, response: str, steps: TimeSteps) -> bool:
    """Return whether this is the right response of a suite without a counter, in one of the time steps."""
    # Compare with the response of every step, so that the duration does not reveal which step was right.
    found = [hmac.compare_digest(responder(question, timestamp=step), response) for step in steps]
    return any(found)


def counter_of(
    responder: Responder, question: str, response: str, start: int, window: int, steps: TimeSteps = _NO_TIME
) -> int | None:
    """Return the counter, from `start` to `start + window`, that the response was made with, or None.

    If two counters give the same response by chance, return the lower counter, because the higher may be ahead of the card's
    own counter.
    """
    counters = range(start, min(start + window + 1, COUNTER_END))
    found = (next(_matches(responder, question, response, counters, step), None) for step in steps)
    return min((counter for counter in found if counter is not None), default=None)


def counter_of_two(
    responder: Responder,
    first: tuple[str, str],
    second: tuple[str, str],
    start: int,
    window: int,
    steps: TimeSteps = _NO_TIME,
) -> int | None:
    """Return the counter of `first`, a question and its response, if `second` was made with the next counter."""
    counters = range(start, min(start + window + 1, COUNTER_END - 1))
    next_counters = range(start + 1, counters.stop + 1)
    after = {counter - 1 for step in steps for counter in _matches(responder, *second, next_counters, step)}
    right = {counter for step in steps for counter in _matches(responder, *first, counters, step)}
    return min(right & after, default=None)


def _matches(responder: Responder, question: str, response: str, counters: range, step: int | None) -> Iterator[int]:
    return (
        counter
        for counter, right in zip(counters, responder.series(question, counters, timestamp=step), strict=True)
        if hmac.compare_digest(right, response)
    )
