"""A session with a board whose program is stopped, over the raw REPL of MicroPython.

Four promises:

1. No call hangs, whatever the board and the line do.
2. If a command or its answer was damaged on the line, the command is repeated. A slow line causes no error while data arrives.
3. Every error is a FlashError or an error of `dsc_host.errors`. If the user can mend the cause, the message says how.
4. At the end of a session, also after an error, the board is restarted if it still answers.
"""

import ast
import re
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import serial

from dsc_host.errors import DscError, ProtocolError
from dsc_host.flash import snippets
from dsc_host.flash.board_line import BoardLine, Clock, Damaged
from dsc_host.flash.errors import FlashError
from dsc_host.flash.raw_repl import RawRepl, Refused

T = TypeVar("T")
ByteProgress = Callable[[int], None]
"""A function that is called repeatedly, with the number of bytes that were written since its last call."""

ENTER_SECONDS = 10.0
"""The time in seconds that the board may take, in each attempt, to stop its program and to run its boot.py."""
OPERATION_SECONDS = 20.0
"""The time in seconds that the board may take for one operation. In the longest operation, it reads its whole program."""
TOTAL_SECONDS = 120.0
"""The time in seconds in which a session must complete its next command. Time in which a person is asked does not count."""
RESTART_SECONDS = 2.0
"""The time in seconds that the board may take to accept the command to restart."""
_ENTRIES = 2
_ENTRIES_OF_A_PROMPT = 8
_RESUMES = 2
_ATTEMPTS = 16
_CHUNK = 1024
_LEAST_CHUNK = 64
_SHOWN = 40
_MOST_ANSWER = 1024 * 1024
"""The largest length of an answer as text. The longest answers list the board's files, in some kilobytes."""
_SIGNS = (b"REPL", b"CTRL-B", b"reboot", b">>>")
_VARIABLE_LOST = re.compile("NameError: .*'_[fnrs]'")
_RESET = "import time, machine\ntime.sleep_ms(100)\nmachine.reset()"


class BoardStuck(FlashError):
    """The board does not stop its running program."""


class BoardFull(FlashError):
    """The board's file system is full."""


class BoardSession:
    """A session with the board on the open `port`. `name` is the port's address, for messages.

        with BoardSession(open_port(url), url) as board:
            board.evaluate("result = 6 * 7")

    The `with` statement begins by stopping the board's program, and raises BoardStuck if that fails. It ends by restarting the
    board and closing the port.
    """

    def __init__(self, port: serial.Serial, name: str, clock: Clock = time.monotonic) -> None:
        self._port = port
        self._line = BoardLine(port, name, TOTAL_SECONDS, clock)
        self.name = self._line.name
        self._repl = RawRepl(self._line)
        self._chunk = _CHUNK
        self._prompted = False

    def __enter__(self) -> Self:
        try:
            self._stop_program()
        except BaseException as error:
            # The program may already be stopped when the error occurs, for example when a person interrupts this one.
            # So restart the board.
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        # An error of the restart must not hide an earlier error. A board that was unplugged needs no restart.
        try:
            with suppress(DscError, Damaged):
                self._restart(at_a_prompt=error is None)
        finally:
            self._port.close()

    def allow(self, seconds: float = TOTAL_SECONDS) -> None:
        """Set the session's deadline to `seconds` from now, for example after waiting for a person."""
        self._line.allow(seconds)

    def evaluate(self, code: str) -> Any:
        """Run `code` on the board, and return the value of its variable `result`. The code may run more than once.

        Raises FlashError if the code raises an exception, BoardStuck, LinkClosed, LinkTimeout and ProtocolError.
        """
        try:
            return ast.literal_eval(self._retry(lambda: self._evaluate_once(code)))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise ProtocolError(f"{self.name}: the board's answer is not a value of MicroPython") from error

    def write(self, path: str, data: bytes, progress: ByteProgress = lambda count: None) -> None:
        """Write a file with the content `data` on the board. Raises BoardFull, and the errors of `evaluate`.

        `progress` is called with the numbers of bytes that were written.
        """
        reported = 0

        def report(written: int) -> None:
            nonlocal reported
            progress(max(0, written - reported))
            reported = max(reported, written)

        self._retry(lambda: self._write_once(path, data, report))

    def _retry(self, operation: Callable[[], T]) -> T:
        """Run an operation of several commands. Repeat the operation if the board's interpreter has lost its variables.

        The interpreter loses its variables when it is reset, for example when the line has duplicated a Ctrl-D.
        """
        for _ in range(_ATTEMPTS):
            try:
                return operation()
            except FlashError as error:
                if not _VARIABLE_LOST.search(str(error)):
                    raise
        raise ProtocolError(
            f"{self.name}: the board's interpreter was reset in each of {_ATTEMPTS} attempts, and lost what was sent before. "
            "Use another cable, port or connection"
        )

    def _evaluate_once(self, code: str) -> str:
        """Run `code`, and return the text of its result. Long code is sent in pieces, and a long result arrives in pieces."""
        if len(code) > self._chunk:
            code = self._upload(code)
        length, text = self._persist(lambda: snippets.answer(code, self._chunk))
        if length > _MOST_ANSWER:
            raise ProtocolError(f"{self.name}: the board began an answer of {length} characters, which is too long")
        while len(text) < length:
            text += self._rest(len(text))
        return str(text)

    def _upload(self, code: str) -> str:
        at = 0
        while at < len(code):
            at = self._upload_piece(at, code)
        return snippets.RUN_UPLOADED

    # These methods pass a function to `_persist`, because each further attempt needs code with a shorter piece.

    def _upload_piece(self, at: int, code: str) -> int:
        answer = self._persist(lambda: snippets.upload(at, code[at : at + self._chunk]))
        return self._confirmed(answer, at + 1, len(code))

    def _rest(self, at: int) -> str:
        if piece := self._persist(lambda: snippets.rest(at, self._chunk)):
            return str(piece)
        raise ProtocolError(f"{self.name}: the board's answer is shorter than it said")

    def _confirmed(self, answer: object, least: int, most: int) -> int:
        """Return `answer`, the length of the data on the board. Raise ProtocolError unless it is from `least` to `most`."""
        if isinstance(answer, int) and least <= answer <= most:
            return answer
        raise ProtocolError(f"{self.name}: the board did not confirm the length of the data that was sent to it")

    def _write_once(self, path: str, data: bytes, report: ByteProgress) -> None:
        # An empty file is created too.
        length = self._append(path, 0, data)
        report(length)
        while length < len(data):
            length = self._append(path, length, data)
            report(length)

    def _append(self, path: str, at: int, data: bytes) -> int:
        answer = self._persist(lambda: snippets.append(path, at, data[at : at + self._chunk], len(data)))
        return self._confirmed(answer, min(at + 1, len(data)), len(data))

    def _persist(self, make: Callable[[], str]) -> Any:
        """Run the code that `make` returns. If an attempt was damaged on the line, repeat it, up to 15 times.

        The first repetitions send a shorter piece.
        """
        seen = b""
        for _ in range(_ATTEMPTS):
            try:
                with self._line.within(OPERATION_SECONDS):
                    answer = self._repl.run(make(), OPERATION_SECONDS)
            except Refused as error:
                raise _board_error(str(error)) from error
            except Damaged as error:
                seen = error.seen or seen
                self._chunk = max(_LEAST_CHUNK, self._chunk // 2)
                self._recover()
            else:
                self._line.allow(TOTAL_SECONDS)
                self._chunk = min(_CHUNK, self._chunk + _LEAST_CHUNK)
                return answer
        raise self._damaged(_ATTEMPTS, seen)

    def _damaged(self, count: int, seen: bytes) -> ProtocolError:
        last = f" (the last: {_shown(seen)})" if seen else ""
        return ProtocolError(
            f"{self.name}: {count} commands or answers in a row arrived damaged{last}. The line loses or changes bytes: "
            "use another cable, port or connection. Or the board's own output is mixed in: check what its boot.py starts"
        )

    def _recover(self) -> None:
        """Bring the board back to its prompt. If that fails without a reset of its interpreter, reset the interpreter."""
        for _ in range(_RESUMES):
            with suppress(Damaged), self._line.within(OPERATION_SECONDS):
                self._repl.resume()
                return
        self._stop_program()

    def _stop_program(self) -> None:
        """Stop the board's program. If a part of a prompt arrives, the line is at fault: make more attempts."""
        seen, tried = b"", 0
        while tried < (_ENTRIES_OF_A_PROMPT if self._prompted else _ENTRIES):
            tried += 1
            try:
                with self._line.within(ENTER_SECONDS):
                    self._repl.enter(ENTER_SECONDS)
                    self._prompted = True
                    return
            except Damaged as error:
                seen = error.seen or seen
                if any(sign in error.seen for sign in _SIGNS):
                    self._prompted = True
                    self._line.allow(TOTAL_SECONDS)
        if self._prompted:
            raise self._damaged(tried, seen)
        answer = f"the answer is not a MicroPython prompt: {_shown(seen)}" if seen else "nothing came back"
        raise BoardStuck(
            f"{self.name}: the board does not stop its program, or runs no MicroPython ({answer}). If it is a sealed card, "
            "unplug it, hold C on its keypad while you plug it in, and try again. "
            "A new board needs MicroPython first (docs/how-to/flashing.md)"
        )

    def _restart(self, *, at_a_prompt: bool) -> None:
        self._line.allow(max(RESTART_SECONDS, 3 * self._repl.patience))
        if not at_a_prompt:
            self._recover()
        for _ in range(_ATTEMPTS):
            with suppress(Damaged):
                # Even if the command raises an error, the board then restarts.
                with suppress(Refused):
                    self._repl.run("result = True", RESTART_SECONDS, after=_RESET)
                return
            self._recover()


def _board_error(words: str) -> FlashError:
    """Return an error with the last line of the board's traceback."""
    lines = [line.strip() for line in words.splitlines() if line.strip()] or ["an error without a message"]
    if "ENOSPC" in lines[-1] or lines[-1] == "OSError: 28":
        return BoardFull("the board's file system is full")
    return FlashError(f"the board says: {printable(lines[-1])}")


def printable(words: str) -> str:
    """Return the text with `?` in place of each character that is not printable, and that might control a terminal."""
    return "".join(each if each.isprintable() else "?" for each in words)


def _shown(seen: bytes) -> str:
    return printable(" ".join(seen[-_SHOWN:].decode(errors="replace").split()))
