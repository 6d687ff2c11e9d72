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
from dsc_simulator.desktop import Workspace
from dsc_simulator.desktop.live_card import InProcessPort

GOLDENS = Path(__file__).parent / "goldens"
KEY = bytes(range(32))
OCRA = Profile(serial="IB3000123", key=KEY)
CHECKED = Profile("IB3000123", KEY, "OCRA-1:HOTP-SHA256-8:C-QN06", "card", "1234", 2, unlock_key=bytes(range(1, 33)))
WRONG = (*"0000", "enter")

# What is typed on which card, and the name of the picture that is then taken. The name begins with a state of the firmware.
STORIES: list[tuple[Profile | None, list[tuple[tuple[str, ...], str]]]] = [
    (
        OCRA,
        [
            ((), "off"),
            (("p",), "pin"),
            (tuple("1234"), "pin-typed"),
            (("enter",), "challenge"),
            (tuple("482913"), "challenge-typed"),
            (("enter",), "response"),
        ],
    ),
    (
        CHECKED,
        [
            (("p", *WRONG), "pin-failed"),
            (WRONG, "locked"),
            (("enter",), "asking"),
            (("enter",), "unlock"),
            ((*"00000000", "enter"), "wait"),
        ],
    ),
    (OCRA, [((), "wipe")]),
    (OCRA, [(("l", "p", *"1234", "enter"), "panel-line")]),
    (OCRA, [(("p", "s"), "panel-state")]),
    (OCRA, [(("f",), "panel-flash"), (("k",), "confirm")]),
    (OCRA, [(("p", "t", "a"), "panel-time")]),
    (None, [((), "off-blank"), (("n",), "make")]),
    (None, [(("p",), "notice")]),
]
SCREENS = [name for _, pictures in STORIES for _, name in pictures]


@pytest.fixture(autouse=True)
def nothing_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make addresses, serials and versions the same each time."""
    where = "Line: /dev/pts/7 · socket://127.0.0.1:40007 · not connected"
    monkeypatch.setattr(Workspace, "where", where)
    monkeypatch.setattr("dsc_simulator.desktop.screens.random_serial", lambda: "SIM123456")
    monkeypatch.setattr("dsc_simulator.desktop.live_card.LiveCard.interpreter", "CPython 3")


def wipe(person: Person) -> None:
    with CardClient(InProcessPort(person.workspace.live)) as client:
        client.wipe()


@pytest.mark.parametrize(("profile", "pictures"), STORIES, ids=lambda value: value[0][1] if isinstance(value, list) else "")
def test_screens_are_as_they_were(profile: Profile | None, pictures: list[tuple[tuple[str, ...], str]], tmp_path: Path) -> None:
    screens: dict[str, str] = {}

    async def story(person: Person) -> None:
        for keys, name in pictures:
            if name == "wipe":
                wipe(person)
            await person.type(*keys)
            state = person.workspace.live.facts()["state"]
            assert name.partition("-")[0] in (state, "panel", "make", "confirm")
            screens[name] = person.screen() + "\n"

    play(story, tmp_path / "cards", profile=profile)
    for name, screen in screens.items():
        check(GOLDENS / f"{name}.txt", screen)


def check(path: Path, screen: str) -> None:
    if os.environ.get("GOLDENS") == "write":
        path.write_text(screen, encoding="utf-8")
    assert screen == path.read_text(encoding="utf-8")
    lines = screen.splitlines()
    assert len(lines) == 24
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("╭─ Digital Security Card+ ─")
    assert "00 01 02 03" not in screen, "no secret is shown"


def test_there_is_a_screen_for_every_state_and_nothing_else() -> None:
    assert {name.partition("-")[0] for name in SCREENS} >= set(states.STATES)
    assert sorted(path.stem for path in GOLDENS.iterdir()) == sorted(SCREENS)
