"""Random keys, time, requests, power cuts and restarts: the firmware on both engines, and the model made from the docs."""

import sys
from collections import Counter
from collections.abc import Iterator

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.reliability.report import Row, Scale

from dsc_simulator import ENGINES
from dsc_simulator.testing import CardMachine

_EXAMPLES = {Scale.TEST: 20, Scale.FULL: 600}


def run(scale: Scale) -> Iterator[Row]:
    """Yield the number of compared steps, and of differences. The run ends at the first difference and prints it on stderr."""
    for engines in (("cpython",), ENGINES):
        machine = type("Machine", (CardMachine,), {"engines": engines, "compared": Counter()})
        chosen = settings(max_examples=_EXAMPLES[scale], stateful_step_count=50, deadline=None, derandomize=True, database=None)
        differences = 0
        try:
            run_state_machine_as_test(machine, settings=chosen)
        except AssertionError as difference:
            print(difference, file=sys.stderr)
            differences = 1
        yield Row(
            "steps of model and firmware", " + ".join(engines), sum(machine.compared.values()), {"disagreements": differences}
        )
