"""What the firmware takes on a board: storage, and heap on MicroPython. The same on every machine."""

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
_PROGRAM = "import heap, host\n" + "".join(
    f"heap.{step}()\n" for step in ("before", "boot", "personalise", "log_in", "after", "import_boards", "with_boards")
)


def _in_use(card: SimulatedCard) -> int:
    """Bytes of heap in use after a collection, the interpreter's own and the simulated board's included."""
    card.receive()
    card.send(b"\n>1 info\n")
    found = re.search(rb"free=([0-9]+)", card.receive())
    assert found, "info tells the free memory"
    return SMALL_HEAP - int(found[1])


def _taken() -> tuple[int, int]:
    """Bytes of heap that the card takes after a login, its code included; and what the boards and all drivers add."""
    said: list[str] = []
    files = firmware_files() | {"heap.mpy": compile_module("heap.py", _GUEST.read_bytes())}
    vm = VM(f'{_PROGRAM}host.call("wait", "")', lambda _, text: said.append(text), files=files)
    try:
        vm.resume(LIMIT)
    finally:
        vm.stop()
    (_, before), (response, after), (_, all_in) = (line.split() for line in "".join(said).splitlines())
    assert len(response) == 8, response
    return int(after) - int(before), int(all_in) - int(after)


def measure() -> list[Figure]:
    """Figures of a card with a heap of 64 KB; takes a few seconds."""
    storage = sum(len(data) for name, data in firmware_files().items() if name.startswith("dsc_firmware/"))
    with SimulatedCard(engine="micropython", profile=PROFILE, seed=1, heap=SMALL_HEAP) as card:
        log_in(card)
        after_one = _in_use(card)
        for _ in range(LOGINS):
            log_in(card)
        growth = _in_use(card) - after_one
    card_takes, boards_add = _taken()
    return [
        Figure("all .mpy files", storage / KB, "KB", at_most=MOST_STORAGE_KB),
        Figure("heap that the card takes after a login, no drivers", card_takes / KB, "KB", at_most=MOST_HEAP_KB),
        Figure("heap that boards and all drivers add to it", boards_add / KB, "KB"),
        Figure("heap in use in the simulator, all in all", after_one / KB, "KB"),
        Figure(f"growth of it over {LOGINS} logins, of 64 KB", growth, "bytes", at_most=0),
    ]
