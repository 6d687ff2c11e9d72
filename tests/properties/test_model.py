"""The firmware on both engines and a model made from the docs behave alike, whatever is done to them.

The converse is tested too: firmware that behaves differently, even rarely, is found.
"""

from collections import Counter
from collections.abc import Callable, Set
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from dsc_firmware import card, states
from dsc_firmware.app import App
from dsc_firmware.card import Card
from dsc_firmware.journal import Journal
from dsc_simulator import ENGINES, Profile
from dsc_simulator.engines import available
from dsc_simulator.testing import CardMachine

EVERYTHING = {*states.STATES, "cut"}
CARDS = st.sampled_from(
    [
        Profile("A", bytes(16)),
        Profile("A", bytes(16), "OCRA-1:HOTP-SHA256-8:C-QN06", pin_policy="card", pin="1234", tries=2, unlock_key=bytes(32)),
    ]
)


def run(examples: int, wanted: Set[str], **choices: Any) -> Counter[str]:
    """Run this many examples, and more if what is wanted did not occur in them.

    The first examples change with every constant of the loaded modules and with hypothesis: in one of ten hundreds of
    examples, the power is never cut.
    """
    compared: Counter[str] = Counter()
    for more in (1, 10, 100):
        machine = type("Machine", (CardMachine,), {"compared": compared, **choices})
        run_state_machine_as_test(machine, settings=settings(max_examples=more * examples, stateful_step_count=50))
        if wanted <= compared.keys():
            break
    return compared


@pytest.mark.skipif(not all(map(available, ENGINES)), reason="the packages of micropython are not installed")
@pytest.mark.long
def test_both_engines_and_the_model_do_the_same() -> None:
    wanted = {"pin", "challenge", "response", "locked", "cut"}
    assert run(settings.default.max_examples, wanted).keys() >= wanted


def test_cpython_and_the_model_do_the_same() -> None:
    assert {"pin", "challenge"} <= run(30, set(), engines=("cpython",)).keys() <= EVERYTHING


@pytest.mark.long
def test_cpython_and_the_model_do_the_same_in_every_state() -> None:
    assert run(3 * settings.default.max_examples, EVERYTHING, engines=("cpython",)).keys() == EVERYTHING


def prompts_for_a_challenge_otherwise() -> AbstractContextManager[object]:
    show = Card._show
    return patch.object(Card, "_show", lambda self, text: show(self, b"QUESTION" if text == b"CHALLNG>" else text))


def turns_off_a_second_late() -> AbstractContextManager[object]:
    return patch.object(card, "_IDLE_MS", 31_000)


def does_not_store_the_counter() -> AbstractContextManager[object]:
    return patch.object(App, "_spend", lambda self, counter: setattr(self.record, "counter", counter + 1) is None)


def shows_before_it_stores() -> AbstractContextManager[object]:
    spend = App._spend

    def respond(self: App) -> int:
        with patch.object(App, "_spend", lambda self, counter: True):
            effect: int = RESPOND(self)
        self.board.display.show(self.card.cells)
        return effect if spend(self, self.record.counter) else states.FAULT

    return patch.object(App, "_respond", respond)


def forgets_no_failure() -> AbstractContextManager[object]:
    def try_pin(self: App) -> int:
        before = self.record.failures
        effect: int = TRY_PIN(self)
        self.record.failures = max(self.record.failures, before)
        return effect

    return patch.object(App, "_try_pin", try_pin)


def keeps_one_slot() -> AbstractContextManager[object]:
    write = Journal._write
    return patch.object(Journal, "_write", lambda self, slot: write(self, 0))


RESPOND, TRY_PIN = App._respond, App._try_pin
MUTATIONS = [
    prompts_for_a_challenge_otherwise,
    turns_off_a_second_late,
    does_not_store_the_counter,
    shows_before_it_stores,
    # These mutations need thousands of examples.
    pytest.param(forgets_no_failure, marks=pytest.mark.long),
    pytest.param(keeps_one_slot, marks=pytest.mark.long),
]


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_firmware_that_does_something_else_is_found_out(mutation: Callable[[], AbstractContextManager[object]]) -> None:
    machine = type("Mutant", (CardMachine,), {"engines": ("cpython",), "cards": CARDS, "firmware": lambda self: mutation()})
    # Examples are not shrunk: nobody reads them. hypothesis's first tries depend on the modules that other tests have
    # loaded, so the limit leaves room for many more examples than any mutation has needed.
    budget = settings(max_examples=2000, stateful_step_count=50, phases=[Phase.generate], derandomize=True, database=None)
    with pytest.raises(AssertionError, match=r"cpython (did|shows|remembers|has stored)"):
        run_state_machine_as_test(machine, settings=budget)
