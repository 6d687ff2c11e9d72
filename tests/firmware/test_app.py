"""The card on a board: effects in the order that the journal's promises need, and what happens when a port fails."""

import random
from typing import Any

import pytest
from tests.firmware.fakes import (
    CLEAR_SUITE,
    INTERPRETERS,
    KEY,
    FaultyFlash,
    PowerCut,
    TapedDisplay,
    ask,
    cut_at,
    events,
    frame,
    lines,
    lost,
    refused,
    told,
)

from dsc_firmware.app import FOREVER, App, same
from dsc_firmware.journal import Journal
from dsc_firmware.ocra import Ocra
from dsc_firmware.ports import CELLS, KEY_PRESS, TICKS_PERIOD
from dsc_simulator import Flash, Profile, SimulatedCard
from dsc_simulator.board import Entropy, SimulatedBoard

PROFILE = Profile("A", KEY)
CARD_PIN = Profile("A", KEY, suite=CLEAR_SUITE, pin_policy="card", pin="1234", tries=3)
LAST = 2**64 - 2


def faulty(profile: Profile) -> FaultyFlash:
    slots = profile.flash().slots
    return FaultyFlash((slots[0], slots[1]))


def started(profile: Profile, interpreter: str = "cpython") -> tuple[SimulatedCard, FaultyFlash]:
    """A card and its flash, with one tape for what is stored and what is shown."""
    flash = faulty(profile)
    card = SimulatedCard(flash=flash, seed=1, engine=interpreter)
    flash.tape.clear()
    card.board.display = TapedDisplay(flash.tape)
    return card, flash


def response(profile: Profile, counter: int, pin: bytes = b"1234", question: bytes = b"482913") -> str:
    ocra = Ocra(profile.suite)
    out = bytearray(ocra.digits)
    ocra.respond(out, profile.key, question, counter, pin)
    return out.decode()


def record(flash: Flash) -> Any:
    journal = Journal(flash)
    journal.load()
    return journal.record


class Failing:
    """An entropy port that gives one byte for ever, or nothing."""

    def __init__(self, silent: bool = False) -> None:
        self.silent = silent

    def read(self, n: int) -> bytes:
        if self.silent:
            raise OSError(5)
        return bytes(n)


# ---- the order of things ----


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_counter_is_stored_and_read_back_before_the_response_is_shown(interpreter: str) -> None:
    card, flash = started(PROFILE, interpreter)
    card.press("PRESS")
    card.enter("1234")
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
    card.press("PRESS")
    card.enter("1234")
    card.press("4", "8", "PRESS")
    assert flash.writes == 0


def test_display_is_shown_before_the_line_is_told() -> None:
    card, flash = started(PROFILE)
    card.watch(lambda direction, data: flash.tape.append((direction, data)))
    card.press("PRESS")
    assert [name for name, _ in flash.tape] == ["show", "out"]


# ---- responses ----


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_each_response_has_its_own_counter_also_after_a_restart(interpreter: str) -> None:
    card, flash = started(PROFILE, interpreter)
    heard = []
    for counter in range(4):
        card.press("PRESS")
        card.enter("1234")
        heard.append(card.enter("482913"))
        assert heard[-1] == response(PROFILE, counter)
        if counter % 2:
            card.restart()
        else:
            card.press("OK")
    assert record(flash).counter == 4


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_last_counter_is_used_once_and_then_no_more(interpreter: str) -> None:
    profile = Profile("A", KEY, counter=LAST)
    card, flash = started(profile, interpreter)
    card.press("PRESS")
    card.enter("1234")
    assert card.enter("482913") == response(profile, LAST)
    for _ in range(2):
        card.restart()
        card.press("PRESS")
        card.enter("1234")
        assert card.enter("482913") == "ERROR"
    assert record(flash).counter == LAST + 1


def test_suite_without_a_counter_stores_nothing() -> None:
    card, flash = started(Profile("A", KEY, suite="OCRA-1:HOTP-SHA1-6:QN06-PSHA1", counter=5))
    card.press("PRESS")
    card.enter("1234")
    assert len(card.enter("482913")) == 6
    assert flash.writes == 0


@pytest.mark.parametrize("digits", range(4, 9))
def test_short_response_leaves_no_digit_of_the_question(digits: int) -> None:
    profile = Profile("A", KEY, suite=f"OCRA-1:HOTP-SHA256-{digits}:C-QN08-PSHA256")
    card, _ = started(profile)
    card.press("PRESS")
    card.enter("1234")
    card.enter("48291348")
    assert card.cells == response(profile, 0, question=b"48291348").ljust(CELLS)


@pytest.mark.parametrize("fault", [lost, refused])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_response_whose_counter_does_not_hold_is_not_shown(fault: Any, interpreter: str) -> None:
    card, flash = started(PROFILE, interpreter)
    card.press("PRESS")
    card.enter("1234")
    flash.fault = fault
    assert card.enter("482913") == "ERROR"
    assert response(PROFILE, 0) not in [shown for _, shown in flash.tape]
    flash.repair()
    assert [card.press("PRESS"), card.press("PRESS")] == ["", "ERROR"]
    card.restart()
    card.press("PRESS")
    card.enter("1234")
    assert card.enter("482913") == response(PROFILE, 0)


@pytest.mark.parametrize("size", [0, 1, 12, 16, 100, 175, 176])
def test_cut_while_the_counter_is_stored_shows_nothing_and_repeats_nothing(size: int) -> None:
    card, flash = started(PROFILE)
    card.press("PRESS")
    card.enter("1234")
    flash.fault = cut_at(0, size)
    with pytest.raises(PowerCut):
        card.enter("482913")
    assert card.display == "482913"
    flash.repair()
    restarted = SimulatedCard(flash=flash, seed=1)
    restarted.press("PRESS")
    restarted.enter("1234")
    assert restarted.enter("482913") in (response(PROFILE, 0), response(PROFILE, 1))
    assert record(flash).counter in (1, 2)


# ---- a PIN that the card checks ----


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_card_locks_after_its_tries_and_stays_locked(interpreter: str) -> None:
    card, _ = started(CARD_PIN, interpreter)
    card.press("PRESS")
    assert [card.enter("0000") for _ in range(3)] == ["FAIL 1", "FAIL 2", "LOCKED"]
    for _ in range(2):
        assert card.enter("1234") == "LOCKED"
        assert card.press("PRESS") == ""
        assert card.press("PRESS") == "LOCKED"
        assert told(card, "info")["locked"] == "1"
        card.restart()
        card.press("PRESS")


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_last_try_succeeds_if_it_is_right_and_gives_all_tries_back(interpreter: str) -> None:
    card, flash = started(CARD_PIN, interpreter)
    for _ in range(2):
        card.press("PRESS")
        card.enter("0000")
        card.enter("0000")
        assert card.enter("1234") == "CHALLNG>"
        assert record(flash).failures == 0
        card.press("PRESS")


def test_failures_survive_a_restart() -> None:
    card, _ = started(CARD_PIN)
    card.press("PRESS")
    assert card.enter("0000") == "FAIL 1"
    card.restart()
    card.press("PRESS")
    assert card.enter("0000") == "FAIL 2"


@pytest.mark.parametrize("pin", ["1235", "0234", "1243", "4321"])
def test_almost_right_is_wrong(pin: str) -> None:
    card, _ = started(CARD_PIN)
    card.press("PRESS")
    assert card.enter(pin) == "FAIL 1"


@pytest.mark.parametrize("pin", ["1234", "0000"])
@pytest.mark.parametrize("fault", [lost, refused])
def test_try_that_cannot_be_counted_tells_nothing_about_the_pin(pin: str, fault: Any) -> None:
    card, flash = started(CARD_PIN)
    card.press("PRESS")
    flash.fault = fault
    assert card.enter(pin) == "ERROR"


@pytest.mark.parametrize("pin", ["1234", "0000"])
def test_no_cut_gains_a_try(pin: str) -> None:
    for write in range(2 if pin == "1234" else 1):
        for size in (0, 8, 12, 15, 16, 100, 175, 176):
            card, flash = started(CARD_PIN)
            card.press("PRESS")
            flash.fault = cut_at(write, size)
            with pytest.raises(PowerCut):
                card.enter(pin)
            flash.repair()
            assert card.display == "PIN>****"
            counted = record(flash).failures
            assert counted in (0, 1)
            if write == 0:
                assert counted == (size == 176)


def test_tries_run_out_however_often_the_power_is_cut_after_a_wrong_pin() -> None:
    flash = faulty(CARD_PIN)
    for _ in range(3):
        card = SimulatedCard(flash=flash, seed=1)
        card.press("PRESS")
        card.enter("0000")
        card.close()
    assert SimulatedCard(flash=flash, seed=1).press("PRESS") == "LOCKED"


def test_same_compares_every_byte() -> None:
    assert same(b"abcd", bytearray(b"abcd"))
    for at in range(4):
        other = bytearray(b"abcd")
        other[at] ^= 0x80
        assert not same(b"abcd", other)


# ---- starting ----


def test_start_says_so_on_the_line_and_shows_nothing() -> None:
    card, _ = started(PROFILE)
    assert lines(card.receive()) == ["!0 boot state=off"]
    assert card.cells == " " * CELLS


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_damaged_record_shows_error_at_start_and_loses_nothing(interpreter: str) -> None:
    slots = (b"\xff" * 176, b"\0" * 176)
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


# ---- time ----


@pytest.mark.parametrize("start", [0, TICKS_PERIOD - 1, TICKS_PERIOD - 15_000])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_card_turns_off_by_itself_also_where_the_clock_wraps(start: int, interpreter: str) -> None:
    card, _ = started(PROFILE, interpreter)
    card.board.clock.now_ms = start
    card.press("PRESS")
    assert card.advance(29.999) == "PIN>"
    card.press("1")
    assert card.advance(29.999) == "PIN>*"
    assert card.advance(0.001) == ""
    card.press("PRESS")
    card.enter("1234")
    shown = card.enter("482913")
    assert card.advance(59.999) == shown
    assert card.advance(0.001) == ""


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


# ---- the battery ----


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


# ---- both engines, one card ----


def life_of_a_card(interpreter: str) -> tuple[bytes, list[bytes | None], str]:
    """What a card says, stores and shows in a long and eventful life."""
    chance = random.Random(5)
    requests = ("hello nonce=%00%ff", "challenge q=482913", "challenge q=%c3%a9", "entropy n=3", "wipe", "cancel")
    with SimulatedCard(profile=CARD_PIN, seed=1, engine=interpreter) as card:
        for _ in range(300):
            what = chance.random()
            if what < 0.7:
                card.press(chance.choice(("PRESS", "C", *"0123456789", *"1234", "OK", "OK", "OK")))
            elif what < 0.8:
                card.advance(chance.choice((0.001, 15, 29.999, 30, 60)))
            elif what < 0.9:
                card.enter(chance.choice(("1234", "482913", "12", "0000")))
            elif what < 0.99:
                card.send(frame(">1 " + chance.choice(requests)))
            else:
                card.restart()
        return card.receive(), list(card.flash.slots), card.cells


@pytest.mark.parametrize("interpreter", [name for name in INTERPRETERS if name != "cpython"])
def test_every_interpreter_says_the_same_word_for_word(interpreter: str) -> None:
    assert life_of_a_card(interpreter) == life_of_a_card("cpython")
