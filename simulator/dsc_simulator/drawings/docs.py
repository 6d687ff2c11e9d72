"""The program that writes the generated files of docs: `python -m dsc_simulator.drawings.docs [--check] FOLDER`.

`architecture.svg` shows the parts and their imports. `card.svg` is the drawing of the card. `login.svg` shows a login with a
card that runs the firmware. `transitions.md` is the table of the state machine: the program presses every key in every state
of the firmware's `Card`. `wiring.svg` and `wokwi/diagram.json` show the wiring in `pico.json`. `--check` writes nothing and
fails if a file is out of date.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from dsc_firmware import states
from dsc_firmware.card import Card
from dsc_firmware.ports import KEY_C, KEY_OK, KEY_PRESS
from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.drawings import architecture, wiring
from dsc_simulator.drawings.animation import Frame, animation
from dsc_simulator.drawings.card import svg

_RESPONSE = b"71234507"
_UNLOCK_QUESTION = 506172
_DIGIT = ord("7")
_KEYS = {"a digit": _DIGIT, "OK": KEY_OK, "C": KEY_C, "PRESS": KEY_PRESS}
_LIMIT_MS = 120_000


@dataclass(frozen=True)
class Situation:
    """A card in one state: its setup, the keys that lead to the state, and whether the PIN or code is then right or wrong."""

    name: str
    keys: tuple[int, ...] = ()
    condition: int = states.READY
    locked: bool = False
    checks_pin: bool = False
    pin_outcome: int = states.RIGHT
    last_try: bool = False
    asks_wipe: bool = False
    unlocks: int = 0
    wrong_codes: int = 0

    def card(self) -> Card:
        """Return a card in this situation."""
        card = Card()
        card.condition, card.locked, card.checks_pin = self.condition, self.locked, self.checks_pin
        card.unlocks = self.unlocks
        card.wait.start(self.wrong_codes, 0)
        if self.asks_wipe:
            card.ask_wipe(0)
        for key in self.keys:
            self.step(card, key, 0)
        return card

    def step(self, card: Card, event: int, now: int) -> None:
        """Let the card handle one event, and carry out its effects as a board without failures would."""
        effects = card.step(event, now)
        while effects & ~states.SHOW:
            effects = card.step(self._outcome(card, effects), now)

    def _outcome(self, card: Card, effects: int) -> int:
        if effects & states.RESPOND:
            card.cells[:] = _RESPONSE
            return int(states.ANSWERED)
        if effects & states.ERASE:
            card.condition = states.BLANK
            return int(states.ERASED)
        if effects & states.ASK:
            card.put_question(_UNLOCK_QUESTION)
            return int(states.ASKED)
        if effects & states.OPEN:
            card.wait.start(1 if self.pin_outcome == states.WRONG else 0, 0)
            return self.pin_outcome
        if self.pin_outcome == states.WRONG:
            card.failures = 5 if self.last_try else 1
            card.locked = self.last_try
        return self.pin_outcome


_WAKE = (KEY_PRESS,)
_PIN = (*_WAKE, *b"1234")
_CHALLENGE = (*_PIN, KEY_OK)
_ASKING = (*_WAKE, KEY_OK)
_UNLOCK = (*_ASKING, KEY_OK)
_SITUATIONS = (
    Situation("OFF"),
    Situation("OFF, blank", condition=states.BLANK),
    Situation("OFF, locked", locked=True),
    Situation("OFF, record or entropy bad", condition=states.BROKEN),
    Situation("OFF, battery low", condition=states.LOW),
    Situation("PIN, nothing typed", _WAKE),
    Situation("PIN, 3 digits", _PIN[:4]),
    Situation("PIN, 4 digits, pin=ocra", _PIN),
    Situation("PIN, 4 digits, pin=card, right", _PIN, checks_pin=True),
    Situation("PIN, 4 digits, pin=card, wrong", _PIN, checks_pin=True, pin_outcome=states.WRONG),
    Situation("PIN, 4 digits, pin=card, wrong, last try", _PIN, checks_pin=True, pin_outcome=states.WRONG, last_try=True),
    Situation("CHALLENGE, nothing typed", _CHALLENGE),
    Situation("CHALLENGE, 3 digits", (*_CHALLENGE, *b"482")),
    Situation("CHALLENGE, 6 digits", (*_CHALLENGE, *b"482913")),
    Situation("RESPONSE", (*_CHALLENGE, *b"482913", KEY_OK)),
    Situation("NOTICE", _WAKE, condition=states.BLANK),
    Situation("LOCKED", _WAKE, locked=True, unlocks=10),
    Situation("LOCKED, can't be unlocked", _WAKE, locked=True),
    Situation("LOCKED, a wrong code ago", _WAKE, locked=True, unlocks=9, wrong_codes=1),
    Situation("ASKING", _ASKING, locked=True, unlocks=10),
    Situation("UNLOCK, nothing typed", _UNLOCK, locked=True, unlocks=10),
    Situation("UNLOCK, 3 digits", (*_UNLOCK, *b"712"), locked=True, unlocks=10),
    Situation("UNLOCK, 8 digits, right", (*_UNLOCK, *_RESPONSE), locked=True, unlocks=10),
    Situation("UNLOCK, 8 digits, wrong", (*_UNLOCK, *_RESPONSE), locked=True, unlocks=10, pin_outcome=states.WRONG),
    Situation("WAIT", _ASKING, locked=True, unlocks=9, wrong_codes=1),
    Situation("WIPE", asks_wipe=True),
)


def _shown(card: Card) -> str:
    text = bytes(card.cells).decode().rstrip()
    return f"`{text}`" if text else "blank"


def _after(situation: Situation, key: int) -> str:
    card = situation.card()
    before = (card.state, _shown(card))
    situation.step(card, key, 0)
    if (card.state, _shown(card)) == before:
        return "·"
    return "off" if card.state == states.OFF else _shown(card)


def _patience(situation: Situation) -> str:
    """Return the time after which the card turns itself off, as text for the table."""
    card = situation.card()
    if card.state == states.OFF:
        return "·"
    for now in range(1000, _LIMIT_MS, 1000):
        situation.step(card, states.TICK, now)
        if card.state == states.OFF:
            return f"off after {now // 1000} s"
    return "·"


def transitions() -> str:
    """Return the table of the state machine, as Markdown."""
    head = ["state", "shows", *_KEYS, "no key"]
    rows = [head, ["---"] * len(head)]
    for situation in _SITUATIONS:
        keys = (_after(situation, key) for key in _KEYS.values())
        rows.append([situation.name, _shown(situation.card()), *keys, _patience(situation)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "# The card's state machine\n\n"
        "`make docs` makes this table: it presses every key in every situation of the firmware. `make check` fails if the\n"
        "table is out of date. A cell shows the display after the key, and · means that nothing happens.\n\n"
        f"{table}\n"
    )


_LOGIN = (
    ("The login page shows 482913", ()),
    ("Hold press", ("PRESS",)),
    ("Type your PIN", (*"1234", "OK")),
    ("Type the challenge", (*"482913", "OK")),
    ("Type the response into the page", ()),
)
_DIGIT_SECONDS, _STEP_SECONDS, _END_SECONDS = 0.4, 1.4, 4.0


def login() -> str:
    """Return an animated picture of a whole login. It shows the display of a card with the real firmware after each key."""
    frames: list[Frame] = []
    with SimulatedCard(profile=Profile(serial="IB3000123", key=bytes(range(32)))) as card:
        for caption, keys in _LOGIN:
            if not keys:
                frames.append(Frame(card.display, _STEP_SECONDS, caption=caption))
            for key in keys:
                seconds = _DIGIT_SECONDS if key.isdecimal() else _STEP_SECONDS
                frames.append(Frame(card.press(key), seconds, key, caption))
    frames[-1] = replace(frames[-1], seconds=_END_SECONDS)
    return animation(frames, label="A login with the card: press, the PIN, the challenge, and the card shows a response")


def pico() -> dict[str, Any]:
    """Return the parsed content of `pico.json`, the ready-made board.json for a Pico."""
    config: dict[str, Any] = json.loads(files("dsc_firmware").joinpath("boards", "pico.json").read_text(encoding="utf-8"))
    return config


PAGES: dict[str, Callable[[], str]] = {
    "drawings/architecture.svg": architecture.svg,
    "drawings/login.svg": login,
    "drawings/card.svg": lambda: svg("CHALLNG>"),
    "drawings/wiring.svg": lambda: wiring.svg(pico()),
    "reference/transitions.md": transitions,
    "how-to/wokwi/diagram.json": lambda: wiring.wokwi(pico()),
}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or check them. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dsc_simulator.drawings.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    stale = 0
    for name, make in PAGES.items():
        path, content = options.folder / name, make()
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"{path} is out of date: make docs", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
