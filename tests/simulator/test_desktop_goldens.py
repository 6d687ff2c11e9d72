"""Every state of the card on the desktop program's screen, at 80x24, as text.

Written anew by `GOLDENS=write python -m pytest tests/simulator/test_desktop_goldens.py`; read what has
changed before you keep it.
"""

import os
from pathlib import Path

import pytest

pytest.importorskip("textual")

from tests.simulator.desktop_driver import Person, play

from dsc_firmware import states
from dsc_host import CardClient
from dsc_simulator import Profile
from dsc_simulator.desktop import Desk
from dsc_simulator.desktop.live import InProcessPort

GOLDENS = Path(__file__).parent / "goldens"
KEY = bytes(range(32))
OCRA = Profile(serial="IB3000123", key=KEY)
CHECKED = Profile("IB3000123", KEY, "OCRA-1:HOTP-SHA256-8:C-QN06", "card", "1234", 2, unlock_key=bytes(range(1, 33)))
PIN = ("p", *"1234", "enter")
WRONG = (*"0000", "enter")
LOCKED = ("p", *WRONG, *WRONG)

# What is typed on which card, for each picture; a state of the firmware comes first in its name.
SCREENS: dict[str, tuple[Profile | None, tuple[str, ...]]] = {
    "off": (OCRA, ()),
    "off-blank": (None, ()),
    "pin": (OCRA, ("p",)),
    "pin-typed": (OCRA, ("p", *"1234")),
    "pin-failed": (CHECKED, ("p", *WRONG)),
    "challenge": (OCRA, PIN),
    "challenge-typed": (OCRA, (*PIN, *"482913")),
    "response": (OCRA, (*PIN, *"482913", "enter")),
    "notice": (None, ("p",)),
    "locked": (CHECKED, LOCKED),
    "asking": (CHECKED, (*LOCKED, "enter")),
    "unlock": (CHECKED, (*LOCKED, "enter", "enter")),
    "wait": (CHECKED, (*LOCKED, "enter", "enter", *"00000000", "enter")),
    "wipe": (OCRA, ()),
    "panel-line": (OCRA, ("l", *PIN)),
    "panel-state": (OCRA, ("p", "s")),
    "panel-flash": (OCRA, ("f",)),
    "panel-time": (OCRA, ("p", "t", "a")),
    "make": (None, ("n",)),
    "confirm": (OCRA, ("f", "k")),
}


@pytest.fixture(autouse=True)
def nothing_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, serials and versions that are the same each time."""
    where = "Line: /dev/pts/7 · socket://127.0.0.1:40007 · nobody connected"
    monkeypatch.setattr(Desk, "where", where)
    monkeypatch.setattr("dsc_simulator.desktop.screens.likely_serial", lambda: "SIM123456")
    monkeypatch.setattr("dsc_simulator.desktop.live.LiveCard.interpreter", "CPython 3")


def wipe(person: Person) -> None:
    with CardClient(InProcessPort(person.desk.live)) as client:
        client.wipe()


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was(name: str, tmp_path: Path) -> None:
    profile, keys = SCREENS[name]
    screens: list[str] = []

    async def story(person: Person) -> None:
        if name == "wipe":
            wipe(person)
        await person.type(*keys)
        state = person.desk.live.facts()["state"]
        assert name.partition("-")[0] in (state, "panel", "make", "confirm")
        screens.append(person.screen() + "\n")

    play(story, tmp_path / "cards", profile=profile)
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("GOLDENS") == "write":
        path.write_text(screens[0], encoding="utf-8")
    assert screens[0] == path.read_text(encoding="utf-8")
    lines = screens[0].splitlines()
    assert len(lines) == 24
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("╭─ Digital Security Card+ ─")
    assert "00 01 02 03" not in screens[0], "no secret is shown"


def test_there_is_a_screen_for_every_state_and_nothing_else() -> None:
    assert {name.partition("-")[0] for name in SCREENS} >= set(states.STATES)
    assert sorted(path.stem for path in GOLDENS.iterdir()) == sorted(SCREENS)
