"""Enrolling a card through the command: it is taken once, and no argument or secret may be wrong."""

import pytest
from tests.host.commanding import KEY, PIN, SECRETS, Command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ib1"], "serial: must be 1 to 16"),
        (["A" * 17], "serial: must be 1 to 16"),
        ([""], "serial: must be 1 to 16"),
        (["IB1'; DROP TABLE cards; --"], "serial: must be 1 to 16"),
        (["IB1\0"], "serial: must be 1 to 16"),
        (["IB\N{FULLWIDTH DIGIT ONE}"], "serial: must be 1 to 16"),
        (["IB1", "--suite", "OCRA-2:HOTP-SHA256-8:QN06"], "suite: the algorithm must be OCRA-1"),
        (["IB1", "--suite", "nonsense"], "suite: must have three parts"),
        (["IB1", "--suite", ""], "suite: must have three parts"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QH06"], "suite: its question must be decimal"),
        (["IB1", "--counter", "-1"], "counter: must be a whole number from 0"),
        (["IB1", "--counter", str(2**64 - 1)], "counter: must be a whole number from 0"),
        (["IB1", "--counter", "9" * 400], "counter: must be a whole number from 0"),
        (["IB1", "--counter", "1", "--suite", "OCRA-1:HOTP-SHA256-8:QN06"], "counter: is not part of this suite"),
    ],
)
def test_wrong_arguments_of_enroll(dscplus: Command, arguments: list[str], words: str) -> None:
    path = dscplus.with_records()
    done = dscplus("enroll", *arguments, stdin=SECRETS)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(words)
    assert not path.exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("", "key: give it on standard input"),
        ("\n", "key: must be 16 to 64 bytes"),
        (f"{'ab' * 15}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'ab' * 65}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'ab' * 16}a\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'xy' * 16}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'١٢' * 16}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (b"\xff\xfe\n", "key: must be text"),
        (f"{KEY.hex()}\n", "pin: give it on standard input"),
        (f"{KEY.hex()}\n\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n824\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n82460\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\nabcd\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n\N{FULLWIDTH DIGIT EIGHT}246\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n{PIN} \n", "pin: must be 4 digits"),
    ],
)
def test_wrong_secrets_of_enroll(dscplus: Command, typed: str | bytes, field: str) -> None:
    path = dscplus.with_records()
    done = dscplus("enroll", "IB1", stdin=typed)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(field)
    assert not path.exists()


def test_standard_input_may_be_closed(dscplus: Command) -> None:
    assert dscplus("enroll", "IB1", stdin=None).error.startswith("key: give it on standard input")


def test_a_card_is_enrolled_once(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("enroll", "IB1", "--counter", "7", stdin=SECRETS).code == 0
    done = dscplus("enroll", "IB1", stdin=f"{'00' * 16}\n0000\n")
    assert (done.code, done.error) == (1, "card IB1: is enrolled already")
    with dscplus.verifier() as verifier:
        assert verifier.card("IB1").counter == 7


def test_a_suite_without_a_pin_wants_none(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("enroll", "IB1", "--suite", "OCRA-1:HOTP-SHA1-6:QN08", stdin=f"{KEY.hex()}\n").code == 0
