"""The card on a real board, from power-up until it is stopped.

The board stays usable, whatever happens: `run` then prints one line and returns to the interpreter's prompt.
"""

import sys
import time

import micropython

from ..app import App
from ..drivers.keypad import DEBOUNCE_MS
from ..ports import CELLS, KEY_C, const
from ..states import CANCEL, OFF

# The longest time in ms that a byte from the line waits until the card reads it.
_LINE_MS = const(20)
_CTRL_C = const(3)
_NO_CTRL_C = const(-1)
_BOARDS = __name__.rpartition(".")[0]


class Board:
    """The ports that `ports.py` describes. The class is not in `wiring`, because its object would keep `wiring` in memory."""


def run(folder="", clock=time, say=print):
    """Run the card that `board.json` in `folder` describes. Return when it is stopped or cannot start."""
    try:
        board = _wired(folder, clock, say)
        if board is not None and _skipped(board):
            say("key C is held down: the card is not started")
        elif board is not None:
            _guard(board, say)
    finally:
        micropython.kbd_intr(_CTRL_C)


def _wired(folder, clock, say):
    """Build the board. If its `board.json` is invalid or does not match the board, say so and return None."""
    wiring = __import__(_BOARDS + ".wiring", None, None, ("wire",))
    try:
        board = Board()
        wiring.wire(board, folder, clock)
        return board
    except wiring.ConfigError as error:
        say("board.json: " + str(error).replace("\n", " "))
        return None
    finally:
        # Unload these modules: the card needs their memory.
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
    """Run the card. When the card is stopped or fails, overwrite the typed input and clear the display."""
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
            # This step overwrites the typed input. Do not carry out its effects, because an effect may have failed before.
            app.card.step(CANCEL, board.clock.ticks_ms())
        board.display.restart()
        board.display.show(words + b" " * (CELLS - len(words)))
    except Exception:
        # The cleanup failed too. Ignore its error: the caller reports the first error.
        return


def _loop(app, board):
    keypad, display, sleep_ms = board.keypad, board.display, board.clock.sleep_ms
    while True:
        keypad.off = app.card.state == OFF
        wait = app.poll()
        display.work()
        # Do not use light sleep: it disconnects USB, and the UART loses data.
        sleep_ms(min(wait, keypad.pause_ms, _LINE_MS))
