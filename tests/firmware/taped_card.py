"""A card on a board whose flash and display write on one tape, and what it should answer and store."""

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
    """A card and its flash, with one tape for what is stored and what is shown."""
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
