"""Tests that both engines are the same card: equal inputs give equal bytes and displays."""

import random
import re

import pytest
from tests.contract.rig import KEY, PIN, QUESTION
from tests.firmware.fakes import frame

from dsc_simulator import ENGINES, SimulatedCard
from dsc_simulator.board import KEYS
from dsc_simulator.engines import available

Step = tuple[str, object]

pytestmark = pytest.mark.skipif(
    not all(available(engine) for engine in ENGINES), reason="engine micropython: its packages are not installed"
)

SET_CARD = ["set pin=card code=1234 tries=3 suite=OCRA-1:HOTP-SHA256-6:C-QA10", f"set serial=B-2 key={KEY.hex()} counter=255"]


def typed(*keys: str) -> list[Step]:
    return [("press", key) for key in keys]


def said(*bodies: str) -> list[Step]:
    return [("send", frame(f">{number} {body}")) for number, body in enumerate(bodies)]


LOGIN = typed("PRESS", *PIN, "OK", *QUESTION, "OK")
STORY: list[Step] = [
    *typed("PRESS", "PRESS", "OK"),
    *said("hello nonce=%20x", "info", "display", "entropy n=64", "entropy n=0", "selftest", "fly", "wipe", "challenge q=1"),
    *said(f"set key={KEY.hex()}", "set serial=a", "personalize", "set serial=A-1", "personalize", "set serial=A-1", "info"),
    *LOGIN,
    ("advance", 59.999),
    ("advance", 0.001),
    ("restart", None),
    *typed("PRESS", "1", "C", "C"),
    *typed("PRESS", *PIN, "OK"),
    *said("challenge q=12345", "challenge q=000016", "display", "hello", "wipe"),
    *typed("OK", "OK", "C"),
    ("advance", 100_000),
    *LOGIN,
    *said("cancel", "wipe", "key k=C", "wipe", "key k=OK", "info"),
    *said(*SET_CARD, "personalize", "info", "key k=PRESS", "key k=Q"),
    *typed("0", "0", "0", "0", "OK"),
    ("restart", None),
    *typed("PRESS", *PIN, "OK"),
    *said("challenge q=abcDEF1234", "info"),
    *typed("OK"),
    ("advance", 30),
    *said("info"),
    ("send", b">9 hel"),
    ("send", b"lo\r\r\n*%=" + bytes(range(256)) + b"x" * 1000 + b"\n>1 info\n>2 display\n"),
    ("advance", 31),
    *typed("PRESS", *"0000", "OK", *"0000", "OK", *"0000", "OK", "1"),
    *said("challenge q=abcDEF1234", "info", "cancel"),
]


def random_story(seed: int) -> list[Step]:
    """Return random steps, as from a child, a cat and a bad cable."""
    dice = random.Random(seed)
    words = ["hello nonce=a", "info", "cancel", "wipe", "selftest", f"challenge q={QUESTION}", "set serial=B", "personalize"]
    steps: list[Step] = [*said(f"set serial=A-1 key={KEY.hex()}", "personalize")]
    for _ in range(100):
        chance = dice.random()
        if chance < 0.15:
            steps += LOGIN[: dice.randint(1, len(LOGIN))]
        elif chance < 0.5:
            steps += typed(dice.choice([*KEYS]))
        elif chance < 0.8:
            steps += said(dice.choice(words))
        elif chance < 0.9:
            steps.append(("send", dice.randbytes(dice.randint(1, 400))))
        elif chance < 0.95:
            steps.append(("restart", None))
        else:
            steps.append(("advance", dice.choice([0.5, 10, 30, 60, 2.0**21])))
    return steps


def act(engine: str, story: list[Step], seed: int) -> list[str]:
    """Return the display and the lines after each step, without the free memory, which depends on the engine."""
    with SimulatedCard(engine=engine, seed=seed) as card:
        seen = []
        for name, value in story:
            getattr(card, name)(*([] if value is None else [value]))
            said = card.receive().decode("ascii")
            seen.append(f"{name}: {card.cells}|" + re.sub(r" free=\d*\*[0-9a-f]{8}", " free=", said))
        return seen


REACHED = "NO KEY,PIN>****,CHALLNG>,WIPE?,FAIL 1,LOCKED,!3 ,response text=,wipe done=1,err locked"


def test_a_long_session_is_the_same_byte_for_byte() -> None:
    seen = act("cpython", STORY, seed=5)
    assert seen == act("micropython", STORY, seed=5)
    assert [text for text in REACHED.split(",") if text not in "\n".join(seen)] == []


@pytest.mark.parametrize("seed", range(3))
def test_random_sessions_are_the_same_byte_for_byte(seed: int) -> None:
    story = random_story(seed)
    assert act("cpython", story, seed) == act("micropython", story, seed)
