"""Which cards the verifier takes, field by field, and that a removed one is gone."""

from typing import Any

import pytest
from tests.host import databases
from tests.host.verifying import KEY, PIN, SUITE, Clock, right

from dsc_host.errors import AlreadyEnrolled, InputError, SuiteError, UnknownCard
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Reason, Verifier

verifier = databases.verifier


def test_a_card_is_as_it_was_enrolled(verifier: Verifier, clock: Clock) -> None:
    given = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=7)
    assert given == Card("B-2", SUITE, counter=7, failures=0, locked_until=None, enrolled_at=clock.now, state_since=clock.now)
    assert verifier.card("B-2") == given
    assert [card.serial for card in verifier.cards()] == ["A-1", "B-2"]


def test_a_serial_is_enrolled_once(verifier: Verifier) -> None:
    with pytest.raises(AlreadyEnrolled, match="A-1"):
        verifier.enroll("A-1", key=bytes(16), suite=SUITE, pin="9999", counter=5)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).accepted


SERIALS = ["", "a", "A" * 17, "A B", "A\n", "Ä", "A_1", None, 5, b"A"]
HASHED = "OCRA-1:HOTP-SHA256-8"
REFUSED: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("serial", "", [{"serial": serial} for serial in SERIALS]),
    ("suite", "decimal digits", [{"suite": f"{HASHED}:C-QA06"}, {"suite": f"{HASHED}:C-QH06"}]),
    ("suite", "session", [{"suite": f"{HASHED}:C-QN06-S064"}]),
    ("suite", "clock", [{"suite": f"{HASHED}:QN06-T1M"}]),
    ("suite", "4 to 10 digits", [{"suite": "OCRA-1:HOTP-SHA256-0:C-QN06"}]),
    ("key", "", [{"key": key} for key in (b"", bytes(15), bytes(65), "0123456789abcdef", None)]),
    ("pin", "", [{"pin": pin} for pin in (None, "", "123", "12345", "12a4", "\uff11" * 4, "1234\n", 1234, b"1234")]),
    ("pin", "", [{"suite": f"{HASHED}:C-QN06"}]),
    ("counter", "", [{"counter": counter} for counter in (-1, 2**64 - 1, 2**64, True, 1.0, "1", None)]),
    ("counter", "", [{"suite": f"{HASHED}:QN06", "pin": None, "counter": 1}]),
]


def test_what_no_card_has_is_refused(verifier: Verifier) -> None:
    for field, reason, all_changes in REFUSED:
        for changes in all_changes:
            given = {"serial": "B-2", "key": KEY, "suite": SUITE, "pin": PIN if field != "suite" else None, **changes}
            with pytest.raises(InputError, match=f"^{field}: .*{reason}") as caught:
                verifier.enroll(**given)
            assert caught.value.field == field, changes
            assert field != "pin" or repr(given["pin"]) not in str(caught.value)
    assert [card.serial for card in verifier.cards()] == ["A-1"]
    with pytest.raises(SuiteError):
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-MD5-8:QN06")


def test_no_card_has_a_serial_of_other_letters(verifier: Verifier) -> None:
    for serial in SERIALS:
        for call in (verifier.card, verifier.challenge):
            with pytest.raises(UnknownCard):
                call(serial)  # type: ignore[operator]


@pytest.mark.parametrize("length", [16, 64])
def test_the_shortest_and_the_longest_key_are_taken(verifier: Verifier, length: int) -> None:
    key = bytes(range(length))
    verifier.enroll("B-2", key=key, suite=SUITE, pin=PIN)
    challenge = verifier.challenge("B-2")
    response = Suite.parse(SUITE).response(key, challenge.question, counter=0, pin=PIN)
    assert verifier.verify(challenge.id, response).accepted


def test_a_removed_card_is_gone_with_its_challenges(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    verifier.remove("A-1")
    assert verifier.cards() == []
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.UNKNOWN
    for call in (verifier.card, verifier.challenge, verifier.remove):
        with pytest.raises(UnknownCard, match="A-1"):
            call("A-1")
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.UNKNOWN
