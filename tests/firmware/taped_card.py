"""A card whose flash and display record on one tape, with the expected responses and records."""

from typing import Any

from tests.firmware.fakes import CLEAR_SUITE, KEY, FaultyFlash, TapedDisplay

from dsc_firmware.journal import Journal
from dsc_firmware.ocra import Ocra
from dsc_simulator import Flash, Profile, SimulatedCard

PROFILE = Profile("A", KEY)
CARD_PIN = Profile("A", KEY, suite=CLEAR_SUITE, pin_policy="card", pin="1234", tries=3)


def faulty(profile: Profile) -> FaultyFlash:
    slots = profile.flash().slots
    return FaultyFlash((slots[0], slots[1]))


def started(profile: Profile, interpreter: str = "cpython") -> tuple[SimulatedCard, FaultyFlash]:
    """Start a card. Return it with its flash, which shares a tape with its display."""
    flash = faulty(profile)
    card = SimulatedCard(flash=flash, seed=1, engine=interpreter)
    flash.tape.clear()
    card.board.display = TapedDisplay(flash.tape)
    return card, flash


def response(profile: Profile, counter: int, pin: bytes = b"1234", question: bytes = b"482913") -> str:
    ocra = Ocra(profile.suite)
    out = bytearray(ocra.digits)
    ocra.respond(out, profile.key, question, counter, pin)
    return out.decode()


def record(flash: Flash) -> Any:
    journal = Journal(flash)
    journal.load()
    return journal.record
