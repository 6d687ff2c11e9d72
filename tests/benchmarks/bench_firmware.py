"""The firmware's cost on a board: storage, and heap on MicroPython. It is the same on every machine."""

import re
from importlib.resources import files
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
_GUEST = Path(__file__).parent / "guest"
_CARD = ("heap.before", "heap.boot", "heap.personalize", "heap.log_in", "heap.after")
_BOARD = ("board_heap.make_chip", "heap.before", "board_heap.run", "heap.personalize", "board_heap.log_in", "board_heap.after")


def _in_use(card: SimulatedCard) -> int:
    """Return the bytes of heap in use after a collection, including the interpreter's own and the simulated board's."""
    card.receive()
    card.send(b"\n>1 info\n")
    found = re.search(rb"free=([0-9]+)", card.receive())
    assert found, "info tells the free memory"
    return SMALL_HEAP - int(found[1])


def _taken(steps: tuple[str, ...]) -> int:
    """Return the bytes of heap that the firmware takes between the first report and the last, including its code."""
    said: list[str] = []
    config = (files("dsc_firmware") / "boards" / "pico.json").read_text()
    # The VM has no console that could be a card's line.
    config = config.replace('{"kind": "usb"}', '{"kind": "uart", "id": 0, "tx": 0, "rx": 1}')
    guests = {path.stem + ".mpy": compile_module(path.name, path.read_bytes()) for path in _GUEST.glob("*.py")}
    program = f"import board_heap, heap, host\nheap.held['config'] = {config!r}\n" + "".join(f"{step}()\n" for step in steps)
    vm = VM(f'{program}host.call("wait", "")', lambda _, text: said.append(text), files=firmware_files() | guests)
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
        Figure("heap that the card takes after a login", _taken(_CARD) / KB, "KB", at_most=MOST_HEAP_KB),
        Figure("heap that a board takes with all its parts", _taken(_BOARD) / KB, "KB"),
        Figure("heap in use in the simulator, in total", after_one / KB, "KB"),
        Figure(f"growth of it over {LOGINS} logins, of 64 KB", growth, "bytes", at_most=0),
    ]
