"""One request at a time over a port that may lose, repeat, damage or mix up what it carries, or never answer.

Promises: `ask` ends at its deadline at the latest, whatever comes in, and the next `ask` works as if it had not been;
only a reply with the number of this very request is believed that came after the request was sent, and numbers come back
only after 65,536 requests; memory is bounded, also under a flood; events that come in between are kept in order (the newest
256). Several threads may share a session: their requests never interleave, and one that waits for an event does not hold up
the others.
"""

from __future__ import annotations

import math
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol

from serial import SerialTimeoutException

from dsc_host.errors import CardError, InputError, LinkClosed, LinkTimeout
from dsc_host.link.frames import MAX_SEQ, Event, Frame, LineReader, Reply, decode, encode_request, mask, mask_noise

try:
    import termios
except ImportError:  # Not on Windows.
    termios = None  # type: ignore[assignment]

READ_SLICE = 0.02
"""Seconds that a read waits at most, so that a deadline, a close and other threads are noticed."""
MAX_EVENTS = 256
_CHUNK = 4096
# pyserial lets a TypeError out if its port was closed by someone else, and a termios.error if it vanishes as it is set up.
_LOST = (OSError, TypeError, *([termios.error] if termios else []))
_SEEN = 200
_LONG_HEX = re.compile(r"[0-9A-Fa-f]{24,}")

Transcript = Callable[[str, bytes], None]
"""Called with `sent` or `received` and a line in which keys, PINs and responses are starred out."""


class SerialPort(Protocol):
    """What is used of a pyserial port: any object with these will do. Times are in seconds."""

    timeout: float | None
    write_timeout: float | None

    @property
    def in_waiting(self) -> int: ...
    def read(self, size: int = ..., /) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...
    def close(self) -> None: ...


class Session:
    """Requests and replies over `port`, which it owns from now on. Every call has `timeout` seconds in all.

    Raises InputError if `timeout` is not a positive number, LinkClosed if the port is closed already.
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
        # Two doors to the port, so that a thread which waits for an event, and comes back for its next turn at once,
        # can't keep out one that stands in the queue.
        self._queue, self._turn = threading.Lock(), threading.Lock()
        self._next_seq = secrets.randbelow(MAX_SEQ + 1)
        self._reader = LineReader()
        self._lines: deque[bytes] = deque()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._last_event: Event | None = None
        self._forgotten: dict[str, int] = {}
        self._begun = b""
        self._secret_sent = False
        self.events_dropped = 0
        self.seen = b""
        with self._port_errors():
            if port.timeout != self._slice:  # Setting it costs a negotiation on some ports.
                port.timeout = self._slice
            self._limits_writes = self._limit_writes()

    @contextmanager
    def turn(self) -> Generator[float]:
        """Holds the line for one call, and gives its deadline, counted from now, waiting for the turn included.

        Raises LinkTimeout if other threads hold the line until then.
        """
        deadline = self._clock() + self._timeout
        with self._line_held(deadline):
            yield deadline

    def ask(self, word: str, values: Mapping[str, str], deadline: float, *, resend: bool) -> Mapping[str, str]:
        """The values of the card's reply. Needs the turn. `resend`: asking twice does no harm, so ask again if need be.

        Raises CardError for a refusal, LinkTimeout, LinkClosed.
        """
        seq = self._next_seq
        self._next_seq = (seq + 1) & MAX_SEQ
        line = encode_request(seq, word, values)
        self._take_in_old(deadline)
        if not resend:
            self._cut_line()
        reply, final = None, False
        while reply is None:
            if final:
                raise LinkTimeout(f"the card did not answer {word} within {self._timeout:g} s")
            left = deadline - self._clock()
            final = not resend or left < self._timeout / 2
            self._send(line, left)
            reply = self._wait_reply(seq, deadline if final else self._clock() + self._timeout / 3)
        if reply.code:
            raise CardError(reply.code, _words(reply.text))
        return reply.values

    def wait_event(self, word: str, timeout: float) -> Event:
        """The oldest event `word` that was not fetched yet. Raises LinkTimeout after `timeout` seconds, LinkClosed."""
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
        raise LinkTimeout(f"no {word} came from the card within {timeout:g} s")

    def drain_events(self) -> list[Event]:
        """All events that came and were not fetched yet, oldest first, without waiting. Raises LinkClosed."""
        with self.turn() as deadline:
            self._sort_lines()
            # Not for ever: a line that never falls silent always has something waiting.
            while self._clock() < deadline and self._read(wait=False):
                self._sort_lines()
            events = list(self._events)
            self._events.clear()
            return events

    def forget_events(self, word: str) -> None:
        """Drops the events `word` that the card sent up to now, also those that come late. Needs the turn."""
        if self._last_event:
            self._forgotten[word] = self._last_event.seq
        kept = [event for event in self._events if event.word != word]
        self._events.clear()
        self._events.extend(kept)

    def close(self) -> None:
        """Closes the port; a call that is under way in another thread ends with LinkClosed. Twice does no harm."""
        if self._closed:
            return
        self._closed = True
        # pyserial's ports don't like to be closed under a read, so wait for the other thread to see the flag.
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
            raise LinkTimeout(f"the time of the call, {self._timeout:g} s, was up before all was sent")
        self._secret_sent = self._secret_sent or mask(line) != line
        with self._port_errors():
            if self._limits_writes:
                limit = min(left, self._timeout / 2)
                if self._port.write_timeout != limit:
                    self._port.write_timeout = limit
            self._port.write(b"\n" + line + b"\n")
        self._note("sent", line)

    def _limit_writes(self) -> bool:
        try:
            self._port.write_timeout = self._timeout / 2
        except (NotImplementedError, AttributeError):
            # rfc2217:// has no such limit, and fails at every later setting unless it is taken back.
            with suppress(AttributeError):
                self._port.write_timeout = None
            return False
        return True

    def _take_in_old(self, deadline: float) -> None:
        """Sorts what came before a request is sent: whatever number it has, it is no reply to it."""
        self._sort_lines()
        with self._port_errors():
            waiting = self._port.in_waiting
        while waiting > 0 and self._clock() < deadline and (came := self._read(wait=False)):
            waiting -= came
            self._sort_lines()

    def _cut_line(self) -> None:
        """Sees to it that the reply to a request that is sent once is not lost to a line whose end was lost."""
        begun = self._reader.cut()
        if decode(begun):  # All of it is there: only its end is missing, or still under way.
            self._lines.append(begun)
            self._sort_lines()
        else:
            self._begun = begun

    def _wait_reply(self, seq: int, deadline: float) -> Reply | None:
        more = True
        while more:
            more = self._receive(deadline)
            if reply := self._sort_lines(seq):
                return reply
        return None

    def _receive(self, deadline: float) -> bool:
        """Gets lines to sort, waiting one slice for them; False if there is no time left to come back for more."""
        if self._lines:
            return True
        left = deadline - self._clock()
        may_wait = left >= self._slice
        came = self._read(wait=may_wait)
        return may_wait or (came > 0 and left > 0)

    def _read(self, *, wait: bool) -> int:
        """Takes in what is there, or, if that is nothing and it may wait, the first byte. Returns how many bytes."""
        self._check_open()
        with self._port_errors():
            waiting = self._port.in_waiting
            data = self._port.read(max(1, min(waiting, _CHUNK))) if waiting or wait else b""
        self.seen = (self.seen + data)[-_SEEN:]
        self._lines.extend(self._reader.feed(data))
        return len(data)

    def _sort_lines(self, seq: int | None = None) -> Reply | None:
        """Puts events into their queue, up to the reply `seq` if it is there; drops what nobody waits for."""
        while self._lines:
            frame = self._decode(self._lines.popleft())
            if isinstance(frame, Event):
                self._keep(frame)
            elif isinstance(frame, Reply) and frame.seq == seq:
                return frame
        return None

    def _decode(self, line: bytes) -> Frame | None:
        """The frame in a line, or in what came of it after the request if it had begun before and is none as a whole."""
        begun, self._begun = self._begun, b""
        frame = decode(begun + line) or (decode(line) if begun else None)
        noise = frame is None and self._secret_sent
        self._note("received", mask_noise(begun + line) if noise else begun + line)
        return frame

    def _keep(self, event: Event) -> None:
        # The same number and the same content again is the same line twice. But a card that starts again counts from
        # the beginning again, so that two starts in a row look alike.
        if event.word == "boot":
            self._forgotten.clear()
        elif event == self._last_event or self._is_forgotten(event):
            return
        self._last_event = event
        self.events_dropped += len(self._events) == MAX_EVENTS
        self._events.append(event)

    def _is_forgotten(self, event: Event) -> bool:
        # Half of all numbers are older than any given one, as they wrap.
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
            raise LinkTimeout("the port took nothing that was sent before the deadline") from error
        except _LOST as error:
            raise LinkClosed(f"the line to the card was lost ({error}): unplugged, or closed elsewhere?") from error


def _lock_timeout(seconds: float) -> float:
    return min(max(seconds, 0), threading.TIMEOUT_MAX)


def _words(text: str) -> str:
    """What a card says, fit for a message: nothing that a terminal would obey, nothing that could be a key."""
    return _LONG_HEX.sub("****", "".join(c if c.isprintable() else "?" for c in text))
