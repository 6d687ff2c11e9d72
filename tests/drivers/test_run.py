"""A whole board from power-up until it is stopped: fingers on rows and columns, the display as its chip shows it."""

import ast
from importlib.resources import files
from pathlib import Path

import pytest
from tests.drivers.programs import KINDS, ONE, RESPONSES, Play

LOGIN = """
personalise(FOLDER)
fields, seen = plug_in(KIND)
CONFIG["display"] = fields
def owner():
    yield 100
    for _ in range(2):
        say(seen.text())
        yield from wake()
        say(seen.text())
        yield from tap("1234")
        say(seen.text())
        yield from tap("K")
        say(seen.text())
        yield from tap("482913")
        say(seen.text())
        yield from tap("K")
        say(seen.text())
        yield from tap("K")
clock = start(FOLDER, CONFIG, owner(), say)
say(machine.shorts, [ms for ms in clock.slept[30:200] if ms > 20])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_two_logins_by_rows_and_columns(play: Play, kind: str) -> None:
    said = play(f"KIND = {kind!r}\n{LOGIN}")
    login = ["None", "PIN>    ", "PIN>****", "CHALLNG>", "482913  "]
    assert said == [*login, RESPONSES[0], *login, RESPONSES[1], "the card was stopped", "[] []"]


def test_a_login_without_a_press_key(play: Play) -> None:
    program = """
del CONFIG["keypad"]["press"]
def owner():
    yield 100
    yield from tap("K")
    say(seen.text())
    yield from tap("K", 600)
    say(seen.text())
    yield from tap("1234K")
    yield from tap("482913K")
    say(seen.text())
    yield from tap("K")
    say(seen.text())
start(FOLDER, CONFIG, owner(), say)
"""
    assert play(ONE + program) == ["None", "PIN>    ", RESPONSES[0], "None", "the card was stopped"]


def test_a_card_that_is_left_alone_goes_dark(play: Play) -> None:
    program = """
def owner():
    yield from wake()
    yield from tap("12")
    yield 29000
    say(seen.text())
    yield 2000
    say(seen.text(), repr(seen.hidden()))
start(FOLDER, CONFIG, owner(), say)
"""
    assert play(ONE + program) == ["PIN>**  ", "None ''", "the card was stopped"]


def test_a_sealed_card_can_not_be_stopped(play: Play) -> None:
    program = """
CONFIG["sealed"] = True
def owner():
    yield from wake()
    ctrl_c()
    say("it runs on", seen.text(), interrupts)
    raise PowerCut
try:
    start(FOLDER, CONFIG, owner(), say)
except PowerCut:
    say(interrupts)
"""
    assert play(ONE + program) == ["it runs on PIN>     [-1]", "[-1, 3]"]


@pytest.mark.parametrize(
    ("held", "ms", "starts"), [("C", 100, False), ("5", 100, True), ("C", 10, True)], ids=["C", "5", "a spark on C"]
)
def test_key_c_held_at_power_up_skips_the_card(play: Play, held: str, ms: int, starts: bool) -> None:
    program = f"""
touch(*PLACES[{held!r}])
def owner():
    yield {ms}
    let_go(*PLACES[{held!r}])
    yield 200
start(FOLDER, CONFIG, owner(), say)
say(len(lines()) > 0)
"""
    said = "the card was stopped" if starts else "key C is held down: the card is not started"
    assert play(ONE + program) == [said, str(starts)]


def test_a_board_without_keys_and_display_is_served_by_the_line(play: Play) -> None:
    program = """
CONFIG["keypad"] = None
CONFIG["display"] = {"kind": "none"}
from binascii import crc32
def ask(text):
    data = text.encode()
    machine.uarts[0].inbox.extend(data + b"*%08x\\n" % crc32(data))
    return 25
def owner():
    yield 100
    yield ask(">1 hello")
    yield ask(">2 key k=PRESS")
    for line in lines():
        say(line.split("*")[0])
start(FOLDER, CONFIG, owner(), say)
"""
    said = play(ONE + program)
    assert said[0] == "!0 boot state=off"
    assert "board=bench" in said[1]
    assert said[1].endswith("caps=keys")
    assert set(said[2:4]) == {"!1 display text=PIN>", "<2 ok"}
    assert said[4:] == ["the card was stopped"]


def test_the_ready_made_headless_board_answers_over_usb(play: Play) -> None:
    text = (files("dsc_firmware") / "boards" / "headless.json").read_text()
    program = f"""
class Console:
    POLLIN = 1
    def __init__(self):
        self.stdin = self.stdout = self.buffer = self
        self.waiting, self.written = bytearray(), bytearray()
    def poll(self):
        return self
    def register(self, stream, events):
        assert (stream, events) == (self, 1)
    def ipoll(self, timeout):
        return [(self, 1)] if self.waiting else []
    def readinto(self, buffer):
        buffer[0] = self.waiting[0]
        self.waiting = self.waiting[1:]
        return 1
    def write(self, data):
        self.written.extend(bytes(data))
console = Console()
from dsc_firmware.boards import wiring
wiring.sys = wiring.select = console
def owner():
    yield 100
    console.waiting.extend(b">1 hello\\n")
    yield 25
    say(bytes(console.written).decode().split("\\n")[1])
start(FOLDER, {text!r}, owner(), say)
"""
    hello, end = play(program)
    assert hello.startswith("<1 ok protocol=1 ")
    assert " board=headless state=off caps=keys*" in hello
    assert end == "the card was stopped"


def test_an_empty_battery_is_told_at_waking(play: Play) -> None:
    program = """
CONFIG["battery"] = {"pin": 26, "divider": 2, "empty_mv": 3300}
machine.volts[26] = 30000
def owner():
    yield from wake()
    say(seen.text())
start(FOLDER, CONFIG, owner(), say)
"""
    assert play(ONE + program) == ["LOBATT  ", "the card was stopped"]


def test_main_starts_the_card_that_lies_in_the_root() -> None:
    main = ast.parse((Path(__file__).parents[2] / "firmware" / "main.py").read_text("utf-8"))
    assert [ast.unparse(line) for line in main.body[1:]] == ["from dsc_firmware.boards import run", "run()"]
