"""The cost of a simulated card: for its start, for one login (wake, PIN, challenge, response), and of memory."""

import subprocess
import sys
from functools import partial
from itertools import pairwise

from tests.benchmarks.measure import Figure, best_times

from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.engines import ENGINES

PROFILE = Profile(serial="IB3000123", key=bytes(range(32)))
MOST_MS = {"cpython": (10, 5), "micropython": (50, 50)}
ROUNDS = 20
CARDS, MOST_MB = 200, 1.0
MEMORY = """
import sys, threading, psutil
from dsc_simulator.page_card import PageCard

def used():
    return psutil.Process().memory_info().rss / 2**20

def log_in(card):
    for key in ("PRESS", *"1234", "OK", *"482913", "OK"):
        card.press(key)

engine, count = sys.argv[1], int(sys.argv[2])
cards = [PageCard({"serial": "B-1", "key": bytes(32)}, engine=engine)]
before = used()
cards += [PageCard({"serial": f"B-{number}", "key": bytes(32)}, engine=engine) for number in range(count)]
threads = [threading.Thread(target=log_in, args=[card]) for card in cards]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert {len(card.display) for card in cards} == {8}
print((used() - before) / count)
"""


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


def _memory() -> list[Figure]:
    """Return the memory that each of many cards keeps that were pressed at once, without what all cards of a process share."""
    figures = []
    for engine in ENGINES:
        command = [sys.executable, "-c", MEMORY, engine, str(CARDS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        figures.append(Figure(f"memory of each of {CARDS} cards, {engine}", float(done.stdout), "MB", at_most=MOST_MB))
    return figures


def measure() -> list[Figure]:
    """Return the times and counts of one run. This takes a few seconds."""
    return [figure for engine in ENGINES for figure in _times(engine)] + _instructions() + _memory()
