"""A simulated card in real time, with several hosts at its line: the part of the desktop program without a screen.

Promises:

- Every method may be called from any thread.
- The card's clock follows `now`, unless the clock is paused.
- Every listener gets all data that the card sends, except the answers to the requests of `facts`.
- `traffic`, the recorded lines, contains no key, no PIN and no response.
- `trouble` describes a failure of the firmware. A restart clears it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import unquote

from dsc_firmware.journal import epoch_of
from dsc_host.link.frames import decode, mask, mask_noise
from dsc_simulator.card import SimulatedCard
from dsc_simulator.errors import SimulatorError

TICK = 0.25
"""The seconds between two checks of a card that is on. Unless a key is pressed, its display changes at most once a second."""
_OFF_WITHIN = 120
_LINES_MAX = 500
_LINE_MAX = 240

Listener = Callable[[bytes], None]


class TrafficLine(NamedTuple):
    """One line of the protocol: the time on the card's clock in seconds, the direction, and the text without secrets."""

    at: float
    to_card: bool
    text: str


class LiveCard:
    """A card whose clock follows `now`. `changed` is called, in any thread, when there may be something new to show."""

    def __init__(
        self, card: SimulatedCard, *, now: Callable[[], float] = time.monotonic, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.card = card
        self.changed = changed
        self.paused = False
        self.trouble = ""
        self.traffic: deque[TrafficLine] = deque(maxlen=_LINES_MAX)
        self._now = now
        self._caught_up_to = now()
        self._lock = threading.RLock()
        self._listeners: dict[object, Listener] = {}
        self._partial_lines = {True: b"", False: b""}
        self._secret_seen = False
        self._interpreter = ""
        self._facts: dict[str, str] = {}
        with self._lock:
            self._deliver_output()

    @property
    def display(self) -> str:
        """The text on the display, without the spaces on its right."""
        return self.card.display

    @property
    def interpreter(self) -> str:
        """The interpreter that runs the firmware, with its version."""
        with suppress(SimulatorError):
            self._interpreter = self.card.interpreter
        return self._interpreter

    @property
    def seconds(self) -> float:
        """The time of the card's clock in seconds."""
        return self.card.board.clock.now_ms / 1000

    @property
    def next_tick(self) -> float | None:
        """The seconds until `tick` should be called. None if the card does not change with time."""
        return TICK if self.display and not self.paused and not self.trouble else None

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        with self._working():
            self.card.press(*keys)

    def send(self, data: bytes) -> None:
        """Send bytes from a host to the card."""
        with self._working():
            self._record(data, to_card=True)
            self.card.send(data)

    def tick(self) -> None:
        """Set the card's clock to `now`. Call `changed` only if the card's display or trouble has changed."""
        with self._lock:
            before = (self.display, self.trouble)
            self._catch_up()
            self._deliver_output()
        if before != (self.display, self.trouble):
            self.changed()

    def advance(self, seconds: float) -> None:
        """Advance the card's clock by `seconds`."""
        with self._working():
            self.card.advance(seconds)

    def advance_to_off(self) -> None:
        """Advance the card's clock until the card switches itself off."""
        with self._working():
            for _ in range(_OFF_WITHIN):
                if not self.card.advance(1):
                    return

    def pause(self, paused: bool) -> None:
        """Stop the card's time, or let it run again."""
        with self._working():
            self.paused = paused

    def restart(self) -> None:
        """Remove and replace the battery."""
        with self._working():
            self.trouble = ""
            self._partial_lines = {True: b"", False: b""}
            self.card.restart()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with all data that the card sends from now on.

        Return a function that ends these calls. Calling that function twice does nothing.
        """
        # A new object, so that two listeners that are equal can be told apart.
        key = object()
        with self._lock:
            self._listeners[key] = listener

        def end() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return end

    def facts(self) -> dict[str, str]:
        """Return the card's answers to `hello` and `info`, as in docs/reference/protocol.md.

        If the card's flash has no valid record, the result also has the name `damaged`. Hosts on the line do not see these
        requests and answers. After a failure of the firmware, and while a host has sent only a part of a line, return the
        previous result.
        """
        with self._lock:
            if not self.trouble and not self._partial_lines[True]:
                self._deliver_output()
                try:
                    self._facts = {name: value for word in (b"hello", b"info") for name, value in self._ask(word)}
                except SimulatorError as error:
                    self.trouble = str(error)
                self._facts |= {"damaged": "1"} if self._is_damaged() else {}
            return self._facts

    def _is_damaged(self) -> bool:
        # The firmware's journal decides in the same way. If one slot was never written, the card is blank: a power cut has
        # torn its first record.
        slots = self.card.flash.slots
        return None not in slots and all(epoch_of(slot) < 0 for slot in slots)

    def _ask(self, word: bytes) -> Iterator[tuple[str, str]]:
        self.card.send(b">0 %s\n" % word)
        body = self.card.receive().rpartition(b"*")[0].decode("ascii", "replace")
        for pair in body.split()[2:]:
            name, _, value = pair.partition("=")
            yield name, unquote(value)

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._lock:
            self._catch_up()
            try:
                yield
            except SimulatorError as error:
                self.trouble = str(error)
            self._deliver_output()
        self.changed()

    def _catch_up(self) -> None:
        passed = int((self._now() - self._caught_up_to) * 1000)
        # Keep the fraction of a millisecond for the next call.
        self._caught_up_to += passed / 1000
        if self.paused or self.trouble or passed <= 0:
            return
        try:
            self.card.advance(passed / 1000)
        except SimulatorError as error:
            self.trouble = str(error)

    def _deliver_output(self) -> None:
        data = self.card.receive()
        if data:
            self._record(data, to_card=False)
            for listener in tuple(self._listeners.values()):
                listener(data)

    def _record(self, data: bytes, *, to_card: bool) -> None:
        """Record the complete lines. Keep the bytes after the last line end for the next call, up to the length of a line."""
        *lines, rest = (self._partial_lines[to_card] + data).replace(b"\r", b"\n").split(b"\n")
        self._partial_lines[to_card] = rest[-_LINE_MAX:]
        for line in lines:
            if line:
                text = self._masked(line[-_LINE_MAX:]).decode("ascii", "backslashreplace")
                # Replace control characters, which a terminal would interpret.
                shown = "".join(c if c.isprintable() else "." for c in text)
                self.traffic.append(TrafficLine(self.seconds, to_card, shown))

    def _masked(self, line: bytes) -> bytes:
        masked = mask(line)
        self._secret_seen = self._secret_seen or masked != line
        # A damaged line may be a piece of a line with a secret: for example, two hosts sent lines at the same time.
        return mask_noise(masked) if self._secret_seen and decode(line) is None else masked


class InProcessPort:
    """A port to a live card's line for a CardClient in the same program, with the interface of a pyserial port."""

    def __init__(self, live: LiveCard) -> None:
        self.timeout: float | None = None
        self.write_timeout: float | None = None
        self._live = live
        self._received = bytearray()
        self._stop = live.listen(self._received.extend)

    @property
    def in_waiting(self) -> int:
        """The number of bytes that have arrived."""
        return len(self._received)

    def read(self, size: int = 1, /) -> bytes:
        """Return the bytes that have arrived. If there are none, wait for the whole timeout first."""
        if not self._received:
            time.sleep(self.timeout or 0)
        taken = bytes(self._received[:size])
        del self._received[: len(taken)]
        return taken

    def write(self, data: bytes, /) -> int:
        """Send bytes to the card. Return their number."""
        self._live.send(data)
        return len(data)

    def close(self) -> None:
        """Stop listening to the card."""
        self._stop()
