"""Which cards the verifier takes, field by field, and that a removed one is gone."""

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


@pytest.mark.parametrize("serial", ["", "a", "A" * 17, "A B", "A\n", "Ä", "A_1", None, 5, b"A"])
def test_a_serial_is_of_the_lines_letters(verifier: Verifier, serial: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)  # type: ignore[arg-type]
    assert caught.value.field == "serial"
    with pytest.raises(UnknownCard):
        verifier.card(serial)  # type: ignore[arg-type]
    with pytest.raises(UnknownCard):
        verifier.challenge(serial)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("suite", "reason"),
    [
        ("OCRA-1:HOTP-SHA256-8:C-QA06", "decimal digits"),
        ("OCRA-1:HOTP-SHA256-8:C-QH06", "decimal digits"),
        ("OCRA-1:HOTP-SHA256-8:C-QN06-S064", "session"),
        ("OCRA-1:HOTP-SHA256-8:QN06-T1M", "clock"),
        ("OCRA-1:HOTP-SHA256-0:C-QN06", "4 to 10 digits"),
    ],
)
def test_a_suite_whose_inputs_cannot_be_supplied_is_refused(verifier: Verifier, suite: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        verifier.enroll("B-2", key=KEY, suite=suite)
    assert caught.value.field == "suite"


def test_a_malformed_suite_is_refused(verifier: Verifier) -> None:
    with pytest.raises(SuiteError):
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-MD5-8:QN06")


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(65), "0123456789abcdef", None])
def test_a_key_is_16_to_64_bytes(verifier: Verifier, key: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=key, suite=SUITE, pin=PIN)  # type: ignore[arg-type]
    assert caught.value.field == "key"


@pytest.mark.parametrize("length", [16, 64])
def test_the_shortest_and_the_longest_key_are_taken(verifier: Verifier, length: int) -> None:
    key = bytes(range(length))
    verifier.enroll("B-2", key=key, suite=SUITE, pin=PIN)
    challenge = verifier.challenge("B-2")
    response = Suite.parse(SUITE).response(key, challenge.question, counter=0, pin=PIN)
    assert verifier.verify(challenge.id, response).accepted


@pytest.mark.parametrize("pin", [None, "", "123", "12345", "12a4", "\uff11\uff12\uff13\uff14", "1234\n", 1234, b"1234"])
def test_a_suite_with_a_pin_wants_four_digits(verifier: Verifier, pin: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=pin)  # type: ignore[arg-type]
    assert caught.value.field == "pin"
    assert repr(pin) not in str(caught.value)


def test_a_suite_without_a_pin_wants_none(verifier: Verifier) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", pin=PIN)
    assert caught.value.field == "pin"


@pytest.mark.parametrize("counter", [-1, 2**64 - 1, 2**64, True, 1.0, "1", None])
def test_a_counter_is_in_its_range(verifier: Verifier, counter: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=counter)  # type: ignore[arg-type]
    assert caught.value.field == "counter"


def test_a_suite_without_a_counter_wants_none(verifier: Verifier) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:QN06", counter=1)
    assert caught.value.field == "counter"


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
