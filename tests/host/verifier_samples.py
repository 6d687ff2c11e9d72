"""Values that the verifier's tests share: one key and PIN for every card, a manual clock, right and wrong responses."""

import random
from collections.abc import Callable

from dsc_host.ocra import Suite
from dsc_host.verifier import Challenge, MasterKey, Policy, Reason, Verifier

MASTER = MasterKey(bytes(range(32)))
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
KEY = b"0123456789abcdef0123456789abcdef"
PIN = "1234"
NO_PAUSE = Policy(pause=0)
"""A policy for tests of many failures. The pauses have their own tests."""


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def drawing() -> Callable[[int], str]:
    """Return a function that draws the same questions in every run, so that no wrong response is right by chance."""
    numbers = random.Random(1)
    return lambda digits: f"{numbers.randrange(10**digits):0{digits}}"


def right(challenge: Challenge, counter: int = 0) -> str:
    """Return the card's response. Every card has the same key and PIN."""
    return Suite.parse(SUITE).response(KEY, challenge.question, counter=counter, pin=PIN)


def wrong(challenge: Challenge) -> str:
    """Return a response that no counter below 50 gives."""
    taken = {right(challenge, counter) for counter in range(50)}
    return next(text for text in ("00000000", "00000001") if text not in taken)


def fail(verifier: Verifier, serial: str, times: int) -> None:
    """Give wrong responses in a row, `times` of them, to a verifier whose policy has no pauses."""
    for _ in range(times):
        challenge = verifier.challenge(serial)
        assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.WRONG
