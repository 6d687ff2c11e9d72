"""For tests of the card's firmware, yours too: hypothesis strategies for all that a card can be given, and the machine that
compares the firmware, on each engine, with a model written from the docs.

It needs hypothesis, which `pip install 'dscplus[testing]'` brings; without it, importing this raises ImportError.
"""

from importlib.util import find_spec

if find_spec("hypothesis") is None:
    raise ImportError("dsc_simulator.testing: hypothesis is not installed; pip install 'dscplus[testing]'")

from dsc_simulator.testing.machine import CardMachine
from dsc_simulator.testing.strategies import (
    LineRequest,
    counters,
    cuts,
    keys,
    line_requests,
    milliseconds,
    moments,
    noise,
    pin_entries,
    pins,
    profiles,
    questions,
    suites,
)

__all__ = [
    "CardMachine",
    "LineRequest",
    "counters",
    "cuts",
    "keys",
    "line_requests",
    "milliseconds",
    "moments",
    "noise",
    "pin_entries",
    "pins",
    "profiles",
    "questions",
    "suites",
]
