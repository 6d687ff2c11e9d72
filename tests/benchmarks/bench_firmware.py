"""The firmware's cost on a board: storage, and heap on MicroPython. It is the same on every machine."""

import re
from pathlib import Path

from tests.benchmarks.bench_simulator import PROFILE, log_in
from tests.benchmarks.measure import Figure

from dsc_simulator import SimulatedCard
from dsc_simulator.engines.image import compile_module, firmware_files
from dsc_simulator.engines.vm import LIMIT, VM

KB = 1024
SMALL_HEAP = 64 * KB
LOGINS = 1000
MOST_STORAGE_KB = 32
MOST_HEAP_KB = 40
_GUEST = Path(__file__).parent / "guest" / "heap.py"


def _in_use(card: SimulatedCard) -> int:
    """Return the bytes of heap in use after a collection, including the interpreter's own and the simulated board's."""
    card.receive()
    card.send(b"\n>1 info\n")
    found = re.search(rb"free=([0-9]+)", card.receive())
    assert found, "info tells the free memory"
    return SMALL_HEAP - int(found[1])


def _taken() -> int:
    """Return the bytes of heap that the firmware takes until the end of a login, including its code."""
    said: list[str] = []
    guest = {"heap.mpy": compile_module(_GUEST.name, _GUEST.read_bytes())}
    program = "".join(f"heap.{step}()\n" for step in ("before", "boot", "personalize", "log_in", "after"))
    vm = VM(
        f'import heap, host\n{program}host.call("wait", "")', lambda _, text: said.append(text), files=firmware_files() | guest
    )
    try:
        vm.resume(LIMIT)
    finally:
        vm.stop()
    (_, before), (response, after) = (line.split() for line in "".join(said).splitlines())
    assert len(response) == 8, response
    return int(after) - int(before)


def measure() -> list[Figure]:
    """Return the figures of a card with a heap of 64 KB. This takes a few seconds."""
    storage = sum(len(data) for name, data in firmware_files().items() if name.startswith("dsc_firmware/"))
    with SimulatedCard(engine="micropython", profile=PROFILE, seed=1, heap=SMALL_HEAP) as card:
        log_in(card)
        after_one = _in_use(card)
        for _ in range(LOGINS):
            log_in(card)
        growth = _in_use(card) - after_one
    return [
        Figure("all .mpy files", storage / KB, "KB", at_most=MOST_STORAGE_KB),
        Figure("heap that the card takes after a login", _taken() / KB, "KB", at_most=MOST_HEAP_KB),
        Figure("heap in use in the simulator, in total", after_one / KB, "KB"),
        Figure(f"growth of it over {LOGINS} logins, of 64 KB", growth, "bytes", at_most=0),
    ]
