"""Whole cards whose output is recorded, and a function that brings them into each state that `hello` reports."""

from typing import Any

from tests.firmware.fakes import CLEAR_SUITE, KEY, ask, told

from dsc_simulator import Profile, SimulatedCard

SERIAL = "IB3-000123456789"
PROFILE = Profile(SERIAL, KEY)
CARD_PIN = Profile(SERIAL, KEY, suite=CLEAR_SUITE, pin_policy="card", pin="1234", tries=2)
SET_ALL = f"set serial={SERIAL} key={KEY.hex()}"
STATES = ("off", "pin", "challenge", "response", "wipe", "locked")


class Watched:
    """A factory of cards that records everything they send."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.cards: list[SimulatedCard] = []

    def __call__(self, profile: Profile | None = PROFILE, **options: Any) -> SimulatedCard:
        if "flash" not in options:
            options["profile"] = profile
        card = SimulatedCard(seed=1, **options)
        card.watch(lambda direction, data: self.heard.extend(data) if direction == "out" else None)
        self.cards.append(card)
        return card


def in_state(card: SimulatedCard, state: str) -> SimulatedCard:
    """Bring a card with a key into the state that `hello` calls `state`."""
    if state in ("pin", "challenge", "response"):
        card.press("PRESS")
    if state in ("challenge", "response"):
        card.enter("1234")
    if state == "response":
        card.enter("482913")
    if state == "wipe":
        ask(card, "wipe")
    if state == "locked":
        card.press("PRESS", *"0000", "OK", *"0000", "OK")
    assert told(card, "hello")["state"] == state
    return card
