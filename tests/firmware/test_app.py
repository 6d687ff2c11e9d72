"""Tests of the card on a board: start, time, battery, failing entropy or flash, and the order of effects."""

from typing import Any

import pytest
from tests.firmware.fakes import INTERPRETERS, KEY, FaultyFlash, ask, events, frame, lines, lost, refused
from tests.firmware.taped_card import CARD_PIN, PROFILE, record, response, started

from dsc_firmware.app import FOREVER, App, same
from dsc_firmware.journal import SIZE, Journal
from dsc_firmware.ports import CELLS, KEY_PRESS
from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.board import Entropy, SimulatedBoard


class Failing:
    """An entropy port that repeats one byte forever, or returns nothing."""

    def __init__(self, silent: bool = False) -> None:
        self.silent = silent

    def read(self, n: int) -> bytes:
        if self.silent:
            raise OSError(5)
        return bytes(n)


def test_start_says_so_on_the_line_and_shows_nothing() -> None:
    card, _ = started(PROFILE)
    assert lines(card.receive()) == ["!0 boot state=off"]
    assert card.cells == " " * CELLS


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_damaged_record_shows_error_at_start_and_loses_nothing(interpreter: str) -> None:
    slots = (b"\xff" * SIZE, b"\0" * SIZE)
    flash = FaultyFlash(slots)
    card = SimulatedCard(flash=flash, seed=1, engine=interpreter)
    assert card.display == "ERROR"
    assert events(card)[-1] == "boot state=notice"
    assert card.advance(30) == ""
    assert card.press("PRESS") == "ERROR"
    assert tuple(flash.slots) == slots


def test_record_whose_suite_this_board_cannot_serve_is_kept_and_not_used() -> None:
    flash = FaultyFlash()
    journal = Journal(flash)
    journal.load()
    for suite in (b"OCRA-1:HOTP-SHA999-8:C-QN06", b"OCRA-1:HOTP-SHA256-9:C-QN06", b"\xff", b""):
        journal.record.assign(b"A", suite, KEY)
        journal.store_twice()
        before = list(flash.slots)
        card = SimulatedCard(flash=flash, seed=1)
        assert card.display == "ERROR"
        assert flash.slots == before


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_card_without_entropy_shows_error_and_gives_none(silent: bool, interpreter: str) -> None:
    card = SimulatedCard(profile=PROFILE, seed=1, engine=interpreter)
    good = card.board.entropy
    card.board.entropy = Failing(silent)  # type: ignore[assignment]
    card.restart()
    assert card.display == "ERROR"
    card.board.entropy = good
    assert ask(card, "entropy").startswith("err fault")
    assert ask(card, "selftest").startswith("err fault entropy")
    card.press("PRESS")
    assert card.press("PRESS") == "ERROR"
    card.restart()
    assert card.press("PRESS") == "PIN>"


@pytest.mark.parametrize("state", ["off", "pin", "challenge"])
def test_entropy_that_fails_later_stops_the_card_where_it_is(state: str) -> None:
    board = SimulatedBoard(Entropy(1), PROFILE.flash())
    app = App(board)
    for key in {"off": "", "pin": "P12", "challenge": "P1234O48"}[state]:
        app.press(ord(key), 0)
    app.entropy._port = Failing()
    board.line.outbox.clear()
    board.line.inbox += frame(">7 entropy")
    app.poll()
    heard = lines(bytes(board.line.outbox))
    assert heard[-1].startswith("<7 err fault")
    assert not any("bytes" in line for line in heard)
    assert bytes(board.display.cells) == b"ERROR   "
    assert not any(app.card.pin)
    assert not any(app.card.question)


def test_key_that_comes_with_the_time_comes_too_late() -> None:
    card, _ = started(PROFILE)
    card.press("PRESS", "1", "2", "3", "4")
    card.board.clock.now_ms += 30_000
    assert card.press("OK") == ""


def test_poll_says_when_it_must_run_again() -> None:
    board = SimulatedBoard(Entropy(1), PROFILE.flash())
    app = App(board)
    assert app.poll() == FOREVER
    board.keypad.push("PRESS")
    assert app.poll() == 30_000
    board.clock.now_ms += 29_999
    assert app.poll() == 1
    board.clock.now_ms += 1
    assert app.poll() == FOREVER


def test_one_poll_takes_all_that_a_person_can_have_typed() -> None:
    board = SimulatedBoard(Entropy(1), PROFILE.flash())
    app = App(board)
    for key in ("PRESS", *"1234", "OK", *"482913", "OK"):
        board.keypad.push(key)
    app.poll()
    assert board.display.cells.decode() == response(PROFILE, 0)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_low_battery_stops_the_card_from_starting_until_it_is_good_again(interpreter: str) -> None:
    card, _ = started(PROFILE, interpreter)
    card.board.battery.flat = True
    assert card.press("PRESS") == "LOBATT"
    assert card.press("PRESS") == ""
    card.board.battery.flat = False
    assert card.press("PRESS") == "PIN>"
    card.board.battery.flat = True
    assert card.enter("1234") == "CHALLNG>"


def test_board_without_a_battery_to_ask() -> None:
    board = SimulatedBoard(Entropy(1), PROFILE.flash())
    del board.battery
    app = App(board)
    app.press(KEY_PRESS, 0)
    assert board.display.cells == b"PIN>    "


def test_error_outlives_a_low_battery() -> None:
    card, flash = started(PROFILE)
    slots = list(flash.slots)
    flash.slots = [b"", b""]
    assert ask(card, "selftest").startswith("err fault")
    flash.slots = slots
    card.press("PRESS")
    for flat in (True, False):
        card.board.battery.flat = flat
        assert card.press("PRESS") == "ERROR"
        card.press("PRESS")


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_counter_is_stored_and_read_back_before_the_response_is_shown(interpreter: str) -> None:
    card, flash = started(PROFILE, interpreter)
    card.press("PRESS", *"1234", "OK")
    flash.tape.clear()
    shown = card.enter("482913")
    assert [name for name, _ in flash.tape] == ["show"] * 6 + ["write", "read", "show"]
    assert flash.tape[-1] == ("show", shown)
    assert record(flash).counter == 1


@pytest.mark.parametrize("pin", ["1234", "0000"])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_try_is_stored_and_read_back_before_anything_tells_whether_the_pin_is_right(pin: str, interpreter: str) -> None:
    card, flash = started(CARD_PIN, interpreter)
    card.press("PRESS")
    flash.tape.clear()
    card.enter(pin)
    reset = ["write", "read"] if pin == "1234" else []
    assert [name for name, _ in flash.tape] == ["show"] * 4 + ["write", "read", *reset, "show"]


def test_nothing_is_stored_by_a_login_that_the_card_does_not_judge() -> None:
    card, flash = started(PROFILE)
    card.press("PRESS", *"1234", "OK")
    card.press("4", "8", "PRESS")
    assert flash.writes == 0


def test_display_is_shown_before_the_line_is_told() -> None:
    card, flash = started(PROFILE)
    card.watch(lambda direction, data: flash.tape.append((direction, data)))
    card.press("PRESS")
    assert [name for name, _ in flash.tape] == ["show", "out"]


def test_suite_without_a_counter_stores_nothing() -> None:
    card, flash = started(Profile("A", KEY, suite="OCRA-1:HOTP-SHA1-6:QN06-PSHA1", counter=5))
    assert len(card.press("PRESS", *"1234", "OK", *"482913", "OK")) == 6
    assert flash.writes == 0


@pytest.mark.parametrize("digits", range(4, 9))
def test_short_response_leaves_no_digit_of_the_question(digits: int) -> None:
    profile = Profile("A", KEY, suite=f"OCRA-1:HOTP-SHA256-{digits}:C-QN08-PSHA256")
    card, _ = started(profile)
    card.press("PRESS", *"1234", "OK", *"48291348", "OK")
    assert card.cells == response(profile, 0, question=b"48291348").ljust(CELLS)


@pytest.mark.parametrize("fault", [lost, refused])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_response_whose_counter_does_not_hold_is_not_shown(fault: Any, interpreter: str) -> None:
    card, flash = started(PROFILE, interpreter)
    card.press("PRESS", *"1234", "OK")
    flash.fault = fault
    assert card.enter("482913") == "ERROR"
    assert response(PROFILE, 0) not in [shown for _, shown in flash.tape]
    flash.repair()
    assert [card.press("PRESS"), card.press("PRESS")] == ["", "ERROR"]
    card.restart()
    assert card.press("PRESS", *"1234", "OK", *"482913", "OK") == response(PROFILE, 0)


def test_same_compares_every_byte() -> None:
    assert same(b"abcd", bytearray(b"abcd"))
    for at in range(4):
        other = bytearray(b"abcd")
        other[at] ^= 0x80
        assert not same(b"abcd", other)
