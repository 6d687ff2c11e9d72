"""The operations that change a card's record. For each: the steps before it, and the key or line that triggers it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.firmware.fakes import TapedDisplay, frame

from dsc_firmware.journal import SIZE, Journal, Record
from dsc_firmware.ports import wipe
from dsc_host import Suite
from dsc_simulator import Flash, Profile, SimulatedCard

KEY = bytes(range(0x40, 0x60))
UNLOCK_KEY = bytes(range(0x80, 0xA0))
PIN, QUESTION = "1234", "482913"
SEED = 1
OCRA_PIN = Profile("A", KEY, counter=7)
CARD_PIN = Profile(
    "A",
    KEY,
    suite="OCRA-1:HOTP-SHA256-8:C-QN06",
    pin_policy="card",
    pin=PIN,
    tries=3,
    counter=7,
    unlock_key=UNLOCK_KEY,
)
UNLOCK = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")

Slots = tuple[bytes | None, bytes | None]


@dataclass(frozen=True)
class Operation:
    """An operation. `flash` makes the card's flash, `prepare` does the steps before the operation, and `trigger` does it."""

    name: str
    flash: Callable[[], Flash]
    prepare: Callable[[SimulatedCard], None]
    trigger: Callable[[SimulatedCard], object]

    def card(self, engine: str, flash: Flash | None = None) -> SimulatedCard:
        """Return a card just before the operation, which records its displays from now on."""
        card = SimulatedCard(engine=engine, flash=flash or self.flash(), seed=SEED)
        self.prepare(card)
        card.board.display = TapedDisplay([])
        return card


def record_of(slots: Slots) -> tuple[int, bytes]:
    """Return the status and the record, as bytes without its epoch, of a card that starts on these slots."""
    flash = Flash(slots)
    journal = Journal(flash)
    status = journal.load()
    data = bytearray(SIZE)
    journal.record.encode_into(data, 0)
    wipe(memoryview(data)[4:8])
    return int(status), bytes(data)


def decoded(data: bytes) -> Record:
    record = Record()
    record.decode(data)
    return record


def _tried(count: int) -> Callable[[], Flash]:
    """Return a function that makes the flash of a card after this number of wrong PINs."""

    def flash() -> Flash:
        made = CARD_PIN.flash()
        journal = Journal(made)
        journal.load()
        journal.record.failures = count
        assert journal.store_twice()
        return made

    return flash


def _wake(card: SimulatedCard) -> None:
    card.press("PRESS")


def _type_pin(pin: str) -> Callable[[SimulatedCard], None]:
    return lambda card: (card.press("PRESS", *pin), None)[1]


def _ask(card: SimulatedCard) -> None:
    card.press("PRESS")
    card.enter(PIN)
    card.press(*QUESTION)


def _stage(card: SimulatedCard) -> None:
    for name, value in CARD_PIN.fields().items():
        card.send(b"\n" + frame(f">1 set {name}={value}"))


def _ask_wipe(card: SimulatedCard) -> None:
    card.send(b"\n" + frame(">1 wipe"))


def _type_code(right: bool) -> Callable[[SimulatedCard], None]:
    def prepare(card: SimulatedCard) -> None:
        card.press("PRESS")
        challenge = card.press("OK")
        card.press("OK", *(UNLOCK.response(UNLOCK_KEY, challenge) if right else "00000000"))

    return prepare


def _ok(card: SimulatedCard) -> None:
    card.press("OK")


OPERATIONS = (
    Operation("personalize", Flash, _stage, lambda card: card.send(frame(">2 personalize"))),
    Operation("response", OCRA_PIN.flash, _ask, _ok),
    Operation("wrong PIN", _tried(1), _type_pin("0000"), _ok),
    Operation("last wrong PIN", _tried(2), _type_pin("0000"), _ok),
    Operation("right PIN", _tried(1), _type_pin(PIN), _ok),
    Operation("last PIN, right", _tried(2), _type_pin(PIN), _ok),
    Operation("unlock challenge", _tried(3), _wake, _ok),
    Operation("wrong unlock code", _tried(3), _type_code(right=False), _ok),
    Operation("unlock", _tried(3), _type_code(right=True), _ok),
    Operation("wipe", OCRA_PIN.flash, _ask_wipe, _ok),
)
