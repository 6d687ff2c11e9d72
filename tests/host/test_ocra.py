"""OCRA on the host: the RFC's values, the points that implementations get wrong, and every refusal with its reason.

Where the RFC publishes no value, a test writes out the bytes that should be hashed, and hashes them with the standard
library's HMAC.
"""

import dataclasses
import hashlib
import hmac
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from dsc_host.errors import DscError, InputError, SuiteError
from dsc_host.ocra import Question, Suite

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6287.json").read_text("utf-8"))
KEY = bytes(range(32))
DEFAULT = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
BLANK = bytes(128)
LATEST = 2**64 - 1


def mac_of(suite: str, *inputs: bytes, key: bytes = KEY) -> bytes:
    """The MAC that the RFC defines, from bytes written out by a test."""
    return hmac.digest(key, suite.encode() + b"\0" + b"".join(inputs), Suite.parse(suite).hash)


def full(inputs: str) -> str:
    """A suite with these inputs whose response is the whole MAC, so that a test sees every bit of it."""
    return f"OCRA-1:HOTP-SHA256-0:{inputs}"


def vector_id(vector: dict[str, Any]) -> str:
    return f"{vector['suite']}-{vector['question']}-{vector.get('counter', '')}"


def arguments(vector: dict[str, Any]) -> tuple[bytes, Question, dict[str, Any]]:
    question = vector["question"]
    others = {name: vector[name] for name in ("counter", "pin", "timestamp") if name in vector}
    return bytes.fromhex(vector["key"]), tuple(question) if isinstance(question, list) else question, others


# ---- the RFC's own values ----


def test_all_published_values_are_here() -> None:
    assert len({vector_id(vector) for vector in VECTORS}) == 70


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_published_value(vector: dict[str, Any]) -> None:
    key, question, others = arguments(vector)
    suite = Suite.parse(vector["suite"])
    assert suite.response(key, question, **others) == vector["response"]

    responder = suite.prepare(key, others.pop("pin", None))
    assert responder(question, **others) == vector["response"]
    assert responder(question, **others) == vector["response"], "a responder is not used up"


# ---- a suite as it is read ----


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (DEFAULT, ("sha256", 8, True, "N", 6, "sha256", None, None)),
        ("OCRA-1:HOTP-SHA1-6:QN08", ("sha1", 6, False, "N", 8, None, None, None)),
        ("OCRA-1:HOTP-SHA512-10:QA64-PSHA512-S512-T48H", ("sha512", 10, False, "A", 64, "sha512", 512, 172_800)),
        ("OCRA-1:HOTP-SHA512-0:C-QH04-PSHA1-S001-T1S", ("sha512", 0, True, "H", 4, "sha1", 1, 1)),
        ("OCRA-1:HOTP-SHA1-4:QH8-S512", ("sha1", 4, False, "H", 8, None, 512, None)),
        ("OCRA-1:HOTP-SHA1-9:C-Q-P-S-T", ("sha1", 9, True, "N", 8, "sha1", 64, 60)),
        ("OCRA-1:HOTP-SHA1-5:QN10-S999-T59M", ("sha1", 5, False, "N", 10, None, 999, 3540)),
        ("OCRA-1:HOTP-SHA1-7:QN10-T59S", ("sha1", 7, False, "N", 10, None, None, 59)),
    ],
)
def test_a_suite_is_read(text: str, fields: tuple[object, ...]) -> None:
    assert dataclasses.astuple(Suite.parse(text)) == (text, *fields)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "three parts"),
        ("OCRA-1", "three parts"),
        ("OCRA-1:HOTP-SHA1-6", "three parts"),
        (DEFAULT + ":", "three parts"),
        ("OCRA-2:HOTP-SHA1-6:QN08", "algorithm must be OCRA-1, not 'OCRA-2'"),
        ("ocra-1:HOTP-SHA1-6:QN08", "algorithm must be OCRA-1"),
        (" " + DEFAULT, "algorithm must be OCRA-1"),
        ("OCRA-1::QN08", "function must be"),
        ("OCRA-1:HOTP:QN08", "function must be"),
        ("OCRA-1:TOTP-SHA1-6:QN08", "function must be"),
        ("OCRA-1:HOTP-SHA1-6-:QN08", "function must be"),
        ("OCRA-1:HOTP-SHA-6:QN08", "function's hash must be SHA1, SHA256 or SHA512, not 'SHA'"),
        ("OCRA-1:HOTP-sha1-6:QN08", "function's hash"),
        ("OCRA-1:HOTP-SHA384-6:QN08", "function's hash"),
        ("OCRA-1:HOTP-SHA1-:QN08", "digits must be 0 or 4 to 10, not ''"),
        ("OCRA-1:HOTP-SHA1-1:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-3:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-11:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-06:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-00:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-+6:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-6\n:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-\N{ARABIC-INDIC DIGIT SIX}:QN08", "digits must be"),
        ("OCRA-1:HOTP-SHA1-6:", "an input must be C, Q, P, S or T, not ''"),
        ("OCRA-1:HOTP-SHA1-6:QN08-", "an input must be C, Q, P, S or T, not ''"),
        ("OCRA-1:HOTP-SHA1-6:C--QN08", "an input must be"),
        ("OCRA-1:HOTP-SHA1-6:X-QN08", "an input must be C, Q, P, S or T, not 'X'"),
        ("OCRA-1:HOTP-SHA1-6:QN08- T1M", "an input must be"),
        ("OCRA-1:HOTP-SHA1-6:c-QN08", "an input must be"),
        ("OCRA-1:HOTP-SHA1-6:C", "question, Q, is missing"),
        ("OCRA-1:HOTP-SHA1-6:C-PSHA1", "question, Q, is missing"),
        ("OCRA-1:HOTP-SHA1-6:C8-QN08", "input C must be C alone, not 'C8'"),
        ("OCRA-1:HOTP-SHA1-6:C-C-QN08", "input C is given twice"),
        ("OCRA-1:HOTP-SHA1-6:QN08-QA08", "input Q is given twice"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M-T1M", "input T is given twice"),
        ("OCRA-1:HOTP-SHA1-6:QN08-C", "input C is out of order; the order is C-Q-P-S-T"),
        ("OCRA-1:HOTP-SHA1-6:PSHA1-QN08", "input Q is out of order"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S064-PSHA1", "input P is out of order"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M-S064", "input S is out of order"),
        ("OCRA-1:HOTP-SHA1-6:QN03", "input Q must be QN, QA or QH with a length, 04 to 64, not 'QN03'"),
        ("OCRA-1:HOTP-SHA1-6:QN65", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN00", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN008", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QB08", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:Qn08", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:Q08", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08\n", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN0\N{ARABIC-INDIC DIGIT EIGHT}", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN1_0", "input Q must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-PSHA384", "input P must be PSHA1, PSHA256 or PSHA512, not 'PSHA384'"),
        ("OCRA-1:HOTP-SHA1-6:QN08-Psha1", "input P must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S000", "input S must be S with three digits, 001 to 999, not 'S000'"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S64", "input S must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S0064", "input S must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S06\N{ARABIC-INDIC DIGIT FOUR}", "input S must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T0S", "input T must be T with 1S-59S, 1M-59M or 1H-48H, not 'T0S'"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T0M", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T0H", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T60S", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T60M", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T49H", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T01M", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1m", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1D", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1H30M", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M ", "input T must be"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M\0", "input T must be"),
        (None, "must be text"),
        (DEFAULT.encode(), "must be text"),
        ([DEFAULT], "must be text"),
    ],
)
def test_a_malformed_suite_is_refused_with_the_reason(text: Any, reason: str) -> None:
    with pytest.raises(SuiteError) as caught:
        Suite.parse(text)
    assert caught.value.field == "suite"
    assert str(caught.value).startswith("suite: ")
    assert reason in caught.value.problem


def test_a_suite_error_is_an_input_error() -> None:
    assert issubclass(SuiteError, InputError)
    assert issubclass(SuiteError, DscError)


def test_the_reason_stays_short_and_printable() -> None:
    with pytest.raises(SuiteError) as caught:
        Suite.parse("OCRA-1:HOTP-SHA1-6:QN08-T\x1b[2J" + "9" * 100_000)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


def test_a_suite_is_parsed_once_and_cannot_be_changed() -> None:
    suite = Suite.parse(DEFAULT)
    assert Suite.parse(DEFAULT) is suite
    with pytest.raises(dataclasses.FrozenInstanceError):
        suite.digits = 4  # type: ignore[misc]


# ---- the question ----


@pytest.mark.parametrize(
    ("format_", "question", "encoded"),
    [
        ("QN06", "000000", ""),
        ("QN06", "0", ""),
        ("QN06", "000001", "10"),
        ("QN06", "000016", "10"),
        ("QN06", "000256", "10"),
        ("QN06", "17", "11"),
        ("QN06", "999999", "f423f0"),
        ("QN06", "482913", "75e610"),
        ("QN64", "9" * 64, f"{10**64 - 1:x}"),
        ("QH08", "a", "a0"),
        ("QH08", "aBc", "abc0"),
        ("QH08", "0abc", "0abc"),
        ("QH08", "00000001", "00000001"),
        ("QA08", "aZ09", "615a3039"),
        ("QA08", "00000001", "3030303030303031"),
    ],
)
def test_how_a_question_is_encoded(format_: str, question: str, encoded: str) -> None:
    expected = bytes.fromhex(encoded).ljust(128, b"\0")
    assert Suite.parse(full(format_)).encode_question(question) == expected
    assert Suite.parse(full(format_)).response(KEY, question) == mac_of(full(format_), expected).hex()


def test_different_digits_can_be_the_same_question() -> None:
    suite = Suite.parse(DEFAULT)
    responses = {suite.response(KEY, text, counter=5, pin="1234") for text in ("000001", "000016", "000256")}
    assert len(responses) == 1


def test_how_many_questions_six_digits_make() -> None:
    encode = Suite.parse(DEFAULT).encode_question
    seen = bytearray(1 << 24)
    for number in range(1_000_000):
        encoded = encode(f"{number:06}")
        seen[int.from_bytes(encoded[:3], "big")] = 1
    assert sum(seen) == 937_501
    assert len(encoded) == 128
    assert not any(encoded[3:])


def test_hex_is_read_alike_in_either_case_and_letters_are_not() -> None:
    hexadecimal, alphanumeric = Suite.parse(full("QH08")), Suite.parse(full("QA08"))
    assert hexadecimal.encode_question("00abcdef") == hexadecimal.encode_question("00ABCDEF")
    assert alphanumeric.encode_question("abcdef") != alphanumeric.encode_question("ABCDEF")


@pytest.mark.parametrize(
    ("format_", "pair", "joined"),
    [
        ("QA08", ("CLI22220", "SRV11110"), b"CLI22220SRV11110"),
        ("QN06", ("000001", "000016"), bytes.fromhex("f42500")),
        ("QH04", ("abc", "def"), bytes.fromhex("abcdef")),
        ("QH04", ("a", "bc"), bytes.fromhex("abc0")),
        ("QA64", ("a" * 64, "b" * 64), b"a" * 64 + b"b" * 64),
        ("QH64", ("1" * 64, "2" * 64), bytes.fromhex("1" * 64 + "2" * 64)),
    ],
)
def test_two_questions_are_joined_in_their_order(format_: str, pair: tuple[str, str], joined: bytes) -> None:
    suite = Suite.parse(full(format_))
    assert suite.encode_question(pair) == joined.ljust(128, b"\0")
    assert suite.encode_question(pair[::-1]) != suite.encode_question(pair)


@pytest.mark.parametrize(
    ("format_", "question", "reason"),
    [
        ("QN06", "", "1 to 6 characters"),
        ("QN06", "1234567", "1 to 6 characters"),
        ("QN06", ("123456", "1234567"), "1 to 6 characters"),
        ("QN06", ("", "123456"), "1 to 6 characters"),
        ("QN64", "1" * 65, "1 to 64 characters"),
        ("QN06", "12345a", "decimal digits"),
        ("QN06", "-12345", "decimal digits"),
        ("QN06", "+12345", "decimal digits"),
        ("QN06", " 12345", "decimal digits"),
        ("QN06", "12345\n", "decimal digits"),
        ("QN06", "1_2345", "decimal digits"),
        ("QN06", "12345\N{ARABIC-INDIC DIGIT SIX}", "decimal digits"),
        ("QN06", "12345\N{SUPERSCRIPT TWO}", "decimal digits"),
        ("QN06", "\N{FULLWIDTH DIGIT ONE}23456", "decimal digits"),
        ("QN06", ("123456", "12 456"), "decimal digits"),
        ("QH08", "0x12", "hex digits"),
        ("QH08", "12 34", "hex digits"),
        ("QH08", "1234567\n", "hex digits"),
        ("QH08", "abcdefg", "hex digits"),
        ("QH08", "\N{FULLWIDTH LATIN SMALL LETTER A}bcd", "hex digits"),
        ("QH08", "\N{ARABIC-INDIC DIGIT SIX}bcd", "hex digits"),
        ("QA08", "abc def", "letters and digits"),
        ("QA08", "abc-def", "letters and digits"),
        ("QA08", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "letters and digits"),
        ("QA08", "\N{ARABIC-INDIC DIGIT SIX}bcd", "letters and digits"),
        ("QA08", "abc\0", "letters and digits"),
        ("QN06", None, "must be text"),
        ("QN06", 123456, "must be text"),
        ("QN06", b"123456", "must be text"),
        ("QN06", ["123456", "123456"], "tuple of two texts"),
        ("QN06", ("123456",), "tuple of two texts"),
        ("QN06", ("1", "2", "3"), "tuple of two texts"),
        ("QN06", ("123456", 123456), "tuple of two texts"),
    ],
)
def test_a_wrong_question_is_refused(format_: str, question: Any, reason: str) -> None:
    suite = Suite.parse(full(format_))
    responder = suite.prepare(KEY)
    for ask in (suite.encode_question, responder, lambda q: suite.response(KEY, q), lambda q: responder.series(q, [])):
        with pytest.raises(InputError, match=reason) as caught:
            ask(question)
        assert caught.value.field == "question"


# ---- counter, PIN, session, time ----


@pytest.mark.parametrize("counter", [0, 1, 2**32, LATEST])
def test_a_counter_is_eight_bytes_big_endian(counter: int) -> None:
    text = full("C-QN06")
    expected = mac_of(text, counter.to_bytes(8, "big"), BLANK).hex()
    assert Suite.parse(text).response(KEY, "0", counter=counter) == expected


@pytest.mark.parametrize("timestamp", [0, 20_107_446, LATEST])
def test_time_is_eight_bytes_of_steps(timestamp: int) -> None:
    text = full("QN06-T30S")
    expected = mac_of(text, BLANK, timestamp.to_bytes(8, "big")).hex()
    assert Suite.parse(text).response(KEY, "0", timestamp=timestamp) == expected


@pytest.mark.parametrize("inputs", ["C-QN06", "QN06-T1M"])
@pytest.mark.parametrize("value", [-1, LATEST + 1, 1.0, "1", True, b"1"])
def test_a_wrong_counter_or_time_is_refused(inputs: str, value: Any) -> None:
    field = "counter" if inputs.startswith("C") else "timestamp"
    with pytest.raises(InputError, match="whole number from 0") as caught:
        Suite.parse(full(inputs)).response(KEY, "0", **{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("step", "seconds", "steps"),
    [
        ("T1M", 0, 0),
        ("T1M", 59.999, 0),
        ("T1M", 60, 1),
        ("T1M", 1_206_446_760, 20_107_446),
        ("T30S", 59, 1),
        ("T1H", 7199, 1),
        ("T48H", 172_800, 1),
        ("T1S", LATEST, LATEST),
    ],
)
def test_steps_are_counted_from_1970(step: str, seconds: float, steps: int) -> None:
    assert Suite.parse(full(f"QN06-{step}")).time_steps(seconds) == steps


@pytest.mark.parametrize("seconds", [-1, -0.5, LATEST + 1, float("nan"), float("inf"), "60", None])
def test_a_wrong_time_is_refused(seconds: Any) -> None:
    with pytest.raises(InputError, match="since 1970") as caught:
        Suite.parse(full("QN06-T1M")).time_steps(seconds)
    assert caught.value.field == "timestamp"


def test_a_suite_without_time_has_no_steps() -> None:
    with pytest.raises(InputError, match="not part of this suite"):
        Suite.parse(DEFAULT).time_steps(60)


@pytest.mark.parametrize("name", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("pin", ["1234", "0", "pass phrase ", "\N{EURO SIGN}\N{ARABIC-INDIC DIGIT SIX}"])
def test_a_pin_is_hashed_as_utf_8_by_the_suites_own_hash(name: str, pin: str) -> None:
    text = full(f"QN06-P{name.upper()}")
    expected = mac_of(text, BLANK, hashlib.new(name, pin.encode("utf-8")).digest()).hex()
    assert Suite.parse(text).response(KEY, "0", pin=pin) == expected


@pytest.mark.parametrize("pin", ["", 1234, b"1234", "secret\ud800"])
def test_a_wrong_pin_is_refused_and_not_shown(pin: Any) -> None:
    suite = Suite.parse(full("QN06-PSHA256"))
    for ask in (lambda: suite.response(KEY, "0", pin=pin), lambda: suite.prepare(KEY, pin)):
        with pytest.raises(InputError, match="must be text") as caught:
            ask()
        assert caught.value.field == "pin"
        assert caught.value.__context__ is None, "the encoder's own error quotes the PIN"
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\1", b"\xff" * 63, b"\xff" * 64])
def test_session_data_is_padded_on_the_left(data: bytes) -> None:
    text = full("QN06-S064")
    expected = mac_of(text, BLANK, bytes(64 - len(data)) + data).hex()
    assert Suite.parse(text).response(KEY, "0", session=data) == expected


@pytest.mark.parametrize("data", [b"", b"x" * 65, "text", bytearray(64), 64])
def test_wrong_session_data_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="must be 1 to 64 bytes") as caught:
        Suite.parse(full("QN06-S064")).response(KEY, "0", session=data)
    assert caught.value.field == "session"


def test_a_pin_and_a_time_go_together() -> None:
    text = full("QN06-PSHA1-T1M")
    expected = mac_of(text, BLANK, hashlib.sha1(b"1234").digest(), (7).to_bytes(8, "big")).hex()
    assert Suite.parse(text).response(KEY, "0", pin="1234", timestamp=7) == expected


def test_all_five_inputs_stand_in_the_order_of_the_rfc() -> None:
    text = full("C-QA08-PSHA512-S128-T5M")
    pin_hash = hashlib.sha512(b"1234").digest()
    message = (bytes(7) + b"\3", b"abcd".ljust(128, b"\0"), pin_hash, b"id".rjust(128, b"\0"), bytes(7) + b"\7")
    response = Suite.parse(text).response(KEY, "abcd", counter=3, pin="1234", session=b"id", timestamp=7)
    assert response == mac_of(text, *message).hex()


INPUTS = {"counter": ("C", 5), "pin": ("PSHA256", "1234"), "session": ("S064", b"id"), "timestamp": ("T1M", 7)}


@pytest.mark.parametrize("field", INPUTS)
def test_a_missing_input_is_refused(field: str) -> None:
    everything = {name: value for name, (_, value) in INPUTS.items()}
    suite = Suite.parse(full("C-QN06-PSHA256-S064-T1M"))
    suite.response(KEY, "0", **everything)
    with pytest.raises(InputError, match="missing") as caught:
        suite.response(KEY, "0", **(everything | {field: None}))
    assert caught.value.field == field


@pytest.mark.parametrize("field", INPUTS)
@pytest.mark.parametrize("empty", [False, True])
def test_a_superfluous_input_is_refused_even_an_empty_one(field: str, empty: bool) -> None:
    others = {name: given for name, given in INPUTS.items() if name != field}
    details = [detail for detail, _ in others.values()]
    inputs = "-".join(["C", "QN06", *details[1:]] if "counter" in others else ["QN06", *details])
    value: Any = INPUTS[field][1]
    with pytest.raises(InputError, match="not part of this suite") as caught:
        Suite.parse(full(inputs)).response(
            KEY,
            "0",
            **{field: type(value)() if empty else value},
            **{name: value for name, (_, value) in others.items()},
        )
    assert caught.value.field == field


# ---- key and MAC ----


@pytest.mark.parametrize("name", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("length", [16, 20, 63, 64, 65, 127, 128])
def test_keys_shorter_and_longer_than_a_block(name: str, length: int) -> None:
    text, key = f"OCRA-1:HOTP-{name}-0:QN06", bytes(range(1, length + 1))
    expected = mac_of(text, BLANK, key=key).hex()
    assert Suite.parse(text).response(key, "0") == expected
    assert Suite.parse(text).prepare(key)("0") == expected


@pytest.mark.parametrize("key", [b"", b"k" * 15, b"k" * 129, "k" * 32, None, bytearray(32)])
def test_a_wrong_key_is_refused(key: Any) -> None:
    suite = Suite.parse(full("QN06"))
    for ask in (lambda: suite.response(key, "0"), lambda: suite.prepare(key)):
        with pytest.raises(InputError, match="must be 16 to 128 bytes") as caught:
            ask()
        assert caught.value.field == "key"


@pytest.mark.parametrize(("name", "length"), [("SHA1", 40), ("SHA256", 64), ("SHA512", 128)])
def test_no_truncation_gives_the_whole_mac_in_lower_case_hex(name: str, length: int) -> None:
    text = f"OCRA-1:HOTP-{name}-0:QN06"
    response = Suite.parse(text).response(KEY, "0")
    assert response == mac_of(text, BLANK).hex()
    assert len(response) == length
    assert response == response.lower()


@pytest.mark.parametrize("digits", range(4, 11))
@pytest.mark.parametrize("name", ["SHA1", "SHA256", "SHA512"])
def test_truncation_keeps_the_last_digits_of_31_bits(name: str, digits: int) -> None:
    text = f"OCRA-1:HOTP-{name}-{digits}:C-QN06"
    responder = Suite.parse(text).prepare(KEY)
    for counter in range(64):  # enough for every offset, a leading zero, and words of 31 bits and fewer
        mac = mac_of(text, counter.to_bytes(8, "big"), BLANK)
        word = int.from_bytes(mac[mac[-1] % 16 :][:4], "big") % 2**31
        assert responder("0", counter) == f"{word % 10**digits:0{digits}}"


# ---- a responder ----


def test_a_series_gives_what_single_calls_give() -> None:
    responder = Suite.parse(DEFAULT).prepare(KEY, "1234")
    assert list(responder.series("482913", range(5, 25))) == [responder("482913", n) for n in range(5, 25)]

    timed = Suite.parse(full("C-QN06-S064-T1M")).prepare(KEY)
    expected = [timed("7", 0, session=b"id", timestamp=9), timed("7", 1, session=b"id", timestamp=9)]
    assert list(timed.series("7", [0, 1], session=b"id", timestamp=9)) == expected


def test_a_series_makes_each_response_only_when_asked() -> None:
    series = Suite.parse(full("C-QN06")).prepare(KEY).series("0", iter([LATEST, LATEST + 1]))
    assert next(series)
    with pytest.raises(InputError, match="counter"):
        next(series)


def test_a_responder_shows_and_stores_no_secret() -> None:
    responder = Suite.parse(DEFAULT).prepare(KEY, "1234")
    assert "1234" not in repr(responder)
    assert not hasattr(responder, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(responder)


def test_a_responder_checks_key_and_pin_when_it_is_made() -> None:
    suite = Suite.parse(DEFAULT)
    with pytest.raises(InputError, match="pin: is missing"):
        suite.prepare(KEY)
    with pytest.raises(InputError, match="pin: is not part"):
        Suite.parse(full("QN06")).prepare(KEY, "1234")
