"""The check of a long audit log compared with a bare loop of the same hashes, and checks and backups of only the new entries.

The processes of a check share the machine with everything else, so the bounds are on processor time. On an idle machine,
a check takes the time of the bare loop divided by the processors. The peak memory does not depend on the length of the log.

For a longer log: `python -m tests.benchmarks.bench_audit 10000000`.
"""

import io
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from hashlib import sha256
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import Figure

from dsc_host.records.audit_entries import encoded
from dsc_host.verifier import MasterKey, Verifier, backup

MASTER = MasterKey(bytes(range(32)))
ENTRIES = 1_000_000
SHORTER = 10
"""How many times shorter the log is with which the check of what is new is compared."""
NEW, ROUNDS, TURNS = 2_000, 3, 15
_ADD = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALL = "SELECT number, at, actor, action, serial, outcome, reason, detail, card_row, hash FROM audit ORDER BY number"

_PEAK = """
import sys
from tests.benchmarks.memory import peak_memory, peak_memory_of_children
from dsc_host.verifier import MasterKey, Verifier

with Verifier.open(f"sqlite:///{sys.argv[1]}", master_key=MasterKey(bytes(range(32)))) as verifier:
    assert verifier.audit.check().sound
print(max(peak_memory(), peak_memory_of_children()))
"""


def measure(entries: int = ENTRIES) -> Iterator[Figure]:
    """Yield the figures, in a minute for a million entries."""
    lengths = (entries // SHORTER, entries)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        paths = [Path(folder, f"{length}.db") for length in lengths]
        short, long = (stack.enter_context(Verifier.open(f"sqlite:///{path}", master_key=MASTER)) for path in paths)
        checks = [_check_of_new(*log) for log in zip((short, long), paths, lengths, strict=True)]
        taken = [min(times) for times in zip(*([_cost(check)[0] for check in checks] for _ in range(TURNS)), strict=True)]
        yield Figure(f"a check of {NEW:,} new entries, processor time", taken[1] * 1000, "ms")
        yield Figure(f"the same, in a log of {entries:,} / of {lengths[0]:,}", taken[1] / taken[0], at_most=1.2)
        yield from _backups(short, long, Path(folder), lengths)
        yield from _whole_check(long, paths[1], entries)


def _backups(short: Verifier, long: Verifier, folder: Path, lengths: tuple[int, int]) -> Iterator[Figure]:
    """Make a backup of each log beside the files of its sealed segments, which an earlier backup has made."""

    def backup_beside(verifier: Verifier, name: str) -> Callable[[], object]:
        segments = folder / name
        segments.mkdir()
        backup(verifier, io.BytesIO(), segments=segments)
        return lambda: backup(verifier, io.BytesIO(), segments=segments)

    with open(os.devnull, "wb") as nowhere:
        first, _ = _cost(lambda: backup(long, nowhere))
    again = backup_beside(short, "short"), backup_beside(long, "long")
    taken = [min(times) for times in zip(*([_cost(call)[0] for call in again] for _ in range(TURNS)), strict=True)]
    yield Figure(f"a backup of {NEW:,} new entries beside segment files, processor time", taken[1] * 1000, "ms")
    yield Figure(f"the same, in a log of {lengths[1]:,} / of {lengths[0]:,}", taken[1] / taken[0], at_most=1.5)
    yield Figure(f"the same / a backup of all {lengths[1]:,} entries", taken[1] / first, at_most=0.1)


def _whole_check(verifier: Verifier, path: Path, entries: int) -> Iterator[Figure]:
    processor, wall, seconds = [], [], []
    for _ in range(ROUNDS):
        bare, bare_wall = _cost(lambda: _bare_loop(path))
        check, check_wall = _cost(lambda: _check(verifier))
        processor.append(check / bare)
        wall.append(check_wall / bare_wall)
        seconds.append(check_wall)
    yield Figure(f"a check of {entries:,} entries / a bare loop, processor time", median(processor), at_most=1.1)
    yield Figure("the same, time", median(wall))
    yield Figure("its time", median(seconds), "s")
    yield Figure("its peak memory, of the largest process", _peak(path) / 2**20, "MiB", at_most=100)


def _peak(path: Path) -> int:
    """Return the peak memory of the largest process that takes part in a check, in bytes."""
    done = subprocess.run([sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout)


def _check_of_new(verifier: Verifier, path: Path, entries: int) -> Callable[[], None]:
    """Fill a log with this many entries, seal it, add some thousand, and return a check of these."""
    _fill(verifier, path, entries)
    assert verifier.audit.seal().sound
    since = verifier.audit.check(verifier.audit.last_checkpoint(), whole=False).checkpoint
    _fill(verifier, path, since.number + NEW)

    def check() -> None:
        report = verifier.audit.check(since, whole=False)
        assert (report.sound, report.entries) == (True, NEW), report.problems

    return check


def _check(verifier: Verifier) -> None:
    assert verifier.audit.check().sound


def _bare_loop(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        before = bytes(32)
        for *values, card_row, digest in db.execute(_ALL):
            text = encoded(values if card_row is None else [*values, card_row])
            before = sha256(before + text.encode()).digest()
            assert before == digest


def _fill(verifier: Verifier, path: Path, entries: int) -> None:
    """Add entries by SQL, and seal the end of the log."""
    keys, seals = verifier.context.keys, verifier.context.seals
    with closing(sqlite3.connect(path)) as db:
        number, before = db.execute("SELECT number, hash FROM audit_head").fetchone()

        def rows() -> Iterator[tuple[object, ...]]:
            nonlocal before
            for each in range(number + 1, entries + 1):
                detail = f'{{"challenge":"{each:022}","user":"user{each % 10_000}"}}'
                values = (each, 1.75e9 + each / 7, "service", "verify", f"B-{each % 10_000}", "accepted", "", detail)
                before = sha256(before + encoded(values).encode()).digest()
                yield *values, None, before

        db.executemany(_ADD, rows())
        seal = keys.current.sign_log(seals.end_of_log(entries, before))
        db.execute("UPDATE audit_head SET number = ?, hash = ?, seal = ?", (entries, before, seal))
        db.commit()


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _cost(call: Callable[[], object]) -> tuple[float, float]:
    """Return the processor time of a call, with that of its processes, and its time, in seconds."""
    before = _processor_time()
    taken = _timed(call)
    return _processor_time() - before, taken


def _processor_time() -> float:
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


if __name__ == "__main__":
    for figure in measure(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES):
        print(figure, flush=True)
