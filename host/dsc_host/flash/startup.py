"""The error that has ended a board's program while it was starting, for example a mistake in the `board.json`."""

import time

import serial

from dsc_host.flash.board_line import BoardLine, Clock, Damaged
from dsc_host.flash.board_session import printable

START_SECONDS = 10.0
"""The time in seconds that the board may take to start its program."""
_RESTART = b"\x03\x02\x04"  # Clear the input, leave the raw mode, and restart the interpreter, which runs main.py.
_REBOOT, _PROMPT = b"soft reboot\r\n", b">>> "
_BANNER = b"MicroPython v"


def startup_words(port: serial.Serial, name: str, clock: Clock = time.monotonic) -> str:
    """Restart the program of a board that is at its prompt. Return the last line of the error that has ended the program.

    Return "" if the program runs, and "nothing" if it has ended without a message. `name` is the address of `port`, for
    messages. Raises LinkClosed and LinkTimeout. The caller closes the port.
    """
    line = BoardLine(port, name, START_SECONDS, clock)
    line.drop()
    line.write(_RESTART)
    try:
        line.read_until(_REBOOT, START_SECONDS)
        said = line.read_until(_PROMPT, START_SECONDS / 2).partition(_BANNER)[0]
    except Damaged:
        return ""
    lines = [part.strip() for part in said.decode(errors="replace").splitlines() if part.strip()]
    return printable(lines[-1]) if lines else "nothing"
