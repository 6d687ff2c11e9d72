"""The card on the screen in windows of every size, in light and dark."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from tests.simulator.desktop_driver import Person, at_card, play

from dsc_simulator import Profile

CARD = Profile(serial="IB3000123", key=bytes(range(32)))


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    return tmp_path / "cards"


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (20, 5)])
def test_a_window_that_is_too_small_says_so_and_what_the_display_shows(cards: Path, size: tuple[int, int]) -> None:
    async def story(person: Person) -> None:
        shown = " ".join(person.screen().split())
        assert f"This window has {size[0]} columns and {size[1]} rows." in shown
        assert "Display: (off)" in shown
        await person.type("p")
        assert "Display: PIN>" in person.screen()
        await person.pilot.resize_terminal(80, 24)
        await person.pilot.pause()
        assert "Type your PIN" in person.screen()

    play(story, cards, profile=CARD, size=size)


@at_card(profile=CARD, size=(140, 30))
async def test_in_a_wide_window_the_panel_stands_beside_the_card(person: Person) -> None:
    await person.type("s")
    lines = person.screen().splitlines()
    assert any("Digital Security Card+" in line and "firmware's state" in line for line in lines[:2])


@pytest.mark.parametrize(("background", "theme"), [("15;0", "textual-dark"), ("0;15", "textual-light"), ("", "textual-dark")])
def test_light_and_dark(cards: Path, background: str, theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORFGBG", background)

    async def story(person: Person) -> None:
        assert person.app.theme == theme
        await person.type("d")
        assert {person.app.theme, theme} == {"textual-light", "textual-dark"}

    play(story, cards, profile=CARD)


def test_without_colour_all_is_said_in_words(cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def story(person: Person) -> None:
        colours = {
            triplet
            for strip in person.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour and (triplet := colour.triplet)
        }
        assert {triplet for triplet in colours if len(set(triplet)) > 1} == set(), "only greys"

    play(story, cards, profile=CARD)


@pytest.mark.parametrize(
    ("key", "code", "how"),
    [("q", 0, {"profile": CARD}), ("ctrl+c", 130, {"profile": CARD}), ("ctrl+c", 130, {"make_first": True})],
)
def test_leaving(cards: Path, key: str, code: int, how: dict[str, Any]) -> None:
    async def story(person: Person) -> None:
        await person.type(key)

    assert play(story, cards, **how).return_value == code
