"""The time of moving 100,000 cards by PSKC, and the memory compared with moving 10,000 cards.

Each move runs in a separate process, whose peak memory the system reports. The cards have the default suite: each has a key and
a PIN, in two packages, and both have to be opened.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Figure

FEW, MANY = 10_000, 100_000

_WORK = """
import json, sys, time
from tests.benchmarks.memory import peak_memory
from dsc_host.exchange import export_pskc, import_pskc
from dsc_host.verifier import Enrollment, MasterKey, Verifier

work, folder, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Verifier.open(f"sqlite:///{folder}/{work}-{number}.db", master_key=MasterKey(bytes(range(32)))) as verifier:
    if work == "export":
        keys = (index.to_bytes(32, "big") for index in range(number))
        cards = (Enrollment(f"C-{index:06}", key, pin="1234", owners=("anna",)) for index, key in enumerate(keys))
        assert verifier.enroll_all(cards) == number
    start = time.perf_counter()
    move = {"export": export_pskc, "import": import_pskc}[work]
    assert move(verifier, f"{folder}/{number}.pskc", key=bytes(32)) == number
    seconds = time.perf_counter() - start
print(json.dumps([seconds, peak_memory()]))
"""


def measure() -> Iterator[Figure]:
    """Yield the figures, in about two minutes. Needs python-pskc, and a system that reports the peak memory of a process."""
    with tempfile.TemporaryDirectory() as folder:
        for work in ("export", "import"):
            _, few = _moved(work, folder, FEW)
            seconds, many = _moved(work, folder, MANY)
            yield Figure(f"{work} of {MANY:,} cards by PSKC", seconds, "s")
            yield Figure(f"memory, {work} of {MANY:,} cards / of {FEW:,}", many / few, at_most=1.2)
            yield Figure(f"that memory, {work} of {MANY:,} cards", many / 2**20, "MiB")
        yield Figure("the file's size for each card", Path(folder, f"{MANY}.pskc").stat().st_size / MANY, "bytes")


def _moved(work: str, folder: str, number: int) -> tuple[float, int]:
    """Return the seconds that the move took, and the peak memory of its process in bytes."""
    command = [sys.executable, "-c", _WORK, work, folder, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory
