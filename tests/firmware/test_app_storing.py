"""The card on a board: effects in the order that the journal's promises need, and what a flash that fails does to them."""

from typing import Any

import pytest
from tests.firmware.fakes import INTERPRETERS, KEY, PowerCut, cut_at, lost, refused, told
from tests.firmware.taped_card import CARD_PIN, PROFILE, faulty, record, response, started

from dsc_firmware.app import same
from dsc_firmware.journal import SIZE
from dsc_firmware.ports import CELLS
from dsc_simulator import Profile, SimulatedCard

LAST = 2**64 - 2


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


@pytest.mark.parametrize("size", [0, 1, 12, 16, 100, SIZE - 1, SIZE])
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
        for size in (0, 8, 12, 15, 16, 100, SIZE - 1, SIZE):
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
                assert counted == (size == SIZE)


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
