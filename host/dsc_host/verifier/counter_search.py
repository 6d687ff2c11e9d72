"""The search for the counter that a response was made with. Nothing is recorded here.

A wrong response is compared with the response of every counter in the window, each time in constant time. So the time does not
tell which one was nearly right. For a right response it tells how far the card is ahead, which is no secret.
"""

import hmac
from collections.abc import Iterator

from dsc_host.ocra import Responder
from dsc_host.verifier.card_rules import COUNTER_END


def is_response(response: object, digits: int) -> bool:
    """Return whether the value could be the response of a card whose responses have this many digits."""
    # Check the length first, so that a megabyte costs nothing. Check for ASCII, because Unicode has other digits.
    return isinstance(response, str) and len(response) == digits and response.isascii() and response.isdigit()


def is_right(responder: Responder, question: str, response: str) -> bool:
    """Return whether this is the right response of a suite without a counter."""
    return hmac.compare_digest(responder(question), response)


def counter_of(responder: Responder, question: str, response: str, start: int, window: int) -> int | None:
    """Return the counter, from `start` to `start + window`, that the response was made with, or None.

    If two counters give the same response by chance, return the lower one: the higher would leave the real card behind.
    """
    counters = range(start, min(start + window + 1, COUNTER_END))
    return next(_matches(responder, question, response, counters), None)


def counter_of_two(
    responder: Responder, first: tuple[str, str], second: tuple[str, str], start: int, window: int
) -> int | None:
    """Return the counter of `first`, a question and its response, if `second` was made with the next counter."""
    counters = range(start, min(start + window + 1, COUNTER_END - 1))
    after = {counter - 1 for counter in _matches(responder, *second, range(start + 1, counters.stop + 1))}
    return next((counter for counter in _matches(responder, *first, counters) if counter in after), None)


def _matches(responder: Responder, question: str, response: str, counters: range) -> Iterator[int]:
    return (
        counter
        for counter, right in zip(counters, responder.series(question, counters), strict=True)
        if hmac.compare_digest(right, response)
    )
