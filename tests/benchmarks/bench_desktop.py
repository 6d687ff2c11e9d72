"""The cost of the desktop program: until its first frame, from a key to the screen, and while idle."""

import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import Figure
from tests.simulator.desktop_driver import keep_card
from tests.simulator.desktop_terminal import Terminal

STARTS, KEYS = 5, 40
SETTLE_SECONDS, IDLE_SECONDS = 1.5, 5.0


def _settle(terminal: Terminal, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        terminal.read(0.02)


def _leave(terminal: Terminal) -> None:
    terminal.type(b"q")
    assert terminal.end() == 0


def _start(folder: Path) -> float:
    """Return the seconds until the first frame."""
    began = time.perf_counter()
    with Terminal(folder).start() as terminal:
        seconds = time.perf_counter() - began
        _leave(terminal)
    return seconds


def _key_to_screen(terminal: Terminal, key: bytes) -> float:
    _settle(terminal, 0.05)
    before, began = len(terminal.seen), time.perf_counter()
    terminal.type(key)
    terminal.until(lambda: len(terminal.seen) > before)
    return time.perf_counter() - began


def _cpu(terminal: Terminal) -> float:
    """Return the processor seconds that the program has used."""
    path = f"/proc/{terminal.process.pid}/schedstat"
    threads = Path(f"/proc/{terminal.process.pid}/task")
    assert Path(path).exists()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads.iterdir()) / 1e9


def _idle_percent(terminal: Terminal) -> float:
    _settle(terminal, SETTLE_SECONDS)
    before, began = _cpu(terminal), time.perf_counter()
    _settle(terminal, IDLE_SECONDS)
    return (_cpu(terminal) - before) / (time.perf_counter() - began) * 100


def measure() -> list[Figure]:
    """Return the figures of the real program on a terminal of 80x24. This takes half a minute. Linux only."""
    if not Path("/proc/self/schedstat").exists():
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep_card(folder)
        starts = [_start(folder) for _ in range(STARTS)]
        with Terminal(folder).start() as terminal:
            off = _idle_percent(terminal)
            terminal.type(b"p")
            on = _idle_percent(terminal)
            # The four digits of a PIN, typed and erased: each key changes the display.
            keys = [_key_to_screen(terminal, key) * 1000 for _ in range(KEYS // 8) for key in (*[b"1"] * 4, *[b"c"] * 4)]
            _leave(terminal)
    return [
        Figure("dscplus sim, first frame", min(starts), "s", at_most=1),
        Figure("dscplus sim, a key to the screen", statistics.median(keys), "ms", at_most=50),
        Figure("dscplus sim, the slowest of the keys", max(keys), "ms"),
        Figure("dscplus sim, idle, the card off", off, "% CPU", at_most=2),
        Figure("dscplus sim, idle, the card on", on, "% CPU", at_most=2),
    ]
