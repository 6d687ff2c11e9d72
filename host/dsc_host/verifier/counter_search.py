"""Which counter, if any, a response was made with. Nothing is recorded here.

A wrong response is tried with every counter of a window, and each comparison takes constant time: how long it takes tells
nothing of which one was nearly right. Of a right one it tells how far the card is ahead, which is no secret.
"""

import hmac
from collections.abc import Iterator

from dsc_host.ocra import Responder
from dsc_host.verifier.card_rules import COUNTER_END


def is_response(response: object, digits: int) -> bool:
    """Whether it could be any card's response, of so many digits."""
    # The length first, so that a megabyte costs nothing; ASCII, because there are other digits.
    return isinstance(response, str) and len(response) == digits and response.isascii() and response.isdigit()


def is_right(responder: Responder, question: str, response: str) -> bool:
    """For a suite without a counter."""
    return hmac.compare_digest(responder(question), response)


def counter_of(responder: Responder, question: str, response: str, start: int, window: int) -> int | None:
    """The counter, from `start` to `window` after it, that the response was made with.

    The lowest: of two that are alike by chance, the higher one would leave the real card behind.
    """
    counters = range(start, min(start + window + 1, COUNTER_END))
    return next(_matches(responder, question, response, counters), None)


def counter_of_two(
    responder: Responder, first: tuple[str, str], second: tuple[str, str], start: int, window: int
) -> int | None:
    """The counter of `first`, a question and its response, if `second` was made with the one right after it."""
    counters = range(start, min(start + window + 1, COUNTER_END - 1))
    after = {counter - 1 for counter in _matches(responder, *second, range(start + 1, counters.stop + 1))}
    return next((counter for counter in _matches(responder, *first, counters) if counter in after), None)


def _matches(responder: Responder, question: str, response: str, counters: range) -> Iterator[int]:
    return (
        counter
        for counter, right in zip(counters, responder.series(question, counters), strict=True)
        if hmac.compare_digest(right, response)
    )
