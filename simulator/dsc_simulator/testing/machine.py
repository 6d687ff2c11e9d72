"""The hypothesis state machine. It gives all cards and the model the same inputs, and compares their outputs."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import DataObject, SearchStrategy

from dsc_simulator.card import SimulatedCard
from dsc_simulator.engines import ENGINES, available
from dsc_simulator.profile import Profile
from dsc_simulator.testing import strategies as given
from dsc_simulator.testing.line import CardOnLine
from dsc_simulator.testing.strategies import LineRequest
from dsc_simulator.testing.subject import Subject, plain

# The largest number of restarts in one example. A restart takes as long as fifty key presses.
_STARTS = 3


class CardMachine(RuleBasedStateMachine):
    """Runs the firmware on each of `engines`, and compares it with the model after every step.

    It compares the display, the record, and the output of the step: displays, lines and records, in order. Between the
    engines, it also compares the texts of errors and every byte of the flash. If the power failed in a step, the output of
    the card must be the beginning of the model's output.

    A subclass may override three attributes. `engines` are the names of the engines. `cards` is a strategy of profiles, where
    None means a blank card. `firmware` returns a context in which `cpython` runs other firmware, for example
    `unittest.mock.patch.object(…)`. Run the subclass with `run_state_machine_as_test`, or collect its `TestCase`. A difference
    raises an AssertionError that names the engine.
    """

    engines: ClassVar[tuple[str, ...]] = tuple(name for name in ENGINES if available(name))
    cards: ClassVar[SearchStrategy[Profile | None]] = given.profiles() | given.profiles() | st.none()
    compared: ClassVar[Counter[str]] = Counter()
    """The number of compared steps, by the state after the step. `cut` counts power failures. The counts are never reset."""

    def firmware(self) -> AbstractContextManager[object]:
        """Return a context that is entered for the whole test. The context of this class does nothing."""
        return nullcontext()

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self._number = self._starts = 0

    @initialize(data=st.data())
    def start(self, data: DataObject) -> None:
        """Start a new card."""
        profile = data.draw(self.cards, label="profile")
        slots = profile.flash().slots if profile else (None, None)
        self._open.enter_context(self.firmware())
        self.subjects = [Subject(engine, slots, seed=0) for engine in self.engines]
        for subject in self.subjects:
            self._open.callback(subject.card.close)
        self.model = CardOnLine(self.subjects[0].record, profile.pin if profile else None)
        self._compare()

    def teardown(self) -> None:
        """Close the cards."""
        self._open.close()

    @rule(key=given.keys())
    def press(self, key: str, cut: float | None = None) -> None:
        """Press a key."""
        self._step(lambda card: card.press(key), lambda: self.model.press(key), cut)

    @precondition(lambda self: self.model.state != "off")
    @rule(ms=given.milliseconds())
    def wait(self, ms: int) -> None:
        """Let time pass while the card is on."""
        self._step(lambda card: card.advance(ms / 1000), lambda: self.model.pass_time(ms))

    @rule(line=given.line_requests() | given.noise())
    def say(self, line: LineRequest | bytes) -> None:
        """Send a request or noise."""
        if isinstance(line, LineRequest):
            self._ask(line)
        else:
            # Begin with a line end. Otherwise this noise would continue the line of earlier noise.
            self._step(lambda card: card.send(b"\n" + line), lambda: None)

    @precondition(lambda self: self._starts < _STARTS)
    @rule(cut=given.cuts())
    def restart(self, cut: float | None) -> None:
        """Remove and replace the battery."""
        self._starts += 1
        self._step(SimulatedCard.restart, self.model.restart, cut)

    @precondition(lambda self: self._starts < _STARTS)
    @rule(act=given.keys() | given.line_requests(), cut=given.moments())
    def cut_power(self, act: str | LineRequest, cut: float) -> None:
        """Cut the power during a key press or a request."""
        if isinstance(act, str):
            self.press(act, cut)
        else:
            self._ask(act, cut)

    @precondition(lambda self: self.model.state == "off" and self.model.record.key and not self.model.record.locked)
    @rule(mistakes=st.integers(0, 2))
    def log_in(self, mistakes: int) -> None:
        """Log in, with `mistakes` wrong PINs before the right PIN, if the card allows that many."""
        self.press("PRESS")
        if self.model.record.checks_pin:
            for _ in range(min(mistakes, self.model.record.tries - 1 - self.model.record.failures)):
                self._enter("5555")
        if self.model.state == "pin":
            self._enter(self._right_pin())

    @precondition(lambda self: self.model.state == "off" and self.model.record.key)
    @rule(ms=st.just(0) | given.milliseconds())
    def wake(self, ms: int) -> None:
        """Switch the card on."""
        self.wait(ms)
        self.press("PRESS")

    @precondition(lambda self: self.model.state == "pin")
    @rule(pin=given.pin_entries(), right=st.booleans(), cut=given.cuts())
    def enter_pin(self, pin: str, right: bool, cut: float | None) -> None:
        """Type a PIN, right or wrong."""
        self._enter(self._right_pin() if right else pin, cut)

    @precondition(lambda self: self.model.state == "challenge")
    @rule(data=st.data(), by_line=st.booleans(), cut=given.cuts())
    def enter_question(self, data: DataObject, by_line: bool, cut: float | None) -> None:
        """Give the card a challenge, by keys or over the line."""
        question = data.draw(given.questions(self.model.record.suite), label="question")
        if by_line or not question.isdigit():
            self._ask(LineRequest("challenge", {"q": question}))
            question = ""
        self._enter(question, cut)

    @precondition(lambda self: self.model.record.checks_pin and self.model.state in ("off", "pin"))
    @rule(cut=given.cuts())
    def lock(self, cut: float | None) -> None:
        """Type wrong PINs until the card is locked."""
        if self.model.state == "off":
            self.press("PRESS")
        tries = self.model.record.tries - self.model.record.failures
        for i in range(tries):
            for _ in self.model.typed:
                self.press("C")
            self._enter("5555", cut if i == tries - 1 else None)

    @precondition(lambda self: self.model.record.locked and self.model.record.unlocks)
    @rule(wrong=st.integers(0, 2) | st.integers(0, 10), right=st.booleans(), cut=given.cuts())
    def unlock(self, wrong: int, right: bool, cut: float | None) -> None:
        """Type unlock codes: some wrong codes, then perhaps the right code."""
        for _ in range(min(wrong, self.model.record.unlocks)):
            self._reach_unlock()
            self._enter("00000000")
        if self.model.record.unlocks:
            self._reach_unlock()
            self._enter(self.model.right_code() if right else "12345678", cut)

    @precondition(lambda self: self.model.now < self.model.wait_until)
    @rule(ms=st.integers(-1001, 1))
    def wait_almost(self, ms: int) -> None:
        """Wait until about the end of the time in which the card refuses codes, with its countdown on the display."""
        self.wait(max(self.model.wait_until - self.model.now - 5000, 0))
        for key in ("PRESS", "OK"):
            if self.model.state in ("off", "locked"):
                self.press(key)
        self.wait(max(self.model.wait_until - self.model.now + ms, 0))

    @precondition(lambda self: not self.model.record.key)
    @rule(profile=given.profiles(), cut=given.cuts())
    def personalize(self, profile: Profile, cut: float | None) -> None:
        """Give a blank card a key."""
        self._ask(LineRequest("cancel"))
        for name, value in profile.fields().items():
            self._ask(LineRequest("set", {name: value}))
        self._ask(LineRequest("personalize"), cut)

    @precondition(lambda self: self.model.record.key and self.model.state in ("off", "notice", "locked", "wait"))
    @rule(key=st.sampled_from(["OK", "OK", "C", "PRESS", "1"]), cut=given.cuts(), profile=st.none() | given.profiles())
    def wipe(self, key: str, cut: float | None, profile: Profile | None) -> None:
        """Ask the card to become blank, answer with a key, and perhaps personalize it again."""
        self._ask(LineRequest("wipe"))
        self.press(key, cut)
        if profile and not self.model.record.key:
            # Personalize the card immediately: the new card must not show data of the old card.
            self.personalize(profile, None)

    def _right_pin(self) -> str:
        return self.model.pin or "1234"

    def _ask(self, request: LineRequest, cut: float | None = None) -> None:
        self._number = (self._number + 1) & 0xFFFF
        line = request.line(self._number)
        self._step(lambda card: card.send(line), lambda: self.model.request(request.word, request.values, request.checked), cut)

    def _enter(self, digits: str, cut: float | None = None) -> None:
        for digit in digits:
            self.press(digit)
        self.press("OK", cut)

    def _reach_unlock(self) -> None:
        """Bring a locked card with an unlock key to UNLOCK>, after its wait, with nothing typed."""
        if self.model.state != "off":
            self.press("PRESS")
        self.wait(max(self.model.wait_until - self.model.now, 0))
        for key in ("PRESS", "OK", "OK"):
            self.press(key)

    def _step(self, act: Callable[[SimulatedCard], object], model_act: Callable[[], None], cut: float | None = None) -> None:
        """Run the step on all subjects, and compare. With `cut`, the power fails during the step (see `strategies.moments`)."""
        failed = [subject.do(act, self._number, cut) for subject in self.subjects]
        # Give the model the random values, because it draws none. The engines have the same seed, so they draw the same values.
        self.model.drawn = max(subject.record.asked for subject in self.subjects)
        self.model.log.clear()
        model_act()
        if any(failed):
            self._compare_after_cut(failed)
            self._recover()
        self._compare()

    def _compare(self) -> None:
        self.compared[self.model.state] += 1
        first = self.subjects[0]
        for subject in self.subjects:
            _check(subject, "did", [plain(entry) for entry in subject.tape], self.model.log)
            _check(subject, "shows", subject.card.display, self.model.display)
            _check(subject, "remembers", subject.record, self.model.record)
            _check(subject, "says", subject.tape, first.tape)
            _check(subject, "has stored", subject.flash.slots, first.flash.slots)

    def _compare_after_cut(self, failed: list[bool]) -> None:
        for subject, cut in zip(self.subjects, failed, strict=True):
            done = [plain(entry) for entry in subject.tape]
            _check(subject, "did", done, self.model.log[: len(done)] if cut else self.model.log)

    def _recover(self) -> None:
        """Restart every card with its own flash. Then restart all cards with the flash of one of them."""
        for subject in self.subjects:
            left = subject.record
            subject.do(SimulatedCard.restart)
            _check(subject, "remembers, after the power failed,", subject.record, left)
        self._starts += 1
        self.compared["cut"] += 1
        survivor = self.subjects[self._starts % len(self.subjects)]
        slots = tuple(survivor.flash.slots)
        for subject in self.subjects:
            # Give all cards the same seed again: one card may have lost power before it drew a random number, and another card
            # after it.
            subject.become(slots, seed=self._starts)
        self.model.record = survivor.record
        self.model.log.clear()
        self.model.restart()


def _check(subject: Subject, what: str, found: object, expected: object) -> None:
    assert found == expected, f"{subject.card.engine} {what} {found!r}, not {expected!r}"
