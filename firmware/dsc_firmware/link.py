"""Frames on the serial line, as docs/reference/protocol.md describes them.

A line that violates the protocol is ignored. Requests are handled one by one, in a buffer that is overwritten after each
request. Values are views into that buffer. No input makes these classes raise an exception or keep more memory.
"""

from binascii import crc32

from .ports import const, is_digit, wipe

LINE_MAX = const(240)
_CHECK = const(9)  # "*" and 8 hex digits
_VALUES_MAX = const(10)
_STAR = const(0x2A)
_PERCENT = const(0x25)
_SPACE = const(0x20)
_EQUALS = const(0x3D)
_HEX = b"0123456789abcdef"
_SPECIAL_IN_VALUES = b" *%="
_SPECIAL_IN_WORDS = b"*%"


def hex_value(c):
    """Return the value of an ASCII hex digit of either case, or -1."""
    if is_digit(c):
        return c - 48
    c |= 0x20
    return c - 87 if 0x61 <= c <= 0x66 else -1


def _check_of(view):
    """Return the checksum of a line: 8 hex digits."""
    return b"%08x" % crc32(view)


class Request:
    """A request in the receiver's buffer: its `number`, its `word`, whether it was `checked` by a checksum, and its values.

    `len()` is the number of values.
    """

    def __init__(self, buffer):
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._spans = [0] * (3 * _VALUES_MAX)
        self.number = 0
        self.word = ""
        self.checked = False
        self._count = 0

    def parse(self, end):
        """Parse the first `end` bytes of the buffer. Return whether they are a valid request."""
        self._count = 0
        self.checked = end > _CHECK and self._buffer[end - _CHECK] == _STAR
        if self.checked:
            end -= _CHECK
            if not self._check_holds(end):
                return False
        at = self._parse_number(end)
        at = self._parse_word(at, end) if at else 0
        while 0 < at < end:
            at = self._parse_value(at, end)
        return at == end

    def _check_holds(self, end):
        return self._view[end + 1 : end + _CHECK] == _check_of(self._view[:end])

    def _parse_number(self, end):
        at = 1
        self.number = 0
        while at < end and at <= 5 and is_digit(self._buffer[at]):
            self.number = self.number * 10 + self._buffer[at] - 48
            at += 1
        good = at > 1 and self._buffer[0] == 0x3E and self.number <= 0xFFFF
        return at if good and at < end and self._buffer[at] == _SPACE else 0

    def _parse_name(self, at, end):
        while at < end and 0x61 <= self._buffer[at] <= 0x7A:
            at += 1
        return at

    def _parse_word(self, at, end):
        stop = self._parse_name(at + 1, end)
        self.word = str(self._view[at + 1 : stop], "ascii")
        return stop if self.word else 0

    def _parse_value(self, at, end):
        """Parse one " name=value" that begins at `at`. Return the index of its end, or 0 if it is invalid."""
        stop = self._parse_name(at + 1, end)
        if self._buffer[at] != _SPACE or stop == at + 1 or stop >= end or self._buffer[stop] != _EQUALS:
            return 0
        if self._count == _VALUES_MAX or self.get(self._view[at + 1 : stop]) is not None:
            return 0
        last = stop + 1
        while last < end and self._buffer[last] != _SPACE:
            if self._buffer[last] == _STAR or self._buffer[last] == _EQUALS:
                return 0
            last += 1
        length = self._decode(stop + 1, last)
        if length < 0:
            return 0
        spans = self._spans
        spans[3 * self._count] = at + 1
        spans[3 * self._count + 1] = stop
        spans[3 * self._count + 2] = stop + 1 + length
        self._count += 1
        return last

    def _decode(self, at, end):
        """Decode the percent-encoding of a value in place. Return the value's new length, or -1 if the encoding is invalid."""
        start = out = at
        while at < end:
            c = self._buffer[at]
            if c == _PERCENT:
                if at + 2 >= end:
                    return -1
                high = hex_value(self._buffer[at + 1])
                low = hex_value(self._buffer[at + 2])
                if high < 0 or low < 0:
                    return -1
                c = high << 4 | low
                at += 2
            self._buffer[out] = c
            out += 1
            at += 1
        return out - start

    def get(self, name):
        """Return the value with this name (bytes) as a view into the line, or None."""
        for i in range(self._count):
            if self.name(i) == name:
                return self.value(i)
        return None

    def __len__(self):
        return self._count

    def name(self, i):
        """Return the name of value `i` as a view."""
        return self._view[self._spans[3 * i] : self._spans[3 * i + 1]]

    def value(self, i):
        """Return value `i` as a view."""
        return self._view[self._spans[3 * i + 1] + 1 : self._spans[3 * i + 2]]


class Receiver:
    """A splitter of the arriving bytes into lines. It calls `serve` with each valid request."""

    def __init__(self, serve):
        self._serve = serve
        self._buffer = bytearray(LINE_MAX)
        self._request = Request(self._buffer)
        self._length = 0

    def feed(self, data):
        """Process the bytes that have arrived."""
        for c in data:
            if c == 10 or c == 13:
                self._finish()
            elif self._length < LINE_MAX and 0x20 <= c <= 0x7E:
                self._buffer[self._length] = c
                self._length += 1
            else:
                self._length = LINE_MAX + 1

    def _finish(self):
        if 0 < self._length <= LINE_MAX and self._request.parse(self._length):
            self._serve(self._request)
        wipe(self._buffer)
        self._length = 0


class Sender:
    """A writer of replies and events. Call `reply` or `event`, then `value` for each value, then `send`.

    `error` sends a whole reply.
    """

    def __init__(self, port):
        self._port = port
        self._buffer = bytearray(LINE_MAX + 1)
        self._view = memoryview(self._buffer)
        self._length = 0
        self._events = 0

    def reply(self, number):
        """Begin a reply to the request `number`."""
        self._begin(0x3C, number, b"ok")

    def error(self, number, code, words):
        """Send a complete error reply. `code` is the error code, and `words` are for a person."""
        self._begin(0x3C, number, b"err")
        for text in (code, words):
            self._put(_SPACE)
            self._put_encoded(text.encode(), _SPECIAL_IN_WORDS)
        self.send()

    def event(self, word):
        """Begin an event."""
        self._begin(0x21, self._events, word)
        self._events = (self._events + 1) & 0xFFFF

    def _begin(self, sigil, number, word):
        self._length = 0
        self._put(sigil)
        for c in b"%d " % number:
            self._put(c)
        for c in word:
            self._put(c)

    def value(self, name, data):
        """Add one value. `name` is bytes, and `data` is a buffer."""
        self._put(_SPACE)
        for c in name:
            self._put(c)
        self._put(_EQUALS)
        self._put_encoded(data, _SPECIAL_IN_VALUES)

    def hex_value(self, name, data):
        """Add one value, written as two lower-case hex digits for each byte of `data`."""
        self.value(name, b"")
        for c in data:
            self._put(_HEX[c >> 4])
            self._put(_HEX[c & 15])

    def send(self):
        """Write the line with its checksum and its line end, then overwrite the buffer."""
        end = self._length
        self._buffer[end] = _STAR
        self._buffer[end + 1 : end + _CHECK] = _check_of(self._view[:end])
        end += _CHECK
        self._buffer[end] = 10
        self._port.write(self._view[: end + 1])
        wipe(self._buffer)

    def _put(self, c):
        # Cut the line here: a longer line would violate the protocol. For example, an error may quote a long name.
        if self._length < LINE_MAX - _CHECK:
            self._buffer[self._length] = c
            self._length += 1

    def _put_encoded(self, data, special):
        for c in data:
            if 0x20 <= c <= 0x7E and c not in special:
                self._put(c)
            else:
                self._put(_PERCENT)
                self._put(_HEX[c >> 4])
                self._put(_HEX[c & 15])
