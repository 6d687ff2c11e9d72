"""The desktop program on a screen: a person logs in, looks inside and follows hints, in windows of every size."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from tests.simulator.desktop_driver import CARD, Person, at_card, play
from textual import events

from dsc_simulator.desktop.card_widget import PressKey
from dsc_simulator.desktop.panels import Panel
from dsc_simulator.desktop.screens import ConfirmScreen, MakeScreen, NoteScreen
from dsc_simulator.profile import Profile
from dsc_simulator.profile_store import Profiles


@at_card(profile=CARD)
async def test_a_whole_login_by_clicks(person: Person) -> None:
    person.verifier.enroll(CARD.serial, key=CARD.key, pin="1234")
    challenge = person.verifier.challenge(CARD.serial)
    person.app.main.query_one(PressKey).hold_seconds = 0.01
    await person.pilot.mouse_down("#key-PRESS")
    await person.until(lambda: person.says("spoken") == "Display: PIN>")
    await person.pilot.mouse_up("#key-PRESS")
    await person.click(*"1234", "OK")
    assert person.says("spoken") == "Display: CHALLNG>"
    await person.click(*challenge.question, "OK")
    response = person.says("spoken").removeprefix("Display: ")
    assert person.verifier.verify(challenge.id, response).accepted
    await person.click("OK")
    assert person.says("spoken") == "Display: (off)"


@at_card(profile=CARD)
async def test_a_whole_login_by_keys(person: Person) -> None:
    await person.type("p", *"1299", "backspace", "c", *"34", "enter")
    assert person.says("spoken") == "Display: CHALLNG>"
    await person.type(*"482913", "enter")
    assert re.fullmatch("Display: [0-9]{8}", person.says("spoken"))
    await person.type("space")
    assert person.says("spoken") == "Display: (off)"


@at_card(profile=CARD)
async def test_a_touch_of_press_is_not_enough(person: Person) -> None:
    press = person.app.main.query_one(PressKey)
    press.hold_seconds = 3600
    await person.click("PRESS")
    assert person.says("spoken") == "Display: (off)"
    assert person.says("next") == "Hold PRESS for half a second; a shorter touch does nothing."
    await person.type("p")
    assert person.says("next").startswith("Type your PIN")
    await person.click("PRESS")
    assert person.says("spoken") == "Display: (off)", "while it is on, a touch is enough"
    await person.pilot.mouse_down("#key-PRESS")
    assert press.has_class("held")
    await person.pilot.mouse_up("#key-5")
    assert not press.has_class("held"), "released elsewhere"


@at_card(make_first=True)
async def test_a_newcomer_makes_a_card_and_logs_in(person: Person) -> None:
    assert isinstance(person.app.screen, MakeScreen)
    await person.type(*"12", "tab", *"1234", "tab", "enter")
    assert "PIN: must be 4 digits" in person.screen()
    await person.type("shift+tab", "shift+tab", *"1234", "tab", "tab", "tab", "enter")
    await person.until(lambda: "enrolled it" in person.says("next"))
    serial = re.findall(r"dscplus challenge (SIM\d{6})$", person.says("next"))[0]
    challenge = person.verifier.challenge(serial)
    await person.type("p", *"1234", "enter", *challenge.question, "enter")
    assert person.verifier.verify(challenge.id, person.workspace.live.display).accepted
    assert person.workspace.settings.profiles.names() == ["default"]


@at_card(make_first=True)
async def test_a_card_under_another_name_that_checks_its_pin_and_is_not_enrolled(person: Person) -> None:
    await person.type("shift+tab", "shift+tab", *["backspace"] * 7, *"work")
    await person.type("tab", "tab", *"1234", "tab", *"1234", "tab", "space", "tab", "space", "shift+tab", "shift+tab", "enter")
    await person.until(lambda: "without enrolling it" in person.says("next"))
    facts = person.workspace.live.facts()
    assert (facts["pin"], facts["unlock"], person.workspace.name) == ("card", "10", "work")
    assert person.workspace.where == person.says("where")
    assert person.workspace.settings.profiles.names() == ["work"]


def test_a_name_that_is_taken_is_refused_and_the_card_there_is_left_alone(cards: Path) -> None:
    with Profiles(cards).open("work") as file:
        file.flash.write(0, b"theirs")
    before = (cards / "work.json").read_bytes()

    async def story(person: Person) -> None:
        await person.type("shift+tab", "shift+tab", *["backspace"] * 7, *"work", "tab", "tab", *"1234", "tab", *"1234", "enter")
        await person.until(lambda: "there is already a card called work" in person.screen())
        await person.type("escape", "p")
        assert person.says("spoken") == "Display: NO KEY"

    play(story, cards, make_first=True)
    assert (cards / "work.json").read_bytes() == before


@at_card(make_first=True)
async def test_not_now(person: Person) -> None:
    await person.type("escape")
    assert person.says("next") == "This card is blank. Press n to give it a key and a PIN."
    await person.type("n")
    assert isinstance(person.app.screen, MakeScreen)
    assert person.workspace.settings.profiles.names() == []


@at_card()
async def test_what_the_library_says_is_not_missed(person: Person) -> None:
    for words in ("Made a master key.", b"Made a master key."):
        person.app.post_message(events.Print(words, stderr=True))  # type: ignore[arg-type]
        await person.until(lambda: isinstance(person.app.screen, NoteScreen))
        assert "Made a master key." in person.screen()
        await person.type("enter")
        assert not isinstance(person.app.screen, NoteScreen)
    assert person.app.messages == ["Made a master key."] * 2


@at_card(problem="the profile is broken", make_first=True)
async def test_a_problem_is_told_first(person: Person) -> None:
    assert "the profile is broken" in person.screen()


def panel(person: Person) -> str:
    return person.app.main.query_one(Panel).showing


@at_card(profile=CARD)
async def test_panels_are_hidden_until_asked_for_and_scroll(person: Person) -> None:
    assert not person.app.main.query_one(Panel).display
    for key, name in (("l", "line"), ("s", "state"), ("t", "time"), ("f", "flash")):
        await person.type(key)
        assert (panel(person), person.app.main.query_one(Panel).display) == (name, True)
    assert "slot 0: epoch 1, a card, counter 0" in person.screen()
    await person.type("pagedown", "pagedown", "down")
    assert "slot 0" not in person.screen()
    await person.type("up", "pageup", "pageup")
    assert "slot 0" in person.screen()
    await person.type("f")
    assert not person.app.main.query_one(Panel).display


@at_card(profile=CARD)
async def test_what_is_sent_over_the_line_is_not_taken_for_markup(person: Person) -> None:
    await person.type("l")
    person.workspace.live.send(b"\n[@click=app.leave(0)]x[/] \\[bold]y [/nothing]\n")
    await person.pilot.pause()
    assert "→ [@click=app.leave(0)]x[/] \\[bold]y [/nothing]" in person.screen()


@at_card(profile=CARD)
async def test_the_line_is_shown_from_its_end_after_another_view(person: Person) -> None:
    for number in range(60):
        person.workspace.live.send(b"line %d\n" % number)
    await person.type("l")
    assert "line 59" in person.screen()
    await person.type("f", "l")
    assert "line 59" in person.screen()


def test_a_crash_tells_no_secret(cards: Path) -> None:
    class Crash(Exception):
        pass

    printed: list[str] = []

    async def story(person: Person) -> None:
        pin = "the secret"
        try:
            raise Crash(len(pin))
        except Crash:
            person.app._fatal_error()
        printed.extend(str(renderable.segments) for renderable in person.app._exit_renderables)  # type: ignore[union-attr]

    play(story, cards, profile=CARD)
    assert "Crash" in printed[0]
    assert "story" in printed[0]
    assert "│ pin = " not in printed[0]


@at_card(profile=CARD)
async def test_the_key_is_shown_only_after_a_yes_and_not_for_long(person: Person) -> None:
    key = CARD.key.hex()
    await person.type("k")
    assert not isinstance(person.app.screen, ConfirmScreen), "only with the flash"
    await person.type("f", "k")
    assert isinstance(person.app.screen, ConfirmScreen)
    await person.type("n")
    assert key not in person.screen()
    await person.type("k", "enter")
    assert key not in person.screen(), "Enter is no"
    await person.type("k", "y")
    assert key in person.screen()
    await person.type("k")
    assert key not in person.screen()
    await person.type("k", "y", "t", "f")
    assert key not in person.screen()


@at_card(profile=CARD)
async def test_keys_of_the_card_are_not_pressed_while_something_is_asked(person: Person) -> None:
    await person.type("n")
    assert not isinstance(person.app.screen, MakeScreen), "a card with a key is not made again"
    assert "New card" not in person.screen()
    await person.type("p", "f", "k", "1", "c", "c")
    assert person.says("spoken") == "Display: PIN>"


@at_card(profile=CARD)
async def test_time(person: Person) -> None:
    await person.type("p", "t")
    await person.type("a")
    assert "10 s on the card's clock" in person.screen()
    await person.type("z")
    assert "time stands still" in person.screen()
    assert person.says("next").startswith("Time stands still (z lets it run). Type your PIN")
    await person.type("z", "o")
    assert person.says("spoken") == "Display: (off)"
    await person.type("p")
    person.clock.now += 30
    await person.until(lambda: person.says("spoken") == "Display: (off)")
    seconds = person.workspace.live.seconds
    person.clock.now += 60
    await person.until(lambda: f"{seconds + 60:.0f} s on the card's clock" in person.screen())
    await person.type("t")
    person.clock.now += 60
    await person.type("t")
    assert f"{seconds + 120:.0f} s on the card's clock" in person.screen()


@at_card(profile=CARD)
async def test_the_battery(person: Person) -> None:
    await person.type("p", "1", "b")
    assert person.says("spoken") == "Display: (off)"
    person.workspace.live.card.cut_power(0)
    await person.type("p", *"1234", "enter", *"482913", "enter")
    assert person.says("next").startswith("The card has stopped: ")
    await person.type("b")
    assert person.says("next") == "Hold PRESS (p) to switch the card on."


@at_card(profile=CARD)
async def test_what_a_program_at_the_line_does_is_seen(person: Person) -> None:
    from dsc_host import CardClient

    def ask() -> None:
        with CardClient.open(person.workspace.server.url, timeout=10) as client:
            client.wipe()

    worker = person.app.run_worker(ask, thread=True)
    await person.until(lambda: person.says("spoken") == "Display: WIPE?")
    await worker.wait()
    await person.until(lambda: person.says("where").endswith("not connected"))
    await person.type("enter")
    assert person.says("spoken") == "Display: NO KEY"


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


@pytest.mark.parametrize("profile", [None, CARD])
def test_a_narrow_window_has_the_whole_legend_in_two_rows(tmp_path: Path, profile: Profile | None) -> None:
    async def story(person: Person) -> None:
        whole = f"{'' if profile else 'n New card '}l Line s State f Flash t Time b Battery out d Dark q Quit"
        await person.until(lambda: " ".join(" ".join(person.screen().splitlines()[31:]).split()) == whole)

    play(story, tmp_path, profile=profile, size=(53, 33))


def test_the_screen_is_shown_without_the_database() -> None:
    # With its library, the first frame takes twice as long.
    program = "import sys, dsc_simulator.desktop.launch; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


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


def test_without_color_all_is_said_in_words(cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def story(person: Person) -> None:
        colors = {
            triplet
            for strip in person.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style
            for color in (segment.style.color, segment.style.bgcolor)
            if color and (triplet := color.triplet)
        }
        assert {triplet for triplet in colors if len(set(triplet)) > 1} == set(), "only grays"

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
