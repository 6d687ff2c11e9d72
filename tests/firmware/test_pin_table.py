"""Tests of the PIN table: it passes, and it is complete.

Mutants that count, compare or store otherwise must fail here.
"""

import pytest
from tests.reliability.pin_table import (
    LOCKED_TRIES,
    PIN_PROMISES,
    UNLOCK_PROMISES,
    pin_cases,
    pin_row,
    run,
    unlock_cases,
    unlock_row,
)
from tests.reliability.report import Scale
from tests.reliability.write_faults import DRIED, Fate, Fault, faults

from dsc_firmware.journal import SIZE

# The cases that need no byte, then the bytes of each fate that needs them: FLIPPED, MISREAD, TORN, BLANKED.
FAULTS = {Scale.TEST: 5 + 8 + 6 + 6 + 6, Scale.FULL: 5 + SIZE + 6 + 2 * (SIZE + 1)}
PIN_CASES = {scale: 45 * 3 * number for scale, number in FAULTS.items()}
UNLOCK_CASES = {scale: 10 * (5 * number + 2 * 2) for scale, number in FAULTS.items()}

# One of each fate. A cut after the whole write loses only the answer.
FEW = [Fault(fate, SIZE if fate is Fate.BLANKED else 11) for fate in Fate if fate is not Fate.DRY]


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


def test_one_fault_of_each_fate_is_survived() -> None:
    assert pin_row(case for case in pin_cases(FEW) if case.tries in (1, 3)).good
    assert unlock_row(case for case in unlock_cases(FEW) if case.failures in (0, 9)).good
