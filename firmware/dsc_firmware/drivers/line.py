"""The port `line`: USB, which the card shares with the interpreter's prompt, or a UART."""

from ..ports import const

# One whole line of the protocol and a flush before it, in one pass.
_SIZE = const(256)


class UsbLine:
    """Standard input and output. `poll` is a poll object at which the input is registered, for reading and nothing else."""

    def __init__(self, source, sink, poll):
        self._source = source
        self._sink = sink
        self._poll = poll
        self._one = bytearray(1)
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)

    def read(self):
        n = 0
        # A read of more than what has come would wait for the rest, so it is one byte at a time.
        while n < _SIZE and self._waits() and self._source.readinto(self._one):
            self._buffer[n] = self._one[0]
            n += 1
        return self._view[:n] if n else b""

    def _waits(self):
        # Unlike poll(), ipoll() makes no list.
        for _ in self._poll.ipoll(0):
            return True
        return False

    def write(self, data):
        self._sink.write(data)


class UartLine:
    """A UART whose timeout is 0, with room to send a whole line."""

    def __init__(self, uart):
        self._uart = uart
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)

    def read(self):
        waiting = min(self._uart.any(), _SIZE)
        if not waiting:
            return b""
        return self._view[: self._uart.readinto(self._buffer, waiting) or 0]

    def write(self, data):
        self._uart.write(data)
