"""OCRA on the host: suites, the RFC's values, keys and truncation, and a responder that computes many responses.

Where the RFC publishes no value, a test writes out the bytes to hash.
"""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from tests.host.ocra_by_hand import BLANK, DEFAULT, KEY, LATEST, full, mac_of

from dsc_host.errors import DscError, InputError, SuiteError
from dsc_host.ocra import Question, Suite, fold_response

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6287.json").read_text("utf-8"))


def vector_id(vector: dict[str, Any]) -> str:
    return f"{vector['suite']}-{vector['question']}-{vector.get('counter', '')}"


def arguments(vector: dict[str, Any]) -> tuple[bytes, Question, dict[str, Any]]:
    question = vector["question"]
    others = {name: vector[name] for name in ("counter", "pin", "timestamp") if name in vector}
    return bytes.fromhex(vector["key"]), tuple(question) if isinstance(question, list) else question, others


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


def test_a_series_gives_what_single_calls_give() -> None:
    responder = Suite.parse(DEFAULT).prepare(KEY, "1234")
    assert list(responder.series("482913", range(5, 25))) == [responder("482913", n) for n in range(5, 25)]

    responder, pair = Suite.parse(full("C-QA08-PSHA512-S128-T5M")).prepare(KEY, "1234"), ("abcd", "efgh")
    others: dict[str, Any] = {"session": b"id", "timestamp": 7}
    assert list(responder.series(pair, [3, 0, LATEST], **others)) == [responder(pair, n, **others) for n in (3, 0, LATEST)]


def test_a_series_makes_each_response_only_when_asked() -> None:
    series = Suite.parse(full("C-QN06")).prepare(KEY).series("0", iter([LATEST, LATEST + 1]))
    assert next(series)
    with pytest.raises(InputError, match="counter"):
        next(series)


def test_a_series_without_a_counter_repeats_its_response() -> None:
    responder = Suite.parse(full("QN06")).prepare(KEY)
    assert set(responder.series("7", [None, None])) == {responder("7")}  # type: ignore[list-item]
    with pytest.raises(InputError, match="counter: is not part"):
        next(responder.series("7", [0]))


@pytest.mark.parametrize(
    ("inputs", "others", "message"),
    [
        ("C-QN06-S064", {}, "session: is missing"),
        ("C-QN06-S064", {"session": b""}, "session: must be 1 to 64 bytes"),
        ("C-QN06", {"session": b""}, "session: is not part"),
        ("C-QN06-T1M", {}, "timestamp: is missing"),
        ("C-QN06-T1M", {"timestamp": True}, "timestamp: must be a whole number"),
        ("C-QN06", {"timestamp": 0}, "timestamp: is not part"),
    ],
)
def test_a_series_checks_what_its_responses_share_before_any_is_asked_for(
    inputs: str, others: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Suite.parse(full(inputs)).prepare(KEY).series("0", [], **others)


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


# Whole texts, functions and inputs that are refused, by the reason.
TEXTS: dict[str, list[Any]] = {
    "three parts": ["", "OCRA-1", "OCRA-1:HOTP-SHA1-6", DEFAULT + ":"],
    "algorithm must be OCRA-1, not 'OCRA-2'": ["OCRA-2:HOTP-SHA1-6:QN08"],
    "algorithm must be OCRA-1": ["ocra-1:HOTP-SHA1-6:QN08", " " + DEFAULT],
    "must be text": [None, DEFAULT.encode(), [DEFAULT]],
}
FUNCTIONS = {
    "function must be": ["", "HOTP", "TOTP-SHA1-6", "HOTP-SHA1-6-"],
    "function's hash must be SHA1, SHA256 or SHA512, not 'SHA'": ["HOTP-SHA-6"],
    "function's hash": ["HOTP-sha1-6", "HOTP-SHA384-6"],
    "digits must be 0 or 4 to 10, not ''": ["HOTP-SHA1-"],
    "digits must be": [f"HOTP-SHA1-{n}" for n in ("1", "3", "11", "06", "00", "+6", "6\n", "\N{ARABIC-INDIC DIGIT SIX}")],
}
INPUTS = {
    "an input must be C, Q, P, S or T, not ''": ["", "QN08-"],
    "an input must be C, Q, P, S or T, not 'X'": ["X-QN08"],
    "an input must be": ["C--QN08", "QN08- T1M", "c-QN08"],
    "question, Q, is missing": ["C", "C-PSHA1"],
    "input C must be C without details, not 'C8'": ["C8-QN08"],
    "input C is given twice": ["C-C-QN08"],
    "input Q is given twice": ["QN08-QA08"],
    "input T is given twice": ["QN08-T1M-T1M"],
    "input C is out of order; the order is C-Q-P-S-T": ["QN08-C"],
    "input Q is out of order": ["PSHA1-QN08"],
    "input P is out of order": ["QN08-S064-PSHA1"],
    "input S is out of order": ["QN08-T1M-S064"],
    "input Q must be QN, QA or QH with a length, 04 to 64, not 'QN03'": ["QN03"],
    "input Q must be": [
        *("QN65", "QN00", "QN", "QN008", "QB08", "Qn08", "Q08", "QN1_0", "QN08\n", "QN0\N{ARABIC-INDIC DIGIT EIGHT}"),
    ],
    "input P must be PSHA1, PSHA256 or PSHA512, not 'PSHA384'": ["QN08-PSHA384"],
    "input P must be": ["QN08-Psha1"],
    "input S must be S with three digits, 001 to 999, not 'S000'": ["QN08-S000"],
    "input S must be": ["QN08-S64", "QN08-S0064", "QN08-S06\N{ARABIC-INDIC DIGIT FOUR}"],
    "input T must be T with 1S-59S, 1M-59M or 1H-48H, not 'T0S'": ["QN08-T0S"],
    "input T must be": [
        *(f"QN08-T{step}" for step in ("0M", "0H", "60S", "60M", "49H", "01M", "1m", "1D", "1H30M", "1M ", "1M\0")),
    ],
}
MALFORMED = [
    *((text, reason) for reason, texts in TEXTS.items() for text in texts),
    *((f"OCRA-1:{function}:QN08", reason) for reason, functions in FUNCTIONS.items() for function in functions),
    *((f"OCRA-1:HOTP-SHA1-6:{inputs}", reason) for reason, given in INPUTS.items() for inputs in given),
]


@pytest.mark.parametrize(("text", "reason"), MALFORMED)
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


@pytest.mark.parametrize(
    "typed",
    [
        "71234507",
        " 7123 4507\r\n",
        "7123-4507",
        "7123\u20134507",
        "7123\u22124507",
        "7123\u00a04507",
        "71\u202f23\u200745\u300007",
        "\uff17\uff11\uff12\uff13\uff14\uff15\uff10\uff17",
    ],
)
def test_a_response_may_be_typed_in_groups_and_in_full_width(typed: str) -> None:
    assert fold_response(typed) == "71234507"


@pytest.mark.parametrize(
    "typed", ["7123.4507", "7123_4507", "O1234507", "\u0667\u0661", "\u200b71", "+71", "\uff21", "\ud800", "", "7f3a"]
)
def test_nothing_else_of_a_typed_response_is_changed(typed: str) -> None:
    assert fold_response(typed) == typed
