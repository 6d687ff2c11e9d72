"""The journal keeps its four promises wherever the power fails: in a sweep and at random places."""

import ast
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.firmware.fakes import needs_micropython
from tests.reliability import power
from tests.reliability.mutants import MUTANTS, ROOT, Mutant
from tests.reliability.operations import OPERATIONS, Operation, record_of
from tests.reliability.report import Scale

from dsc_firmware import journal
from dsc_simulator import Flash, PowerCut, SimulatedCard
from dsc_simulator.engines import available


@pytest.mark.long
def test_no_promise_is_broken() -> None:
    engines = [engine for engine in ("cpython", "micropython") if available(engine)]
    rows = list(power.run(Scale.TEST))
    assert [str(row) for row in rows if not row.good] == []
    assert {row.where for row in rows} == set(engines)
    assert sum(row.tried for row in rows if row.where == "cpython") > 10_000


@pytest.mark.parametrize("engine", ["cpython", pytest.param("micropython", marks=[needs_micropython, pytest.mark.long])])
@given(operation=st.sampled_from(OPERATIONS), place=st.floats(0, 1), again=st.floats(0, 1))
def test_no_promise_is_broken_by_two_cuts_anywhere(engine: str, operation: Operation, place: float, again: float) -> None:
    known = power.course(operation, engine)
    most = known.instructions if engine == "micropython" else (len(known.records) - 1) * journal.SIZE
    outcome = power.cut(operation, engine, int(place * most))
    if outcome is None:
        return
    slots, shown = outcome
    assert not power.broken(operation, engine, slots, shown)
    with SimulatedCard(engine=engine, flash=Flash(slots), seed=1) as card:
        boot = card.instructions or journal.SIZE
    with SimulatedCard(engine=engine, flash=Flash(), seed=1) as card:
        # The card starts on the flash of the first cut, and the power fails during the start.
        card.flash.slots[:] = slots
        card.cut_power(int(again * boot))
        with suppress(PowerCut):
            card.restart()
        assert record_of((card.flash.slots[0], card.flash.slots[1])) in known.records


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_a_mutant_is_still_a_change_of_the_program(mutant: Mutant) -> None:
    ast.parse(mutant.source())
    assert (ROOT / mutant.tests.partition("::")[0]).is_file()
