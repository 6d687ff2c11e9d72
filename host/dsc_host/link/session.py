"""Requests and replies, one request at a time, over a port that may lose, repeat, damage or reorder data, or never answer.

Promises:

- `ask` ends at its deadline at the latest, whatever arrives, if the port limits the time of a write. An `ask` that failed does
  not disturb the next `ask`.
- A reply is accepted only if it has the number of the request and arrived after the request was sent. Each number is used once
  in 65,536 requests.
- Memory is bounded, whatever arrives on the line. The newest 256 events are kept in order until they are fetched.
- Threads may share a session. Their requests never interleave, and a thread that waits for an event lets other threads send
  requests.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol

from serial import SerialTimeoutException

from dsc_host.errors import CardError, InputError, LinkClosed, LinkTimeout
from dsc_host.link.frames import MAX_SEQ, Event, Frame, LineReader, Reply, decode, encode_request, mask, mask_noise

if sys.platform != "win32":
    import termios

_log = logging.getLogger("dsc_host.link")

READ_SLICE = 0.02
"""The longest time in seconds that a read waits. After a read, a thread checks its deadline.

A thread that waits for an event also gives other threads a turn.
"""
MAX_EVENTS = 256
_CHUNK = 4096
_READ_ENDS = 0.002
"""The seconds that a read may need to return after its timeout, so that a call ends at its deadline."""
_MOST_OLD = 64 * 1024
"""The number of bytes that are read before a request, if no more wait at once. A device may never stop sending."""
# pyserial raises a TypeError if another thread has closed the port, and a termios.error if the port vanishes during the setup.
_LOST: tuple[type[Exception], ...] = (OSError, TypeError)
if sys.platform != "win32":
    _LOST += (termios.error,)
_SEEN = 200
_LONG_HEX = re.compile(r"[0-9A-Fa-f]{24,}")

Transcript = Callable[[str, bytes], None]
"""A function that is called with `sent` or `received`, and with the line. Keys, PINs and responses in the line are masked."""


class SerialPort(Protocol):
    """The methods that a port must have. Ports of pyserial have them. Times are in seconds."""

    timeout: float | None
    write_timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Return the number of bytes that can be read without waiting."""

    def read(self, size: int = ..., /) -> bytes:
        """Read up to `size` bytes. Return fewer if `timeout` ends first."""

    def write(self, data: bytes, /) -> int | None:
        """Write `data`. Return the number of bytes written, or None."""

    def close(self) -> None:
        """Close the port."""


class Session:
    """Requests and replies over `port`, which the session owns and closes.

    `timeout` is the number of seconds that each call except `wait_event` may take, including all resends. `clock` returns
    seconds and never goes back. `transcript` is called with every line of at most 240 bytes that is not empty.

    The constructor raises InputError if `timeout` is not a positive number, and LinkClosed if the port fails. If the port is
    already closed, the constructor may succeed, and the first call then raises the error.
    """

    def __init__(self, port: SerialPort, timeout: float, clock: Callable[[], float], transcript: Transcript | None) -> None:
        if not (math.isfinite(timeout) and timeout > 0):
            raise InputError("timeout", "must be more than 0 seconds")
        self._port = port
        self._timeout = timeout
        self._clock = clock
        self._transcript = transcript
        self._slice = min(READ_SLICE, timeout / 10)
        self._closed = False
        # Two locks protect the port. A thread that waits for an event often releases its turn, and immediately wants it again.
        # With a single lock, such a thread could take the lock again and again before any other thread gets it.
        self._queue, self._turn = threading.Lock(), threading.Lock()
        self._next_seq = secrets.randbelow(MAX_SEQ + 1)
        self._reader = LineReader()
        self._lines: deque[bytes] = deque()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._last_event: Event | None = None
        self._forgotten: dict[str, int] = {}
        self._unfinished = b""
        self._secret_sent = False
        self.events_dropped = 0
        self.seen = b""
        with self._port_errors():
            if port.timeout != self._slice:  # On some ports, setting the timeout causes a negotiation, even if it is the same.
                port.timeout = self._slice
            self._limits_writes = self._limit_writes()

    @contextmanager
    def turn(self) -> Generator[float]:
        """Reserve the line for one call, and yield the call's deadline.

        The wait for other threads is part of the call's time. Raises LinkTimeout if other threads hold the line until the
        deadline, and LinkClosed if the line was closed.
        """
        deadline = self._clock() + self._timeout
        with self._line_held(deadline):
            yield deadline

    def ask(self, word: str, values: Mapping[str, str], deadline: float, *, resend: bool) -> Mapping[str, str]:
        """Send a request and return the values of the card's reply. Call this method within `turn`.

        With `resend`, the request is sent again if no reply arrives. Set `resend` only for a request that may arrive twice.
        Raises CardError if the card refuses the request, LinkTimeout, LinkClosed, and InputError if the request is too long.
        """
        seq = self._next_seq
        self._next_seq = (seq + 1) & MAX_SEQ
        line = encode_request(seq, word, values)
        self._sort_old_lines(deadline)
        if not resend:
            self._cut_line()
        reply, final = None, False
        while reply is None:
            if final:
                raise LinkTimeout(f"the card did not answer {word} within {self._timeout:g} s")
            left = deadline - self._clock()
            final = not resend or left < self._timeout / 2
            self._send(line, left)
            reply = self._wait_reply(seq, deadline if final else min(deadline, self._clock() + self._timeout / 3))
            # A slow write may have used the time for another attempt.
            final = final or self._clock() >= deadline
        _log.info("card: %s: %s", word, reply.code or "ok")
        if reply.code:
            raise CardError(reply.code, _words(reply.text))
        return reply.values

    def wait_event(self, word: str, timeout: float) -> Event:
        """Wait for an event of the kind `word`. Remove the oldest such event from the queue and return it.

        Raises LinkTimeout after `timeout` seconds or some milliseconds before; over `rfc2217://`, up to `READ_SLICE` before.
        Raises LinkClosed, and InputError if `timeout` is negative or not finite.
        """
        if not (math.isfinite(timeout) and timeout >= 0):
            raise InputError("timeout", "must be 0 seconds or more")
        deadline = self._clock() + timeout
        more = True
        while more:
            with self._line_held(deadline):
                if not self._has_event(word):
                    more = self._receive(deadline)
                    self._sort_lines()
                if self._has_event(word):
                    return self._take_event(word)
        raise LinkTimeout(f"the card sent no {word} within {timeout:g} s")

    def drain_events(self) -> list[Event]:
        """Remove all events from the queue and return them, the oldest first. Do not wait for more events.

        Raises LinkClosed, and LinkTimeout if other threads hold the line too long.
        """
        with self.turn() as deadline:
            self._sort_lines()
            # Stop at the deadline. Otherwise a device that never stops sending would keep this loop running.
            while self._clock() < deadline and self._read(wait=False):
                self._sort_lines()
            events = list(self._events)
            self._events.clear()
            return events

    def forget_events(self, word: str) -> None:
        """Drop all events of the kind `word` that have arrived. Call this method within `turn`.

        An event that the card sent earlier than the newest event received, but that arrives later, is dropped too.
        """
        if self._last_event:
            self._forgotten[word] = self._last_event.seq
        kept = [event for event in self._events if event.word != word]
        self._events.clear()
        self._events.extend(kept)

    def close(self) -> None:
        """Close the port. A running call in another thread ends with LinkClosed. Closing twice does no harm."""
        if self._closed:
            return
        self._closed = True
        # A pyserial port must not be closed during a read. Wait until the thread that reads has seen the flag.
        mine = self._turn.acquire(timeout=_lock_timeout(self._timeout))
        try:
            with suppress(OSError):
                self._port.close()
        finally:
            if mine:
                self._turn.release()

    @contextmanager
    def _line_held(self, deadline: float) -> Generator[None]:
        self._acquire(self._queue, deadline)
        try:
            self._acquire(self._turn, deadline)
        finally:
            self._queue.release()
        try:
            self._check_open()
            yield
        finally:
            self._turn.release()

    def _acquire(self, lock: threading.Lock, deadline: float) -> None:
        if not lock.acquire(timeout=_lock_timeout(deadline - self._clock())):
            raise LinkTimeout("another call holds the line to the card")

    def _send(self, line: bytes, left: float) -> None:
        if left <= 0:
            raise LinkTimeout(f"the call's time of {self._timeout:g} s ran out before the request was sent")
        self._secret_sent = self._secret_sent or mask(line) != line
        # A card echoes nothing. If this line came back, the device may be a MicroPython prompt, which needs a CR to answer.
        end = b"\r\n" if line in self.seen else b"\n"
        with self._port_errors():
            if self._limits_writes:
                limit = min(left, self._timeout / 2)
                if self._port.write_timeout != limit:
                    self._port.write_timeout = limit
            self._port.write(end + line + end)
        self._note("sent", line)

    def _limit_writes(self) -> bool:
        try:
            self._port.write_timeout = self._timeout / 2
        except (NotImplementedError, AttributeError):
            # rfc2217:// supports no write timeout. Set None again. Otherwise setting any other property of the port fails too.
            with suppress(AttributeError):
                self._port.write_timeout = None
            return False
        return True

    def _sort_old_lines(self, deadline: float) -> None:
        """Sort the lines that arrive before a request is sent. None of them is the reply, even if its number matches."""
        self._sort_lines()
        with self._port_errors():
            # The `in_waiting` of `socket://` is 1 for any number of bytes, so go on until nothing waits.
            left = max(self._port.in_waiting, _MOST_OLD)
        until = min(deadline, self._clock() + self._timeout / 4)
        while left > 0 and self._clock() < until and (came := self._read(wait=False)):
            left -= came
            self._sort_lines()

    def _cut_line(self) -> None:
        """Set an unfinished line aside. Otherwise the next reply would be joined to the unfinished line, and lost."""
        unfinished = self._reader.cut()
        if decode(unfinished):  # The line is complete, but its line end has not arrived yet.
            self._lines.append(unfinished)
            self._sort_lines()
        else:
            self._unfinished = unfinished

    def _wait_reply(self, seq: int, deadline: float) -> Reply | None:
        more = True
        while more:
            more = self._receive(deadline)
            if reply := self._sort_lines(seq):
                return reply
        return None

    def _receive(self, deadline: float) -> bool:
        """Read lines for `_sort_lines`, waiting at most `READ_SLICE`. Return False if there is no line and no time left."""
        if self._lines:
            return True
        left = deadline - self._clock()
        if left >= self._slice:
            self._read(wait=True)
            return True
        return self._read_last(left) > 0 and left > 0

    def _read_last(self, left: float) -> int:
        """Read as `_read` does, and wait for the rest of the time, which is less than a usual read waits."""
        # A port without a write timeout is `rfc2217://`. It would negotiate the new timeout, which takes longer than `left`.
        if left <= _READ_ENDS or not self._limits_writes:
            return self._read(wait=False)
        with self._port_errors():
            self._port.timeout = left - _READ_ENDS
        try:
            return self._read(wait=True)
        finally:
            with self._port_errors():
                self._port.timeout = self._slice

    def _read(self, *, wait: bool) -> int:
        """Read the bytes that have arrived, and return their number. If there are none, wait for a byte if `wait` is true."""
        self._check_open()
        with self._port_errors():
            waiting = self._port.in_waiting
            data = self._port.read(max(1, min(waiting, _CHUNK))) if waiting or wait else b""
        self.seen = (self.seen + data)[-_SEEN:]
        self._lines.extend(self._reader.feed(data))
        return len(data)

    def _sort_lines(self, seq: int | None = None) -> Reply | None:
        """Take the lines that were read, up to the reply `seq`. Queue the events, and drop all other lines. Return the reply.

        Return None if that reply is not among the lines.
        """
        while self._lines:
            frame = self._decode(self._lines.popleft())
            if isinstance(frame, Event):
                self._keep(frame)
            elif isinstance(frame, Reply) and frame.seq == seq:
                return frame
        return None

    def _decode(self, line: bytes) -> Frame | None:
        """Decode a line. If an unfinished line was set aside, first decode both together, and then the new line alone."""
        unfinished, self._unfinished = self._unfinished, b""
        frame = decode(unfinished + line) or (decode(line) if unfinished else None)
        noise = frame is None and self._secret_sent
        self._note("received", mask_noise(unfinished + line) if noise else unfinished + line)
        return frame

    def _keep(self, event: Event) -> None:
        # An event that equals the last event is the same line, which has arrived twice. An exception is `boot`: the events of a
        # card that restarts are numbered from 0 again, so two restarts in a row give equal events.
        if event.word == "boot":
            self._forgotten.clear()
        elif event == self._last_event or self._is_forgotten(event):
            return
        self._last_event = event
        # Remove each limit in `_forgotten` that is far behind. Otherwise, once the numbers wrap around, new events would look
        # older than the limit, and be dropped.
        for word, last in list(self._forgotten.items()):
            if MAX_SEQ // 4 < (event.seq - last) & MAX_SEQ <= MAX_SEQ // 2:
                del self._forgotten[word]
        self.events_dropped += len(self._events) == MAX_EVENTS
        self._events.append(event)

    def _is_forgotten(self, event: Event) -> bool:
        # Numbers wrap around after 65,535, so half of all numbers count as older than a given number.
        last = self._forgotten.get(event.word)
        return last is not None and (event.seq - last - 1) & MAX_SEQ > MAX_SEQ // 2

    def _has_event(self, word: str) -> bool:
        return any(event.word == word for event in self._events)

    def _take_event(self, word: str) -> Event:
        event = next(event for event in self._events if event.word == word)
        self._events.remove(event)
        return event

    def _note(self, direction: str, line: bytes) -> None:
        if self._transcript:
            self._transcript(direction, mask(line))

    def _check_open(self) -> None:
        if self._closed:
            raise LinkClosed("the line to the card is closed")

    @contextmanager
    def _port_errors(self) -> Generator[None]:
        try:
            yield
        except SerialTimeoutException as error:
            raise LinkTimeout("the port accepted no data before the deadline") from error
        except _LOST as error:
            raise LinkClosed(
                f"the line to the card was lost ({error}). If the card was unplugged, plug it in; then try again"
            ) from error


def _lock_timeout(seconds: float) -> float:
    return min(max(seconds, 0), threading.TIMEOUT_MAX)


def _words(text: str) -> str:
    """Return a card's text for an error message. Control characters, and anything that could be a key, are masked."""
    return _LONG_HEX.sub("****", "".join(c if c.isprintable() else "?" for c in text))
