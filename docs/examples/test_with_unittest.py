"""Tests with the simulated card, without pytest: `simulated_card` as a decorator, and for a whole class."""

# ruff: noqa: PT009, PT027 - the assertions are unittest's own, as in any unittest case
import unittest

from dsc_host import MasterKey, Verifier
from dsc_simulator.pytest_plugin.fixtures import CardRefused, SimulatedToken, simulated_card


class LoginTest(unittest.TestCase):
    def setUp(self) -> None:
        self.card = self.enterContext(simulated_card())
        self.verifier = self.enterContext(Verifier.open("sqlite://", master_key=MasterKey.generate()))
        self.verifier.enroll(**self.card.credentials)

    def test_a_response_is_accepted_once(self) -> None:
        challenge = self.verifier.challenge(self.card.serial)
        response = self.card.login(challenge.question)
        self.assertTrue(self.verifier.verify(challenge.id, response).accepted)
        self.assertFalse(self.verifier.verify(challenge.id, response).accepted)


class LockTest(unittest.TestCase):
    @simulated_card(pin="4711", tries=1)
    def test_a_card_that_checks_its_pin_locks(self, card: SimulatedToken) -> None:
        with self.assertRaisesRegex(CardRefused, "LOCKED"):
            card.login("482913", pin=card.wrong_pin)


if __name__ == "__main__":
    unittest.main()
