"""A session with a board whose program is stopped: mpremote's raw REPL, with deadlines.

Promises: nothing hangs, whatever the board does. Every failure is one of `dsc_host.errors` or a FlashError, and says
what to do. Nothing is printed. A session that ends, in whatever way, restarts the board if the board still listens.
"""

import ast
import errno
import io
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import serial

from dsc_host.errors import DscError, LinkClosed, LinkTimeout, ProtocolError
from dsc_host.flash.errors import FlashError
from dsc_host.flash.extra import needed

T = TypeVar("T")
Tell = Callable[[int], None]
"""A function that is called repeatedly with the number of bytes written since its last call."""

ENTER_SECONDS = 10.0
"""The time in seconds that the board may take to stop its program and run its boot.py, for each attempt."""
OPERATION_SECONDS = 20.0
"""The time in seconds that the board may take for one operation. The longest operation reads all its files."""
TOTAL_SECONDS = 120.0
"""The time in seconds that a session may take in all, without the time that a person takes to answer."""
RESTART_SECONDS = 2.0
"""The time in seconds that the board may take to accept the command to restart."""
_READ_SECONDS = 1.0
_ENTRIES = 2
_ATTEMPTS = 8
_CHUNK = 1024
_START, _END = "\x02", "\x03"
_RESET = "import time, machine\ntime.sleep_ms(100)\nmachine.reset()"


class BoardStuck(FlashError):
    """The board does not stop its running program."""


class BoardFull(FlashError):
    """The board's file system is full."""


class _OperationTimeout(Exception):
    """One operation took too long."""


class _Line:
    """The port as mpremote uses it, with two deadlines. Every call is short, so no loop of calls outlives a deadline."""

    def __init__(self, port: serial.Serial, name: str) -> None:
        self._port = port
        self._name = name
        self._end = time.monotonic() + TOTAL_SECONDS
        self._end_of_operation = self._end
        port.timeout = _READ_SECONDS
        try:
            port.write_timeout = _READ_SECONDS
        except NotImplementedError:  # rfc2217:// has no write timeout, and does not wait either.
            port.write_timeout = None

    def allow(self, seconds: float) -> None:
        """Restart the session's deadline: it ends `seconds` from now."""
        self._end = self._end_of_operation = time.monotonic() + seconds

    def renew(self, seconds: float) -> None:
        """Restart the operation's deadline: it ends `seconds` from now."""
        self._end_of_operation = time.monotonic() + seconds

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Raise _OperationTimeout in the block once `seconds` have passed."""
        self.renew(seconds)
        try:
            yield
        finally:
            self._end_of_operation = self._end

    def read(self, size: int = 1) -> bytes:
        """Read up to `size` bytes."""
        return bytes(self._call(lambda: self._port.read(size)))

    def write(self, data: bytes) -> int:
        """Write `data` and return the number of bytes written."""
        return int(self._call(lambda: self._port.write(data)) or 0)

    def inWaiting(self) -> int:  # noqa: N802 - mpremote calls this name
        return int(self._call(lambda: self._port.in_waiting))

    def _call(self, action: Callable[[], T]) -> T:
        now = time.monotonic()
        if now > self._end:
            raise LinkTimeout(f"{self._name}: the board took too long; unplug it, plug it in and try again")
        if now > self._end_of_operation:
            raise _OperationTimeout
        try:
            return action()
        except serial.SerialTimeoutException:
            raise _OperationTimeout from None
        # pyserial raises a TypeError if another thread closes the port.
        except (OSError, TypeError) as error:
            raise LinkClosed(
                f"{self._name}: the line to the board was lost. Plug it in and repeat the command: "
                "it continues where it stopped"
            ) from error


def _make_transport(line: _Line, port_name: str) -> Any:
    """Build mpremote's transport on a port that is already open. Its own way of opening one hides the reason of a failure."""
    base = needed("mpremote.transport_serial").SerialTransport
    transport = base.__new__(base)
    transport.in_raw_repl = transport.mounted = False
    transport.use_raw_paste = True
    transport.device_name = port_name
    transport.is_pty = base._is_pty_device(port_name)
    transport.serial = line
    return transport


class BoardSession:
    """A conversation with the board on an open port, which the session closes at its end.

        with BoardSession(open_port(url), url) as board:
            board.evaluate("result = 6 * 7")

    Entering the session stops the board's program. It raises BoardStuck if that fails.
    """

    def __init__(self, port: serial.Serial, name: str) -> None:
        self.name = name
        self._port = port
        self._line = _Line(port, name)
        self._transport = _make_transport(self._line, str(port.port or name))
        transport = needed("mpremote.transport")
        self._transport_error: type[Exception] = transport.TransportError
        self._exec_error: type[Exception] = transport.TransportExecError
        # The errors that a garbled byte from the board can cause. ast.literal_eval raises the last five.
        self._garbled = (
            self._transport_error,
            _OperationTimeout,
            struct.error,
            ValueError,
            TypeError,
            SyntaxError,
            MemoryError,
            RecursionError,
        )

    def __enter__(self) -> Self:
        try:
            self._stop_program()
        except BaseException as error:
            # Ctrl-C may arrive here after the program was stopped.
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        # Nothing on the way out may hide an earlier error. A board that is gone needs no restart.
        try:
            with suppress(DscError, *self._garbled):
                self._restart(at_a_prompt=error is None)
        finally:
            self._port.close()

    def allow(self, seconds: float = TOTAL_SECONDS) -> None:
        """Restart the session's deadline, after the wait for a person."""
        self._line.allow(seconds)

    def evaluate(self, code: str) -> Any:
        """Run `code` on the board and return the value that it leaves in `result`. The code may run more than once.

        Raises FlashError if the code raises an exception, LinkClosed, LinkTimeout, ProtocolError.
        """
        return self._persist(lambda: self._evaluate(code))

    def write(self, path: str, data: bytes, progress: Tell = lambda count: None) -> None:
        """Write a whole file. Raise BoardFull, and the errors that `evaluate` raises."""
        reported = 0

        def tell(written: int, _size: int) -> None:
            nonlocal reported
            progress(max(0, written - reported))
            reported = max(reported, written)
            # Each piece has a deadline of its own: the time for the whole file depends on the line.
            self._line.renew(OPERATION_SECONDS)

        self._persist(lambda: self._transport.fs_writefile(path, data, chunk_size=_CHUNK, progress_callback=tell))

    def _evaluate(self, code: str) -> Any:
        framed = f"{code}\nprint({_START!r} + repr(result) + {_END!r})"
        printed: str = self._transport.exec(framed).decode()
        # Other output of the board may come before and after the literal. Output within it makes it invalid.
        return ast.literal_eval(printed[printed.index(_START) + 1 : printed.index(_END)])

    def _persist(self, operation: Callable[[], T]) -> T:
        """Run the operation, and repeat it each time that the board's own output garbles it."""
        for _ in range(_ATTEMPTS):
            try:
                with self._line.within(OPERATION_SECONDS), redirect_stdout(io.StringIO()):
                    return operation()
            except self._exec_error as error:
                raise _board_error(str(error)) from error
            except OSError as error:  # mpremote raises an OSError if the board's file system refuses.
                raise _board_error(errno.errorcode.get(error.errno or 0, str(error))) from error
            except self._garbled:
                # Without raw paste, mpremote notices at once if other output mixes with what it reads.
                self._transport.use_raw_paste = False
                self._stop_program()
        raise ProtocolError(f"{self.name}: the board's own output garbles every command; check what its boot.py starts")

    def _stop_program(self) -> None:
        for _ in range(_ENTRIES):
            with (
                suppress(self._transport_error, _OperationTimeout),
                self._line.within(ENTER_SECONDS),
                redirect_stdout(io.StringIO()),
            ):
                self._transport.enter_raw_repl(timeout_overall=ENTER_SECONDS)
                return
        raise BoardStuck(
            f"{self.name}: the board does not stop its program, or runs no MicroPython. A sealed card: unplug it, hold C on "
            "its keypad while you plug it in, then try again. A new board: put MicroPython on it first (docs/flashing.md)"
        )

    def _restart(self, *, at_a_prompt: bool) -> None:
        self._line.allow(RESTART_SECONDS)
        with redirect_stdout(io.StringIO()):
            if at_a_prompt:
                with suppress(LinkTimeout, *self._garbled):
                    self._transport.exec_raw_no_follow(_RESET)
                    return
                # Other output was mixed into the command.
                self._transport.use_raw_paste = False
                self._line.allow(RESTART_SECONDS)
            self._transport.enter_raw_repl(timeout_overall=RESTART_SECONDS)
            self._transport.exec_raw_no_follow(_RESET)


def _board_error(words: str) -> FlashError:
    """Make an error of the board's message: the last line of its traceback."""
    lines = [line.strip() for line in words.splitlines() if line.strip()] or ["an error without a message"]
    if "ENOSPC" in lines[-1] or lines[-1] == "OSError: 28":
        return BoardFull("the board's file system is full")
    return FlashError(f"the board says: {printable(lines[-1])}")


def printable(words: str) -> str:
    """Replace the characters that would control a terminal."""
    return "".join(each if each.isprintable() else "?" for each in words)
