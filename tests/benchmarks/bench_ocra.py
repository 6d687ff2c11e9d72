"""The cost of a response on the host, as ratios of one run."""

import hashlib
import hmac
from collections.abc import Callable

from oath._ocra import str2ocrasuite
from tests.benchmarks.measure import Figure, best_times

from dsc_host import Suite

TEXT, KEY, QUESTION, COUNTER, PIN = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", bytes(range(32)), "482913", 5, "1234"
ROUNDS, CALLS, WINDOW = 60, 1000, 20


def candidates() -> dict[str, Callable[[], object]]:
    suite, oath_suite = Suite.parse(TEXT), str2ocrasuite(TEXT)
    prepared = suite.prepare(KEY, PIN)
    message = b"\0".join([TEXT.encode(), COUNTER.to_bytes(8, "big") + suite.encode_question(QUESTION)])
    message += hashlib.sha256(PIN.encode()).digest()
    inner, outer = hashlib.sha256(bytes(64)), hashlib.sha256(bytes(64))

    def two_copied_contexts() -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    def oath() -> str:
        return str(oath_suite(KEY, Q=QUESTION, C=COUNTER, P=PIN))

    def response() -> str:
        return suite.response(KEY, QUESTION, counter=COUNTER, pin=PIN)

    assert response() == prepared(QUESTION, COUNTER) == oath(), "the candidates disagree"
    return {
        "hmac.digest": lambda: hmac.digest(KEY, message, "sha256"),
        "two copied contexts": two_copied_contexts,
        "oath": oath,
        "oath, parsing": lambda: str2ocrasuite(TEXT)(KEY, Q=QUESTION, C=COUNTER, P=PIN),
        "response": response,
        "response, parsing": lambda: Suite.parse(TEXT).response(KEY, QUESTION, counter=COUNTER, pin=PIN),
        "prepared": lambda: prepared(QUESTION, COUNTER),
        "series": lambda: list(prepared.series(QUESTION, range(WINDOW))),
    }


def measure() -> list[Figure]:
    """Return the ratios of one run. This takes a few seconds."""
    best = best_times(candidates(), calls=CALLS, rounds=ROUNDS)
    best["series"] /= WINDOW
    return [
        Figure("Suite.response / hmac.digest", best["response"] / best["hmac.digest"], at_most=3),
        Figure("oath / Suite.response", best["oath"] / best["response"], above=1),
        Figure("oath / Suite.response, both parsing the suite", best["oath, parsing"] / best["response, parsing"], above=1),
        Figure("oath / prepared response", best["oath"] / best["prepared"], above=1),
        Figure("oath / one of a series of 20", best["oath"] / best["series"], above=1),
        Figure("one of a series of 20 / two copied SHA-256 contexts", best["series"] / best["two copied contexts"], at_most=2),
        # The goal of this one is also 2. It is not a bound, because CPython takes that long to read a question, to join the
        # message and to truncate, even with nothing checked.
        Figure("prepared response / two copied SHA-256 contexts", best["prepared"] / best["two copied contexts"]),
    ]
