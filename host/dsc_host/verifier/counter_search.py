"""The search for the counter that a response was made with. The search changes no records.

A wrong response is compared with the right response of every counter in the window. A comparison takes the same time whichever
digits are right, so the duration does not reveal which digits are right. The search for a right response that will be accepted
ends at its counter. So the duration reveals how far the card is ahead, which is no secret. If every response of the card is
refused, the search goes on. Otherwise the duration would tell the thief of a suspended card that a PIN is right.
"""

import hmac
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

from dsc_host.ocra import Responder, Suite
from dsc_host.verifier.card_rules import COUNTER_END

TimeSteps: TypeAlias = Sequence[int | None]
"""The time steps to try. For a suite without a time input, this is a single None."""
_NO_TIME: TimeSteps = (None,)


def is_response(response: object, digits: int) -> bool:
    """Return whether the value is a text of this many digits, and so could be the response of a card."""
    # Check the length first, so that a huge text takes no time. Check for ASCII, because Unicode has other digits.
    return isinstance(response, str) and len(response) == digits and response.isascii() and response.isdigit()


def time_steps(suite: Suite, now: float, window: int) -> TimeSteps:
    """Return the time steps to try: those at most `window` steps before or after `now`. `now` is in Unix seconds.

    If the suite has no time input, return a single None.
    """
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
    responder: Responder,
    question: str,
    response: str,
    start: int,
    window: int,
    steps: TimeSteps = _NO_TIME,
    *,
    whole: bool = False,
) -> int | None:
    """Return the counter, from `start` to `start + window`, that the response was made with. Return None if there is none.

    If several counters give the same response by chance, return the lowest. A higher counter may be ahead of the card's own
    counter, and the card's next responses would then be refused. With `whole`, compare the response with that of every counter,
    even after the right one.
    """
    counters = range(start, min(start + window + 1, COUNTER_END))
    found = [islice(_matches(responder, question, response, counters, step), None if whole else 1) for step in steps]
    return min(chain.from_iterable(found), default=None)


def counter_of_two(
    responder: Responder,
    first: tuple[str, str],
    second: tuple[str, str],
    start: int,
    window: int,
    steps: TimeSteps = _NO_TIME,
) -> int | None:
    """Return the counter, from `start` to `start + window`, of two successive responses. Return None if there is none.

    `first` and `second` are each a question and a response to it. The returned counter is the one that `first` was made with;
    `second` was made with the next counter.
    """
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
