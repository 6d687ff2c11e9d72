"""The time that the verifier takes to refuse: it must be the same for a wrong PIN or response, a missing or a locked card.

The four are asked in a random order, so that disturbances of the machine do not hit only one of them. Welch's t is computed for
all times, and for those without the slowest twentieth, where interruptions do not hide a small difference.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import combinations, cycle
from math import sqrt
from pathlib import Path
from statistics import fmean, variance

from tests.host.api.api_client import Api
from tests.host.databases import new_database
from tests.reliability import races
from tests.reliability.report import Row, Scale

from dsc_host.ocra import Suite
from dsc_host.verifier import Enrollment, Policy, Verifier

MOST_T = 4.5
"""The bound of t above which two kinds count as different. By chance alone, that happens once in 150,000 comparisons."""
SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
MIXED = (SUITE, Suite.parse("OCRA-1:HOTP-SHA512-8:C-QN08"))
KEY, PIN, OTHER_PIN = bytes(range(32)), "1234", "4321"
KINDS = ("wrong PIN", "wrong response", "no card", "locked card")
# There is one challenge for each card, which may be answered wrongly forever, and a card that only the test locks.
POLICY = Policy(attempts=10**9, lock_after=10**9, lock_for=10**6, pause=0, validity=10**6)
_SEED = 1
_KEPT = 0.95
_OF_A_KIND = 50

Answers = dict[str, list[tuple[str, str]]]
"""The ids of challenges, each with a wrong response, by kind."""


def prepared(verifier: Verifier) -> Answers:
    """Return some serials of each kind, drawn at random, because the place of a serial among the others affects the time."""
    serials = [f"CARD-{number:03}" for number in range(len(KINDS) * _OF_A_KIND)]
    random.Random(_SEED).shuffle(serials)
    return {kind: [_answer(verifier, kind, serials.pop()) for _ in range(_OF_A_KIND)] for kind in KINDS}


def _answer(verifier: Verifier, kind: str, serial: str) -> tuple[str, str]:
    if kind != "no card":
        verifier.enroll(serial, key=KEY, suite=SUITE.text, pin=PIN)
    challenge = verifier.challenge(serial, conceal=True)
    if kind == "locked card":
        verifier.lock(serial)
    if kind == "wrong PIN":
        return challenge.id, SUITE.response(KEY, challenge.question, counter=0, pin=OTHER_PIN)
    right = SUITE.response(KEY, challenge.question, counter=0, pin=PIN)
    return challenge.id, f"{(int(right) + 1) % 10**8:08}"


def times(answers: Answers, each: int, verify: Callable[[str, str], object]) -> dict[str, list[float]]:
    """Return the seconds of `each` answers of every kind."""
    chance = random.Random(_SEED)
    order = [kind for kind in answers for _ in range(each)]
    chance.shuffle(order)
    taken: dict[str, list[float]] = {kind: [] for kind in answers}
    for kind in order:
        answer = chance.choice(answers[kind])
        start = time.perf_counter()
        verdict = verify(*answer)
        taken[kind].append(time.perf_counter() - start)
        assert not verdict
    return taken


def welch(first: list[float], second: list[float]) -> float:
    """Return Welch's t of two samples."""
    return (fmean(first) - fmean(second)) / sqrt(variance(first) / len(first) + variance(second) / len(second))


def greatest(taken: dict[str, list[float]]) -> tuple[float, int]:
    """Return the greatest absolute t of any two kinds, and how many of all t are beyond the bound."""
    every = sorted(second for seconds in taken.values() for second in seconds)
    latest = every[int(len(every) * _KEPT)]
    kept = {kind: [second for second in seconds if second < latest] for kind, seconds in taken.items()}
    found = [abs(welch(times[one], times[other])) for times in (taken, kept) for one, other in combinations(taken, 2)]
    return max(found), sum(t > MOST_T for t in found)


def compared(kind: str, each: int, *, by_service: bool) -> Row:
    """Compare the refusals, by calls of the verifier or by requests to the service."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(new_database(kind, folder))
        verifier = stack.enter_context(Verifier.open(database.url, master_key=bytes(32), policy=POLICY))
        answers = prepared(verifier)
        verify = _requests(stack.enter_context(Api(verifier, folder))) if by_service else verifier.verify
        t, apart = greatest(times(answers, each, verify))
    what = "4 refusals by HTTP" if by_service else "4 refusals"
    return Row(f"{what}, |t| <= {t:.1f}", kind, len(KINDS) * each, {"told apart by their time": apart})


def asked(kind: str, each: int) -> Row:
    """Ask for challenges for cards and for unknown serials, where suites are mixed, twice each, and answer them wrongly.

    Those with equally long questions are compared, as an attacker would do it: the first time, later, and when answered.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(new_database(kind, folder))
        verifier = stack.enter_context(Verifier.open(database.url, master_key=bytes(32), policy=POLICY))
        serials = [f"C-{number:05}" for number in range(each)]
        verifier.enroll_all(
            Enrollment(serial, KEY, suite.text, None if suite.pin_hash is None else PIN)
            for serial, suite in zip(serials, cycle(MIXED), strict=False)
        )
        taken = _asked_times(verifier, [*((serial, "card") for serial in serials), *((f"{s}X", "no card") for s in serials)])
        found = [greatest(times) for times in taken.values()]
    what = f"card or unknown serial, |t| <= {max(t for t, _ in found):.1f}"
    return Row(what, kind, 8 * each, {"told apart by their time": sum(apart for _, apart in found)})


def _asked_times(verifier: Verifier, serials: list[tuple[str, str]]) -> dict[tuple[str, int], dict[str, list[float]]]:
    """Return the seconds of each call, by its kind and the length of the question, and by whether there is a card."""
    chance = random.Random(_SEED)
    taken: dict[tuple[str, int], dict[str, list[float]]] = {}
    verifier.challenge("THE-FIRST-ONE", conceal=True)  # This makes the key with which suites are drawn.
    for time_of in ("first", "later"):
        chance.shuffle(serials)
        for serial, kind in serials:
            began = time.perf_counter()
            challenge = verifier.challenge(serial, conceal=True)
            given = time.perf_counter()
            verifier.verify(challenge.id, "00000000")  # Once in a hundred million times, it is right.
            answered = time.perf_counter()
            for what, seconds in ((time_of, given - began), ("answered", answered - given)):
                taken.setdefault((what, len(challenge.question)), {}).setdefault(kind, []).append(seconds)
    return taken


def _requests(api: Api) -> Callable[[str, str], bool]:
    return lambda challenge, response: bool(api("POST", "/verify", id=challenge, response=response).json()["accepted"])


def run(scale: Scale) -> Iterator[Row]:
    """Yield two rows for each database, and with `Scale.FULL`, which takes some minutes, a third row: challenges."""
    each = 10_000 if scale is Scale.FULL else 200
    for kind in races.kinds():
        yield compared(kind, each, by_service=False)
        yield compared(kind, each, by_service=True)
        if scale is Scale.FULL:
            # Next to other tests, so few challenges show only noise. There the executed statements are counted instead.
            yield asked(kind, each)
