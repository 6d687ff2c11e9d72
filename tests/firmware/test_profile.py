"""Tests of a profile for a blank card: every field's limits, the fields together, and no leftovers of secrets."""

import hashlib
import hmac

import pytest
from tests.firmware.fakes import CLEAR_SUITE, KEY

from dsc_firmware.journal import Record
from dsc_firmware.profile import DEFAULT_SUITE, Profile, ProfileError, code_of

MINIMUM = {"serial": "A", "key": KEY.hex()}
CARD_PIN = {**MINIMUM, "suite": CLEAR_SUITE, "pin": "card", "code": "1234"}


def staged(fields: dict[str, str]) -> Profile:
    profile = Profile()
    for name, value in fields.items():
        profile.stage(name, memoryview(value.encode()))
    return profile


def filled(fields: dict[str, str]) -> Record:
    profile = staged(fields)
    profile.check()
    record = Record()
    profile.fill(record)
    return record


GOOD = [
    *(("serial", value) for value in ("A", "IB3-000123456789")),
    *(("suite", value) for value in ("OCRA-1:HOTP-SHA1-4:QA64-PSHA512", "OCRA-1:HOTP-SHA512-8:C-QH04")),
    *(("key", value) for value in ("00" * 16, "fF" * 64)),
    *(("pin", value) for value in ("ocra", "card")),
    ("code", "0000"),
    *(("tries", value) for value in "19"),
    *(("counter", value) for value in ("0", "00", str(2**64 - 2))),
    ("unlock", "0aF9" * 16),
]
OCRA = "OCRA-1:HOTP-SHA256-8:QN06"
BAD = [
    *(("serial", value) for value in ("", "A" * 17, "a", "A B", "A_", "\u00c4", "\0")),
    *(("suite", value) for value in ("", "garbage", "\u00e9" * 20, OCRA + "-S064", OCRA + "-T1M", OCRA + "-PSHA1" * 4)),
    *(("suite", OCRA.replace("-8:", f"-{digits}:")) for digits in ("0", "9", "10")),
    *(("key", value) for value in ("", "00" * 15, "00" * 65, "0" * 33, "0g" * 16, "0x" + "00" * 16, " 0" * 16)),
    *(("pin", value) for value in ("", "none", "OCRA", "ocra1")),
    *(("code", value) for value in ("", "123", "12345", "12a4", "12 4")),
    *(("tries", value) for value in ("", "0", "10", "a", "-1")),
    *(("counter", value) for value in ("", "-1", "1e3", "1.5", "0x10", "+1", str(2**64 - 1), "9" * 20, "0" * 21)),
    *(("unlock", value) for value in ("", "00" * 31, "00" * 33, "0g" * 32)),
    ("nothing", "1"),
    ("", "1"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_good_value_is_taken(name: str, value: str) -> None:
    read = {"key": bytes.fromhex, "unlock": bytes.fromhex, "tries": int, "counter": int}.get(name, str.encode)
    assert staged({name: value})._fields == {name: read(value)}


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_value_is_refused_by_its_field(name: str, value: str) -> None:
    with pytest.raises(ProfileError, match=f"^{name}: .+"):
        staged({name: value})


def test_refused_value_leaves_the_one_before() -> None:
    profile = staged(MINIMUM)
    with pytest.raises(ProfileError):
        profile.stage("serial", b"no")
    record = Record()
    profile.fill(record)
    assert bytes(record.serial) == b"A"


def test_refusal_does_not_repeat_a_secret() -> None:
    for name, value in (("key", "0badc0de" * 3 + "zz"), ("code", "98x6")):
        with pytest.raises(ProfileError) as refusal:
            staged({name: value})
        assert value[:4] not in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "serial"),
        ({"serial": "A"}, "key"),
        ({"key": KEY.hex()}, "serial"),
        ({**MINIMUM, "suite": CLEAR_SUITE}, "suite"),
        ({**MINIMUM, "pin": "card", "code": "1234"}, "suite"),
        ({**MINIMUM, "code": "1234"}, "code"),
        ({**MINIMUM, "tries": "5"}, "tries"),
        ({**MINIMUM, "suite": CLEAR_SUITE, "pin": "card"}, "code"),
        ({**MINIMUM, "unlock": "00" * 32}, "unlock"),
    ],
)
def test_fields_that_make_no_card_are_refused(fields: dict[str, str], words: str) -> None:
    with pytest.raises(ProfileError, match=f"^{words}: .+"):
        staged(fields).check()


def test_least_profile_and_its_defaults() -> None:
    record = filled(MINIMUM)
    assert (bytes(record.serial), bytes(record.suite), bytes(record.key)) == (b"A", DEFAULT_SUITE, KEY)
    assert (record.checks_pin, record.tries, record.failures, record.counter) == (False, 5, 0, 0)
    assert not any(record.code)
    assert not record.locked


def test_whole_profile() -> None:
    record = filled({**CARD_PIN, "tries": "1", "counter": str(2**64 - 2)})
    assert (record.checks_pin, record.tries, record.counter) == (True, 1, 2**64 - 2)
    assert bytes(record.code) == hmac.digest(KEY, b"1234", hashlib.sha256)[:16]
    assert (record.can_unlock, record.unlocks) == (False, 0)
    record = filled({**CARD_PIN, "unlock": "ab" * 32})
    assert (bytes(record.unlock_key), record.unlocks) == (b"\xab" * 32, 10)


def test_field_set_again_is_replaced() -> None:
    profile = staged({**MINIMUM, "counter": "5"})
    profile.stage("counter", b"9")
    profile.stage("serial", b"B")
    record = Record()
    profile.fill(record)
    assert (record.counter, bytes(record.serial)) == (9, b"B")


def test_pin_is_known_again_only_under_the_same_key() -> None:
    codes = []
    for key, pin in ((KEY, b"1234"), (KEY, b"1235"), (KEY[::-1], b"1234")):
        out = bytearray(16)
        code_of(key, pin, out)
        codes.append(bytes(out))
    assert len(set(codes)) == 3


def test_forgotten_and_replaced_fields_are_overwritten() -> None:
    profile = staged(CARD_PIN)
    key, code = profile._fields["key"], profile._fields["code"]
    profile.stage("key", b"11" * 16)
    assert not any(key)
    profile.forget()
    assert not any(code)
    with pytest.raises(ProfileError, match=r"^serial: "):
        profile.check()


def test_new_profile_leaves_nothing_of_the_record_before() -> None:
    record = filled({**CARD_PIN, "counter": "7"})
    record.failures = 3
    profile = staged({"serial": "B", "key": "11" * 16})
    profile.fill(record)
    assert (record.checks_pin, record.failures, record.counter) == (False, 0, 0)
    assert not any(record.code)
    assert KEY[16:] not in bytes(record._key)
