"""Tests of the keypad through the wires of a matrix: bounce, several keys at once, and the hold that wakes the card."""

import pytest
from tests.drivers.programs import Play

ON = """
clock = Clock()
pad = keypad(clock)
pad.off = False
"""


def test_every_place_gives_its_key_once(play: Play) -> None:
    program = """
for row in range(4):
    for column in range(3):
        touch(row, column)
        down = look(pad, clock, 300)
        let_go(row, column)
        say(row, column, [key for key, _ in down + look(pad, clock, 100)])
say(machine.shorts)
"""
    expected = [f"{i // 3} {i % 3} ['{key}']" for i, key in enumerate("123456789C0O")]
    assert play(ON + program) == [*expected, "[]"]


def test_a_touch_shorter_than_20_ms_is_none(play: Play) -> None:
    program = """
for held in (15, 19, 20, 21):
    clock = Clock()
    pad = keypad(clock)
    pad.off = False
    touch(1, 1)
    seen = look(pad, clock, held, 1)
    let_go(1, 1)
    clock.now += 1
    say(held, seen + look(pad, clock, 100, 1))
"""
    assert play(program) == ["15 []", "19 []", "20 [('5', 20)]", "21 [('5', 20)]"]


def test_bounce_at_both_ends_gives_one_key(play: Play) -> None:
    program = """
seen = []
for ms in (1, 3, 2, 9, 4, 17):
    touch(0, 2)
    seen += look(pad, clock, ms, 1)
    let_go(0, 2)
    seen += look(pad, clock, 2, 1)
touch(0, 2)
say(clock.now, seen)
seen += look(pad, clock, 40, 1)
for ms in (3, 12, 5):
    let_go(0, 2)
    seen += look(pad, clock, 15, 1)
    touch(0, 2)
    seen += look(pad, clock, ms, 1)
let_go(0, 2)
say(seen + look(pad, clock, 200, 1))
"""
    assert play(ON + program) == ["48 []", "[('3', 68)]"]


def test_bounce_just_after_a_key_has_counted_does_not_give_it_again(play: Play) -> None:
    program = """
touch(0, 2)
seen = look(pad, clock, 20, 1)
let_go(0, 2)
seen += look(pad, clock, 2, 1)
touch(0, 2)
say(seen + look(pad, clock, 100, 1))
"""
    assert play(ON + program) == ["[('3', 20)]"]


def test_of_two_keys_the_first_counts_and_the_outputs_never_fight(play: Play) -> None:
    program = """
touch(1, 0)
seen = look(pad, clock, 10)
touch(3, 0)
seen += look(pad, clock, 300)
let_go(1, 0)
seen += look(pad, clock, 300)
let_go(3, 0)
seen += look(pad, clock, 100)
touch(3, 0)
say([key for key, _ in seen + look(pad, clock, 100)], machine.shorts)
"""
    assert play(ON + program) == ["['4', 'C'] []"]


def test_the_wires_know_when_outputs_fight(play: Play) -> None:
    program = """
low = machine.Pin(1, machine.Pin.OUT, value=0)
high = machine.Pin(2, machine.Pin.OUT, value=1)
machine.connect(1, 2)
low.value(0)
say(machine.shorts)
"""
    assert play(program) == ["[1]"]


def test_keys_that_come_together_give_none_until_all_are_up(play: Play) -> None:
    program = """
touch(0, 0)
touch(0, 1)
seen = look(pad, clock, 200)
let_go(0, 0)
seen += look(pad, clock, 200)
say(seen)
let_go(0, 1)
look(pad, clock, 50)
touch(0, 1)
say(look(pad, clock, 20))
"""
    assert play(ON + program) == ["[]", "[('2', 470)]"]


def test_the_fourth_key_that_three_show_is_none(play: Play) -> None:
    program = """
touch(0, 0)
touch(0, 1)
touch(1, 0)
machine.pins[ROWS[1]].value(0)
say("ghost seen", machine.pins[COLUMNS[1]].value() == 0)
machine.pins[ROWS[1]].value(1)
seen = look(pad, clock, 200)
let_go(0, 0)
seen += look(pad, clock, 200)
say(seen)
"""
    assert play(ON + program) == ["ghost seen True", "[]"]


@pytest.mark.parametrize(("finger", "key"), [("(PRESS,)", "P"), ("(ROWS[3], COLUMNS[2])", "O")], ids=["button", "matrix"])
def test_a_card_that_is_off_wakes_after_half_a_second_and_one_that_is_on_at_once(play: Play, finger: str, key: str) -> None:
    program = f"""
finger = {finger}
for off, held in ((True, 499), (True, 501), (False, 400)):
    clock = Clock()
    pad = keypad(clock, len(finger) == 1)
    pad.off = off
    machine.connect(*finger)
    seen = look(pad, clock, held, 1)
    machine.disconnect(*finger)
    clock.now += 1
    say(seen + look(pad, clock, 200, 1))
"""
    assert play(program) == ["[]", "[('P', 500)]", f"[('{key}', 20)]"]


def test_a_hold_that_began_off_wakes_and_confirms_nothing_that_is_asked_meanwhile(play: Play) -> None:
    program = """
for before in (500, 250):
    clock = Clock()
    pad = keypad(clock, False)
    touch(3, 2)
    seen = look(pad, clock, before, 1)
    pad.off = False
    say(seen, look(pad, clock, 2000))
    let_go(3, 2)
"""
    assert play(program) == ["[('P', 500)] []", "[] [('P', 500)]"]


def test_a_press_in_the_matrix_and_a_place_without_a_key(play: Play) -> None:
    program = """
clock = Clock()
pad = keypad(clock, False, ("12P", "456", "789", "-0K"))
touch(0, 2)
say(look(pad, clock, 600))
let_go(0, 2)
look(pad, clock, 50)
touch(3, 2)
say(look(pad, clock, 100))
let_go(3, 2)
look(pad, clock, 50)
touch(3, 0)
say(look(pad, clock, 100))
"""
    assert play(program) == ["[('P', 500)]", "[('O', 670)]", "[]"]


def test_time_may_wrap_in_the_middle_of_a_hold(play: Play) -> None:
    program = """
clock = Clock(now=(1 << 30) - 300)
pad = keypad(clock)
machine.connect(PRESS)
say([(key, at - (1 << 30)) for key, at in look(pad, clock, 600, 1)])
"""
    assert play(program) == ["[('P', 200)]"]


def test_how_long_the_caller_may_sleep(play: Play) -> None:
    program = """
clock = Clock()
pad = keypad(clock)
pad.get()
idle = pad.pause_ms
touch(0, 0)
pad.get()
down = pad.pause_ms
look(pad, clock, 30)
let_go(0, 0)
pad.get()
up = pad.pause_ms
look(pad, clock, 30)
pad.off = False
pad.get()
say(idle, down, up, pad.pause_ms)
"""
    assert play(program) == ["50 10 10 10"]


def test_looking_allocates_nothing(play: Play) -> None:
    program = """
clock = Clock()
class Wire:
    def __init__(self):
        self.level = 1
    def value(self, level=None):
        return self.level
wires = [Wire() for _ in range(8)]
pad = MatrixKeypad(tuple(wires[:4]), tuple(wires[4:7]), ("123", "456", "789", "C0K"), wires[7], clock.ticks_ms)
pad.off = False
def press():
    for at in (0, 10, 20, 30, 40, 50, 70):
        clock.now = at
        wires[7].level = 0 if at < 30 else 1
        pad.get()
lock()
try:
    press()
finally:
    unlock()
say(pad.pause_ms)
"""
    assert play(program) == ["10"]
