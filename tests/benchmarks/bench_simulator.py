"""The cost of a simulated card: for its start, and for one login (wake, PIN, challenge, response)."""

from functools import partial
from itertools import pairwise

from tests.benchmarks.measure import Figure, best_times

from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.engines import ENGINES

PROFILE = Profile(serial="IB3000123", key=bytes(range(32)))
MOST_MS = {"cpython": (10, 5), "micropython": (50, 50)}
ROUNDS = 20


def start(engine: str) -> None:
    SimulatedCard(engine=engine, profile=PROFILE, seed=1).close()


def log_in(card: SimulatedCard) -> None:
    card.press("PRESS")
    card.enter("1234")
    response = card.enter("482913")
    assert len(response) == 8, response
    card.press("OK")


def _times(engine: str) -> list[Figure]:
    # This compiles and caches what the engine needs, which is not part of a start.
    start(engine)
    with SimulatedCard(engine=engine, profile=PROFILE, seed=1) as card:
        best = best_times({"start": partial(start, engine), "login": partial(log_in, card)}, calls=1, rounds=ROUNDS)
    most_start, most_login = MOST_MS[engine]
    return [
        Figure(f"SimulatedCard starts, {engine}", best["start"] * 1000, "ms", at_most=most_start),
        Figure(f"a whole login, {engine}", best["login"] * 1000, "ms", at_most=most_login),
    ]


def _instructions() -> list[Figure]:
    """Return the instructions that the VM executes. They are the same on every machine."""
    with SimulatedCard(engine="micropython", profile=PROFILE, seed=1) as card:
        counts = [card.instructions or 0]
        for keys in (("PRESS",), (*"1234", "OK"), tuple("482913"), ("OK",)):
            card.press(*keys)
            counts.append(card.instructions or 0)
    names = ("boot", "wake", "type the PIN and OK", "type the challenge", "OK to response")
    spent = [counts[0], *(after - before for before, after in pairwise(counts))]
    return [Figure(f"{name}, micropython", count, "instructions") for name, count in zip(names, spent, strict=True)]


def measure() -> list[Figure]:
    """Return the times and counts of one run. This takes a few seconds."""
    return [figure for engine in ENGINES for figure in _times(engine)] + _instructions()
