"""Tests of a whole board from power-up until it is stopped: its display as the chip shows it, and its line for each error."""

import ast
from importlib.resources import files
from pathlib import Path

import pytest
from tests.drivers.programs import KINDS, ONE, RESPONSES, Play

LOGIN = """
personalize(FOLDER)
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


@pytest.mark.parametrize("before", ["PIN", "response"])
def test_ctrl_c_blanks_the_display_and_returns_to_the_prompt(play: Play, before: str) -> None:
    program = f"""
def owner():
    yield from wake()
    yield from tap("1234K482913K" if {before!r} == "response" else "12")
    say(seen.text())
    ctrl_c()
start(FOLDER, CONFIG, owner(), say)
say(seen.text(), repr(seen.hidden()), interrupts[-1])
"""
    shown = RESPONSES[0] if before == "response" else "PIN>**  "
    assert play(ONE + program) == [shown, "the card was stopped", "None '' 3"]


def test_an_error_in_the_program_shows_error_says_one_line_and_returns(play: Play) -> None:
    program = """
def owner():
    yield from wake()
    yield from tap("1234K48")
    say(seen.text())
    raise ValueError("a part broke")
start(FOLDER, CONFIG, owner(), say)
say(seen.text(), interrupts[-1])
"""
    assert play(ONE + program) == ["48      ", "the card stopped: ValueError: a part broke", "ERROR    3"]


def test_an_error_before_the_card_is_there(play: Play) -> None:
    program = """
import sys
module = sys.modules["dsc_firmware.boards.run"]
def broken(board):
    raise MemoryError("no room")
module.App = broken
start(FOLDER, CONFIG, iter([100000]), say)
say(seen.text())
"""
    assert play(ONE + program) == ["the card stopped: MemoryError: no room", "ERROR   "]


@pytest.mark.parametrize("trouble", ["machine.buses[0].clear()", "machine.hanging.add(0)"])
def test_a_card_whose_display_does_not_answer_says_so_and_lives(play: Play, trouble: str) -> None:
    program = f"""
{trouble}
def owner():
    yield 100
    yield from wake()
    yield from tap("1234K482913K")
    say([line.split("*")[0].split("=")[1] for line in lines() if "display" in line][-1])
    machine.buses[0][39] = seen
    machine.hanging.clear()
    yield 1200
    say(seen.text())
start(FOLDER, CONFIG, owner(), say)
"""
    assert play(ONE + program) == [
        "display hd44780 at address 39 (bus 0, sda 4, scl 5) does not answer; the card runs without it",
        RESPONSES[0],
        RESPONSES[0],
        "the card was stopped",
    ]


def test_a_response_on_a_display_that_went_away_is_gone_when_it_comes_back(play: Play) -> None:
    program = """
def owner():
    yield from wake()
    yield from tap("1234K482913K")
    machine.hanging.add(0)
    yield from tap("K")
    say(seen.text())
    yield 5000
    machine.hanging.clear()
    yield 1200
    say(seen.text(), repr(seen.hidden()))
start(FOLDER, CONFIG, owner(), say)
"""
    assert play(ONE + program) == [RESPONSES[0], "None ''", "the card was stopped"]


# A change of CONFIG or of the chip, and the message.
WRONG = {
    "text = '{'": "not JSON: check its commas and brackets",
    "text = dict(CONFIG, board='')": "board: must be a name of 1 to 16 characters, without spaces",
    "text = dict(CONFIG, **{'a\\nb': 1})": "a b: unknown; allowed: battery, board, display, keypad, line, sealed",
    "machine.refused.add(12)": "keypad.rows: pin 12: this chip refuses: invalid pin",
    "machine.refused.add(20)": "keypad.columns: pin 20: this chip refuses: invalid pin",
    "machine.refused.add(22)": "keypad.press: pin 22: this chip refuses: invalid pin",
    "machine.refused.add(5)": "display.scl: pin 5: this chip refuses: invalid pin",
    "machine.refused.add(1)": "line.rx: pin 1: this chip refuses: invalid pin",
    "text = dict(CONFIG, display=dict(CONFIG['display'], scl=6))": (
        "display hd44780 at address 39 (bus 0, sda 4, scl 6): this chip refuses: bad SCL pin"
    ),
    "text = dict(CONFIG, battery={'pin': 26, 'divider': 2, 'empty_mv': 3300}); machine.refused.add(26)": (
        "battery.pin: pin 26: this chip refuses: invalid pin"
    ),
}


def test_a_wrong_board_json_is_one_line_and_no_dead_board(play: Play) -> None:
    start = "machine.reset()\ninterrupts[:] = []\nplug_in('hd44780')\ntext = CONFIG"
    programs = (f"{start}\n{change}\nstart(FOLDER, text, iter(()), say)\nsay(interrupts)\n" for change in WRONG)
    assert play(ONE + "".join(programs)) == [said for words in WRONG.values() for said in (f"board.json: {words}", "[3]")]


def test_a_sealed_board_listens_to_no_ctrl_c_before_its_first_pin(play: Play) -> None:
    program = """
CONFIG["sealed"] = True
class Refused:
    def __contains__(self, pin):
        say(interrupts)
        return True
machine.refused = Refused()
start(FOLDER, CONFIG, iter(()), say)
say(interrupts)
"""
    refusal = "board.json: keypad.rows: pin 10: this chip refuses: invalid pin"
    assert play(ONE + program) == ["[-1]", refusal, "[-1, 3]"]


def test_no_board_json_says_what_to_do(play: Play) -> None:
    said = play("run(FOLDER, Clock(), say)")
    assert said == ["board.json: can't be read; copy a ready-made board.json to the board"]


def test_a_board_json_of_noise_is_one_line_too(play: Play) -> None:
    program = """
class Noise:
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def read(self):
        return b"\\xff\\xfe{".decode()
from dsc_firmware.boards import wiring
wiring.open = lambda path: Noise()
run(FOLDER, Clock(), say)
"""
    assert play(program) == ["board.json: can't be read; copy a ready-made board.json to the board"]


@pytest.mark.parametrize("transfers", [1, 2, 3, 4])
def test_ctrl_c_in_the_middle_of_a_letter_blanks_the_display_too(play: Play, transfers: int) -> None:
    program = f"""
class Cut:
    left = -1
    def write(self, data):
        if self.left == 0:
            self.left = -1
            raise KeyboardInterrupt
        self.left -= 1
        seen.write(data)
cut = machine.buses[0][39] = Cut()
def owner():
    yield from wake()
    cut.left = {transfers}
    yield from tap("1")
    say("not reached")
start(FOLDER, CONFIG, owner(), say)
say(seen.text(), repr(seen.hidden()))
"""
    assert play(ONE + program) == ["the card was stopped", "None ''"]


def test_what_was_typed_is_overwritten_when_the_card_is_stopped(play: Play) -> None:
    program = """
import sys
module = sys.modules["dsc_firmware.boards.run"]
real, made = module.App, []
def watched(board):
    made.append(real(board))
    return made[0]
module.App = watched
def owner():
    yield from wake()
    yield from tap("1234")
    say(bytes(made[0].card.pin))
start(FOLDER, CONFIG, owner(), say)
say(bytes(made[0].card.pin))
"""
    assert play(ONE + program) == ["b'1234'", "the card was stopped", repr(bytes(4))]
