"""A bench for the state machine: a clock, keys by their names, and functions that bring a card into each state."""

from collections.abc import Callable

from dsc_firmware import states
from dsc_firmware.card import Card
from dsc_firmware.ports import KEY_C, KEY_OK, KEY_PRESS

KEYS = {"OK": KEY_OK, "C": KEY_C, "PRESS": KEY_PRESS}
QUESTION = "482913"
RESPONSE = b"71234507"
SHOW = states.SHOW


class Bench:
    """A card and a clock."""

    def __init__(self, **settings: object) -> None:
        self.card = Card()
        self.now = 0
        for name, value in ({"condition": states.READY} | settings).items():
            setattr(self.card, name, value)

    def step(self, event: int) -> int:
        return self.card.step(event, self.now)

    def key(self, name: str | int) -> int:
        if isinstance(name, int):
            return self.step(name)
        return self.step(KEYS[name] if name in KEYS else ord(name))

    def type(self, *names: str) -> "Bench":
        for name in names:
            self.key(name)
        return self

    def ask(self, question: str) -> int:
        return self.card.ask(question.encode())

    def answer(self) -> "Bench":
        self.card.cells[:] = RESPONSE
        self.step(states.ANSWERED)
        return self

    @property
    def state(self) -> str:
        return states.STATES[self.card.state]

    @property
    def display(self) -> str:
        return bytes(self.card.cells).decode().rstrip()

    @property
    def memory(self) -> bytes:
        """Return everything that the card remembers and does not show."""
        return bytes(self.card.cells.obj[len(self.card.cells) :])  # type: ignore[attr-defined]


def off() -> Bench:
    return Bench()


def pin(digits: str = "") -> Bench:
    return Bench().type("PRESS", *digits)


def challenge(digits: str = "") -> Bench:
    return pin("1234").type("OK", *digits)


def response() -> Bench:
    return challenge(QUESTION).type("OK").answer()


def no_key() -> Bench:
    return Bench(condition=states.BLANK).type("PRESS")


def locked() -> Bench:
    return Bench(locked=True).type("PRESS")


def wiping() -> Bench:
    bench = Bench()
    bench.card.ask_wipe(0)
    return bench


STATES: dict[str, Callable[[], Bench]] = {
    "off": off,
    "pin 0": pin,
    "pin 3": lambda: pin("123"),
    "pin 4": lambda: pin("1234"),
    "challenge 0": challenge,
    "challenge 5": lambda: challenge("48291"),
    "challenge 6": lambda: challenge(QUESTION),
    "response": response,
    "notice": no_key,
    "locked": locked,
    "wipe": wiping,
}
