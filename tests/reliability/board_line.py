"""A board that is flashed over an injured line: a host, a board, and between them a line that delays and damages bytes.

The host promises: over a line that is slow, or damages one byte in some thousand, flashing only takes longer. On a worse line,
    an error names the line, and never the board or its firmware. The board then starts the old program or the new program. The
    time is simulated and everything is chosen by a seed, so nothing waits and every run is the same.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from tests.host.flash import flash_boards
from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import Board, Habits
from tests.host.flash.flash_boards import NEW
from tests.reliability.report import Row, Scale

from dsc_host.errors import LinkError
from dsc_host.flash import BoardSession, BoardStuck, examine, install, plan

PROMISES = ("not flashed", "wrong verdicts", "mixtures", "endless")
_SEEDS = {Scale.TEST: 3, Scale.FULL: 100}
_BYTE_SECONDS = 1e-4
_LONGEST_SECONDS = 1800.0
_WAIT_SECONDS = 0.02


@dataclass(frozen=True)
class Injury:
    """The faults of a line: the probabilities with which it loses, doubles and flips a byte, and its delay in seconds.

    `jitter`: each piece is delayed by up to this much more. `bearable`: the board must be flashed in spite of the injury.
    """

    name: str
    lost: float = 0.0
    doubled: float = 0.0
    flipped: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    bearable: bool = True

    def carry(self, data: bytes, rng: random.Random) -> bytes:
        if not self.lost + self.doubled + self.flipped:
            return data
        return b"".join(self._carry_byte(bytes([byte]), rng) for byte in data)

    def _carry_byte(self, byte: bytes, rng: random.Random) -> bytes:
        chance = rng.random()
        if chance < self.lost:
            return b""
        if chance < self.lost + self.doubled:
            return byte * 2
        if chance < self.lost + self.doubled + self.flipped:
            return bytes([byte[0] ^ 1 << rng.randrange(8)])
        return byte


RARE = 1 / 3000
INJURIES = (
    Injury("300 ms late", delay=0.3),
    Injury("up to 2 s late", jitter=2.0),
    Injury("a byte in 3,000 lost", lost=RARE),
    Injury("a byte in 3,000 doubled", doubled=RARE),
    Injury("a byte in 3,000 flipped", flipped=RARE),
    Injury("late, lost, doubled, flipped", RARE / 3, RARE / 3, RARE / 3, 0.1, 0.1),
    Injury("a byte in 50 lost", lost=0.02, bearable=False),
    Injury("a byte in 50 flipped", flipped=0.02, bearable=False),
)


class Wire:
    """The port of a board at the end of an injured line, as pyserial shows a port. `now` is its clock."""

    def __init__(self, disk: Disk, injury: Injury, rng: random.Random) -> None:
        self.now = 0.0
        self.disk = disk
        self.timeout: float | None = _WAIT_SECONDS
        self.write_timeout: float | None = None
        self._injury = injury
        self._rng = rng
        self._arrived = b""
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        self._last = [0.0, 0.0]
        self._count = 0
        self._board = Board(disk, Habits(), lambda data: self._send(data, to_host=True))
        self._board.power_up()

    @property
    def in_waiting(self) -> int:
        self._pump()
        return len(self._arrived)

    def read(self, size: int = 1) -> bytes:
        if not self.in_waiting:
            next_at = self._under_way[0][0] if self._under_way else self.now + _WAIT_SECONDS
            self.now = max(self.now, min(next_at, self.now + _WAIT_SECONDS))
            self._pump()
        data, self._arrived = self._arrived[:size], self._arrived[size:]
        return data

    def write(self, data: bytes) -> int:
        self.now += len(data) * _BYTE_SECONDS
        self._send(data, to_host=False)
        return len(data)

    def close(self) -> None:
        """Deliver what is under way to the board. Then end it."""
        while any(not to_host for _, _, to_host, _ in self._under_way):
            self.now = self._under_way[0][0]
            self._pump()
        self._board.power_down()

    def _send(self, data: bytes, *, to_host: bool) -> None:
        carried = self._injury.carry(data, self._rng)
        late = self._injury.delay + (self._rng.random() * self._injury.jitter if self._injury.jitter else 0)
        at = self._last[to_host] = max(self._last[to_host], self.now + late)
        self._count += 1
        heappush(self._under_way, (at, self._count, to_host, carried))

    def _pump(self) -> None:
        self._board.pump()
        while self._under_way and self._under_way[0][0] <= self.now:
            _, _, to_host, data = heappop(self._under_way)
            if to_host:
                self._arrived += data
            else:
                for byte in data:
                    self._board.take(byte)


def wire(old: Disk, injury: Injury, seed: int) -> Wire:
    """Return the port of a board on which OLD has been flashed."""
    return Wire(flash_boards.copy_of(old), injury, random.Random(f"{injury.name} {seed}"))


def flash_over(end: Wire, program: Mapping[str, bytes] = NEW) -> None:
    """Flash a program over the line."""
    with BoardSession(end, "board", clock=lambda: end.now) as session:  # type: ignore[arg-type]
        install(session, plan(examine(session), program))


def flash_once(old: Disk, injury: Injury, seed: int) -> dict[str, int]:
    """Flash a board over the injured line. Return how often each promise was broken."""
    broken = dict.fromkeys(PROMISES, 0)
    end = wire(old, injury, seed)
    try:
        flash_over(end)
    except (LinkError, BoardStuck):
        broken["not flashed"] += injury.bearable
    except Exception:
        broken["wrong verdicts"] += 1
    broken["endless"] += end.now > _LONGEST_SECONDS
    starts = flash_boards.start(end.disk)
    broken["mixtures"] += starts not in (("new",) if injury.bearable else ("old", "new"))
    return broken


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each injury."""
    old = flash_boards.disk_with(flash_boards.OLD)
    for injury in INJURIES:
        yield summarize(old, injury, _SEEDS[scale])


def summarize(old: Disk, injury: Injury, seeds: int) -> Row:
    broken = dict.fromkeys(PROMISES, 0)
    for seed in range(seeds):
        once = flash_once(old, injury, seed)
        broken = {promise: broken[promise] + once[promise] for promise in PROMISES}
    return Row(f"flash: {injury.name}", "board", seeds, broken)
