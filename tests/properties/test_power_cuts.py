"""The four promises of the journal, wherever the power fails: swept, and at random places; and that the sweep has teeth."""

import ast
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.firmware.fakes import needs_micropython
from tests.reliability import power
from tests.reliability.mutants import MUTANTS, ROOT, Mutant
from tests.reliability.operations import OPERATIONS, Operation, record_of
from tests.reliability.report import Scale

from dsc_firmware import app, journal, states
from dsc_simulator import Flash, PowerCut, SimulatedCard
from dsc_simulator.engines import available

NAMED = {operation.name: operation for operation in OPERATIONS}


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
        # The card starts on the flash of the first cut, and the power fails while it does.
        card.flash.slots[:] = slots
        card.cut_power(int(again * boot))
        with suppress(PowerCut):
            card.restart()
        assert record_of((card.flash.slots[0], card.flash.slots[1])) in known.records


def broken_promises(operation: Operation, engine: str = "cpython") -> set[str]:
    power.course.cache_clear()
    power.wakes.cache_clear()
    _, counts = power.sweep(
        OPERATIONS.index(operation), engine, power.places(operation, engine, Scale.TEST), stride=journal.SIZE
    )
    power.course.cache_clear()
    power.wakes.cache_clear()
    return {promise for promise, count in counts.items() if count}


def compare_first(self: app.App) -> int:
    record, card = self.record, self.card
    app.code_of(record.key, card.pin, self._tried)
    right = app.same(self._tried, record.code)
    if not right:
        card.failures = record.failures = record.failures + 1
        self.board.display.show(b"FAIL 1  ")
    else:
        record.failures = 0
    stored = self.journal.store()
    return int((states.RIGHT if right else states.WRONG) if stored else states.FAULT)


def respond_first(self: app.App) -> int:
    record, card = self.record, self.card
    self.ocra.respond(card.cells[: self.ocra.digits], record.key, card.question, record.counter, card.pin)
    self.board.display.show(card.cells)
    return int(states.ANSWERED if self._spend(record.counter) else states.FAULT)


def one_slot(self: journal.Journal) -> bool:
    self.record.encode_into(self._buffer, self._epoch + 1)
    self._epoch += 1
    return bool(self._write(self._slot))


@pytest.mark.parametrize(
    ("owner", "name", "mutant", "operation", "promise"),
    [
        (app.App, "_try_pin", compare_first, "wrong PIN", "tries gained"),
        (app.App, "_respond", respond_first, "response", "counters repeated"),
        (journal.Journal, "store", one_slot, "response", "records lost"),
    ],
)
def test_a_firmware_that_breaks_a_promise_is_found_out(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, mutant: Callable[..., object], operation: str, promise: str
) -> None:
    assert broken_promises(NAMED[operation]) == set()
    monkeypatch.setattr(owner, name, mutant)
    assert promise in broken_promises(NAMED[operation])


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_a_mutant_is_still_a_change_of_the_program(mutant: Mutant) -> None:
    ast.parse(mutant.source())
    assert (ROOT / mutant.tests.partition("::")[0]).is_file()
