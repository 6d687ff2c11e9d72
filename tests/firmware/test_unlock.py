"""Tests of unlocking: the verifier's code lets the owner of a locked card back in, and no number of guesses lets others in."""

from collections.abc import Iterator

import pytest
from tests.firmware.fakes import CLEAR_SUITE, INTERPRETERS, KEY, ask, told
from tests.firmware.taped_card import record

from dsc_firmware.ports import TICKS_PERIOD
from dsc_host import Suite
from dsc_simulator import Flash, Profile, SimulatedCard

UNLOCK_KEY = bytes(range(0x80, 0xA0))
PROFILE = Profile("A", KEY, suite=CLEAR_SUITE, pin_policy="card", pin="1234", tries=1, unlock_key=UNLOCK_KEY)
UNLOCK = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
WRONG = "00000000"
WAITS = [30 * 2**n for n in range(9)]


@pytest.fixture(params=INTERPRETERS)
def card(request: pytest.FixtureRequest) -> Iterator[SimulatedCard]:
    with SimulatedCard(engine=request.param, profile=PROFILE, seed=7) as card:
        yield lock(card)


def lock(card: SimulatedCard) -> SimulatedCard:
    assert card.press("PRESS", *"0000", "OK") == "LOCKED"
    return card


def right(challenge: str) -> str:
    return UNLOCK.response(UNLOCK_KEY, challenge)


def try_code(card: SimulatedCard, code: str) -> str:
    """Try a code from LOCKED. Return the display afterwards."""
    assert len(card.press("OK")) == 6
    assert card.press("OK") == "UNLOCK>"
    return card.enter(code)


def wait(card: SimulatedCard, seconds: int) -> None:
    """Let the wait pass, then wake the card, which turned off in the meantime, to LOCKED."""
    card.advance(seconds)
    if card.display == "":
        card.press("PRESS")
    assert card.display == "LOCKED"


def test_the_right_code_gives_all_tries_back(card: SimulatedCard) -> None:
    challenge = card.press("OK")
    assert len(challenge) == 6
    assert challenge.isdigit()
    assert card.press("OK") == "UNLOCK>"
    assert card.enter(right(challenge)) == "PIN>"
    assert card.enter("1234") == "CHALLNG>"
    assert card.enter("482913") == Suite.parse(CLEAR_SUITE).response(KEY, "482913", counter=0)
    assert (told(card, "info")["tries"], told(card, "info")["unlock"]) == ("1", "10")


def test_what_is_typed_is_shown_and_can_be_erased(card: SimulatedCard) -> None:
    card.press("OK", "OK")
    assert card.press("C") == "UNLOCK>"
    assert card.press("1", "2") == "12"
    assert card.press("C") == "1"
    assert card.press("OK") == "1"
    assert card.press("C") == "UNLOCK>"
    assert card.press(*"123456789") == "12345678"
    assert card.press("PRESS") == ""


def test_the_challenge_stays_until_a_code_was_tried(card: SimulatedCard) -> None:
    challenge = card.press("OK")
    assert card.press("1", "C") == challenge
    assert card.advance(30) == ""
    assert [card.press("PRESS"), card.press("OK")] == ["LOCKED", challenge]
    card.restart()
    assert [card.press("PRESS"), card.press("OK")] == ["LOCKED", challenge]
    card.press("OK")
    card.enter(WRONG)
    wait(card, 30)
    assert card.press("OK") != challenge


def test_a_code_for_an_earlier_challenge_is_wrong(card: SimulatedCard) -> None:
    first = card.press("OK")
    card.press("OK")
    card.enter(WRONG)
    wait(card, 30)
    assert try_code(card, right(first)) == "WAIT  60"


def test_a_wrong_code_costs_half_a_minute_then_twice_as_long_each_time(card: SimulatedCard) -> None:
    for number, seconds in enumerate(WAITS, 1):
        assert try_code(card, WRONG) == f"WAIT{seconds:4}"
        assert told(card, "info")["unlock"] == str(10 - number)
        assert card.advance(1) == f"WAIT{seconds - 1:4}"
        assert card.press("PRESS") == ""
        card.advance(seconds - 1 - 10)
        assert [card.press("PRESS"), card.press("OK")] == ["LOCKED", "WAIT  10"]
        assert card.advance(9) == "WAIT   1"
        assert card.advance(1) == "LOCKED"
    assert try_code(card, WRONG) == "LOCKED"
    assert told(card, "info")["unlock"] == "0"
    card.advance(100_000)
    card.press("PRESS")
    assert card.press("OK") == "LOCKED"


def test_taking_the_battery_out_begins_the_wait_anew_and_gains_nothing(card: SimulatedCard) -> None:
    try_code(card, WRONG)
    card.advance(29)
    card.restart()
    assert [card.press("PRESS"), card.press("OK")] == ["LOCKED", "WAIT  30"]
    assert told(card, "info")["unlock"] == "9"
    wait(card, 30)
    assert try_code(card, WRONG) == "WAIT  60"


def test_a_wait_that_is_over_stays_over_when_the_ticks_wrap(card: SimulatedCard) -> None:
    try_code(card, WRONG)
    for _ in range(3):
        card.advance(TICKS_PERIOD / 1000 / 3)
        card.press("PRESS")
        assert card.display == "LOCKED"
        assert len(card.press("OK")) == 6
        card.press("PRESS")


def test_a_card_without_an_unlock_key_stays_locked() -> None:
    profile = Profile("A", KEY, suite=CLEAR_SUITE, pin_policy="card", pin="1234", tries=1)
    with SimulatedCard(profile=profile, seed=1) as card:
        assert lock(card).press("OK") == "LOCKED"
        assert told(card, "info")["unlock"] == ""


def test_the_line_asks_a_locked_card_nothing(card: SimulatedCard) -> None:
    for state in ("asking", "unlock", "wait"):
        card.press("OK")
        assert told(card, "hello")["state"] == state
        assert ask(card, "challenge q=482913") == "err locked card is locked"
        if state == "unlock":
            card.press(*WRONG)


def test_a_wiped_card_knows_no_unlock_key(card: SimulatedCard) -> None:
    ask(card, "wipe")
    assert card.press("OK") == "NO KEY"
    assert told(card, "info")["unlock"] == ""
    assert not any(UNLOCK_KEY[:8] in (slot or b"") for slot in card.flash.slots)


def test_the_next_profile_does_not_wait_for_codes_that_were_wrong_before(card: SimulatedCard) -> None:
    try_code(card, WRONG)
    ask(card, "wipe")
    card.press("OK", "PRESS")
    for name, value in PROFILE.fields().items():
        assert ask(card, f"set {name}={value}") == "ok"
    assert ask(card, "personalize") == "ok serial=A"
    assert len(lock(card).press("OK")) == 6


def test_challenges_differ_and_none_is_out_of_range() -> None:
    seen = set()
    for seed in range(40):
        with SimulatedCard(flash=Flash(tuple(PROFILE.flash().slots)), seed=seed) as card:  # type: ignore[arg-type]
            seen.add(lock(card).press("OK"))
            assert 1 <= record(card.flash).asked <= 1_000_000
    assert len(seen) == 40
