"""Tests of OCRA on the card: the RFC's values, no leftovers of secrets, and the refusal of every malformed suite.

The host's tests cover the encoding of each input and the truncation; tests/properties compares the card with the host.

Where the RFC publishes no value, a test writes out the bytes to be hashed and hashes them with the standard library's HMAC.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from dsc_firmware.ocra import Ocra, SuiteError, mac, to_decimal

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6287.json").read_text("utf-8"))
KEY = bytes(range(32))


def joined(question: str | list[str]) -> bytes:
    return "".join(question).encode()


def response(suite: str, question: str, key: bytes = KEY, **others: Any) -> str:
    ocra = Ocra(suite)
    out = bytearray(ocra.digits or 2 * hashlib.new(ocra.hash).digest_size)
    ocra.respond(memoryview(out), key, question.encode(), **others)
    return out.decode()


def full(inputs: str) -> str:
    """Return a suite with these inputs whose response is the whole MAC, so that a test sees every bit of it."""
    return f"OCRA-1:HOTP-SHA256-0:{inputs}"


def mac_of(suite: str, *parts: bytes) -> str:
    return hmac.digest(KEY, suite.encode() + b"\0" + b"".join(parts), "sha256").hex()


def field(question: str) -> bytes:
    """Return a question's 128 bytes from their hex digits."""
    return bytes.fromhex(question.ljust(256, "0"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['suite']}-{vector['question']}")
def test_published_value(vector: dict[str, Any]) -> None:
    others = {"counter": vector.get("counter", 0), "time": vector.get("timestamp", 0), "pin": vector.get("pin", "").encode()}
    question = joined(vector["question"]).decode()
    assert response(vector["suite"], question, bytes.fromhex(vector["key"]), **others) == vector["response"]


@pytest.mark.parametrize("same", ["000016", "000256"])
def test_numeric_question_is_a_number_padded_on_the_right(same: str) -> None:
    suite = full("QN06")
    assert response(suite, same) == response(suite, "000001") == mac_of(suite, field("1"))


def test_short_question_after_a_long_one() -> None:
    ocra = Ocra(full("QN64"))
    out = bytearray(64)
    ocra.respond(out, KEY, b"9" * 128)
    ocra.respond(out, KEY, b"1")
    assert out.decode() == mac_of(full("QN64"), field("1"))


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("N", ["0", "0123456789", "9" * 128], ["", "12a", "1 2", "-1", "1.", "/", ":", "9" * 129]),
        ("A", ["0", "azAZ09", "z" * 128], ["", "a b", "a-b", "@", "[", "`", "{", "z" * 129]),
        ("H", ["0", "0aAfF9", "f" * 128], ["", "g", "G", "@", "`", "f" * 129]),
    ],
)
def test_which_questions_a_suite_accepts(form: str, good: list[str], bad: list[str]) -> None:
    ocra = Ocra(full(f"Q{form}64"))
    assert all(ocra.accepts(question.encode()) for question in good)
    assert not any(ocra.accepts(question.encode()) for question in bad)
    assert not ocra.accepts(b"\xff")
    assert not ocra.accepts(b"\0")


def test_short_session_after_a_long_one() -> None:
    ocra = Ocra(full("QN06-S064"))
    out = bytearray(64)
    ocra.respond(out, KEY, b"1", session=b"s" * 64)
    ocra.respond(out, KEY, b"1", session=b"t")
    assert out.decode() == mac_of(full("QN06-S064"), field("1"), b"t".rjust(64, b"\0"))


@pytest.mark.parametrize(("inputs", "seconds"), [("T1S", 1), ("T59S", 59), ("T1M", 60), ("T59M", 3540), ("T48H", 172800)])
def test_time_step(inputs: str, seconds: int) -> None:
    assert Ocra(full(f"QN06-{inputs}")).time == seconds


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0000000000"), (2**31 - 1, "2147483647"), (2**31, "0000000000"), (9, "0000000009")]
)
def test_top_bit_does_not_count(number: int, text: str) -> None:
    out = bytearray(10)
    to_decimal(b"\xee" * 3 + number.to_bytes(4, "big") + b"\xee", 3, out)
    assert out.decode() == text


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 127, 128, 129, 300])
@pytest.mark.parametrize("name", ["SHA1", "SHA256", "SHA512"])
def test_mac_with_keys_around_the_block_size(name: str, size: int) -> None:
    key = bytes(n % 251 for n in range(size))
    assert mac(name, memoryview(key), b"message") == hmac.digest(key, b"message", name)


def test_message_keeps_no_input() -> None:
    ocra = Ocra(full("C-QN06-PSHA1-S064-T1M"))
    ocra.respond(bytearray(64), KEY, b"482913", 5, b"1234", b"s" * 64, 7)
    assert bytes(ocra._message) == ocra.text.encode().ljust(len(ocra._message), b"\0")
    assert not any(ocra._nibbles)


# A whole suite, its function with valid inputs, and its inputs with a valid function.
MALFORMED = (
    "||:|::|OCRA-1|OCRA-1:|OCRA-1:HOTP-SHA256-8|:HOTP-SHA256-8:QN06|OCRA-2:HOTP-SHA256-8:QN06|OCRA-1.0:HOTP-SHA256-8:QN06|"
    "OCRA:HOTP-SHA256-8:QN06|ocra-1:HOTP-SHA256-8:QN06|OCRA-1 :HOTP-SHA256-8:QN06| OCRA-1:HOTP-SHA256-8:QN06|"
)
MALFORMED_FUNCTIONS = (
    "|hotp-SHA256-8|HOTP-sha256-8|TOTP-SHA256-8|HOTP-SHA256|HOTP--8|HOTP-SHA256--8|HOTP-SHA256-|HOTP-SHA256-8-|"
    "HOTP-SHA256-08|HOTP-SHA256-00|HOTP-SHA256-1|HOTP-SHA256-3|HOTP-SHA256-11|HOTP-SHA256-010|HOTP-SHA256-+8|HOTP-SHA256- 8|"
    "HOTP-SHA256-\u0668|HOTP-SHA256-\uff18|HOTP-SHA256-\xb2|HOTP-SHA384-8|HOTP-SHA-256-8|HOTP-MD5-8|HOTP-NEW-8|"
    "HOTP-__DOC__-8"
)
MALFORMED_INPUTS = (
    "|QN06:|qn06|QN06-psha1|C|C-|-QN06|QN06-|QN06--PSHA1|C-C-QN06|QN06-C|CQN06|C1-QN06|PSHA1|T1M|Q|QN|QN6|QN006|QN03|QN00|"
    "QN65|QN99|QX06|Q006|QNA6|QN-6|QN 6|QN0\u0666|QNA08|QN06-QN06|QN06-P|QN06-PSHA|QN06-PMD5|QN06-PSHA1-PSHA1|QN06-S|"
    "QN06-S64|QN06-S0064|QN06-S000|QN06-S1000|QN06-S-64|QN06-Sabc|QN06-T|QN06-T1|QN06-TM|QN06-TT|QN06-T0S|QN06-T0M|QN06-T0H|"
    "QN06-T60S|QN06-T60M|QN06-T49H|QN06-T01M|QN06-T1m|QN06-T1D|QN06-T1MM|QN06-T 1M|QN06-T\xb2M|QN06-S064-PSHA1|"
    "QN06-T1M-PSHA1|QN06-T1M-S064|PSHA1-QN06|QN06-X| QN06|QN06 |QN06\n"
)
MALFORMED_SUITES = [
    *MALFORMED.split("|"),
    *(f"OCRA-1:{function}:QN06" for function in MALFORMED_FUNCTIONS.split("|")),
    *(f"OCRA-1:HOTP-SHA256-8:{inputs}" for inputs in MALFORMED_INPUTS.split("|")),
]


@pytest.mark.parametrize("suite", MALFORMED_SUITES)
def test_malformed_suite_is_refused_with_words(suite: str) -> None:
    with pytest.raises(SuiteError, match=r"."):
        Ocra(suite)


@pytest.mark.parametrize(
    "suite",
    ["SHA1-0:QA04", "SHA256-4:QH64", "SHA512-10:C-QN08-PSHA512-S001-T48H", "SHA1-6:QN08-S999-T1S", "SHA1-6:C-QN08-T59M"],
)
def test_suite_at_its_limits_is_taken(suite: str) -> None:
    assert Ocra("OCRA-1:HOTP-" + suite).text == "OCRA-1:HOTP-" + suite
