"""The whole card against a model of it that fits on a page: keys, time and dead batteries, the display compared after each.

The model is written from docs and manual, and its responses are computed by the host's own implementation.
"""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.firmware.fakes import INTERPRETERS

from dsc_host.ocra import Suite
from dsc_simulator import Profile, SimulatedCard

KEY = bytes(range(32))
PIN = "1234"
PROFILES = {
    "ocra": Profile("A", KEY),
    "card": Profile("A", KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", pin_policy="card", pin=PIN, tries=3),
}


class Model:
    """What the manual says."""

    def __init__(self, policy: str) -> None:
        self.profile = PROFILES[policy]
        self.suite = Suite.parse(self.profile.suite)
        self.counter = self.failures = 0
        self.off()

    def off(self) -> None:
        self.state = self.display = self.pin = self.question = ""
        self.left = 0

    @property
    def locked(self) -> bool:
        return self.failures == self.profile.tries

    def wait(self, milliseconds: int) -> None:
        self.left -= milliseconds
        if self.left <= 0:
            self.off()

    def press(self, key: str) -> None:
        if self.state:
            self.off() if key == "PRESS" else getattr(self, "in_" + self.state)(key)
        elif key == "PRESS":
            self.state, self.display = ("locked", "LOCKED") if self.locked else ("pin", "PIN>")
        self.left = 60_000 if self.state == "response" else 30_000

    def in_pin(self, key: str) -> None:
        if key == "OK":
            if len(self.pin) == 4:
                self.finish_pin()
        elif key == "C" and not self.pin:
            self.off()
        elif key == "C" or len(self.pin) < 4:
            self.pin = self.pin[:-1] if key == "C" else self.pin + key
            self.display = "PIN>" + "*" * len(self.pin)

    def finish_pin(self) -> None:
        if self.profile.pin and self.pin != self.profile.pin:
            self.failures += 1
            self.pin, self.display = "", f"FAIL {self.failures}"
            if self.locked:
                self.state, self.display = "locked", "LOCKED"
        else:
            self.failures = 0
            self.state, self.display = "challenge", "CHALLNG>"

    def in_challenge(self, key: str) -> None:
        if key == "OK":
            if len(self.question) == 6:
                self.answer()
        elif key == "C" or len(self.question) < 6:
            self.question = self.question[:-1] if key == "C" else self.question + key
            self.display = self.question or "CHALLNG>"

    def answer(self) -> None:
        pin = None if self.profile.pin else self.pin
        self.state = "response"
        self.display = self.suite.response(KEY, self.question, counter=self.counter, pin=pin)
        self.counter += 1

    def in_response(self, key: str) -> None:
        if key == "OK":
            self.off()

    def in_locked(self, key: str) -> None:
        pass


class CardMachine(RuleBasedStateMachine):
    policy: ClassVar[str]
    interpreter: ClassVar[str]
    compared: ClassVar[int]

    @initialize(press=st.booleans())
    def start(self, press: bool) -> None:
        self.model = Model(self.policy)
        self.card = SimulatedCard(profile=PROFILES[self.policy], engine=self.interpreter, seed=1)
        if press:
            self.press("PRESS")

    def compare(self, shown: str) -> None:
        assert shown == self.model.display
        type(self).compared += 1

    def press(self, *keys: str) -> None:
        for key in keys:
            self.model.press(key)
            self.compare(self.card.press(key))

    @rule(key=st.sampled_from([*"0123456789", "OK", "C", "OK", "C", "PRESS"]))
    def one_key(self, key: str) -> None:
        self.press(key)

    @rule(pin=st.sampled_from([PIN, PIN, "0000", "12345"]))
    def enter_pin(self, pin: str) -> None:
        self.press(*pin, "OK")

    @rule(question=st.integers(0, 999_999))
    def enter_question(self, question: int) -> None:
        self.press(*f"{question:06}", "OK")

    @precondition(lambda self: not self.model.state)
    @rule(question=st.integers(0, 999_999))
    def log_in(self, question: int) -> None:
        self.press("PRESS", *PIN, "OK", *f"{question:06}", "OK")

    @rule(milliseconds=st.sampled_from([1, 14_999, 15_000, 29_999, 30_000, 30_001, 59_999, 60_000]))
    def wait(self, milliseconds: int) -> None:
        self.model.wait(milliseconds)
        self.compare(self.card.advance(milliseconds / 1000))

    @rule()
    def restart(self) -> None:
        self.model.off()
        self.card.restart()
        self.compare(self.card.display)

    def teardown(self) -> None:
        if hasattr(self, "card"):
            self.card.close()


@pytest.mark.parametrize("policy", PROFILES)
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_card_does_what_the_model_does(policy: str, interpreter: str) -> None:
    machine = type("Machine", (CardMachine,), {"policy": policy, "interpreter": interpreter, "compared": 0})
    examples = 50 if interpreter == "cpython" else 6
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))
    assert machine.compared > examples, "more displays are compared than examples are made"
