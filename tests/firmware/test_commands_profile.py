"""A profile into a whole card and out of it: set, personalize, cancel, wipe; what they answer and with which code they refuse.

Whatever a test says to a card, the card's key must not come back.
"""

import pytest
from tests.firmware.fakes import INTERPRETERS, FaultyFlash, ask, events, refused, told
from tests.firmware.watched_card import CARD_PIN, PROFILE, SERIAL, SET_ALL, STATES, Watched, in_state

from dsc_firmware.journal import SIZE


def test_longest_set_fits_one_line(make: Watched) -> None:
    card = make(None)
    assert ask(card, f"set serial={SERIAL} key={'ab' * 64} counter={2**64 - 2} pin=ocra") == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"


@pytest.mark.parametrize("suite", ["%ff", "%c3%a9", "%e2%82%ac" * 5])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_suite_that_is_not_text_is_refused_in_the_same_words_everywhere(make: Watched, suite: str, interpreter: str) -> None:
    assert ask(make(None, engine=interpreter), f"set suite={suite}") == "err bad-arg suite: only ASCII"


def test_refusal_that_names_a_very_long_field_still_fits(make: Watched) -> None:
    assert ask(make(None), "set " + "x" * 220 + "=1").startswith("err bad-arg xxx")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("text", [SET_ALL, "personalize", "set xyz=1", "set"])
def test_card_with_a_key_takes_no_other(make: Watched, state: str, text: str) -> None:
    card = in_state(make(CARD_PIN), state)
    before = list(card.flash.slots)
    assert ask(card, text).startswith("err denied")
    assert card.flash.slots == before


def test_blank_card_takes_a_profile_also_while_it_shows_no_key(make: Watched) -> None:
    card = make(None)
    assert card.press("PRESS") == "NO KEY"
    assert ask(card, SET_ALL) == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"
    assert (card.display, card.press("PRESS")) == ("", "PIN>")


def test_staged_fields_are_gone_after_cancel_and_restart(make: Watched) -> None:
    card = make(None)
    for forget in (lambda: ask(card, "cancel"), card.restart):
        ask(card, SET_ALL)
        forget()
        assert ask(card, "personalize").startswith("err bad-arg serial:")


def test_profile_that_cannot_be_stored_is_a_fault(make: Watched) -> None:
    flash = FaultyFlash()
    card = make(flash=flash)
    ask(card, SET_ALL)
    flash.fault = refused
    assert ask(card, "personalize").startswith("err fault")
    assert card.display == "ERROR"
    flash.repair()
    card.restart()
    assert told(card, "hello")["serial"] == ""


def test_damaged_card_takes_no_profile_until_it_is_wiped(make: Watched) -> None:
    card = make(flash=FaultyFlash((b"\0" * SIZE, b"\0" * SIZE)))
    assert card.display == "ERROR"
    assert ask(card, SET_ALL).startswith("err fault")
    assert ask(card, "personalize").startswith("err fault")
    assert ask(card, "wipe") == "ok"
    assert card.press("OK") == "NO KEY"
    assert ask(card, SET_ALL) == "ok"


@pytest.mark.parametrize("state", STATES)
def test_cancel_turns_off_from_anywhere(make: Watched, state: str) -> None:
    card = in_state(make(CARD_PIN), state)
    assert ask(card, "cancel") == "ok"
    assert card.display == ""
    assert told(card, "hello")["state"] == "off"


def test_wipe_that_fails_says_so_and_keeps_the_key(make: Watched) -> None:
    source = PROFILE.flash()
    flash = FaultyFlash((source.slots[0], source.slots[1]))
    card = in_state(make(flash=flash), "wipe")
    flash.fault = refused
    card.receive()
    assert card.press("OK") == "ERROR"
    assert events(card) == ["display text=ERROR", "wipe done=0"]
    flash.repair()
    card.restart()
    assert told(card, "hello")["serial"] == SERIAL
