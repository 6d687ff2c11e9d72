"""Tests of a login at the card: keys, displays, and the correct response."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.contract.rig import KEY, PIN, QUESTION, Rig, profile

from dsc_host import CardError, Suite

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6287.json").read_text(encoding="utf-8"))
DEFAULT = Suite.parse(profile().suite)
CARD_CHECKS = {"pin_policy": "card", "code": PIN, "suite": "OCRA-1:HOTP-SHA256-8:C-QN06"}


LAST_COUNTER = 2**64 - 2


def card_can_serve(vector: dict[str, Any]) -> bool:
    """Return whether a card can compute it: a card has no clock and no session, and takes one question at a time."""
    return "timestamp" not in vector and "session" not in vector and isinstance(vector["question"], str)


def by_suite() -> dict[str, list[dict[str, Any]]]:
    suites: dict[str, list[dict[str, Any]]] = {}
    for vector in filter(card_can_serve, VECTORS):
        suites.setdefault(vector["suite"], []).append(vector)
    return suites


def expected(counter: int, pin: str = PIN, question: str = QUESTION) -> str:
    return DEFAULT.response(KEY, question, counter=counter, pin=pin)


def answer(rig: Rig, vector: dict[str, Any]) -> str:
    """Return the response to a published question, which is typed if it has only digits and sent over the line otherwise."""
    rig.client.cancel()
    rig.press("PRESS")
    rig.enter(vector.get("pin", PIN))
    if vector["question"].isdecimal():
        return rig.enter(vector["question"])
    rig.client.challenge(vector["question"])
    rig.press("OK")
    return rig.client.wait_response(5)


@pytest.mark.parametrize("suite", by_suite())
def test_the_responses_are_those_of_the_rfc(rig: Rig, engine: str, suite: str) -> None:
    vectors = by_suite()[suite]
    first = vectors[0]
    policy = {} if "pin" in first else {"pin_policy": "card", "code": PIN}
    made = profile(suite=suite, key=bytes.fromhex(first["key"]), counter=first.get("counter", 0), **policy)
    try:
        rig.client.personalize(made)
    except CardError as error:
        # Every interpreter has SHA-256.
        if engine == "cpython" or "no such hash" not in error.text or not re.search("SHA1|SHA512", suite):
            raise
        pytest.skip(f"the interpreter on this card lacks a hash of {suite}")
    assert [answer(rig, vector) for vector in vectors] == [vector["response"] for vector in vectors]


def test_logins_give_the_response_that_the_host_computes(rig: Rig) -> None:
    rig.client.personalize(profile())
    for counter in range(4):
        assert rig.press("PRESS") == "PIN>"
        assert [rig.press(digit) for digit in PIN] == ["PIN>*", "PIN>**", "PIN>***", "PIN>****"]
        assert rig.press("OK") == "CHALLNG>"
        assert [rig.press(digit) for digit in QUESTION] == [QUESTION[: n + 1] for n in range(6)]
        assert rig.press("OK") == expected(counter)
        assert rig.client.hello().state == "response"
        assert rig.press("OK") == ""
        assert rig.client.info().counter == counter + 1


def test_a_used_up_counter_ends_in_an_error_not_in_a_repetition(rig: Rig) -> None:
    rig.client.personalize(profile(counter=LAST_COUNTER))
    assert rig.login() == expected(LAST_COUNTER)
    rig.press("OK")
    assert rig.login() == "ERROR"
    assert rig.client.info().counter == LAST_COUNTER + 1


def test_a_wrong_pin_gives_another_response_and_no_sign(rig: Rig) -> None:
    rig.client.personalize(profile())
    assert rig.login(pin="4321") == expected(0, pin="4321")
    assert expected(0, pin="4321") != expected(0)
    assert rig.client.info().tries_left is None


def test_a_question_by_the_line_is_filled_in_and_the_response_comes_back(rig: Rig) -> None:
    rig.client.personalize(profile())
    assert rig.ask(f"challenge q={QUESTION}").startswith("err state card is off")
    rig.press("PRESS")
    rig.client.challenge(QUESTION)
    assert rig.client.display() == "PIN>"
    assert rig.enter(PIN) == QUESTION
    assert rig.press("OK") == expected(0)
    assert rig.client.wait_response(5) == expected(0)


def test_a_question_by_the_line_that_the_owner_changes_has_no_response_event(rig: Rig) -> None:
    rig.client.personalize(profile())
    rig.press("PRESS", *PIN, "OK")
    rig.client.challenge(QUESTION)
    rig.client.events()
    rig.press("C", "7", "OK")
    assert [event.word for event in rig.client.events() if event.word == "response"] == []
    assert rig.client.display() == expected(0, question=QUESTION[:5] + "7")


def test_a_question_that_the_suite_does_not_allow_is_refused(rig: Rig) -> None:
    rig.client.personalize(profile())
    rig.press("PRESS")
    for shown in ("PIN>", "CHALLNG>"):
        for fields in ("challenge", "challenge x=482913", "challenge q=1234567", "challenge q=12345%00"):
            assert rig.ask(fields) == "err bad-arg q: 6 digits"
        assert rig.client.display() == shown
        rig.enter(PIN)


def test_cancel_turns_the_card_off_and_spends_nothing(rig: Rig) -> None:
    rig.client.personalize(profile())
    rig.client.cancel()
    rig.press("PRESS", *PIN, "OK")
    rig.client.challenge(QUESTION)
    rig.client.cancel()
    assert rig.client.hello().state == "off"
    assert rig.client.display() == ""
    assert rig.client.info().counter == 0
    assert rig.login() == expected(0)


def test_every_change_of_the_display_is_told(rig: Rig) -> None:
    rig.client.personalize(profile())
    rig.client.events()
    rig.login()
    told = [event.values["text"] for event in rig.client.events() if event.word == "display"]
    pins = ["PIN>", "PIN>*", "PIN>**", "PIN>***", "PIN>****"]
    assert told == [*pins, "CHALLNG>", *(QUESTION[: n + 1] for n in range(6)), expected(0)]


def test_the_card_checks_the_pin_counts_and_locks(rig: Rig) -> None:
    rig.client.personalize(profile(**CARD_CHECKS, tries=3))
    rig.press("PRESS")
    assert [rig.enter("0000"), rig.enter("0001"), rig.enter("0002")] == ["FAIL 1", "FAIL 2", "LOCKED"]
    assert rig.client.hello().state == "locked"
    info = rig.client.info()
    assert (info.tries_left, info.locked) == (0, True)
    assert rig.press("1", "2", "3", "4") == "LOCKED"
    assert rig.ask(f"challenge q={QUESTION}").startswith("err locked")
