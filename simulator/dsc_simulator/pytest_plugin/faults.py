"""Faults around a card, for tests: noise on its line, a pulled plug, a flat battery.

The noise depends only on a seed, so the same calls are always disturbed in the same way.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from serial import SerialException

from dsc_simulator.card import SimulatedCard, _live
from dsc_simulator.errors import SimulatorError


class Unplugged(SimulatorError, SerialException):
    """The card is unplugged: its serial line transfers no data until `plug_in`."""


class LineNoise:
    """Noise that damages bytes on the line.

    `drop`, `corrupt` and `garbage` are the probabilities, from 0 to 1, that a byte is lost, that one of its bits is flipped,
    and that a random byte is inserted before it. Raises ValueError, with the name, for a value outside this range.
    """

    def __init__(self, *, drop: float = 0, corrupt: float = 0, garbage: float = 0, seed: int = 1) -> None:
        for name, probability in (("drop", drop), ("corrupt", corrupt), ("garbage", garbage)):
            if not 0 <= probability <= 1:
                raise ValueError(f"{name}: must be a probability from 0 to 1, not {probability!r}")
        self._drop, self._corrupt, self._garbage = drop, corrupt, garbage
        self._random = random.Random(seed)  # noqa: S311 - meant to come out the same each time

    def spoil(self, data: bytes) -> bytes:
        """Return `data` with noise added."""
        return b"".join(map(self._spoil_byte, data))

    def _spoil_byte(self, byte: int) -> bytes:
        # Draw all numbers for every byte, even if they are not used: then one probability does not affect the other two.
        garbage, drop, corrupt = (self._random.random() for _ in range(3))
        bit, other = 1 << self._random.randrange(8), self._random.randrange(256)
        kept = b"" if drop < self._drop else bytes([byte ^ bit if corrupt < self._corrupt else byte])
        return bytes([other]) + kept if garbage < self._garbage else kept


class FaultyCard(SimulatedCard):
    """A simulated card that can have faults. It takes the same arguments as `SimulatedCard`."""

    def __init__(self, **options: Any) -> None:
        self._noise: LineNoise | None = None
        self._unplugged = False
        super().__init__(**options)

    @contextmanager
    def noise(self, *, drop: float = 0, corrupt: float = 0, garbage: float = 0, seed: int = 1) -> Iterator[None]:
        """Damage the data on the serial line, in both directions, during the block. The arguments are those of `LineNoise`.

        A block within another block replaces its noise until it ends. Raise ValueError for a number that is not a probability.
        """
        before, self._noise = self._noise, LineNoise(drop=drop, corrupt=corrupt, garbage=garbage, seed=seed)
        try:
            yield
        finally:
            self._noise = before

    def unplug(self) -> None:
        """Pull the card's plug: open ports fail with SerialException from now on, and `url` cannot be opened.

        The card keeps running on its battery. The data that it sends is lost.
        """
        with self._lock:
            self._unplugged = True
            self._sent.clear()
            _live.pop(self._name, None)
            self._arrived.notify_all()

    def plug_in(self) -> None:
        """Put the plug back: `url` can be opened again."""
        self._unplugged = False
        _ = self.url  # Reading the URL registers the card under it.

    def drain_battery(self) -> None:
        """Make the battery flat: the card shows `LOBATT` instead of switching on. If the card is on, it stays on."""
        self.board.battery.flat = True

    def replace_battery(self) -> None:
        """Put in a good battery. The contents of the RAM are lost, the flash keeps its contents, and the card is off."""
        self.board.battery.flat = False
        self.restart()

    @property
    def url(self) -> str:
        """An address for any pyserial program in this process. While the plug is pulled, the address cannot be opened."""
        return f"sim://{self._name}" if self._unplugged else super().url

    @property
    def waiting(self) -> int:
        """The number of bytes that the card has sent and that nobody has received yet. Raises Unplugged."""
        self._check_plug()
        return super().waiting

    def send(self, data: bytes) -> None:
        """Do as `SimulatedCard.send` does. Raise Unplugged if the plug is pulled."""
        self._check_plug()
        super().send(self._noise.spoil(data) if self._noise else data)

    def receive(
        self, size: int | None = None, timeout: float | None = 0, given_up: Callable[[], bool] = lambda: False
    ) -> bytes:
        """Do as `SimulatedCard.receive` does. Raise Unplugged if the plug is pulled, before or during the wait."""
        self._check_plug()
        taken = super().receive(size, timeout, lambda: self._unplugged or given_up())
        self._check_plug()
        return taken

    def _check_plug(self) -> None:
        if self._unplugged:
            raise Unplugged("the card was unplugged")

    def _collect_output(self, sent: bytes) -> None:
        if not self._unplugged:
            super()._collect_output(self._noise.spoil(sent) if self._noise else sent)
