"""A software board: the ports that the firmware uses, and methods to control the other side of each port.

The board has a keypad, a display, a clock that advances only when it is set, a source of entropy, two slots of flash, a serial
line, and a battery. `dsc_firmware.ports` describes the ports.
"""

import random
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dsc_firmware.ports import CELLS, KEY_C, KEY_OK, KEY_PRESS, TICKS_PERIOD
from dsc_simulator.errors import PowerCut

_ERASED = b"\xff"
HEAP = 192 * 1024
"""The default heap in bytes, as on a small board."""

KEYS: dict[str, int] = {**{d: ord(d) for d in "0123456789"}, "OK": KEY_OK, "C": KEY_C, "PRESS": KEY_PRESS}
"""The firmware's code of each key, by the name that the key has on the serial line."""


def check_key(name: str) -> None:
    """Raise ValueError, with a list of all names, if no key has this name."""
    if name not in KEYS:
        raise ValueError(f"key: must be one of {', '.join(KEYS)}, not {name!r}")


class Keypad:
    """A keypad that holds pressed keys until the firmware takes them."""

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()

    def push(self, name: str) -> None:
        """Press the key with this name. Raise ValueError, with a list of all names, if there is no such key."""
        check_key(name)
        self._waiting.append(KEYS[name])

    def get(self) -> int | None:
        """Remove and return the oldest waiting key. Return None if no key waits."""
        return self._waiting.popleft() if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting)


class Display:
    """A display of eight ASCII characters."""

    def __init__(self) -> None:
        self.cells: bytes = b" " * CELLS

    def show(self, cells: bytes | bytearray | memoryview) -> None:
        """Show these eight characters."""
        self.cells = bytes(cells)


class Clock:
    """The clock of a board, in milliseconds since the board was made. Time passes only when `now_ms` is changed."""

    def __init__(self) -> None:
        self.now_ms = 0

    def ticks_ms(self) -> int:
        """Return the time in milliseconds. The number wraps around after the same period as on a real board."""
        return self.now_ms % int(TICKS_PERIOD)


class Entropy:
    """A source of random bytes. A seed makes the bytes reproducible. Without a seed, they come from the operating system."""

    def __init__(self, seed: int | None) -> None:
        self._bytes: Callable[[int], bytes] = secrets.token_bytes
        if seed is not None:
            self._bytes = random.Random(seed).randbytes  # noqa: S311 - meant to come out the same each time

    def read(self, n: int) -> bytes:
        """Return `n` random bytes."""
        return self._bytes(n)


class Flash:
    """Two slots that keep their contents when the board loses power.

    If `cut_after` is a number, the power fails after this many more bytes have been written. The next byte is torn: some of its
    bits are new and some are old. `slots` are the contents of the slots. A slot that was never written is None.

    Examples:
        >>> from dsc_simulator import Flash, Profile, SimulatedCard
        >>> card = SimulatedCard(profile=Profile(serial="IB3000123", key=bytes(32)))
        >>> copy = SimulatedCard(flash=Flash(tuple(card.flash.slots)))
        >>> copy.press("PRESS")
        'PIN>'
    """

    def __init__(self, slots: tuple[bytes | None, bytes | None] = (None, None)) -> None:
        self.slots: list[bytes | None] = list(slots)
        self.cut_after: int | None = None
        self._tear = random.Random(0)  # noqa: S311 - meant to come out the same each time

    def read(self, slot: int) -> bytes | None:
        """Return the contents of `slot`, 0 or 1, or None if it was never written."""
        return self.slots[slot]

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        """Write `data` to `slot`, 0 or 1. Raise PowerCut if the planned power failure comes first."""
        new = bytes(data)
        if self.cut_after is None or self.cut_after > len(new):
            self.slots[slot] = new
            self.cut_after = None if self.cut_after is None else self.cut_after - len(new)
            return
        at, self.cut_after = self.cut_after, None
        self.slots[slot] = new[:at] + self._torn(new[at:], (self.slots[slot] or b"").ljust(len(new), _ERASED)[at:])
        raise PowerCut(f"the power failed after {at} of the {len(new)} bytes of slot {slot}")

    def _torn(self, new: bytes, old: bytes) -> bytes:
        """Return the rest of a slot after a power failure. Some bits of the first byte are new, and all other bytes are old."""
        return bytes((old[0] ^ (old[0] ^ new[0]) & self._tear.randrange(256),)) + old[1:] if new else b""


class Line:
    """The card's end of the serial line: `inbox` holds bytes for the card, `outbox` bytes from the card."""

    def __init__(self) -> None:
        self.inbox = bytearray()
        self.outbox = bytearray()

    def read(self) -> bytes:
        """Remove and return the bytes that have arrived for the card."""
        waiting = bytes(self.inbox)
        self.inbox.clear()
        return waiting

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes from the card."""
        self.outbox += data

    def take(self) -> bytes:
        """Remove and return the bytes that the card has sent."""
        taken = bytes(self.outbox)
        self.outbox.clear()
        return taken


class Battery:
    """A battery that is good until `flat` is set."""

    def __init__(self) -> None:
        self.flat = False

    def low(self) -> bool:
        """Return whether the battery is low."""
        return self.flat


@dataclass
class SimulatedBoard:
    """All ports of one board, as `dsc_firmware.ports` defines them."""

    entropy: Entropy
    flash: Flash
    keypad: Keypad = field(default_factory=Keypad)
    display: Display = field(default_factory=Display)
    clock: Clock = field(default_factory=Clock)
    line: Line = field(default_factory=Line)
    battery: Battery = field(default_factory=Battery)
    name: str = "simulator"
    caps: str = "keys"
    heap: int = HEAP
    fuel: int | None = None
    """The number of instructions until the power fails, on an engine that counts instructions. None: no failure is planned."""
