"""A challenge to a whole card: where it is taken, who answers it, and with which code it is refused.

Whatever a test says to a card, the card's key must not come back.
"""

import pytest
from tests.firmware.fakes import KEY, ask, events
from tests.firmware.watched_card import Watched, in_state

from dsc_simulator import Profile


def test_challenge_typed_by_hand_brings_no_response_event(make: Watched) -> None:
    card = in_state(make(), "challenge")
    card.receive()
    card.enter("482913")
    assert not any(event.startswith("response") for event in events(card))


def test_challenge_before_the_pin_waits_for_it(make: Watched) -> None:
    card = in_state(make(), "pin")
    assert ask(card, "challenge q=482913") == "ok"
    assert card.display == "PIN>"
    assert card.enter("1234") == "482913"
    assert ask(card, "challenge q=111111") == "ok"
    assert card.display == "111111"


def test_challenge_does_not_replace_what_the_owner_types(make: Watched) -> None:
    card = in_state(make(), "challenge")
    card.press("4", "8")
    assert ask(card, "challenge q=111111").startswith("err busy")
    assert card.display == "48"
    card.press("C", "C")
    assert ask(card, "challenge q=111111") == "ok"


@pytest.mark.parametrize("state", ["off", "response", "wipe"])
def test_challenge_in_another_state(make: Watched, state: str) -> None:
    assert ask(in_state(make(), state), "challenge q=482913") == f"err state card is {state}"


@pytest.mark.parametrize(("form", "good", "bad"), [("QA08", "SIG1aZ09", "SIG10-00"), ("QH08", "09afAF09", "0000000g")])
def test_challenge_of_letters(make: Watched, form: str, good: str, bad: str) -> None:
    card = in_state(make(Profile("A", KEY, suite=f"OCRA-1:HOTP-SHA256-6:{form}-PSHA1")), "challenge")
    assert ask(card, f"challenge q={bad}").startswith("err bad-arg q: 8 ")
    assert ask(card, f"challenge q={good}") == "ok"
    assert card.display == good
    assert len(card.press("OK")) == 6


def test_longest_challenge(make: Watched) -> None:
    card = in_state(make(Profile("A", KEY, suite="OCRA-1:HOTP-SHA256-8:QA64-PSHA1")), "challenge")
    assert ask(card, "challenge q=" + "%41" * 63 + "Z") == "ok"
    assert card.display == "AAAAAAAZ"
    assert len(card.press("OK")) == 8
