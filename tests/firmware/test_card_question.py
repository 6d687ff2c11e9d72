"""The state machine, alone: a question from the line, before the PIN, after it, and edited by the owner."""

from collections.abc import Callable

import pytest
from tests.firmware.card_bench import QUESTION, SHOW, STATES, Bench, challenge, pin

from dsc_firmware import states
from dsc_firmware.ports import KEY_C


@pytest.mark.parametrize(
    ("begin", "keys", "display", "by_line"),
    [
        (pin, (*"1234", "OK"), QUESTION, True),
        (challenge, (), QUESTION, True),
        (challenge, ("9",), QUESTION, True),  # There is no room for it.
        (challenge, ("C", QUESTION[-1]), QUESTION, False),
        (pin, ("PRESS", "PRESS", *"1234", "OK"), "CHALLNG>", False),
    ],
)
def test_question_of_the_line_is_the_lines_until_its_owner_edits_it(
    begin: Callable[[], Bench], keys: tuple[str, ...], display: str, by_line: bool
) -> None:
    bench = begin()
    assert bench.ask(QUESTION) == (states.NOTHING if begin is pin else SHOW)
    bench.type(*keys)
    assert (bench.display, bench.card.asked_by_line) == (display, by_line)
    if display == QUESTION:
        assert bytes(bench.card.question) == QUESTION.encode()
        assert bench.key("OK") == states.RESPOND


def test_card_knows_that_its_owner_is_typing_a_question() -> None:
    assert challenge("9").card.types_question()
    bench = challenge("")
    assert not bench.card.types_question()
    bench.ask(QUESTION)
    assert not bench.card.types_question()
    bench.step(KEY_C)
    assert bench.card.types_question()


def test_question_from_the_line_does_not_keep_the_card_awake() -> None:
    bench = challenge("")
    bench.now += 29_000
    bench.ask(QUESTION)
    bench.now += 1_000
    bench.step(states.TICK)
    assert bench.card.state == states.OFF


def test_shorter_question_leaves_nothing_of_the_one_before() -> None:
    bench = challenge(QUESTION)
    bench.card.question_size = 4
    bench.ask("7777")
    assert bytes(bench.card.question) == b"7777"
    assert b"13" not in bench.memory


def test_wrong_pin_keeps_a_question_that_waits() -> None:
    bench = Bench(checks_pin=True, failures=1).type("PRESS")
    bench.ask(QUESTION)
    bench.type(*"0000", "OK")
    bench.step(states.WRONG)
    bench.type(*"1234", "OK")
    bench.step(states.RIGHT)
    assert bench.display == QUESTION


@pytest.mark.parametrize("state", STATES)
def test_where_the_line_may_ask(state: str) -> None:
    bench = STATES[state]()
    assert bench.card.can_ask() == (bench.state in ("pin", "challenge"))
    assert bench.card.can_ask_wipe() == (bench.state in ("off", "notice", "locked"))
