"""Tests of each display, read back from the bytes that its chip receives: the visible text and the chip's memory."""

import pytest
from tests.drivers.programs import KINDS, Play

TEXTS = ["PIN>    ", "PIN>****", "CHALLNG>", "123     ", "71234507", "80969532", "NO KEY  ", "LOCKED  ", "ERROR   "]
TEXTS += ["LOBATT  ", "WIPE?   ", "UNLOCK> ", "FAIL 1  "]


def begin(kind: str) -> str:
    return f"KIND = {kind!r}\nmachine.reset()\nclock = Clock()\ndisplay, seen = driver(KIND, clock)\n"


def assert_each_kind_says(play: Play, program: str, expected: list[str]) -> None:
    """Run the program with a display of each kind on one interpreter."""
    said = play("".join(f"{begin(kind)}say(KIND)\n{program}\n" for kind in KINDS))
    assert said == [line for kind in KINDS for line in (kind, *expected)]


def test_shows_every_text_of_the_card(play: Play) -> None:
    program = f"""
for text in {TEXTS}:
    display.show(text.encode())
    say(seen.text().replace(" ", "_"), display.answers)
"""
    assert_each_kind_says(play, program, [f"{text.replace(' ', '_')} True" for text in TEXTS])


def test_blank_is_dark_and_leaves_nothing_in_the_chip(play: Play) -> None:
    program = """
display.work()
say(seen.text(), len(seen.hidden()))
display.show(b"71234507")
say(seen.text(), seen.hidden())
display.show(b"        ")
say(seen.text(), len(seen.hidden()))
display.show(b"PIN>    ")
say(seen.text())
"""
    assert_each_kind_says(play, program, ["None 0", "71234507 71234507", "None 0", "PIN>    "])


def test_the_caller_may_reuse_its_buffer(play: Play) -> None:
    program = """
cells = bytearray(b"12345678")
machine.hanging.add(0)
display.show(cells)
cells[:] = b"        "
machine.hanging.clear()
clock.now += 1000
display.work()
say(seen.text())
"""
    assert_each_kind_says(play, program, ["12345678"])


@pytest.mark.parametrize("trouble", ["unplug", "hang"])
def test_one_that_does_not_answer_comes_back_with_what_should_be_shown(play: Play, trouble: str) -> None:
    program = f"""
devices = dict(machine.buses[0])
def fail():
    machine.buses[0].clear() if {trouble!r} == "unplug" else machine.hanging.add(0)
def heal():
    machine.buses[0].update(devices)
    machine.hanging.clear()
fail()
display.show(b"PIN>    ")
say(display.answers)
heal()
clock.now = 999
display.work()
say(display.answers)
clock.now = 1000
display.work()
say(display.answers, seen.text())
display.show(b"71234507")
fail()
display.show(b"        ")
display.show(b"PIN>    ")
say(display.answers)
display.show(b"        ")
heal()
clock.now += 1000
display.work()
say(display.answers, seen.text(), len(seen.hidden()))
"""
    assert_each_kind_says(play, program, ["False", "False", "True PIN>    ", "False", "True None 0"])


def test_one_that_lost_its_power_is_set_up_anew(play: Play) -> None:
    program = """
display.show(b"PIN>    ")
machine.hanging.add(0)
display.show(b"71234507")
machine.hanging.clear()
_, seen = plug_in(KIND)
display.wires.devices = machine.buses[0]
clock.now += 1000
display.work()
say(display.answers, seen.text())
"""
    assert_each_kind_says(play, program, ["True 71234507"])


def test_one_that_lost_its_power_while_nobody_wrote_to_it_is_right_again_at_the_next_waking(play: Play) -> None:
    program = """
display.show(b"PIN>*   ")
display.show(b"        ")
_, seen = plug_in(KIND)
display.wires.devices = machine.buses[0]
display.show(b"PIN>    ")
say(display.answers, seen.text())
if KIND == "hd44780":
    # After a stray pulse on E, the display takes the second half of each byte for the first.
    seen.write(bytes((8, 12, 8)))
    display.show(b"PIN>*   ")
display.show(b"        ")
display.show(b"PIN>    ")
say(display.answers, seen.text())
"""
    assert_each_kind_says(play, program, ["True PIN>    ", "True PIN>    "])


def test_a_bus_that_hangs_is_asked_once_a_second(play: Play) -> None:
    program = """
tries = []
def hang(address, data):
    tries.append(clock.now)
    raise OSError(110)
display.wires.writeto = hang
for _ in range(300):
    display.work()
    display.show(b"PIN>    ")
    clock.now += 10
gaps = [b - a for a, b in zip(tries, tries[1:])]
say(3 <= len(tries) <= 4, min(gaps) >= 1000, max(gaps) <= 1100)
"""
    assert_each_kind_says(play, program, ["True True True"])


def test_a_transfer_broken_off_anywhere_leaves_nothing_wrong_behind(play: Play) -> None:
    program = """
import sys
left = [0]
def broken(address, data):
    if left[0] == 0:
        raise KeyboardInterrupt
    left[0] -= 1
    whole(address, data)
whole = display.wires.writeto
display.show(b"PIN>    ")
wrong = []
broke = 0
# MicroPython would take long to try every place.
for n in range(40) if sys.implementation.name == "cpython" else (0, 1, 2, 3, 8, 21, 34):
    display.wires.writeto, left[0] = broken, n
    try:
        display.show(b"48291370")
    except KeyboardInterrupt:
        broke += 1
    display.wires.writeto = whole
    display.restart()
    display.show(b"ERROR   ")
    if seen.text() != "ERROR   ":
        wrong.append(n)
say(broke > 2, wrong)
"""
    assert_each_kind_says(play, program, ["True []"])


def test_showing_allocates_nothing(play: Play) -> None:
    program = """
display.work()
display.wires.writeto = lambda address, data: None
clock.sleep_ms = lambda ms: None
texts = (b"PIN>****", b"71234507", b"        ", b"PIN>    ")
def show():
    for text in texts:
        display.show(text)
lock()
try:
    show()
finally:
    unlock()
say(display.answers)
"""
    assert_each_kind_says(play, program, ["True"])


def test_the_text_display_writes_only_what_changed(play: Play) -> None:
    program = """
display.show(b"PIN>*   ")
seen.log.clear()
display.show(b"PIN>**  ")
say(seen.log)
"""
    assert play(begin("hd44780") + program) == [f"[(0, {0x80 + 9}), (1, {ord('*')})]"]


def test_half_a_segment_display_is_not_one(play: Play) -> None:
    program = """
del machine.buses[0][113]
display.show(b"71234507")
say(display.answers)
machine.buses[0][113] = seen.chips[1]
clock.now = 1000
display.work()
say(display.answers, seen.text())
"""
    assert play(begin("ht16k33") + program) == ["False", "True 71234507"]


def test_the_segments_are_as_bright_as_they_are_told(play: Play) -> None:
    assert play(begin("ht16k33") + "display.work()\nsay([chip.brightness for chip in seen.chips])") == ["[7, 7]"]
