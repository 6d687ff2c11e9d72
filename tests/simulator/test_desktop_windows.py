"""The card on the screen in windows of every size, in light and dark."""

import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from tests.simulator.desktop_command import CARD
from tests.simulator.desktop_driver import Person, at_card, play


@at_card(profile=CARD)
async def test_a_window_that_is_too_small_says_so_and_what_the_display_shows(person: Person) -> None:
    for columns, rows in ((79, 24), (80, 23), (20, 5)):
        await person.pilot.resize_terminal(columns, rows)
        await person.pilot.pause()
        shown = " ".join(person.screen().split())
        assert f"This window has {columns} columns and {rows} rows." in shown
        assert "Display: (off)" in shown
    await person.type("p")
    assert "Display: PIN>" in person.screen()
    await person.pilot.resize_terminal(80, 24)
    await person.pilot.pause()
    assert "Type your PIN" in person.screen()


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
    ("how", "code", "options"),
    [
        ("q", 0, {"profile": CARD}),
        ("ctrl+c", 130, {"profile": CARD}),
        ("ctrl+c", 130, {"make_first": True}),
        (signal.SIGINT, 130, {}),
        (signal.SIGHUP, 129, {}),
    ],
)
def test_leaving(cards: Path, how: str | signal.Signals, code: int, options: dict[str, Any]) -> None:
    async def story(person: Person) -> None:
        if isinstance(how, str):
            await person.type(how)
        else:
            assert signal.getsignal(how) is not signal.SIG_DFL, "this signal would end the tests"
            signal.raise_signal(how)
            await person.pilot.pause()

    assert play(story, cards, **options).return_value == code
