"""A board whose program is stopped, ready to be told what to do: mpremote's raw REPL, with deadlines.

Promises: nothing hangs, whatever the board does; every failure is one of `dsc_host.errors` or a FlashError, and says what to
do; nothing is printed; and a session that ends, however it ends, restarts the board if it still listens.
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
"""Told, again and again, how many more bytes have been written."""

ENTER_SECONDS = 10.0
"""How long the board may take to stop its program and run its boot.py, each time it is asked to."""
OPERATION_SECONDS = 20.0
"""How long the board may take for one thing: the longest is to read all its files."""
TOTAL_SECONDS = 120.0
"""How long a session may take in all, time that a person takes to answer not counted."""
RESTART_SECONDS = 2.0
"""How long the board may take to be told to restart."""
_READ_SECONDS = 1.0
_ENTRIES = 2
_ATTEMPTS = 8
_CHUNK = 1024
_START, _END = "\x02", "\x03"
_RESET = "import time, machine\ntime.sleep_ms(100)\nmachine.reset()"


class BoardStuck(FlashError):
    """The board does not stop the program that it runs."""


class BoardFull(FlashError):
    """There is no room left on the board's file system."""


class _Late(Exception):
    """One operation has taken too long."""


class _Line:
    """The port as mpremote uses it, with two deadlines. Each call is short; so no loop of calls outlives a deadline."""

    def __init__(self, port: serial.Serial, name: str) -> None:
        self._port = port
        self._name = name
        self._end = time.monotonic() + TOTAL_SECONDS
        self._end_of_operation = self._end
        port.timeout = _READ_SECONDS
        try:
            port.write_timeout = _READ_SECONDS
        except NotImplementedError:  # rfc2217:// has none, and does not wait either.
            port.write_timeout = None

    def allow(self, seconds: float) -> None:
        """Begin the session's time anew."""
        self._end = self._end_of_operation = time.monotonic() + seconds

    def renew(self, seconds: float) -> None:
        """Begin the operation's time anew."""
        self._end_of_operation = time.monotonic() + seconds

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What happens in the block raises _Late after so long."""
        self.renew(seconds)
        try:
            yield
        finally:
            self._end_of_operation = self._end

    def read(self, size: int = 1) -> bytes:
        return bytes(self._call(lambda: self._port.read(size)))

    def write(self, data: bytes) -> int:
        return int(self._call(lambda: self._port.write(data)) or 0)

    def inWaiting(self) -> int:  # noqa: N802 - the name that mpremote calls
        return int(self._call(lambda: self._port.in_waiting))

    def _call(self, action: Callable[[], T]) -> T:
        now = time.monotonic()
        if now > self._end:
            raise LinkTimeout(f"{self._name}: the board took too long; unplug it, plug it in and try again")
        if now > self._end_of_operation:
            raise _Late
        try:
            return action()
        except serial.SerialTimeoutException:
            raise _Late from None
        # pyserial lets out a TypeError if the port is closed beneath it.
        except (OSError, TypeError) as error:
            raise LinkClosed(
                f"{self._name}: the line to the board was lost; plug it in and repeat the command, it goes on where it stopped"
            ) from error


def _transport_on(line: _Line, port_name: str) -> Any:
    """mpremote's transport on a port that is open already: its own way of opening one swallows the reason of a failure."""
    base = needed("mpremote.transport_serial").SerialTransport
    transport = base.__new__(base)
    transport.in_raw_repl = transport.mounted = False
    transport.use_raw_paste = True
    transport.device_name = port_name
    transport.is_pty = base._is_pty_device(port_name)
    transport.serial = line
    return transport


class BoardSession:
    """A conversation with the board on an open port, which the session closes in the end.

        with BoardSession(open_port(url), url) as board:
            board.evaluate("result = 6 * 7")

    Entering it stops the board's program: BoardStuck if that fails.
    """

    def __init__(self, port: serial.Serial, name: str) -> None:
        self.name = name
        self._port = port
        self._line = _Line(port, name)
        self._transport = _transport_on(self._line, str(port.port or name))
        transport = needed("mpremote.transport")
        self._transport_error: type[Exception] = transport.TransportError
        self._exec_error: type[Exception] = transport.TransportExecError
        # What a wrong byte in what the board says can come to; the last five are ast.literal_eval's.
        self._garbled = (
            self._transport_error,
            _Late,
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
            # Ctrl-C here may come when the program has been stopped already.
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        # On the way out nothing may hide what happened before; and a board that is gone needs no restart.
        try:
            with suppress(DscError, *self._garbled):
                self._restart(at_a_prompt=error is None)
        finally:
            self._port.close()

    def allow(self, seconds: float = TOTAL_SECONDS) -> None:
        """Begin the session's time anew, after a person has been waited for."""
        self._line.allow(seconds)

    def evaluate(self, code: str) -> Any:
        """Run `code`, which may run more than once, on the board; gives back what it leaves in `result`.

        Raises FlashError if it raises, LinkClosed, LinkTimeout, ProtocolError.
        """
        return self._persist(lambda: self._evaluate(code))

    def write(self, path: str, data: bytes, progress: Tell = lambda count: None) -> None:
        """Write a whole file. Raises BoardFull, and as `evaluate` does."""
        told = 0

        def tell(written: int, _size: int) -> None:
            nonlocal told
            progress(max(0, written - told))
            told = max(told, written)
            # One deadline for each piece: how long the whole takes depends on the line.
            self._line.renew(OPERATION_SECONDS)

        self._persist(lambda: self._transport.fs_writefile(path, data, chunk_size=_CHUNK, progress_callback=tell))

    def _evaluate(self, code: str) -> Any:
        framed = f"{code}\nprint({_START!r} + repr(result) + {_END!r})"
        said: str = self._transport.exec(framed).decode()
        # What else is printed meanwhile stands before and behind it; within it, it is no literal any more.
        return ast.literal_eval(said[said.index(_START) + 1 : said.index(_END)])

    def _persist(self, operation: Callable[[], T]) -> T:
        """The operation, begun anew each time that the board's own printing garbles it."""
        for _ in range(_ATTEMPTS):
            try:
                with self._line.within(OPERATION_SECONDS), redirect_stdout(io.StringIO()):
                    return operation()
            except self._exec_error as error:
                raise _refusal(str(error)) from error
            except OSError as error:  # What mpremote makes of a file system's refusal.
                raise _refusal(errno.errorcode.get(error.errno or 0, str(error))) from error
            except self._garbled:
                # Without raw paste, mpremote notices at once when something is printed into what it reads.
                self._transport.use_raw_paste = False
                self._stop_program()
        raise ProtocolError(f"{self.name}: the board prints into everything it is told; look what its boot.py starts")

    def _stop_program(self) -> None:
        for _ in range(_ENTRIES):
            with suppress(self._transport_error, _Late), self._line.within(ENTER_SECONDS), redirect_stdout(io.StringIO()):
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
                # Something was printed into it.
                self._transport.use_raw_paste = False
                self._line.allow(RESTART_SECONDS)
            self._transport.enter_raw_repl(timeout_overall=RESTART_SECONDS)
            self._transport.exec_raw_no_follow(_RESET)


def _refusal(words: str) -> FlashError:
    """What the board said, in a line: the last of its traceback."""
    lines = [line.strip() for line in words.splitlines() if line.strip()] or ["an error without words"]
    if "ENOSPC" in lines[-1] or lines[-1] == "OSError: 28":
        return BoardFull("the board's file system is full")
    return FlashError(f"the board says: {printable(lines[-1])}")


def printable(words: str) -> str:
    """A board's words without what would steer a terminal."""
    return "".join(each if each.isprintable() else "?" for each in words)
