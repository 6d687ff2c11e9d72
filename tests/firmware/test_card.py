"""Tests of the state machine alone: every state with every key, time to the millisecond, and a question from the line."""

from collections.abc import Callable

import pytest
from tests.firmware.card_bench import QUESTION, RESPONSE, SHOW, STATES, Bench, challenge, locked, off, pin, response, wiping

from dsc_firmware import states
from dsc_firmware.ports import KEY_C, TICKS_PERIOD, ticks_diff

MEANINGLESS = (ord("A"), ord("/"), ord(":"), ord("o"), 0x7F, 0xFF, 1000)

# The keys that do something: (state, key) -> the display afterwards, and the effect. All others do nothing.
TABLE: dict[tuple[str, str], tuple[str, int]] = {
    ("off", "PRESS"): ("PIN>", SHOW),
    ("pin 0", "7"): ("PIN>*", SHOW),
    ("pin 0", "C"): ("", SHOW),
    ("pin 3", "7"): ("PIN>****", SHOW),
    ("pin 3", "C"): ("PIN>**", SHOW),
    ("pin 4", "C"): ("PIN>***", SHOW),
    ("pin 4", "OK"): ("CHALLNG>", SHOW),
    ("challenge 0", "7"): ("7", SHOW),
    ("challenge 5", "7"): ("482917", SHOW),
    ("challenge 5", "C"): ("4829", SHOW),
    ("challenge 6", "C"): ("48291", SHOW),
    ("challenge 6", "OK"): ("482913", states.RESPOND),
    ("response", "OK"): ("", SHOW),
    ("wipe", "OK"): ("WIPE?", states.ERASE),
    ("wipe", "C"): ("", SHOW),
}
TABLE |= {(state, "PRESS"): ("", SHOW) for state in STATES if state != "off"}


@pytest.mark.parametrize("key", ["7", "OK", "C", "PRESS"])
@pytest.mark.parametrize("state", STATES)
def test_key_in_state(state: str, key: str) -> None:
    bench = STATES[state]()
    before = (bench.display, states.NOTHING)
    effects = bench.key(key)
    assert (bench.display, effects) == TABLE.get((state, key), before)


@pytest.mark.parametrize("key", MEANINGLESS)
@pytest.mark.parametrize("state", STATES)
def test_key_that_no_card_has_does_nothing(state: str, key: int) -> None:
    bench = STATES[state]()
    before = (bench.state, bench.display, bench.memory)
    assert bench.key(key) == states.NOTHING
    assert (bench.state, bench.display, bench.memory) == before


@pytest.mark.parametrize("state", STATES)
def test_states_are_what_they_are_called(state: str) -> None:
    assert STATES[state]().state == state.partition(" ")[0]


def test_every_digit_counts() -> None:
    assert [challenge(digit).display for digit in "0123456789"] == [*"0123456789"]


def test_digits_past_the_limit_are_not_remembered() -> None:
    bench = pin("123456789")
    assert bytes(bench.card.pin) == b"1234"
    bench.type("OK", *QUESTION, "9", "9")
    assert bytes(bench.card.question) == QUESTION.encode()


def test_erasing_and_typing_again() -> None:
    bench = pin("1299").type("C", "C", "3", "4")
    assert bytes(bench.card.pin) == b"1234"
    bench.type("OK", "9", "C", *QUESTION)
    assert bytes(bench.card.question) == QUESTION.encode()


@pytest.mark.parametrize("condition", [(states.BLANK, "NO KEY"), (states.BROKEN, "ERROR"), (states.LOW, "LOBATT")])
@pytest.mark.parametrize("is_locked", [False, True])
def test_card_that_cannot_be_used_says_why_and_takes_no_pin(condition: tuple[int, str], is_locked: bool) -> None:
    bench = Bench(condition=condition[0], locked=is_locked).type("PRESS", *"1234")
    assert (bench.state, bench.display, any(bench.memory)) == ("notice", condition[1], False)


def test_locked_card_takes_no_pin() -> None:
    bench = locked().type(*"1234", "OK")
    assert (bench.state, bench.display, any(bench.memory)) == ("locked", "LOCKED", False)


@pytest.mark.parametrize("size", [4, 6, 8, 9, 64])
def test_question_of_any_length_shows_its_end(size: int) -> None:
    bench = challenge()
    bench.card.question_size = size
    digits = "".join(str(n % 10) for n in range(1, size + 1))
    bench.type(*digits)
    assert bench.display == digits[-8:]
    assert bench.key("0") == states.NOTHING
    assert bytes(bench.card.question) == digits.encode()
    bench.key("C")
    assert bench.display == digits[:-1][-8:]
    assert bench.key("OK") == states.NOTHING


def test_pin_is_tried_not_yet_believed_and_forgotten_when_it_is_right() -> None:
    bench = Bench(checks_pin=True).type("PRESS", *"1234")
    assert bench.key("OK") == states.TRY
    assert (bench.state, bytes(bench.card.pin)) == ("pin", b"1234")
    assert bench.step(states.RIGHT) == SHOW
    assert (bench.display, any(bench.memory)) == ("CHALLNG>", False)


@pytest.mark.parametrize("failures", range(1, 9))
def test_wrong_pin_says_how_many_and_is_forgotten(failures: int) -> None:
    bench = Bench(checks_pin=True, failures=failures).type("PRESS", *"1234", "OK")
    assert bench.step(states.WRONG) == SHOW
    assert (bench.state, bench.display, any(bench.memory)) == ("pin", f"FAIL {failures}", False)
    again = Bench(checks_pin=True, failures=failures).type("PRESS", *"1234", "OK")
    again.step(states.WRONG)
    bench.key("7")
    again.key("C")
    assert (bench.display, again.display) == ("PIN>*", "")


def test_last_wrong_pin_locks_and_forgets_a_question_that_waits() -> None:
    bench = Bench(checks_pin=True, failures=5).type("PRESS", *"1234")
    bench.ask(QUESTION)
    bench.key("OK")
    bench.card.locked = True
    bench.step(states.WRONG)
    assert (bench.state, bench.display, any(bench.memory)) == ("locked", "LOCKED", False)


AWAITED = {"pin": (states.RIGHT, states.WRONG), "challenge": (states.ANSWERED,), "wipe": (states.ERASED,)}
OUTCOMES = (states.RIGHT, states.WRONG, states.ANSWERED, states.ERASED)


@pytest.mark.parametrize(
    ("state", "event"),
    [(state, event) for state in STATES for event in OUTCOMES if event not in AWAITED.get(state.partition(" ")[0], ())],
)
def test_outcome_that_nobody_waits_for_does_nothing(state: str, event: int) -> None:
    bench = STATES[state]()
    before = (bench.state, bench.display, bench.memory)
    assert bench.step(event) == states.NOTHING
    assert (bench.state, bench.display, bench.memory) == before


@pytest.mark.parametrize("leave", ["PRESS", "time", "cancel", "fault"])
@pytest.mark.parametrize("state", STATES)
def test_leaving_overwrites_what_the_state_held(state: str, leave: str) -> None:
    bench = STATES[state]()
    if leave == "PRESS":
        bench.key("PRESS")
    elif leave == "time":
        bench.now += states.RESPONSE_MS
        bench.step(states.TICK)
    else:
        bench.step(states.CANCEL if leave == "cancel" else states.FAULT)
    assert not any(bench.memory)
    assert bench.display in ("", "ERROR", "PIN>")  # PIN> only if PRESS has just woken it


def test_erased_digit_is_overwritten() -> None:
    assert bytes(pin("12").type("C").card.pin) == b"1\0\0\0"
    bench = challenge("48").type("C")
    assert b"8" not in bench.memory


def test_response_replaces_pin_and_question() -> None:
    bench = response()
    assert bench.display == RESPONSE.decode()
    assert not any(bench.memory)
    bench.key("OK")
    assert bytes(bench.card.cells) == b" " * 8


def test_wiped_card_says_so() -> None:
    bench = wiping()
    bench.key("OK")
    bench.card.condition = states.BLANK
    assert bench.step(states.ERASED) == SHOW
    assert (bench.state, bench.display) == ("notice", "NO KEY")


def test_pin_question_and_response_share_one_buffer_for_life() -> None:
    bench = off()
    buffer = bench.card.cells.obj
    bench.type("PRESS", *"1234", "OK", *QUESTION, "OK").answer()
    assert {id(view.obj) for view in (bench.card.cells, bench.card.pin, bench.card.question)} == {id(buffer)}


def limit_of(bench: Bench) -> int:
    return 60_000 if bench.state == "response" else 30_000


@pytest.mark.parametrize("start", [0, TICKS_PERIOD - 1, TICKS_PERIOD - 29_999, TICKS_PERIOD - 60_000])
@pytest.mark.parametrize("state", [state for state in STATES if state != "off"])
def test_card_turns_off_to_the_millisecond(state: str, start: int) -> None:
    bench = STATES[state]()
    bench.now = start
    bench.step(0x7F)  # a key without a meaning is still a key, and restarts the time
    limit = limit_of(bench)
    shown = bench.display
    bench.now = (start + limit - 1) % TICKS_PERIOD
    assert bench.card.remaining(bench.now) == 1
    assert bench.step(states.TICK) == states.NOTHING
    assert bench.display == shown
    bench.now = (start + limit) % TICKS_PERIOD
    assert bench.card.remaining(bench.now) == 0
    assert bench.step(states.TICK) == SHOW
    assert (bench.state, bench.display, any(bench.memory)) == ("off", "", False)


@pytest.mark.parametrize("start", [0, TICKS_PERIOD - 1])
def test_overdue_card_turns_off(start: int) -> None:
    bench = Bench()
    bench.now = start
    bench.key("PRESS")
    assert bench.card.remaining((start + 86_400_000) % TICKS_PERIOD) == 0


def test_card_that_is_off_waits_for_ever() -> None:
    bench = off()
    assert bench.card.remaining(0) == bench.card.remaining(TICKS_PERIOD - 1) == -1
    assert bench.step(states.TICK) == states.NOTHING


def test_every_key_starts_the_time_again() -> None:
    bench = pin()
    for digit in "123456":
        bench.now += 29_999
        bench.step(states.TICK)
        bench.key(digit)
    assert bench.display == "PIN>****"


@pytest.mark.parametrize(
    ("end", "start", "difference"),
    [(0, 0, 0), (1, 0, 1), (0, 1, -1), (0, TICKS_PERIOD - 1, 1), (TICKS_PERIOD - 1, 0, -1), (5, TICKS_PERIOD - 5, 10)],
)
def test_ticks_wrap(end: int, start: int, difference: int) -> None:
    assert ticks_diff(end, start) == difference


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
