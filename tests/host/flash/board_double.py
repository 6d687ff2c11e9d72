"""A board on a pseudo terminal: the raw REPL of MicroPython as documented, run by MicroPython itself, with its own disk.

The REPL (`_Repl`) follows docs.micropython.org/en/latest/reference/repl.html, raw mode and raw-paste mode. The programs that it
gets run in the MicroPython VM. The VM's files are a `Disk`, which survives restarts and power cuts. Nothing here waits for time
to pass.
"""

import os
import select
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import serial
from tests.host.flash.board_disk import Disk, PowerCut

from dsc_simulator import Flash, SimulatedCard
from dsc_simulator.engines.vm import LIMIT, VM
from dsc_simulator.errors import FirmwareCrash

_GUEST = Path(__file__).with_name("board_guest.py")
_HEAP = 1 << 24
_READ = 4096
_WINDOW = 128
_PROMPT = b'\r\nMicroPython v1.27.0 on 2025-12-09; a board\r\nType "help()" for more information.\r\n>>> '
_BANNER = b"raw REPL; CTRL-B to exit\r\n"


class _Reset(Exception):
    """The board restarts."""


@dataclass
class Habits:
    """The kind of a board, and its misbehavior."""

    version: object = (1, 27, 0)
    machine: str = "Raspberry Pi Pico with RP2040"
    mpy: int = 774
    raw_paste: bool = True
    heeds_ctrl_c: bool = True
    prints_while_running: bool = False
    garbles_every: int = 0
    """If not 0, boot.py prints into every n-th answer of the raw REPL, and into every n-th text that a command prints."""
    garbles_once: bool = False
    """Whether boot.py prints into the next answer of the raw REPL."""


class _Machine:
    """One run of the board's MicroPython, from power-up to reset. `out` takes what it prints."""

    def __init__(self, disk: Disk, habits: Habits, out: Callable[[bytes], None]) -> None:
        self.started = ""
        self._disk = disk
        self._out = out
        self._box = self._length = 0
        self._command = b""
        self._garbles_every = habits.garbles_every
        self._printed = 0
        self._error = ""
        self._stopped: BaseException | None = None
        facts = f"VERSION = {habits.version!r}\nMACHINE = {habits.machine!r}\nMPY = {habits.mpy!r}\n"
        self._vm = VM(facts + _GUEST.read_text(), self._answer, heap=_HEAP, files={})
        self._resume()

    def run(self, source: bytes) -> str:
        """Run a program and return its traceback. Raises PowerCut and _Reset."""
        self._command, self._error = source, ""
        self._resume()
        return self._error

    def stop(self) -> None:
        self._vm.stop()

    def _resume(self) -> None:
        try:
            self._vm.resume(LIMIT)
        except FirmwareCrash:
            raise self._stopped or AssertionError("the board's MicroPython has crashed") from None

    def _answer(self, name: str, text: str) -> None:
        try:
            self._serve(name, text)
        except (PowerCut, _Reset) as stop:
            self._stopped = stop
            raise

    def _serve(self, name: str, text: str) -> None:
        if name == "ask":
            self._ask(text.split("\n"))
        elif name == "print":
            self._print(text.encode().replace(b"\n", b"\r\n"))
        elif name == "error":
            self._error = text
        elif name == "started":
            self.started = text
        elif name == "box":
            self._box, self._length = map(int, text.split())
        elif name == "reset":
            raise _Reset
        else:
            raise AssertionError(name)

    def _print(self, data: bytes) -> None:
        self._printed += 1
        if self._garbles_every and self._printed % self._garbles_every == 0:
            data = data[:2] + b"tick\r\n" + data[2:]
        self._out(data)

    def _ask(self, words: list[str]) -> None:
        if words == ["command"]:
            answer: bytes | int = self._command
        elif words[0] == "append":
            answer = self._disk.do(words[:2], self._vm.read(int(words[2]), int(words[3])))
        else:
            answer = self._disk.do(words, b"")
        number = answer if isinstance(answer, int) else len(answer)
        self._vm.write(number.to_bytes(4, "little", signed=True), self._length)
        if isinstance(answer, bytes) and answer:
            self._vm.write(answer, self._box)


class _Repl:
    """The raw REPL from power-up to reset. It takes bytes and sends bytes."""

    def __init__(self, machine: _Machine, habits: Habits, send: Callable[[bytes], None]) -> None:
        self._machine = machine
        self._habits = habits
        self._send = send
        self._answers = 0
        self.soft_reset: Callable[[], _Machine]
        self.run_main: Callable[[], None]
        self._state: Callable[[int], None] = self._friendly
        self._line = b""
        self._window = 0

    def feed(self, byte: int) -> None:
        self._state(byte)

    def _friendly(self, byte: int) -> None:
        if byte == 1:
            self._enter_raw()
        elif byte == 2:
            self._line = b""
            self._send(_PROMPT)
        elif byte == 3:
            self._line = b""
            self._send(b"\r\n>>> ")
        elif byte == 4 and not self._line:
            self._send(b"\r\nMPY: soft reboot\r\n")
            self._machine = self.soft_reset()
            self.run_main()
        elif byte == 13:
            words = b'Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\nSyntaxError: invalid syntax\r\n'
            self._send(b"\r\n" + (words if self._line else b"") + b">>> ")
            self._line = b""
        else:
            # LF does not count as Enter: it is echoed, and the line continues.
            self._line += bytes([byte])
            self._send(bytes([byte]))

    def _enter_raw(self) -> None:
        self._line = b""
        self._state = self._raw
        self._send(_BANNER + b">")

    def _raw(self, byte: int) -> None:
        if byte == 1 and self._line == b"\x05A":
            self._enter_raw_paste()
        elif byte == 1:
            self._enter_raw()
        elif byte == 2:
            self._line, self._state = b"", self._friendly
            self._send(_PROMPT)
        elif byte == 3:
            self._line = b""
        elif byte == 4:
            self._reply(b"OK")
            self._execute() if self._line else self._soft_reset()
        else:
            self._line += bytes([byte])

    def _soft_reset(self) -> None:
        self._send(b"\r\nMPY: soft reboot\r\n")
        self._machine = self.soft_reset()
        self._enter_raw()

    def _enter_raw_paste(self) -> None:
        self._line = b""
        if not self._habits.raw_paste:
            self._send(b"R\x00")
            return
        self._reply(b"R\x01" + _WINDOW.to_bytes(2, "little") + b"\x01")
        self._state, self._window = self._paste, _WINDOW

    def _paste(self, byte: int) -> None:
        if byte == 4:
            self._send(b"\x04")
            self._execute()
        elif byte == 3:
            self._state, self._line = self._raw, b""
            self._send(b"\x04\x04>")
        else:
            self._line += bytes([byte])
            self._window -= 1
            if not self._window:
                self._window = _WINDOW
                self._send(b"\x01")

    def _execute(self) -> None:
        command, self._line, self._state = self._line, b"", self._raw
        error = self._machine.run(command)
        self._send(b"\x04" + error.replace("\n", "\r\n").encode() + b"\x04>")

    def _reply(self, answer: bytes) -> None:
        self._answers += 1
        if self._habits.garbles_every and self._answers % self._habits.garbles_every == 0:
            self._send(b"tick\r\n")
        if self._habits.garbles_once:
            self._habits.garbles_once = False
            self._send(b"tick\r\n")
        self._send(answer)


class Board:
    """A board with power. `send` takes the bytes that it sends. Give it bytes with `take`, and call `pump` in between.

    `started` is what its main.py reported when it last ran: the tests' programs call `card.started(version)`. While one of them
    runs, a simulated card answers on the line, as the firmware would; `flash` is that card's flash.
    """

    def __init__(self, disk: Disk, habits: Habits, send: Callable[[bytes], None], flash: Flash | None = None) -> None:
        self.disk = disk
        self.habits = habits
        self.started = ""
        self.starts = 0
        self._send = send
        self._flash = flash
        self._card: SimulatedCard | None = None
        self._card_line: serial.Serial | None = None

    def power_up(self) -> None:
        self.starts += 1
        self._boot()
        self._run_main()

    @property
    def runs_card(self) -> bool:
        return self._card_line is not None

    def take(self, byte: int) -> None:
        """Take one byte from the line. Raises PowerCut."""
        if self._card_line is None:
            try:
                self._repl.feed(byte)
            except _Reset:
                self._machine.stop()
                self.power_up()
        elif byte == 3 and self.habits.heeds_ctrl_c:
            self.end_program()
            self._send(b"\r\nKeyboardInterrupt: \r\n>>> ")
        else:
            self._card_line.write(bytes([byte]))

    def pump(self) -> None:
        """Send what the card says."""
        if self._card_line is not None:
            self._send(self._card_line.read(_READ))
            if self.habits.prints_while_running:
                self._send(b"tick> \x04\r\n")

    def power_down(self) -> None:
        self.end_program()
        self._machine.stop()

    def end_program(self) -> None:
        if self._card_line is not None and self._card is not None:
            self._card_line.close()
            self._card.close()
        self._card = self._card_line = None

    def _boot(self) -> _Machine:
        self._machine = _Machine(self.disk, self.habits, self._send)
        return self._machine

    def _reboot(self) -> _Machine:
        self._machine.stop()
        return self._boot()

    def _run_main(self) -> None:
        self._repl = _Repl(self._machine, self.habits, self._send)
        self._repl.soft_reset = self._reboot
        self._repl.run_main = self._start_program
        self._start_program()

    def _start_program(self) -> None:
        main = self.disk.files.get("/main.py")
        error = self._machine.run(b"# main.py\n" + main) if main is not None else ""
        self.started = self._machine.started
        self._send(error.replace("\n", "\r\n").encode())
        if self.started:
            self._card = SimulatedCard(flash=self._flash)
            self._card_line = serial.serial_for_url(self._card.url, timeout=0)
        else:
            self._send(_PROMPT)


class BoardDouble:
    """A board that is plugged in. `url` is its port. Use it as a context manager, and `restart` it after a power cut."""

    def __init__(self, disk: Disk | None = None, habits: Habits | None = None, flash: Flash | None = None) -> None:
        self.disk = disk or Disk()
        self.habits = habits or Habits()
        self.cut = False
        self.trouble: BaseException | None = None
        self._board = Board(self.disk, self.habits, self._send, flash)
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.url = os.ttyname(self._theirs)
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._live, daemon=True, name="board")

    @property
    def started(self) -> str:
        return self._board.started

    @property
    def starts(self) -> int:
        return self._board.starts

    def __enter__(self) -> "BoardDouble":
        self._board.power_up()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._waker)
        self._thread.join()
        self._unplug()
        os.close(self._wake)
        if self.trouble:
            raise self.trouble

    def _unplug(self) -> None:
        for each in (self._ours, self._theirs):
            with suppress(OSError):
                os.close(each)

    def _live(self) -> None:
        try:
            while self._turn():
                pass
        except PowerCut:
            self.cut = True
            self._unplug()
        except BaseException as trouble:
            self.trouble = trouble
            self._unplug()
        finally:
            self._board.power_down()

    def _turn(self) -> bool:
        """Take the bytes that have come in. Return False when the board is put away."""
        ready, _, _ = select.select([self._ours, self._wake], [], [], 0.002 if self._board.runs_card else None)
        # Take earlier bytes first: a board that is put away has dealt with everything.
        if self._wake in ready and self._ours not in ready:
            return False
        with suppress(BlockingIOError):
            for byte in os.read(self._ours, _READ) if ready else b"":
                self._board.take(byte)
        self._board.pump()
        return True

    def _send(self, data: bytes) -> None:
        # Drop output that no host reads, as a board's USB does.
        with suppress(BlockingIOError):
            os.write(self._ours, data)
