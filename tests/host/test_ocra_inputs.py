"""The inputs of OCRA: how the question, counter, PIN, session and time are encoded, and why they are refused.

Where the RFC publishes no value, a test writes out the bytes to hash.
"""

import hashlib
from typing import Any

import pytest
from tests.host.ocra_by_hand import BLANK, DEFAULT, KEY, LATEST, full, mac_of

from dsc_host.errors import InputError
from dsc_host.ocra import Suite


def test_different_digits_can_be_the_same_question() -> None:
    suite = Suite.parse(DEFAULT)
    responses = {suite.response(KEY, text, counter=5, pin="1234") for text in ("000001", "000016", "000256")}
    assert len(responses) == 1


def test_how_many_questions_five_digits_make() -> None:
    encode = Suite.parse(full("QN05")).encode_question
    # A number that ends in a hex 0, one in 16, makes the same question as another number.
    assert len({encode(f"{number:05}") for number in range(100_000)}) == 93_751


def test_hex_is_read_alike_in_either_case_and_letters_are_not() -> None:
    hexadecimal, alphanumeric = Suite.parse(full("QH08")), Suite.parse(full("QA08"))
    assert hexadecimal.encode_question("00abcdef") == hexadecimal.encode_question("00ABCDEF")
    assert alphanumeric.encode_question("abcdef") != alphanumeric.encode_question("ABCDEF")


ARABIC_SIX = "\N{ARABIC-INDIC DIGIT SIX}"
NO_DECIMALS = ["12345a", "-12345", "+12345", " 12345", "12345\n", "1_2345", f"12345{ARABIC_SIX}", ("123456", "12 456")]
NO_HEX = ["0x12", "12 34", "1234567\n", "abcdefg", "\N{FULLWIDTH LATIN SMALL LETTER A}bcd", f"{ARABIC_SIX}bcd"]
NO_LETTERS = ["abc def", "abc-def", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", f"{ARABIC_SIX}bcd", "abc\0"]
NO_QUESTIONS: dict[tuple[str, str], list[Any]] = {
    ("QN06", "1 to 6 characters"): ["", "1234567", ("123456", "1234567"), ("", "123456")],
    ("QN64", "1 to 64 characters"): ["1" * 65],
    ("QN06", "decimal digits"): [*NO_DECIMALS, "12345\N{SUPERSCRIPT TWO}", "\N{FULLWIDTH DIGIT ONE}23456"],
    ("QH08", "hex digits"): NO_HEX,
    ("QA08", "letters and digits"): NO_LETTERS,
    ("QN06", "must be text"): [None, 123456, b"123456"],
    ("QN06", "tuple of two texts"): [["123456", "123456"], ("123456",), ("1", "2", "3"), ("123456", 123456)],
}


@pytest.mark.parametrize(
    ("format_", "question", "reason"), [(name, each, reason) for (name, reason), all_ in NO_QUESTIONS.items() for each in all_]
)
def test_a_wrong_question_is_refused(format_: str, question: Any, reason: str) -> None:
    suite = Suite.parse(full(format_))
    responder = suite.prepare(KEY)
    for ask in (suite.encode_question, responder, lambda q: suite.response(KEY, q), lambda q: responder.series(q, [])):
        with pytest.raises(InputError, match=reason) as caught:
            ask(question)
        assert caught.value.field == "question"


@pytest.mark.parametrize("inputs", ["C-QN06", "QN06-T1M"])
@pytest.mark.parametrize("value", [-1, LATEST + 1, 1.0, "1", True, b"1"])
def test_a_wrong_counter_or_time_is_refused(inputs: str, value: Any) -> None:
    field = "counter" if inputs.startswith("C") else "timestamp"
    with pytest.raises(InputError, match="whole number from 0") as caught:
        Suite.parse(full(inputs)).response(KEY, "0", **{field: value})
    assert caught.value.field == field


STEPS = [
    *(("T1M", seconds, steps) for seconds, steps in [(0, 0), (59.999, 0), (60, 1), (1_206_446_760, 20_107_446)]),
    *(("T30S", 59, 1), ("T1H", 7199, 1), ("T48H", 172_800, 1), ("T1S", LATEST, LATEST)),
]


@pytest.mark.parametrize(("step", "seconds", "steps"), STEPS)
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


@pytest.mark.parametrize("data", [b"", b"x" * 65, "text", bytearray(64), 64])
def test_wrong_session_data_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="must be 1 to 64 bytes") as caught:
        Suite.parse(full("QN06-S064")).response(KEY, "0", session=data)
    assert caught.value.field == "session"


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
    values = {field: type(value)() if empty else value} | {name: given for name, (_, given) in others.items()}
    with pytest.raises(InputError, match="not part of this suite") as caught:
        Suite.parse(full(inputs)).response(KEY, "0", **values)
    assert caught.value.field == field
