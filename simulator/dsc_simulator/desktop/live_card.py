"""A simulated card in real time, with several people at its line: the part of the desktop program that has no screen.

Promises: every call may come from any thread; time passes on the card only as it passes for `now`, unless it is paused; what
the card sends goes to everybody who listens; the record of the line holds no key, no PIN and no response; whatever the firmware
does wrong ends in `trouble`, for a person to read, and a restart gets over it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import unquote

from dsc_firmware.journal import epoch_of
from dsc_host.link import mask
from dsc_simulator.card import SimulatedCard
from dsc_simulator.errors import SimulatorError

TICK = 0.25
"""Seconds between two looks at a card that is on: its display changes by itself at most once a second."""
_OFF_WITHIN = 120
_KEPT_LINES = 500
_LINE_MAX = 240
_LINE_ENDS = (b"\n", b"\r")

Listener = Callable[[bytes], None]


class Spoken(NamedTuple):
    """One line on the line: when, in seconds of the card's time; whether it went to the card; what, without its secrets."""

    at: float
    to_card: bool
    text: str


class LiveCard:
    """`card`, whose clock follows `now`. `changed` is called, in whatever thread, when there may be something new to show."""

    def __init__(
        self, card: SimulatedCard, *, now: Callable[[], float] = time.monotonic, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.card = card
        self.changed = changed
        self.paused = False
        self.trouble = ""
        self.spoken: deque[Spoken] = deque(maxlen=_KEPT_LINES)
        self._now = now
        self._then = now()
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._parts = {True: b"", False: b""}
        self._interpreter = ""
        self._facts: dict[str, str] = {}
        with self._lock:
            self._pass_on()

    @property
    def display(self) -> str:
        """What the display shows, without the spaces on its right."""
        return self.card.display

    @property
    def interpreter(self) -> str:
        """What runs the firmware, with its version."""
        with suppress(SimulatorError):
            self._interpreter = self.card.interpreter
        return self._interpreter

    @property
    def seconds(self) -> float:
        """How long the card's clock has run."""
        return self.card.board.clock.now_ms / 1000

    @property
    def next_tick(self) -> float | None:
        """Seconds until `tick` should be called; None while nothing can happen by itself."""
        return TICK if self.display and not self.paused and not self.trouble else None

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        with self._at_work():
            self.card.press(*keys)

    def send(self, data: bytes) -> None:
        """Bytes for the card, from whoever is at its line."""
        with self._at_work():
            self._note(data, to_card=True)
            self.card.send(data)

    def tick(self) -> None:
        """Let the time pass that has passed. `changed` is called only if the card has noticed."""
        with self._lock:
            before = (self.display, self.trouble)
            self._catch_up()
            self._pass_on()
        if before != (self.display, self.trouble):
            self.changed()

    def advance(self, seconds: float) -> None:
        """Let some time pass at once."""
        with self._at_work():
            self.card.advance(seconds)

    def advance_to_off(self) -> None:
        """Let as much time pass at once as the card takes to switch itself off."""
        with self._at_work():
            for _ in range(_OFF_WITHIN):
                if not self.card.advance(1):
                    return

    def pause(self, paused: bool) -> None:
        """Have the card's time stand still, or go on."""
        with self._at_work():
            self.paused = paused

    def restart(self) -> None:
        """Take the battery out and put it back."""
        with self._at_work():
            self.trouble = ""
            self._parts = {True: b"", False: b""}
            self.card.restart()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with all that the card sends from now on; returns what ends that, once or more."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def facts(self) -> dict[str, str]:
        """What the card says of itself: its answers to `hello` and `info`, as in docs/protocol.md.

        `damaged` is there too if no record in its flash is good. Asked for between what others say, and told to nobody
        else. While somebody is in the middle of a line: what it said before.
        """
        with self._lock:
            if not self.trouble and not self._parts[True]:
                self._pass_on()
                try:
                    self._facts = {name: value for word in (b"hello", b"info") for name, value in self._ask(word)}
                except SimulatorError as error:
                    self.trouble = str(error)
                self._facts |= {"damaged": "1"} if self._is_damaged() else {}
            return self._facts

    def _is_damaged(self) -> bool:
        # As in the firmware's journal: with one slot never written, the first record ever was only cut.
        slots = self.card.flash.slots
        return None not in slots and all(epoch_of(slot) < 0 for slot in slots)

    def _ask(self, word: bytes) -> Iterator[tuple[str, str]]:
        self.card.send(b">0 %s\n" % word)
        body = self.card.receive().rpartition(b"*")[0].decode("ascii", "replace")
        for pair in body.split()[2:]:
            name, _, value = pair.partition("=")
            yield name, unquote(value)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._lock:
            self._catch_up()
            try:
                yield
            except SimulatorError as error:
                self.trouble = str(error)
            self._pass_on()
        self.changed()

    def _catch_up(self) -> None:
        passed = int((self._now() - self._then) * 1000)
        # What is less than a millisecond is left for the next time.
        self._then += passed / 1000
        if self.paused or self.trouble or passed <= 0:
            return
        try:
            self.card.advance(passed / 1000)
        except SimulatorError as error:
            self.trouble = str(error)

    def _pass_on(self) -> None:
        data = self.card.receive()
        if data:
            self._note(data, to_card=False)
            for listener in tuple(self._listeners):
                listener(data)

    def _note(self, data: bytes, *, to_card: bool) -> None:
        """Write down the lines that have ended; of what is no line, no more than a line's length is kept."""
        *lines, rest = (self._parts[to_card] + data).replace(b"\r", b"\n").split(b"\n")
        self._parts[to_card] = rest[-_LINE_MAX:]
        for line in lines:
            if line:
                text = mask(line[-_LINE_MAX:]).decode("ascii", "backslashreplace")
                # Control characters would be the terminal's to obey.
                shown = "".join(c if c.isprintable() else "." for c in text)
                self.spoken.append(Spoken(self.seconds, to_card, shown))


class InProcessPort:
    """The host's end of a live card's line, like a pyserial port: for a CardClient in this very program."""

    def __init__(self, live: LiveCard) -> None:
        self.timeout: float | None = None
        self.write_timeout: float | None = None
        self._live = live
        self._received = bytearray()
        self._stop = live.listen(self._received.extend)

    @property
    def in_waiting(self) -> int:
        return len(self._received)

    def read(self, size: int = 1, /) -> bytes:
        """What is there: the card has answered before `write` returns, so there is nothing to wait for."""
        if not self._received:
            time.sleep(self.timeout or 0)
        taken = bytes(self._received[:size])
        del self._received[: len(taken)]
        return taken

    def write(self, data: bytes, /) -> int:
        self._live.send(data)
        return len(data)

    def close(self) -> None:
        self._stop()
