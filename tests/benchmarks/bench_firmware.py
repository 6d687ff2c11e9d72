"""What the firmware takes on a board: storage, and heap on MicroPython. The same on every machine."""

import re

from tests.benchmarks.bench_simulator import PROFILE, log_in
from tests.benchmarks.measure import Figure

from dsc_simulator import SimulatedCard
from dsc_simulator.engines.image import firmware_files

KB = 1024
SMALL_HEAP = 64 * KB
LOGINS = 1000
MOST_STORAGE_KB = 32


def _in_use(card: SimulatedCard) -> int:
    """Bytes of heap in use after a collection, the interpreter's own and the simulated board's included."""
    card.receive()
    card.send(b"\n>1 info\n")
    found = re.search(rb"free=([0-9]+)", card.receive())
    assert found, "info tells the free memory"
    return SMALL_HEAP - int(found[1])


def measure() -> list[Figure]:
    """Figures of a card with a heap of 64 KB; takes a few seconds."""
    storage = sum(len(data) for name, data in firmware_files().items() if name.startswith("dsc_firmware/"))
    with SimulatedCard(engine="micropython", profile=PROFILE, seed=1, heap=SMALL_HEAP) as card:
        log_in(card)
        after_one = _in_use(card)
        for _ in range(LOGINS):
            log_in(card)
        growth = _in_use(card) - after_one
    return [
        Figure("all .mpy files", storage / KB, "KB", at_most=MOST_STORAGE_KB),
        Figure("heap in use after a login, of 64 KB", after_one / KB, "KB"),
        Figure(f"growth of it over {LOGINS} logins", growth, "bytes", at_most=0),
    ]
