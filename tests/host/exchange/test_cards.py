"""Cards in a PSKC file that cannot be enrolled as they are: each is refused, and the others are read."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.host.exchange.exchange_samples import (
    CARDS,
    KEY,
    SUITE,
    WITH_PIN,
    encrypted,
    first_refusal,
    in_second_package,
    plain,
    read,
    replaced,
    written,
)

from dsc_host import Enrollment
from dsc_host.exchange import Refusal, read_pskc, separate_pins

CHANGES: dict[str, list[dict[str, Any]]] = {
    "key": [{"secret": b"k"}, {"secret": bytes(65)}, {"secret": None, "counter": 0}, {"secret": None}],
    "serial": [{"serial": serial} for serial in (None, "a+1", "A" * 33, "\u0661")],
    "counter": [{"counter": -1}, {"counter": 2**64 - 1}, {"algorithm_suite": "OCRA-1:HOTP-SHA1-6:QN08", "counter": 1}],
    "suite": [{"algorithm_suite": suite} for suite in ("OCRA-1:HOTP-MD5-6:QN08", "OCRA-1:HOTP-SHA1-6:QH40-S064", None)],
    "pin": [
        {"policy.pin_usage": "Algorithmic"},
    ],
    "algorithm": [{"algorithm": "urn:ietf:params:xml:ns:keyprov:pskc:totp"}, {"algorithm": None}],
    "owner": [{"key_userid": "x" * 1000}],
    "policy": [
        {"policy.number_of_transactions": 5},
        {"policy.key_usage": ["Encrypt"]},
        {"policy.pin_usage": "Prepend"},
        {"policy.pin_usage": "Algorithmic", "policy.pin_max_failed_attempts": 3},
    ],
    "unlock key": [{"policy.key_usage": ["Unlock"]}],
    "ChallengeFormat": [
        {"challenge_check": True},
        *({"challenge_encoding": encoding} for encoding in ("HEXADECIMAL", "ALPHANUMERIC", "decimal")),
        *({"challenge_max_length": length} for length in (5, 7)),
        {"challenge_min_length": 7},
    ],
    "ResponseFormat": [
        {"response_check": True},
        *({"response_encoding": encoding} for encoding in ("HEXADECIMAL", "BASE64")),
        *({"response_length": length} for length in (7, 9)),
    ],
}


@pytest.mark.parametrize(("changes", "field"), [(each, field) for field, all_ in CHANGES.items() for each in all_])
def test_a_card_out_of_range_is_refused_and_the_next_is_read(changes: dict[str, Any], field: str) -> None:
    found = read(plain(changes, {"serial": "GOOD"}), allow_plain=True)
    assert isinstance(found[0], Refusal)
    assert found[0].error.field == field
    assert found[1] == Enrollment("GOOD", bytes(20), suite=SUITE)


def test_a_contradiction_names_the_attribute_both_values_and_the_suite() -> None:
    assert str(first_refusal(plain({"response_length": 7}))) == (
        "ResponseFormat: Length is 7, but must be 8 according to the suite OCRA-1:HOTP-SHA256-8:C-QN06; "
        "ask the maker of the card which of them is right"
    )


def test_formats_that_agree_with_the_suite_are_read() -> None:
    challenge = {
        "challenge_encoding": "DECIMAL",
        "challenge_min_length": 4,
        "challenge_max_length": 6,
        "challenge_check": False,
    }
    response = {"response_encoding": "DECIMAL", "response_length": 8, "response_check": False}
    assert read(plain({**challenge, **response}), allow_plain=True) == [Enrollment("A", bytes(20), suite=SUITE)]


HOTP = {"algorithm": "urn:ietf:params:xml:ns:keyprov:pskc:hotp", "algorithm_suite": "HMAC-SHA256", "response_length": 8}


def test_the_suite_of_an_hotp_key_is_the_callers() -> None:
    assert read(plain(HOTP), allow_plain=True, suite=SUITE) == [Enrollment("A", bytes(20), suite=SUITE)]


@pytest.mark.parametrize("contradiction", [{"response_length": 6}, {"response_check": True}])
def test_a_suite_that_an_hotp_key_contradicts_is_refused(contradiction: dict[str, Any]) -> None:
    refusal = first_refusal(plain({**HOTP, **contradiction}), allow_plain=True, suite=SUITE)
    assert refusal.field == "ResponseFormat"


@pytest.mark.parametrize("algorithm", ["hotp", "totp"])
def test_a_key_for_one_time_passwords_is_sent_to_a_server_for_them(algorithm: str) -> None:
    key = {**HOTP, "algorithm": f"urn:ietf:params:xml:ns:keyprov:pskc:{algorithm}"}
    assert f"a server for {algorithm.upper()}, such as privacyIDEA" in str(first_refusal(plain(key)))


@pytest.mark.parametrize(
    "value", [b"two", b"1.5", b"0x10", b"9" * 5000, b"-", b"-1", b"1 2", b"1_0", b"", b"\xd9\xa1", b"NQ=="]
)
def test_a_counter_that_is_no_number_is_refused(value: bytes) -> None:
    data = replaced(b"<pskc:PlainValue>5<", b"<pskc:PlainValue>" + value + b"<", plain({"counter": 5}))
    assert str(first_refusal(data)) == "counter: must be a whole number from 0 to 2**64 - 2"


@pytest.mark.parametrize("value", [b"A", b"=", "ä".encode(), b"AAAAAAAAAAAAAAAA!AAAAAAAAAAA=", b"AAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_key_that_is_no_base64_is_refused(value: bytes) -> None:
    data = replaced(b">AAAAAAAAAAAAAAAAAAAAAAAAAAA=<", b">" + value + b"<", plain({}))
    assert str(first_refusal(data)) == "key: must be Base64"


def test_two_packages_of_one_serial_give_the_first() -> None:
    found = read(plain({}, {"secret": bytes(32)}), allow_plain=True)
    assert sorted(type(card).__name__ for card in found) == ["Enrollment", "Refusal"]
    assert Enrollment("A", bytes(20), suite=SUITE) in found
    assert any("serial: occurs twice" in str(card) for card in found)


def test_packages_of_one_serial_are_bounded() -> None:
    found = read(plain(*[{}] * 200), allow_plain=True)
    assert len(found) == 200
    assert sum("more than 16 packages" in str(card) for card in found) == 184


PIN = {"algorithm": "urn:ietf:params:xml:ns:keyprov:pskc:pin", "algorithm_suite": None, "id": "p", "secret": b"1234"}
WANTS_PIN = {"algorithm_suite": WITH_PIN, "policy.pin_key_id": "p"}
DURESS = {**PIN, "id": "d", "secret": b"4321", "key_profile": "dscplus:duress-pin"}
UNLOCK = {"algorithm_suite": "OCRA-1:HOTP-SHA256-8:QN06", "policy.key_usage": ["Unlock"], "secret": bytes(range(32))}


def outcome(card: Enrollment | Refusal) -> object:
    """Return the card, or the field for which it was refused."""
    return card.error.field if isinstance(card, Refusal) else card


@pytest.mark.parametrize(
    ("keys", "outcomes"),
    [
        ([WANTS_PIN, PIN, DURESS], [Enrollment("A", bytes(20), suite=WITH_PIN, pin="1234", duress_pin="4321")]),
        ([WANTS_PIN, PIN, DURESS, {**DURESS, "id": "e"}], ["duress pin"]),
        *(([WANTS_PIN, {**PIN, "secret": pin}], ["pin"]) for pin in (b"12345", "١٢٣٤".encode(), b"\xff\xff\xff\xff")),
        ([WANTS_PIN, {**PIN, "id": "q"}], ["pin"]),
        ([WANTS_PIN, PIN, PIN], ["pin"]),
        ([{}, UNLOCK], [Enrollment("A", bytes(20), suite=SUITE, unlock_key=bytes(range(32)))]),
        ([{}, UNLOCK, {**UNLOCK, "secret": bytes(range(1, 33))}], ["unlock key", "card"]),
        ([PIN], ["key"]),
    ],
)
def test_keys_of_one_card(keys: list[dict[str, Any]], outcomes: list[object]) -> None:
    assert list(map(outcome, read(plain(*keys), allow_plain=True)))[: len(outcomes)] == outcomes


WITH_ITS_PIN = Enrollment("A", bytes(20), suite=WITH_PIN, pin="1234")
BETWEEN = {"serial": "B"}
B = Enrollment("B", bytes(20), suite=SUITE)


@pytest.mark.parametrize(
    ("keys", "outcomes"),
    [
        ([WANTS_PIN, BETWEEN, PIN], [B, WITH_ITS_PIN]),
        ([WANTS_PIN, {**PIN, "serial": "P"}], [WITH_ITS_PIN]),
        ([{**PIN, "serial": None}, BETWEEN, WANTS_PIN], [B, WITH_ITS_PIN]),
        ([WANTS_PIN, PIN, BETWEEN, {**WANTS_PIN, "serial": "C"}], [WITH_ITS_PIN, B, replace(WITH_ITS_PIN, serial="C")]),
        ([WANTS_PIN, {**PIN, "serial": "P"}, {**PIN, "serial": "Q"}], ["pin"]),
        ([WANTS_PIN, BETWEEN], [B, "pin"]),
        ([WANTS_PIN, {**PIN, "serial": "P", "id": "q"}], ["pin", "key"]),
        ([WANTS_PIN, {**PIN, "serial": "P", "secret": b"12345"}], ["pin"]),
    ],
)
def test_a_pin_anywhere_in_the_file_is_found_by_its_id(keys: list[dict[str, Any]], outcomes: list[object]) -> None:
    assert list(map(outcome, read(plain(*keys), allow_plain=True))) == outcomes
    assert list(map(outcome, read(encrypted(*keys)))) == outcomes


def test_cards_that_wait_for_their_pins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separate_pins, "MOST_WAITING", 2)
    keys = [{**WANTS_PIN, "serial": serial} for serial in "ABC"] + [{**PIN, "serial": serial} for serial in ("P", "Q", "R")]
    for number, key in enumerate(keys):
        key["policy.pin_key_id" if number < 3 else "id"] = f"p{number % 3}"
    found = read(plain(*keys), allow_plain=True)
    assert [card.serial for card in found if isinstance(card, Enrollment)] == ["A", "B"]
    assert [(card.serial, card.error.field) for card in found if isinstance(card, Refusal)] == [("C", "pin"), ("R", "key")]


def test_a_file_that_cannot_be_read_twice_gives_the_other_cards() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    found = list(read_pskc(Pipe(plain(WANTS_PIN, BETWEEN, PIN)), allow_plain=True))
    assert list(map(outcome, found)) == [B, "pin"]


def test_a_card_whose_pin_cannot_be_read_is_left_out_whole() -> None:
    data = written([*CARDS, Enrollment("P", bytes(20), suite=WITH_PIN, pin="1234"), Enrollment("Q", bytes(20), suite=SUITE)])
    start = data.index(b'Id="P:pin"')
    mac = data.index(b"<pskc:ValueMAC>", start) + len(b"<pskc:ValueMAC>")
    found = read(data[:mac] + b"AAAA" + data[mac + 4 :])
    assert [card.serial for card in found if isinstance(card, Enrollment)] == ["A-1", "B-2", "C-3", "Q"]
    assert [card.error.field for card in found if isinstance(card, Refusal)] == ["package", "card"]


def test_an_unlock_key_of_another_suite_costs_the_card() -> None:
    data = written([Enrollment("A", bytes(20), suite=SUITE, unlock_key=bytes(range(32)))])
    found = read(replaced(b"OCRA-1:HOTP-SHA256-8:QN06<", b"OCRA-1:HOTP-SHA1-6:QN06<", data))
    assert [card.error.field for card in found if isinstance(card, Refusal)] == ["unlock key", "card"]
    assert len(found) == 2


def test_a_rule_in_a_policy_that_is_not_known_is_refused() -> None:
    data = in_second_package(rb"<pskc:Policy>", b"<pskc:Policy><pskc:OnlyAtNight/>")
    assert [type(card).__name__ for card in read(data)] == ["Enrollment", "Refusal", "Enrollment"]


def test_no_refusal_holds_a_secret() -> None:
    secret, pin = b"SECRETSECRETSECRETSECRET", b"987654"
    data = plain({"secret": secret, "counter": -1}, {**WANTS_PIN, "serial": "B"}, {**PIN, "serial": "B", "secret": pin})
    said = " ".join(f"{card} {card!r}" for card in read(data, allow_plain=True))
    assert "counter" in said
    assert "pin" in said
    assert "SECRET" not in said
    assert "987654" not in said


def test_an_encrypted_counter_needs_its_mac_too() -> None:
    data = encrypted({"counter": 500}, fields=["secret", "counter"])
    start = data.index(b"<pskc:Counter>")
    data = data[:start] + re.sub(rb"<pskc:ValueMAC>[^<]*", b"<pskc:ValueMAC>", data[start:])
    assert first_refusal(data, key=KEY).field == "counter"


@pytest.mark.parametrize(
    ("inputs", "encoding"), [("C-QA08", "ALPHANUMERIC"), ("QH40-PSHA1", "HEXADECIMAL"), ("QN06-T1M", "DECIMAL")]
)
def test_every_suite_that_the_verifier_serves_comes_back(inputs: str, encoding: str) -> None:
    card = Enrollment("A", bytes(20), suite=f"OCRA-1:HOTP-SHA1-6:{inputs}", pin="1234" if "P" in inputs else None)
    data = written([card])
    assert f'<pskc:ChallengeFormat Encoding="{encoding}"'.encode() in data
    assert read(data) == [card]


def test_a_card_whose_file_has_no_pin_awaits_one() -> None:
    card = Enrollment("A", bytes(20), suite=WITH_PIN, awaits_pin=True)
    assert read(plain({"algorithm_suite": WITH_PIN}), allow_plain=True) == [card]
    assert read(written([card])) == [card]


DATES = b"<pskc:StartDate>%b</pskc:StartDate><pskc:ExpiryDate>%b</pskc:ExpiryDate>"
MAY_1, JUNE_1 = 1_146_441_600.0, 1_149_120_000.0


def dated(place: bytes, begin: bytes, end: bytes) -> bytes:
    return replaced(place, place + DATES % (begin, end), written(CARDS[:1]))


@pytest.mark.parametrize("place", [b"<pskc:Policy>", b"<pskc:SerialNo>A-1</pskc:SerialNo>"])
@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (b"2006-05-01T00:00:00Z", b"2006-06-01T00:00:00Z"),
        (b"2006-05-01T02:00:00+02:00", b" 2006-05-31T19:00:00.000-05:00 "),
        (b"2006-05-01T00:00:00", b"2006-06-01T00:00:00"),
    ],
)
def test_dates_of_a_key_or_its_device_are_kept(place: bytes, begin: bytes, end: bytes) -> None:
    card = replace(CARDS[0], valid_from=MAY_1, valid_until=JUNE_1)
    assert read(dated(place, begin, end)) == [card]
    assert read(written([card])) == [card]


def test_a_key_and_its_device_are_valid_while_both_are() -> None:
    data = dated(b"<pskc:Policy>", b"2006-05-01T00:00:00Z", b"2030-01-01T00:00:00Z")
    place = b"<pskc:SerialNo>A-1</pskc:SerialNo>"
    both = replaced(place, place + DATES % (b"2000-01-01T00:00:00Z", b"2006-06-01T00:00:00Z"), data)
    assert read(both) == [replace(CARDS[0], valid_from=MAY_1, valid_until=JUNE_1)]


@pytest.mark.parametrize(
    "date", [b"", b"10", b"01/02/2027", b"2027-02-30T00:00:00Z", b"2027-02-01", b"2027-02-01T00:00:00 CET"]
)
def test_a_date_that_can_be_read_in_several_ways_is_refused(date: bytes) -> None:
    assert first_refusal(dated(b"<pskc:Policy>", b"2006-05-01T00:00:00Z", date), key=KEY).field in ("ExpiryDate", "package")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z"),
        (b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-12:00"),
        (b"1969-12-31T23:59:59Z", b"2286-11-20T17:46:41Z"),
    ],
)
def test_dates_that_mean_always_and_never_are_no_limits(begin: bytes, end: bytes) -> None:
    assert read(dated(b"<pskc:Policy>", begin, end)) == CARDS[:1]


def test_a_card_that_has_ended_long_ago_or_begins_in_centuries_is_refused() -> None:
    for dates in ((b"0001-01-01T00:00:00Z", b"1969-12-31T00:00:00Z"), (b"9999-01-01T00:00:00Z", b"9999-12-31T00:00:00Z")):
        assert first_refusal(dated(b"<pskc:Policy>", *dates), key=KEY).field == "validity"


def test_dates_that_leave_no_time_are_refused() -> None:
    assert first_refusal(dated(b"<pskc:Policy>", *[b"2006-05-01T00:00:00Z"] * 2), key=KEY).field == "validity"


def test_a_date_outside_of_the_policy_is_refused() -> None:
    data = replaced(
        b"<pskc:Policy>", b"<pskc:ExpiryDate>2006-05-01T00:00:00Z</pskc:ExpiryDate><pskc:Policy>", written(CARDS[:1])
    )
    assert "outside of Policy" in str(first_refusal(data, key=KEY))
