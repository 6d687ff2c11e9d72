"""The port `line`: USB, which the card shares with the interpreter's prompt, or a UART."""

from ..ports import const

# The largest number of bytes that one call of `read` returns: enough for a line of the protocol and the line end before it.
_SIZE = const(256)


class UsbLine:
    """A line over standard input and output. `poll` is a poll object in which the input, and nothing else, is registered."""

    def __init__(self, source, sink, poll):
        self._source = source
        self._sink = sink
        self._poll = poll
        self._one = bytearray(1)
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)

    def read(self):
        """Return the waiting bytes as a view, or b"" if none wait."""
        n = 0
        # Read one byte at a time. Reading more bytes than are waiting would block.
        while n < _SIZE and self._waits() and self._source.readinto(self._one):
            self._buffer[n] = self._one[0]
            n += 1
        return self._view[:n] if n else b""

    def _waits(self):
        # Unlike poll(), ipoll() allocates no list.
        for _ in self._poll.ipoll(0):
            return True
        return False

    def write(self, data):
        """Write the bytes."""
        self._sink.write(data)


class UartLine:
    """A line over a UART. `uart` has the timeout 0, and buffers that can hold a whole line of the protocol."""

    def __init__(self, uart):
        self._uart = uart
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)

    def read(self):
        """Return the waiting bytes as a view, or b"" if none wait."""
        waiting = min(self._uart.any(), _SIZE)
        if not waiting:
            return b""
        return self._view[: self._uart.readinto(self._buffer, waiting) or 0]

    def write(self, data):
        """Write the bytes."""
        self._uart.write(data)
