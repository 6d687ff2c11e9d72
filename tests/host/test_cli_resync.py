"""Catching up with a card through the command: two responses in a row or nothing, and nothing says why."""

import json

import pytest
from tests.host.commanding import KEY, PIN, SUITE, Command, challenge

from dsc_host import Suite

AHEAD = 500
TOO_FAR = 1001


@pytest.fixture
def desk(dscplus: Command) -> Command:
    """The command, with the cards `IB1` and `IB2`, which have the same key."""
    dscplus.with_cards("IB1", "IB2")
    return dscplus


def right(question: str, counter: int, pin: str = PIN) -> str:
    return Suite.parse(SUITE).response(KEY, question, counter=counter, pin=pin)


def card(desk: Command, serial: str = "IB1") -> dict[str, object]:
    found: dict[str, object] = json.loads(desk("card", "show", serial, "--json").out)
    return found


def test_two_in_a_row_bring_the_counter_after_the_second(desk: Command) -> None:
    (first, one), (second, two) = challenge(desk), challenge(desk)
    done = desk("resync", first, second, "--json", stdin=f"{right(one, AHEAD)}\n{right(two, AHEAD + 1)}\n")
    assert (done.code, done.err, json.loads(done.out)["accepted"]) == (0, "", True)
    assert (card(desk)["counter"], card(desk)["state"]) == (AHEAD + 2, "active")
    identity, question = challenge(desk)
    assert desk("verify", identity, right(question, AHEAD + 2)).code == 0


@pytest.mark.parametrize("counters", [(AHEAD, AHEAD), (AHEAD + 1, AHEAD), (AHEAD, AHEAD + 2), (TOO_FAR, TOO_FAR + 1)], ids=str)
def test_others_are_one_failure_and_move_nothing(desk: Command, counters: tuple[int, int]) -> None:
    (first, one), (second, two) = challenge(desk), challenge(desk)
    done = desk("resync", first, second, stdin=f"{right(one, counters[0])}\n{right(two, counters[1])}\n")
    assert (done.code, done.out, done.error) == (4, "", "not accepted")
    assert (card(desk)["counter"], card(desk)["failures"]) == (0, 1)
    again = desk("resync", first, second, stdin=f"{right(one, AHEAD)}\n{right(two, AHEAD + 1)}\n")
    assert again.code == 0, "both challenges are still open"


def test_two_challenges_of_one_card_are_wanted(desk: Command) -> None:
    (first, one), (other, two) = challenge(desk), challenge(desk, "IB2")
    for second, response in ((other, right(two, AHEAD + 1)), (first, right(one, AHEAD + 1)), ("nope", "0" * 8), ("", "")):
        done = desk("resync", first, second, stdin=f"{right(one, AHEAD)}\n{response}\n")
        assert (done.code, done.error) == (4, "not accepted")
    assert [card(desk, serial)["counter"] for serial in ("IB1", "IB2")] == [0, 0]


@pytest.mark.parametrize(
    "typed",
    ["12345678\n\n", "\n\n", "x" * 1_000_000 + "\ny\n", "\N{ARABIC-INDIC DIGIT ONE}2345678\n12345678\n", "a\0b\nc\n"],
    ids=["one", "none", "megabyte", "digits of another script", "NUL"],
)
def test_what_is_no_response_is_not_accepted(desk: Command, typed: str) -> None:
    first, second = challenge(desk)[0], challenge(desk)[0]
    done = desk("resync", first, second, stdin=typed)
    assert (done.code, done.out, done.error) == (4, "", "not accepted")
    assert card(desk)["failures"] == 1


@pytest.mark.parametrize("typed", ["", "12345678\n", b"\xff\n"], ids=["nothing", "one line", "no text"])
def test_what_is_not_typed_costs_no_attempt(desk: Command, typed: str | bytes) -> None:
    first, second = challenge(desk)[0], challenge(desk)[0]
    done = desk("resync", first, second, stdin=typed)
    assert (done.code, done.out) == (2, "")
    assert "response: " in done.error
    assert card(desk)["failures"] == 0


def test_the_duress_pin_is_told_to_programs_alone(desk: Command) -> None:
    assert desk("card", "duress-pin", "IB1", stdin="0911\n").code == 0
    for start, arguments in ((AHEAD, ()), (2 * AHEAD, ("--json",))):
        (first, one), (second, two) = challenge(desk), challenge(desk)
        typed = f"{right(one, start, '0911')}\n{right(two, start + 1, '0911')}\n"
        done = desk("resync", first, second, *arguments, stdin=typed)
        assert done.code == 0
        assert json.loads(done.out)["duress"] if arguments else done.out == "accepted\n"
