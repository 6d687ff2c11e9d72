"""The verifier against a model of its rules that is small enough to be checked by reading.

Hypothesis makes up long stories for two cards: challenges, right and wrong responses, and waiting. After every step, the
verifier and the model must agree on the reason given and on both cards.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.host.databases import EMPTY
from tests.host.verifier_samples import MASTER

from dsc_host.errors import TooManyChallenges
from dsc_host.ocra import Suite
from dsc_host.verifier import Challenge, Policy, Verifier

SUITE = Suite.parse("OCRA-1:HOTP-SHA256-10:C-QN06")
POLICY = Policy(
    validity=20, attempts=2, lock_after=5, lock_after_in_a_day=7, lock_for=50, window=2, challenges=8, challenges_within=30,
    pause=8,
)  # fmt: skip
DAY = 86_400
SERIALS = ("A", "B")


@dataclass
class ModelCard:
    counter: int = 0
    failures: int = 0
    in_day: int = 0
    day_since: int = 0
    locked_until: int = 0
    issued: list[int] = field(default_factory=list)


@dataclass
class ModelChallenge:
    card: ModelCard
    expires_at: int
    responses: int = 0
    used: bool = False


@dataclass
class Model:
    now: int = 0
    cards: dict[str, ModelCard] = field(default_factory=lambda: {serial: ModelCard() for serial in SERIALS})

    def wait(self, seconds: int) -> None:
        self.now += seconds
        for card in self.cards.values():
            if card.locked_until and card.locked_until <= self.now:
                card.locked_until = 0
                if card.failures >= POLICY.lock_after:
                    card.failures = 0
                if card.in_day >= POLICY.lock_after_in_a_day:
                    card.in_day = 0

    def may_ask(self, card: ModelCard) -> bool:
        return sum(self.now < issued + POLICY.challenges_within for issued in card.issued) < POLICY.challenges

    def is_locked(self, card: ModelCard) -> bool:
        return card.failures >= POLICY.lock_after or card.in_day >= POLICY.lock_after_in_a_day

    def verify(self, challenge: ModelChallenge, counter: int | None) -> str:
        """Judge a response that was made with `counter`, or a wrong response if `counter` is None."""
        card = challenge.card
        if challenge.used:
            return "used"
        if self.now >= challenge.expires_at:
            return "expired"
        if challenge.responses == POLICY.attempts:
            return "exhausted"
        challenge.responses += 1
        if card.locked_until:
            return "locked" if self.is_locked(card) else "paused"
        if counter is not None and card.counter <= counter <= card.counter + POLICY.window:
            challenge.used, card.counter, card.failures = True, counter + 1, 0
            return "accepted"
        card.failures += 1
        if self.now >= card.day_since + DAY:
            card.in_day, card.day_since = 0, self.now
        card.in_day += 1
        if self.is_locked(card):
            card.locked_until = self.now + int(POLICY.lock_for)
        elif card.failures % POLICY.attempts == 0:
            card.locked_until = self.now + int(POLICY.pause) * 2 ** (card.failures // POLICY.attempts - 1)
        return "wrong"


class VerifierAgainstModel(RuleBasedStateMachine):
    kind = "sqlite"

    @initialize()
    def open(self) -> None:
        self.model = Model()
        self.copied = ExitStack()
        database, _ = self.copied.enter_context(EMPTY.copy(self.kind))
        self.verifier = Verifier.open(database.url, master_key=MASTER, policy=POLICY, clock=lambda: self.model.now)
        self.challenges: list[tuple[Challenge, ModelChallenge]] = []
        for serial in SERIALS:
            self.verifier.enroll(serial, key=serial.encode() * 32, suite=SUITE.text)

    def teardown(self) -> None:
        if hasattr(self, "verifier"):
            self.verifier.close()
            self.copied.close()

    @rule(serial=st.sampled_from(SERIALS))
    def challenge(self, serial: str) -> None:
        card = self.model.cards[serial]
        model = ModelChallenge(card, self.model.now + int(POLICY.validity))
        if self.model.may_ask(card):
            card.issued.append(self.model.now)
            self.challenges.append((self.verifier.challenge(serial), model))
        else:
            with pytest.raises(TooManyChallenges) as caught:
                self.verifier.challenge(serial)
            assert caught.value.retry_after == card.issued[-POLICY.challenges] + POLICY.challenges_within - self.model.now

    @rule(seconds=st.sampled_from([1, 7, 8, 16, 19, 20, 21, 49, 50, 51, DAY - 60, DAY]))
    def wait(self, seconds: int) -> None:
        self.model.wait(seconds)

    @rule(back=st.integers(0, 3), ahead=st.sampled_from([None, -1, 0, 0, 1, 2, 3]))
    def respond(self, back: int, ahead: int | None) -> None:
        """Respond to one of the latest challenges: with a counter so far ahead of the verifier's, or wrongly."""
        if not self.challenges:
            return
        challenge, model = self.challenges[-1 - back % len(self.challenges)]
        counter = None if ahead is None else max(0, model.card.counter + ahead)
        key = challenge.serial.encode() * 32
        right = SUITE.response(key, challenge.question, counter=counter or 0)
        response = f"{int(right) ^ 1:010}" if counter is None else right
        verdict = self.verifier.verify(challenge.id, response)
        expected = self.model.verify(model, counter)
        assert (verdict.reason, verdict.accepted) == (expected, expected == "accepted")

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "verifier"):
            for serial, model in self.model.cards.items():
                card = self.verifier.card(serial)
                assert (card.counter, card.failures, card.locked_until or 0) == (
                    model.counter,
                    model.failures,
                    model.locked_until,
                )


class AtLength(VerifierAgainstModel):
    pass


class OnPostgreSQL(VerifierAgainstModel):
    kind = "postgresql"


for machine, examples in ((VerifierAgainstModel, 4), (AtLength, 40), (OnPostgreSQL, 4)):
    machine.TestCase.settings = settings(max_examples=examples, stateful_step_count=30, deadline=None)
TestVerifierAgainstModel = VerifierAgainstModel.TestCase
TestAtLength = pytest.mark.long(AtLength.TestCase)
TestOnPostgreSQL = pytest.mark.postgresql(OnPostgreSQL.TestCase)
