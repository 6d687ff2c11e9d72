"""A profile into a whole card and out of it: set, personalize, cancel, wipe; what they answer and with which code they refuse.

Whatever a test says to a card, the card's key must not come back.
"""

import pytest
from tests.firmware.fakes import CLEAR_SUITE, INTERPRETERS, KEY, FaultyFlash, ask, events, frame, refused, told
from tests.firmware.watched_card import CARD_PIN, PROFILE, SERIAL, SET_ALL, STATES, Watched, in_state

from dsc_firmware.journal import SIZE

# ---- set, personalize ----


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_personalising_in_one_go_and_line_by_line(make: Watched, interpreter: str) -> None:
    card = make(None, engine=interpreter)
    for field in (f"serial={SERIAL}", f"key={KEY.hex()}", f"suite={CLEAR_SUITE}", "pin=card code=9999", "code=1234 tries=1"):
        assert ask(card, "set " + field) == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"
    card.press("PRESS")
    assert card.enter("1234") == "CHALLNG>"
    assert ask(card, "personalize").startswith("err denied")


def test_longest_set_fits_one_line(make: Watched) -> None:
    card = make(None)
    assert ask(card, f"set serial={SERIAL} key={'ab' * 64} counter={2**64 - 2} pin=ocra") == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"


@pytest.mark.parametrize(
    "fields",
    ["serial=a", "key=00", "suite=%ff", "suite=%c3%a9", "suite=", "pin=", "code=", "tries=", "counter=", "xyz=1", "k=%00"],
)
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_set_refuses_a_bad_field_by_its_name(make: Watched, fields: str, interpreter: str) -> None:
    name = fields.partition("=")[0]
    code, found, words = ask(make(None, engine=interpreter), "set " + fields).removeprefix("err ").split(" ", 2)
    assert (code, found) == ("bad-arg", name + ":")
    assert words


@pytest.mark.parametrize("suite", ["%ff", "%c3%a9", "%e2%82%ac" * 5])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_suite_that_is_not_text_is_refused_in_the_same_words_everywhere(make: Watched, suite: str, interpreter: str) -> None:
    assert ask(make(None, engine=interpreter), f"set suite={suite}") == "err bad-arg suite: only ASCII"


def test_set_wants_a_field(make: Watched) -> None:
    assert ask(make(None), "set").startswith("err bad-arg")


def test_refusal_that_names_a_very_long_field_still_fits(make: Watched) -> None:
    assert ask(make(None), "set " + "x" * 220 + "=1").startswith("err bad-arg xxx")


@pytest.mark.parametrize(
    ("fields", "name"), [("", "serial"), ("serial=A", "key"), (f"serial=A key={KEY.hex()} pin=card", "suite")]
)
def test_personalize_says_which_field(make: Watched, fields: str, name: str) -> None:
    card = make(None)
    if fields:
        ask(card, "set " + fields)
    assert ask(card, "personalize").startswith(f"err bad-arg {name}:")
    assert told(card, "info")["serial"] == ""


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


# ---- cancel, wipe ----


@pytest.mark.parametrize("state", STATES)
def test_cancel_turns_off_from_anywhere(make: Watched, state: str) -> None:
    card = in_state(make(CARD_PIN), state)
    assert ask(card, "cancel") == "ok"
    assert card.display == ""
    assert told(card, "hello")["state"] == "off"


def test_owner_wipes_the_card(make: Watched) -> None:
    card = make()
    assert ask(card, "wipe") == "ok"
    assert card.display == "WIPE?"
    card.receive()
    assert card.press("OK") == "NO KEY"
    assert events(card) == ["display text=NO%20KEY", "wipe done=1"]
    assert not any(KEY in (slot or b"") for slot in card.flash.slots)
    assert ask(card, "wipe").startswith("err state")


@pytest.mark.parametrize("how", ["C", "PRESS", "time", "cancel"])
def test_owner_does_not_wipe_the_card(make: Watched, how: str) -> None:
    card = in_state(make(), "wipe")
    before = list(card.flash.slots)
    card.receive()
    if how == "time":
        card.advance(30)
    elif how == "cancel":
        card.send(frame(">7 cancel"))
    else:
        card.press(how)
    assert events(card) == ["display text=", "wipe done=0"]
    assert card.flash.slots == before


@pytest.mark.parametrize("state", ["pin", "challenge", "response", "wipe"])
def test_wipe_does_not_interrupt(make: Watched, state: str) -> None:
    card = in_state(make(), state)
    shown = card.display
    assert ask(card, "wipe").startswith("err state")
    assert card.display == shown


def test_locked_card_can_be_wiped(make: Watched) -> None:
    card = in_state(make(CARD_PIN), "locked")
    assert ask(card, "wipe") == "ok"
    card.press("OK")
    card.press("PRESS")
    assert card.press("PRESS") == "NO KEY"


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
