"""The card on a board: effects in the order that the journal's promises need, and what a flash that fails does to them."""

from typing import Any

import pytest
from tests.firmware.fakes import INTERPRETERS, KEY, lost, refused
from tests.firmware.taped_card import CARD_PIN, PROFILE, record, response, started

from dsc_firmware.app import same
from dsc_firmware.ports import CELLS
from dsc_simulator import Profile


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
