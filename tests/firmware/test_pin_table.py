"""Tests of the PIN table: it passes, it is complete, and it finds cards that count, compare or store differently."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.reliability.pin_table import (
    DRIED,
    LOCKED_TRIES,
    PIN_PROMISES,
    UNLOCK_PROMISES,
    Fate,
    Fault,
    faults,
    pin_cases,
    pin_row,
    run,
    unlock_cases,
    unlock_row,
)
from tests.reliability.report import Row, Scale

from dsc_firmware import states
from dsc_firmware.app import App, same
from dsc_firmware.card import Card
from dsc_firmware.journal import SIZE, Journal, Record
from dsc_firmware.profile import code_of

# The cases that need no byte, then the bytes of each fate that needs them: FLIPPED, MISREAD, TORN, BLANKED.
FAULTS = {Scale.TEST: 5 + 8 + 6 + 6 + 6, Scale.FULL: 5 + SIZE + 6 + 2 * (SIZE + 1)}
PIN_CASES = {scale: 45 * 3 * number for scale, number in FAULTS.items()}
UNLOCK_CASES = {scale: 10 * (5 * number + 2 * 2) for scale, number in FAULTS.items()}

# One of each fate is enough for a card that breaks its promises. A cut after the whole write loses only the answer.
FEW = [Fault(fate, SIZE if fate is Fate.BLANKED else 11) for fate in Fate if fate is not Fate.DRY]


def few_pins() -> Row:
    return pin_row(case for case in pin_cases(FEW) if case.tries in (1, 3))


def few_codes() -> Row:
    return unlock_row(case for case in unlock_cases(FEW) if case.failures in (0, 9))


@pytest.mark.long
def test_the_whole_table_holds() -> None:
    pins, codes = run(Scale.TEST)
    assert pins.good, pins
    assert codes.good, codes
    assert (pins.what, pins.tried, tuple(pins.broken)) == ("PIN table", PIN_CASES[Scale.TEST], PIN_PROMISES)
    assert (codes.what, codes.tried, tuple(codes.broken)) == ("unlock table", UNLOCK_CASES[Scale.TEST], UNLOCK_PROMISES)


@pytest.mark.parametrize("scale", Scale)
def test_no_case_is_left_out(scale: Scale) -> None:
    pins, codes = set(pin_cases(faults(scale))), set(unlock_cases(faults(scale)))
    assert (len(pins), len(codes)) == (PIN_CASES[scale], UNLOCK_CASES[scale])
    assert {(case.tries, case.failures) for case in pins} == {
        (tries, failures) for tries in range(1, 10) for failures in range(tries)
    }
    assert {(case.right, case.write) for case in pins} == {(True, 0), (True, 1), (False, 0)}
    assert {(case.tries, case.failures) for case in codes} == {(LOCKED_TRIES, failures) for failures in range(10)}
    assert {(case.right, case.write) for case in codes} == {*((True, n) for n in range(3)), *((False, n) for n in range(2))}
    assert {case.fault for case in pins} | {*DRIED} == {case.fault for case in codes} == {*faults(scale), *DRIED}


def test_the_full_table_tears_at_every_byte_and_flips_a_bit_of_each() -> None:
    at = {fate: [fault.at for fault in faults(Scale.FULL) if fault.fate is fate] for fate in Fate}
    assert at[Fate.TORN] == at[Fate.BLANKED] == list(range(SIZE + 1))
    assert at[Fate.FLIPPED] == list(range(SIZE))


def test_the_few_hold_too() -> None:
    assert few_pins().good
    assert few_codes().good


Work = Callable[[Any], Any]
FAULT: int = states.FAULT


def compare(app: Any) -> bool:
    code_of(app.record.key, app.card.pin, app._tried)
    return bool(same(app._tried, app.record.code))


def answer(app: Any, right: bool) -> int:
    app.card.failures, app.card.locked = app.record.failures, app.record.locked
    return int(states.RIGHT if right else states.WRONG)


def store(app: Any, failures: int) -> bool:
    app.record.failures = failures
    return bool(app.journal.store())


def resets_before_it_compares(app: Any) -> int:
    failures = app.record.failures + 1
    if not store(app, 0):
        return FAULT
    right = compare(app)
    return answer(app, right) if store(app, 0 if right else failures) else FAULT


def counts_twice(app: Any) -> int:
    app.record.failures += 1
    return honest_pin(app)


def uses_up_a_counter(app: Any) -> int:
    app.record.counter += 1
    return honest_pin(app)


def forgets_its_key(app: Any) -> int:
    app.record.code[0] ^= 1
    return honest_pin(app)


def honest_pin(app: Any) -> int:
    return int(_TRY_PIN(app))


_TRY_PIN: Work = App._try_pin
_OPEN: Work = App._open


@pytest.mark.parametrize(
    ("work", "promises"),
    [
        (resets_before_it_compares, {"tries gained", "writes untried"}),
        (counts_twice, {"tries lost", "locks misplaced"}),
        (uses_up_a_counter, {"counters moved"}),
        (forgets_its_key, {"records lost", "right PINs refused"}),
    ],
)
def test_a_card_that_tries_a_pin_in_another_way_is_found(
    work: Work, promises: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(App, "_try_pin", work)
    assert promises <= broken(few_pins())


def broken(row: Row) -> set[str]:
    assert not row.good
    return {promise for promise, times in row.broken.items() if times}


def finish(app: Any, right: bool) -> int:
    if not app.journal.store():
        return FAULT
    app.refresh()
    app._wait()
    return int(states.RIGHT if right else states.WRONG)


def resets_before_it_opens(app: Any) -> int:
    # It counts before and again afterwards: only a write that no case expects would give a try back.
    record, failures = app.record, (app.record.failures, app.record.unlock_failures + 1)
    number, record.asked = record.asked - 1, 0
    for record.failures, record.unlock_failures in (failures, (0, 0)):
        if not app.journal.store():
            return FAULT
    right = app._opens(number)
    if not right:
        record.failures, record.unlock_failures = failures
    return finish(app, right)


def asks_the_same_again(app: Any) -> int:
    asked, outcome = app.record.asked, int(_OPEN(app))
    app.record.asked = asked
    app.journal.store()
    return outcome


@pytest.mark.parametrize(
    ("work", "promises"),
    [
        (resets_before_it_opens, {"writes untried"}),
        (asks_the_same_again, {"challenges mistaken"}),
    ],
)
def test_a_card_that_takes_a_code_in_another_way_is_found(
    work: Work, promises: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(App, "_open", work)
    assert promises <= broken(few_codes())


def writes_and_does_not_look(journal: Any, slot: int) -> bool:
    try:
        journal._flash.write(slot, journal._buffer)
    except OSError:
        return False
    return True


def breaks_for_a_moment(card: Any, now: int) -> int:
    effects = int(_FAIL(card, now))
    card.condition = states.READY
    return effects


_FAIL: Callable[[Any, int], Any] = Card.fail


@pytest.mark.parametrize(
    ("owner", "name", "work", "few", "promises"),
    [
        (Journal, "_write", writes_and_does_not_look, few_pins, {"answers uncounted"}),
        (Journal, "_write", writes_and_does_not_look, few_codes, {"answers uncounted"}),
        (Card, "fail", breaks_for_a_moment, few_pins, {"errors forgotten"}),
        (Record, "locked", property(lambda record: record.failures > record.tries), few_codes, {"locks misplaced"}),
        (App, "_wait", lambda app: None, few_codes, {"locks misplaced"}),
    ],
)
def test_a_card_that_is_careless_elsewhere_is_found(
    owner: type, name: str, work: Any, few: Callable[[], Row], promises: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, work)
    assert promises <= broken(few())
