"""The raw REPL of MicroPython, over a line that may lose, change and delay bytes.

Two promises:

1. The board executes a command only if the command arrived undamaged.
2. An answer is accepted only if it arrived undamaged and belongs to the command. Otherwise Damaged is raised.

Method: a command is a program within a program. The outer program checks the checksum of the inner program, and then executes
the inner program. The inner program prints its result, or its error, with the number of the command and a checksum. The
protocol of the REPL with its two modes is described at https://docs.micropython.org/en/latest/reference/repl.html.
"""

import ast
import re
from binascii import crc32
from typing import Any

from dsc_host.errors import ProtocolError
from dsc_host.flash.board_line import BoardLine, Damaged

PATIENCE_SECONDS = 1.0
"""The time in seconds in which an idle board must answer. On a slow line, the board gets more time."""
_PIECE = 256
_ROUND_TRIPS = 4
_SLOW_SECONDS = 0.1
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_END = b"\x04>"
_ANSWER = re.compile(rb"\x02([0-9]+) ([^\x02\x03]*)\*([0-9]+)\x03")
_INNER = """\
try:
 exec({code!r})
 _a = (1, result)
except Exception as _e:
 _a = (0, type(_e).__name__ + ': ' + str(_e))
_a = '{number} ' + repr(_a)
print('\\x02' + _a + '*' + str(binascii.crc32(_a.encode())) + '\\x03')
{after}"""
_OUTER = "import binascii\n_c = {inner!r}\nif binascii.crc32(_c) == {check}:\n exec(_c)\n"


class Refused(Exception):
    """The command raised an error on the board. The message has the error's class and text."""


class RawRepl:
    """The raw REPL at the other end of `line`."""

    def __init__(self, line: BoardLine) -> None:
        self._line = line
        self._number = 0
        self.patience = PATIENCE_SECONDS
        # Whether to use raw-paste mode. This mode needs a round trip for every few bytes, and waits for bytes that were lost.
        self._pastes = True

    def enter(self, seconds: float) -> None:
        """Stop the board's program and reset its interpreter. Raise Damaged if the board is silent for `seconds`."""
        line = self._line
        line.write(b"\r\x03\x03")
        line.drop()
        line.write(b"\r\x01")
        line.read_until(_BANNER, seconds)
        line.write(b"\x04")
        line.read_until(_BANNER, seconds)
        # The board is idle now, so its answer shows how slow the line is.
        began = line.clock()
        line.write(b"\x01")
        line.read_until(_BANNER, seconds)
        self._measure(line.clock() - began)

    def resume(self) -> None:
        """Return to the prompt after a damaged command. The board's variables stay. Raise Damaged if no prompt comes."""
        # From now on, do not use raw-paste mode, because it would wait for lost bytes again.
        self._pastes = False
        self._line.write(b"\x03\x03")
        self._line.drop()
        self._line.write(b"\x01")
        self._line.read_until(_BANNER, self.patience)

    def run(self, code: str, seconds: float, after: str = "") -> Any:
        """Run `code`, and return the value of its variable `result`. The board then runs `after`, which gives no answer.

        `seconds` is the time that the code may take. Raises Refused if the code raises an exception, Damaged, and ProtocolError
        if the answer is not a value.
        """
        self._number += 1
        self._line.drop()
        command = self._command(code, after)
        pasted = self._pastes and self._paste(command)
        if not pasted:
            self._type(command)
        return self._value(self._answer(seconds, has_begun=pasted, ends=not after))

    def _value(self, answer: bytes) -> Any:
        try:
            good, value = ast.literal_eval(answer.decode())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise ProtocolError(f"{self._line.name}: the board's answer is not a value of MicroPython") from error
        if not good:
            raise Refused(value)
        return value

    def _measure(self, round_trip: float) -> None:
        self.patience = max(PATIENCE_SECONDS, _ROUND_TRIPS * round_trip)
        self._pastes = self._pastes and round_trip < _SLOW_SECONDS

    def _command(self, code: str, after: str) -> bytes:
        inner = _INNER.format(code=code, number=self._number, after=after).encode()
        return _OUTER.format(inner=inner, check=crc32(inner)).encode()

    def _type(self, command: bytes) -> None:
        """Send the command without flow control."""
        self._send(command)
        self._line.write(b"\x04")

    def _send(self, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            self._line.write(data[at : at + _PIECE])

    def _paste(self, command: bytes) -> bool:
        """Send the command in raw-paste mode. If the board does not support this mode, return False without sending it."""
        line = self._line
        line.write(b"\x05A\x01")
        reply = line.read_exactly(2, self.patience)
        if reply != b"R\x01":
            self._pastes = False
            if reply != b"R\x00":
                self.resume()
            return False
        window = room = int.from_bytes(line.read_exactly(2, self.patience), "little")
        while command:
            while not room or line.has_arrived:
                room += self._granted(window)
            line.write(command[:room])
            command, room = command[room:], room - len(command[:room])
        line.write(b"\x04")
        line.read_until(b"\x04", self.patience)
        return True

    def _granted(self, window: int) -> int:
        """Read one byte of flow control. Return `window`, the number of further bytes that the board then accepts."""
        byte = self._line.read_exactly(1, self.patience)
        if byte != b"\x01":
            raise Damaged(byte)
        return window

    def _answer(self, seconds: float, *, has_begun: bool, ends: bool) -> bytes:
        """Return the text of the answer.

        `has_begun` means that the board has confirmed that it has the command. `ends` means that a prompt follows the answer.
        """
        data, heard = b"", self._line.clock()
        while _END not in data and (ends or not self._find(data)):
            came = self._line.read()
            data += came
            # While the code runs, the board is silent. It prints its whole answer at the end.
            works = data == (b"" if has_begun else b"OK")
            if came:
                heard = self._line.clock()
            elif self._line.clock() - heard >= (seconds if works else self.patience):
                break
        if answer := self._find(data):
            return answer
        raise Damaged(data)

    def _find(self, data: bytes) -> bytes:
        for answer in _ANSWER.finditer(data):
            if int(answer[3]) == crc32(answer[1] + b" " + answer[2]) and int(answer[1]) == self._number:
                return answer[2]
        return b""
