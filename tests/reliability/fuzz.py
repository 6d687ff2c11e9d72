"""Coverage-guided fuzzing of everything that reads input from outside.

    python -m tests.reliability.fuzz TARGET --runs 100000 [--corpus FOLDER]

With atheris installed (`pip install atheris`), each target runs under it in a process of its own and starts with the stored
corpus. Without it, the corpus and seeded mutations of it are tried, and the row says so. `--corpus` adds the inputs that
reached new code to a folder: to keep them, name the target's own folder in `corpus`.
"""

import argparse
import importlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.checkout import ROOT
from tests.reliability.report import Row, Scale

Check = Callable[[bytes], None]

TARGETS = {
    "card_frames": "the card's frames",
    "host_frames": "the host's frames",
    "suites": "suites",
    "journal_slots": "the journal's slots",
    "staging": "a profile's staging",
}
"""The modules of `fuzzers`, and the name of each in the table."""
CORPUS = Path(__file__).parent / "corpus"
MAX_INPUT = 600
_RUNS = {
    Scale.TEST: dict.fromkeys(TARGETS, 2_000),
    Scale.FULL: {
        "card_frames": 20_000,
        "host_frames": 120_000,
        "suites": 400_000,
        "journal_slots": 80_000,
        "staging": 120_000,
    },
}
_EXECUTED = re.compile(r"stat::number_of_executed_units: *([0-9]+)")
_SECONDS = 60


def check_of(target: str) -> Check:
    check: Check = importlib.import_module(f"tests.reliability.fuzzers.{target}").check
    return check


def kept(target: str) -> list[bytes]:
    """Return the corpus of a target, in the order of its file names."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each target. `against` says how it was fuzzed."""
    for target, runs in _RUNS[scale].items():
        yield fuzzed(target, runs)


def fuzzed(target: str, runs: int) -> Row:
    return guided(target, runs) if find_spec("atheris") else mutated(target, runs, check_of(target))


# ---- under atheris ----


def guided(target: str, runs: int) -> Row:
    """Run a target under atheris. A process that ends with an error counts as a crash."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        shutil.copytree(CORPUS / target, corpus)
        executions, status, said = _start(target, runs, corpus)
        crashes = [path for path in Path(folder).iterdir() if path.is_file()]
        for path in crashes:
            print(f"{target}: {path.read_bytes()!r}", file=sys.stderr)
    if status or crashes:
        print(said[-3000:], file=sys.stderr)
    return Row(f"fuzz: {TARGETS[target]}", "atheris", executions, {"crashes": max(len(crashes), int(status != 0))})


def _start(target: str, runs: int, corpus: Path) -> tuple[int, int, str]:
    """Return executions, exit status and output of a target's process. Inputs that crash it are left beside the corpus."""
    command = [sys.executable, "-m", "tests.reliability.fuzz", target, "--runs", str(runs), "--corpus", str(corpus)]
    # Hashes must be the same in each run: otherwise the fuzzer would try other inputs.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", timeout=600)
    found = _EXECUTED.search(done.stderr)
    return int(found[1]) if found else 0, done.returncode, done.stdout + done.stderr


def fuzz(target: str, runs: int, corpus: Path) -> None:
    """Hand this process over to libFuzzer, which ends it."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["dsc_firmware", "dsc_host"]):
        check = check_of(target)
    options = [f"-runs={runs}", "-seed=1", f"-max_len={MAX_INPUT}", f"-max_total_time={_SECONDS}", "-print_final_stats=1"]
    options += [f"-artifact_prefix={corpus.parent}/", str(corpus)]
    atheris.Setup([sys.argv[0], *options], check)
    atheris.Fuzz()


# ---- without atheris ----


def mutated(target: str, runs: int, check: Check) -> Row:
    """Try the corpus, then `runs` mutations of it, which are the same each time."""
    rng = random.Random(target)
    corpus = kept(target)
    inputs = [*corpus, *(mutation(rng, corpus) for _ in range(runs))]
    crashes = sum(not survives(check, data) for data in inputs)
    return Row(f"fuzz: {TARGETS[target]}", "mutations", len(inputs), {"crashes": crashes})


def mutation(rng: random.Random, corpus: list[bytes]) -> bytes:
    """Return one input of the corpus with one to four changes, or two inputs joined."""
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randint(0, len(data)), rng.choice(corpus)
        kind = rng.randrange(5)
        if kind == 0 and data:
            data[at - 1] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 2:
            data[at:at] = rng.choice((rng.randbytes(rng.randint(1, 8)), b"*\n", b"-", b":", b" ", b"%", b"="))
        elif kind == 3:
            data[at:at] = data[max(at - rng.randint(1, 40), 0) : at]
        else:
            data[at:] = other[rng.randint(0, len(other)) :]
    return bytes(data[:MAX_INPUT])


def survives(check: Check, data: bytes) -> bool:
    """Return whether an input keeps every promise. Print one that does not."""
    try:
        check(data)
    except Exception:
        print(f"{data!r}\n{traceback.format_exc()}", file=sys.stderr)
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--corpus", type=Path, help="a folder to begin with and to put new inputs into, under atheris")
    given = parser.parse_args()
    if given.corpus:
        fuzz(given.target, given.runs, given.corpus)
    row = fuzzed(given.target, given.runs)
    print(row)
    return 0 if row.good else 1


if __name__ == "__main__":
    sys.exit(main())
