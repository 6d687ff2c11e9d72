"""The card on a real board, from power-up until it is stopped.

Whatever happens, the board stays usable: if the card is stopped, fails or cannot start, `run` prints one line with the reason,
and the board is at the interpreter's prompt.
"""

import sys
import time

import micropython

from ..app import App
from ..drivers.keypad import DEBOUNCE_MS
from ..ports import CELLS, KEY_C, const
from ..states import CANCEL, OFF

# The longest pause in ms before the card reads the line again.
_LINE_MS = const(20)
_CTRL_C = const(3)
_NO_CTRL_C = const(-1)
_BOARDS = __name__.rpartition(".")[0]


class Board:
    """An object with the ports that `ports.py` describes. If the class were in `wiring`, `wiring` would stay in memory."""


def run(folder="", clock=time, say=print):
    """Run the card that `board.json` in `folder` describes, until it is stopped. Return at once if it cannot start.

    `clock` has the functions of the module `time`, and `say` prints a line.
    """
    try:
        board = _wired(folder, clock, say)
        if board is not None and _skipped(board):
            say("key C is held down: the card is not started")
        elif board is not None:
            _guard(board, say)
    finally:
        micropython.kbd_intr(_CTRL_C)


def _wired(folder, clock, say):
    """Return the board. If its `board.json` is invalid or does not match the board, print the reason and return None."""
    wiring = __import__(_BOARDS + ".wiring", None, None, ("wire",))
    try:
        board = Board()
        wiring.wire(board, folder, clock)
        return board
    except wiring.ConfigError as error:
        say("board.json: " + str(error).replace("\n", " "))
        return None
    finally:
        # Unload these two modules, because the card needs their memory.
        _forget("wiring")
        _forget("config")


def _forget(name):
    del sys.modules[_BOARDS + "." + name]
    delattr(sys.modules[_BOARDS], name)


def _skipped(board):
    # Scan twice, so that electrical noise does not count as a key.
    if not board.keypad.holds(KEY_C):
        return False
    board.clock.sleep_ms(DEBOUNCE_MS)
    return board.keypad.holds(KEY_C)


def _guard(board, say):
    """Run the card until it is stopped or fails. Then overwrite the typed input. Clear the display, or show ERROR on it."""
    app = None
    try:
        board.display.work()
        if not board.display.answers:
            say(board.display_words + " does not answer; the card runs without it")
        app = App(board)
        _loop(app, board)
    except KeyboardInterrupt:
        _leave(app, board, b"")
        say("the card was stopped")
    except Exception as error:
        _leave(app, board, b"ERROR")
        say("the card stopped: %s: %s" % (type(error).__name__, error))


def _leave(app, board, words):
    # A second Ctrl-C must not interrupt the cleanup.
    micropython.kbd_intr(_NO_CTRL_C)
    try:
        if app is not None:
            # This step overwrites the typed input. Do not carry out the effects of the step: such an effect may be what failed.
            app.card.step(CANCEL, board.clock.ticks_ms())
        board.display.restart()
        board.display.show(words + b" " * (CELLS - len(words)))
    except Exception:
        # Ignore an error of the cleanup, because the caller reports the first error.
        return


def _loop(app, board):
    keypad, display, sleep_ms = board.keypad, board.display, board.clock.sleep_ms
    while True:
        keypad.off = app.card.state == OFF
        wait = app.poll()
        display.work()
        # Do not use light sleep. It would disconnect USB, and a UART would lose data.
        sleep_ms(min(wait, keypad.pause_ms, _LINE_MS))
