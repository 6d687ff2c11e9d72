"""A simulated Digital Security Card+ that runs the real firmware, for tests, programs and people.

Nothing happens between calls: time passes only in `advance`, and the firmware runs only during a call. Calls from several
threads are serialized.
"""

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from dsc_firmware.ports import CELLS
from dsc_simulator import engines
from dsc_simulator.board import HEAP, Display, Entropy, Flash, Keypad, Line, SimulatedBoard, check_key
from dsc_simulator.errors import CardOff, PowerCut, SimulatorError
from dsc_simulator.profile import Profile

# The cards that `sim://NAME` can find, by name. The dictionary keeps no card alive: a card that nobody uses disappears from it.
_live: "WeakValueDictionary[str, SimulatedCard]" = WeakValueDictionary()
_names = itertools.count(1)


def find(name: str) -> "SimulatedCard | None":
    """Return the open card of this process whose URL is `sim://name`, or None."""
    return _live.get(name)


class SimulatedCard:
    """A simulated card. `engine` is `cpython` or `micropython`.

    `profile` personalizes the card before it starts. Without a profile, the card is blank or has the contents of `flash`.
    `seed` makes the card's entropy reproducible; None means entropy from the operating system. `keys_on_line` lets programs
    press the card's keys over the serial line. `heap` is the size of the heap of `micropython` in bytes; the default is 192 KB,
    as on a small board. The card's errors are SimulatorErrors. Methods raise ValueError for a wrong argument.

    Attributes:
        flash: The card's flash. A new card that is made with this flash continues where this card stopped.
        board: The software board, for tests of the firmware itself.

    Examples:
        >>> from dsc_simulator import Profile, SimulatedCard
        >>> with SimulatedCard(profile=Profile(serial="IB3000123", key=bytes(range(32)))) as card:
        ...     card.press("PRESS"), card.enter("1234"), card.enter("482913"), card.advance(60)
        ('PIN>', 'CHALLNG>', '03421046', '')
    """

    def __init__(
        self,
        *,
        engine: str = "cpython",
        profile: Profile | None = None,
        flash: Flash | None = None,
        seed: int | None = None,
        keys_on_line: bool = True,
        heap: int = HEAP,
    ) -> None:
        if profile is not None and flash is not None:
            raise SimulatorError("profile, flash: give one of them, not both")
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._watchers: dict[object, Callable[[str, bytes], None]] = {}
        self.flash = flash or (profile.flash() if profile else Flash())
        self.board = SimulatedBoard(Entropy(seed), self.flash, caps="keys" if keys_on_line else "", heap=heap)
        self._engine_name = engine
        self._engine: engines.Engine | None = engines.start(engine, self.board)
        self._due = 0
        self._sent = bytearray()
        self._name = f"card-{next(_names)}"
        with self._lock:
            self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._engine is None else self.display or "off"
        return f"<SimulatedCard {self._name} on {self._engine_name}: {state}>"

    @property
    def engine(self) -> str:
        """The name of the engine that runs the firmware."""
        return self._engine_name

    @property
    def interpreter(self) -> str:
        """The interpreter that runs the firmware, with its version, as text for a person."""
        return self._running().interpreter

    @property
    def instructions(self) -> int | None:
        """The number of instructions that the VM has executed, which depends only on the inputs. None on `cpython`.

        Do not read it while another thread calls a method of the card.
        """
        return self._running().instructions

    @property
    def cells(self) -> str:
        """The 8 characters of the display."""
        return self.board.display.cells.decode("ascii")

    @property
    def display(self) -> str:
        """The text on the display, without the spaces on its right. It is empty when the card is off."""
        return self.cells.rstrip()

    @property
    def url(self) -> str:
        """An address for any pyserial program in this process: `serial.serial_for_url(card.url)`."""
        with self._lock:
            if not self.closed:
                _live[self._name] = self
        return f"sim://{self._name}"

    @property
    def closed(self) -> bool:
        """Whether the card was closed."""
        return self._engine is None

    def memory(self) -> bytes | None:
        """Return the whole RAM of the card as it is now, to search it for secrets. None on `cpython`.

        Raise FirmwareCrash if the card has stopped or its power has failed.
        """
        with self._lock:
            return self._running().memory()

    def press(self, *keys: str) -> str:
        """Press `keys`, one after another: `0` to `9`, `OK`, `C` or `PRESS`. Return what the display then shows.

        Raise ValueError, before any key is pressed, if there is no such key.
        """
        for key in keys:
            check_key(key)
        with self._lock:
            self._running()
            for key in keys:
                self.board.keypad.push(key)
                self._run()
            return self.display

    def enter(self, text: str) -> str:
        """Type the digits of `text`, then OK. Return what the display then shows."""
        return self.press(*text, "OK")

    def advance(self, seconds: float) -> str:
        """Advance the card's clock by `seconds`, and run the firmware whenever it is due. Return what the display then shows.

        Raise ValueError for a negative or infinite number.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError("seconds: must be 0 or more, and finite")
        with self._lock:
            left = round(seconds * 1000)
            while left > 0:
                step = min(left, max(self._due, 1))
                self.board.clock.now_ms += step
                left -= step
                self._run()
            return self.display

    def restart(self) -> None:
        """Remove and replace the battery. The contents of the RAM are lost, and the contents of the flash remain."""
        with self._lock:
            self._running().close()
            self.board = replace(self.board, keypad=Keypad(), display=Display(), line=Line())
            with self._power():
                self._engine = engines.start(self._engine_name, self.board)
            self._run()

    def cut_power(self, after: int | None) -> None:
        """Plan a power failure after `after` more units. None cancels the plan.

        On `micropython` a unit is an instruction. On `cpython` a unit is a byte written to flash, and the byte that follows is
        torn. Units are counted across calls. With 0, the power fails at the next instruction or write. The call during which
        the power fails raises PowerCut; call `restart` after it. Raise ValueError for a negative number.
        """
        if after is not None and after < 0:
            raise ValueError("after: must not be negative")
        with self._lock:
            self._running()
            if self.instructions is None:
                self.flash.cut_after = after
            else:
                self.board.fuel = after

    def watch(self, watcher: Callable[[str, bytes], None]) -> Callable[[], None]:
        """Call `watcher` with "in" or "out" and the bytes, for all data on the serial line.

        Return a function that ends these calls. Calling that function twice does nothing.
        """
        # A new object, so that two watchers that are equal can be told apart.
        key = object()
        self._watchers[key] = watcher

        def end() -> None:
            self._watchers.pop(key, None)

        return end

    def send(self, data: bytes) -> None:
        """Send `data` to the card over the serial line. When the call returns, the card has handled the data."""
        with self._lock:
            self._running()
            self._tell("in", data)
            self.board.line.inbox += data
            self._run()

    def receive(
        self, size: int | None = None, timeout: float | None = 0, given_up: Callable[[], bool] = lambda: False
    ) -> bytes:
        """Take at most `size` bytes that the card has sent. Wait up to `timeout` real seconds (None means forever) for them.

        Without a size, return the available bytes without waiting. If another thread calls `wake` during the wait, this method
        calls `given_up`, and returns early if `given_up` returns True.
        """
        with self._lock:
            if size is not None:
                self._arrived.wait_for(lambda: self.closed or len(self._sent) >= size or given_up(), timeout)
            taken = bytes(self._sent[:size])
            del self._sent[: len(taken)]
            return taken

    def wake(self) -> None:
        """Make every thread that waits in `receive` check its `given_up`."""
        with self._lock:
            self._arrived.notify_all()

    @property
    def waiting(self) -> int:
        """The number of bytes that the card has sent and that nobody has received yet."""
        return len(self._sent)

    def close(self) -> None:
        """End the simulation. Closing twice does nothing."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            _live.pop(self._name, None)
            self._arrived.notify_all()

    def _running(self) -> engines.Engine:
        if self._engine is None:
            raise CardOff("this simulated card is closed")
        return self._engine

    @contextmanager
    def _power(self) -> Iterator[None]:
        """If the power fails in the block, clear the display and cancel the plan for a failure."""
        try:
            yield
        except PowerCut:
            self.board.fuel = None
            self.board.display.show(b" " * CELLS)
            raise

    def _tell(self, direction: str, data: bytes) -> None:
        for watcher in tuple(self._watchers.values()):
            watcher(direction, data)

    def _run(self) -> None:
        """Run the firmware until it has handled every key and byte."""
        board = self.board
        untaken = len(board.keypad) + len(board.line.inbox)
        while True:
            with self._power():
                self._due = self._running().poll()
            self._collect_output(board.line.take())
            left = len(board.keypad) + len(board.line.inbox)
            if not left:
                return
            if left >= untaken:
                raise SimulatorError("the firmware does not process the data that is sent to it")
            untaken = left

    def _collect_output(self, sent: bytes) -> None:
        if sent:
            self._sent += sent
            self._arrived.notify_all()
            self._tell("out", sent)
