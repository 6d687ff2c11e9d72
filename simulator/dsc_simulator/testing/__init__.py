"""Tools to test the card's firmware, or other firmware: hypothesis strategies and a comparison with a model.

The strategies generate every kind of input of a card. `CardMachine` compares the firmware, on each engine, with a model that
was written from the documents. The package needs hypothesis: `pip install 'dscplus[testing]'`. Without hypothesis, importing it
raises ImportError.
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
