"""The serial line to a board whose program is stopped, with deadlines.

One promise: no call hangs, whatever the line does. A read or a write after a deadline raises an error.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import serial

from dsc_host.errors import LinkClosed, LinkTimeout
from dsc_host.urls import without_password

T = TypeVar("T")
Clock = Callable[[], float]
"""A clock in seconds."""

_CHUNK = 4096
_WRITE_SECONDS = 1.0


class Damaged(Exception):
    """A command or its answer was damaged or lost on the line. `seen` is the data that arrived instead of the answer."""

    def __init__(self, seen: bytes = b"") -> None:
        super().__init__()
        self.seen = seen


class BoardLine:
    """An open port with two deadlines: one for the session, which `allow` sets, and one for an operation, which `within` sets.

    `name` is the address of the port, for messages. `seconds` is the time until the first deadline of the session.
    """

    def __init__(self, port: serial.Serial, name: str, seconds: float, clock: Clock = time.monotonic) -> None:
        self.name = without_password(name)
        self.clock = clock
        self._port = port
        self._arrived = b""
        self._operation_seconds = seconds
        self.allow(seconds)
        try:
            port.write_timeout = _WRITE_SECONDS
        except NotImplementedError:  # rfc2217:// supports no write timeout, and does not need one.
            port.write_timeout = None

    def allow(self, seconds: float) -> None:
        """Set the session's deadline to `seconds` from now."""
        self._seconds = seconds
        self._end = self._end_of_operation = self.clock() + seconds

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give the operation in the block a deadline of `seconds`. After the deadline, reads and writes raise Damaged.

        Each write starts the time again.
        """
        self._operation_seconds = seconds
        self._end_of_operation = self.clock() + seconds
        try:
            yield
        finally:
            self._end_of_operation = self._end

    def write(self, data: bytes) -> None:
        """Write `data`. The time of the operation starts again, so that a long command can be sent on a slow line."""
        self._call(lambda: self._port.write(data))
        if self._end_of_operation != self._end:
            self._end_of_operation = self.clock() + self._operation_seconds

    @property
    def has_arrived(self) -> bool:
        """Whether bytes can be read without waiting."""
        return bool(self._arrived or self._call(lambda: self._port.in_waiting))

    def read(self) -> bytes:
        """Return the bytes that have arrived. If there are none, wait for the first byte until the port's timeout."""
        if not self._arrived:
            self._fill()
        data, self._arrived = self._arrived, b""
        return data

    def drop(self) -> None:
        """Discard the bytes that have arrived."""
        while self.has_arrived:
            self.read()

    def read_until(self, ending: bytes, seconds: float) -> bytes:
        """Read up to and including `ending`. Raise Damaged if the line is silent for `seconds` before `ending` arrives."""
        return self._take(lambda data: data.find(ending) + len(ending) if ending in data else 0, seconds)

    def read_exactly(self, count: int, seconds: float) -> bytes:
        """Read `count` bytes. Raise Damaged if the line is silent for `seconds` before they have arrived."""
        return self._take(lambda data: count if len(data) >= count else 0, seconds)

    def _take(self, find_end: Callable[[bytes], int], seconds: float) -> bytes:
        heard = self.clock()
        while not (end := find_end(self._arrived)):
            if self._fill():
                heard = self.clock()
            elif self.clock() - heard >= seconds:
                seen, self._arrived = self._arrived, b""
                raise Damaged(seen)
        data, self._arrived = self._arrived[:end], self._arrived[end:]
        return data

    def _fill(self) -> bool:
        came = self._call(lambda: self._port.read(max(1, min(self._port.in_waiting, _CHUNK))))
        self._arrived += came
        return bool(came)

    def _call(self, action: Callable[[], T]) -> T:
        now = self.clock()
        if now > self._end:
            raise LinkTimeout(
                f"{self.name}: the board took too long: no command was completed within {self._seconds:g} s. Unplug it, "
                "plug it in and try again, over another cable or a line with less delay"
            )
        if now > self._end_of_operation:
            seen, self._arrived = self._arrived, b""
            raise Damaged(seen)
        try:
            return action()
        except serial.SerialTimeoutException:
            raise Damaged from None
        # pyserial raises a TypeError if another thread closes the port.
        except (OSError, TypeError) as error:
            raise LinkClosed(
                f"{self.name}: the line to the board was lost. Plug the board in, and repeat the command: "
                "it continues where it stopped"
            ) from error
