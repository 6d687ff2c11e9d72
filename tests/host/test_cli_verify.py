"""Verifying through the command: a wrong response, an unknown or expired challenge; nothing says why it was not accepted."""

import time

import pytest
from tests.host.commanding import KEY, MASTER, PIN, SUITE, Command

from dsc_host import Suite, Verifier


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A database with one card and one open challenge, and the challenge's id."""
    path = tmp_path_factory.mktemp("records") / "records.db"
    with Verifier.open(f"sqlite:///{path}", master_key=MASTER) as verifier:
        verifier.enroll("IB1", key=KEY, suite=SUITE, pin=PIN)
        issued = verifier.challenge("IB1")
    return path.read_bytes(), issued.id


@pytest.fixture
def challenge(dscplus: Command, records: tuple[bytes, str]) -> str:
    dscplus.with_records().write_bytes(records[0])
    return records[1]


@pytest.mark.parametrize(
    "response",
    [
        "",
        "0",
        "00000000",
        "000000000",
        "\N{ARABIC-INDIC DIGIT ZERO}" * 8,
        "0" * 1_000_000,
        "abcdefgh",
        "' OR ''='",
        "\udcff",
        "a\0b",
    ],
)
def test_a_wrong_response_and_nothing_says_why(dscplus: Command, challenge: str, response: str) -> None:
    done = dscplus("verify", challenge, response)
    assert (done.code, done.out, done.error) == (4, "", "not accepted")


@pytest.mark.parametrize("typed", ["\n", "00000000\n", "1" * 1_000_000])
def test_a_wrong_response_on_standard_input(dscplus: Command, challenge: str, typed: str) -> None:
    done = dscplus("verify", challenge, stdin=typed)
    assert (done.code, done.out, done.error) == (4, "", "not accepted")


def test_no_response_at_all(dscplus: Command, challenge: str) -> None:
    done = dscplus("verify", challenge)
    assert (done.code, done.error) == (2, "response: give it on standard input, one line")


@pytest.mark.parametrize("name", ["nope", "", "0" * 22, "é", "x" * 10_000])
def test_an_unknown_challenge_is_refused_like_a_wrong_response(dscplus: Command, challenge: str, name: str) -> None:
    done = dscplus("verify", name, "00000000")
    assert (done.code, done.out, done.error) == (4, "", "not accepted")


def test_a_mistyped_option_costs_no_attempt(dscplus: Command, challenge: str) -> None:
    for _ in range(3):
        assert dscplus("verify", challenge, "--jsno").code == 2
    with dscplus.verifier() as verifier:
        assert verifier.card("IB1").failures == 0


def test_an_expired_challenge(dscplus: Command) -> None:
    path = dscplus.with_cards("IB1")
    with Verifier.open(f"sqlite:///{path}", master_key=MASTER, clock=lambda: time.time() - 600) as earlier:
        issued = earlier.challenge("IB1")
    done = dscplus("verify", issued.id, Suite.parse(SUITE).response(KEY, issued.question, counter=0, pin=PIN))
    assert (done.code, done.error) == (4, "not accepted")
