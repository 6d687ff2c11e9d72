"""The card on a real board: from power-up until somebody stops it.

Whatever happens, the board is not dead afterwards: `run` says one line, returns, and leaves the interpreter's prompt.
"""

import sys
import time

import micropython

from ..app import App
from ..drivers.keypad import DEBOUNCE_MS
from ..ports import CELLS, KEY_C, const
from ..states import CANCEL, OFF

# How long a byte on the line may wait.
_LINE_MS = const(20)
_CTRL_C = const(3)
_NO_CTRL_C = const(-1)
_BOARDS = __name__.rpartition(".")[0]


class Board:
    """The ports, as `ports.py` describes them. Made here, as whatever a module makes keeps that module in memory."""


def run(folder="", clock=time, say=print):
    """Be the card that `board.json` in `folder` describes. Returns when it is stopped, or could not start."""
    try:
        board = _wired(folder, clock, say)
        if board is not None and _skipped(board):
            say("key C is held down: the card is not started")
        elif board is not None:
            _guard(board, say)
    finally:
        micropython.kbd_intr(_CTRL_C)


def _wired(folder, clock, say):
    """The board, or None if it can't be what its `board.json` says."""
    wiring = __import__(_BOARDS + ".wiring", None, None, ("wire",))
    try:
        board = Board()
        wiring.wire(board, folder, clock)
        return board
    except wiring.ConfigError as error:
        say("board.json: " + str(error).replace("\n", " "))
        return None
    finally:
        # They have done their work, and a card needs the room that they take.
        _forget("wiring")
        _forget("config")


def _forget(name):
    del sys.modules[_BOARDS + "." + name]
    delattr(sys.modules[_BOARDS], name)


def _skipped(board):
    # Twice, so that it is a finger and not a spark.
    if not board.keypad.holds(KEY_C):
        return False
    board.clock.sleep_ms(DEBOUNCE_MS)
    return board.keypad.holds(KEY_C)


def _guard(board, say):
    """Run the card; when it is stopped or breaks, leave nothing of its secrets on the display."""
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
    # A second Ctrl-C must not break off what the first one asked for.
    micropython.kbd_intr(_NO_CTRL_C)
    try:
        if app is not None:
            # Overwrites what was typed; its effects are not carried out, as it may have been one of them that broke.
            app.card.step(CANCEL, board.clock.ticks_ms())
        board.display.restart()
        board.display.show(words + b" " * (CELLS - len(words)))
    except Exception:
        # It broke where it is mended; what is said next still tells the first cause.
        return


def _loop(app, board):
    keypad, display, sleep_ms = board.keypad, board.display, board.clock.sleep_ms
    while True:
        keypad.off = app.card.state == OFF
        wait = app.poll()
        display.work()
        # Not deeper than this: in light sleep, USB goes away and the UART loses what comes.
        sleep_ms(min(wait, keypad.pause_ms, _LINE_MS))
