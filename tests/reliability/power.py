"""The power fails everywhere: at every byte of every write on `cpython`, at every instruction around a write on `micropython`.

On `micropython`, each instruction is tried from just before the board gets a slot to write until just after the card has read
it back, and a stride of all others. After each failure the card starts again on what its flash holds.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

from tests.firmware.fakes import TapedDisplay
from tests.reliability.operations import OPERATIONS, SEED, Operation, Slots, decoded, record_of
from tests.reliability.report import Row, Scale

from dsc_firmware.journal import BLANK, READY, SIZE
from dsc_simulator import Flash, PowerCut, SimulatedCard

MARGIN = 250
"""Instructions before a write and after it is read back that still belong to its window."""
_CHUNK = 2000
_PROMISES = ("records lost", "counters repeated", "tries gained")


class Watched(Flash):
    """A flash that remembers its slots after each write, and the moment of each write and each read."""

    def __init__(self, slots: Slots) -> None:
        super().__init__(slots)
        self.card: SimulatedCard | None = None
        self.states: list[Slots] = []
        self.calls: list[tuple[str, int]] = []

    def _note(self, call: str) -> None:
        if self.card is not None:
            self.calls.append((call, self.card.instructions or 0))

    def read(self, slot: int) -> bytes | None:
        self._note("read")
        return super().read(slot)

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        self._note("write")
        super().write(slot, data)
        self.states.append((self.slots[0], self.slots[1]))


@dataclass(frozen=True)
class Course:
    """An undisturbed operation: the records before and after each of its writes, and the places of the writes."""

    records: tuple[tuple[int, bytes], ...]
    windows: tuple[range, ...]
    instructions: int


@cache
def course(operation: Operation, engine: str) -> Course:
    start = operation.flash().slots
    flash = Watched((start[0], start[1]))
    with operation.card(engine, flash) as card:
        before = (flash.slots[0], flash.slots[1])
        flash.states.clear()
        flash.card, begin = card, card.instructions or 0
        operation.trigger(card)
        total = (card.instructions or 0) - begin
    calls = [(call, at - begin) for call, at in flash.calls]
    windows = tuple(
        range(max(at - MARGIN, 0), next((end for call, end in calls if call == "read" and end > at), at) + MARGIN)
        for call, at in calls
        if call == "write"
    )
    records = tuple(record_of(slots) for slots in [before, *flash.states])
    return Course(records, windows, total)


def cut(operation: Operation, engine: str, after: int) -> tuple[Slots, list[str]] | None:
    """Return the flash and what had been shown when the power failed. None if the operation was over before."""
    with operation.card(engine) as card:
        shown = card.board.display
        assert isinstance(shown, TapedDisplay)
        card.cut_power(after)
        try:
            operation.trigger(card)
        except PowerCut:
            return (card.flash.slots[0], card.flash.slots[1]), [str(text) for _, text in shown.tape if text]
    return None


def broken(operation: Operation, engine: str, slots: Slots, shown: list[str]) -> Counter[str]:
    """Return the promises that this state of the flash breaks, after a cut before which this was shown."""
    records = course(operation, engine).records
    found = record_of(slots)
    counts = Counter[str]()
    if found not in records:
        counts["records lost"] += 1
    if decoded(found[1]).failures < decoded(records[0][1]).failures and found not in records:
        counts["tries gained"] += 1
    if shown and found != records[-1]:
        counts["counters repeated" if operation.name == "response" else "tries gained"] += 1
    if wakes(engine, slots) != _expected(found):
        counts["records lost"] += 1
    return counts


@cache
def wakes(engine: str, slots: Slots) -> str:
    """Return what a card that starts on these slots shows when it is woken."""
    with SimulatedCard(engine=engine, flash=Flash(slots), seed=SEED) as card:
        return card.press("PRESS")


def _expected(found: tuple[int, bytes]) -> str:
    status, data = found
    if status == BLANK:
        return "NO KEY"
    if status != READY:
        return "ERROR"
    return "LOCKED" if decoded(data).locked else "PIN>"


def again(operation: Operation, engine: str, slots: Slots, stride: int) -> tuple[int, int]:
    """Cut the power also while the card repairs its slots at the next start. Return how often, and the lost records."""
    tried = lost = 0
    for after in range(0, SIZE + 1, stride):
        flash = Flash(slots)
        flash.cut_after = after
        try:
            SimulatedCard(flash=flash, seed=SEED).close()
        except PowerCut:
            tried += 1
            lost += record_of((flash.slots[0], flash.slots[1])) not in course(operation, engine).records
    return tried, lost


def places(operation: Operation, engine: str, scale: Scale) -> list[int]:
    """Return where to cut: bytes of flash, or instructions."""
    known = course(operation, engine)
    if engine == "cpython":
        return list(range((len(known.records) - 1) * SIZE + 1))
    step = 1 if scale is Scale.FULL else (known.windows[0].stop - known.windows[0].start) // 8
    inside = {at for window in known.windows for at in window[::step]}
    return sorted(inside | set(range(0, known.instructions, known.instructions // (400 if scale is Scale.FULL else 12))))


def sweep(number: int, engine: str, afters: Iterable[int], stride: int) -> tuple[int, Counter[str]]:
    """Cut one operation at each of these places. Return the number of cuts, and the promises broken."""
    operation = OPERATIONS[number]
    tried, counts = 0, Counter(dict.fromkeys(_PROMISES, 0))
    for after in afters:
        outcome = cut(operation, engine, after)
        if outcome is None:
            continue
        tried += 1
        counts.update(broken(operation, engine, *outcome))
        if engine == "cpython":
            more, lost = again(operation, engine, outcome[0], stride)
            tried += more
            counts["records lost"] += lost
    return tried, counts


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each operation and engine. `Scale.FULL` takes some minutes on every processor of the machine."""
    for engine in ("cpython", "micropython"):
        for number, operation in enumerate(OPERATIONS):
            tried, counts = _sweep_all(number, engine, places(operation, engine, scale), scale)
            yield Row(f"power cuts: {operation.name}", engine, tried, dict(counts))


def _sweep_all(number: int, engine: str, afters: list[int], scale: Scale) -> tuple[int, Counter[str]]:
    stride = 1 if scale is Scale.FULL else SIZE // 4
    if scale is Scale.TEST:
        return sweep(number, engine, afters, stride)
    chunk = max(len(afters) // 64, 1) if len(afters) < 64 * _CHUNK else _CHUNK
    chunks = [afters[at : at + chunk] for at in range(0, len(afters), chunk)]
    tried, counts = 0, Counter(dict.fromkeys(_PROMISES, 0))
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for some, more in pool.map(sweep, *zip(*((number, engine, part, stride) for part in chunks), strict=True)):
            tried += some
            counts.update(more)
    return tried, counts
