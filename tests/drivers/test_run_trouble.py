"""What goes wrong on a board: it says one line, shows no secret, and is not dead."""

import pytest
from tests.drivers.programs import ONE, RESPONSES, Play


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


# What is wrong with CONFIG or the chip, and what is said of it.
WRONG = {
    "text = '{'": "not JSON: look for a missing comma, quote or bracket",
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
    assert said == ["board.json: can't be read; copy one of the ready-made ones to the board"]


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
    assert play(program) == ["board.json: can't be read; copy one of the ready-made ones to the board"]


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
