"""The processor time of starting the command, compared with importing the library that the command is built with."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.measure import Figure

MOST_VERSION = 1.3
MOST_HELP = 1.6
ROUNDS = 15
_COMMAND = str(Path(sys.executable).with_name("dscplus"))
_PROGRAMS = {
    "import": (sys.executable, "-c", "import typer"),
    "--version": (_COMMAND, "--version"),
    "--help": (_COMMAND, "--help"),
    "card --help": (_COMMAND, "card", "--help"),
    "verify": (_COMMAND, "verify", "C1", "12345678", "--db", "sqlite:///nothing.db"),
}


def measure() -> Iterator[Figure]:
    """Yield the ratios, in some ten seconds. The programs take turns, and the best of the rounds counts."""
    rounds = [{name: _seconds(program) for name, program in _PROGRAMS.items()} for _ in range(ROUNDS)]
    best = {name: min(times[name] for times in rounds) for name in _PROGRAMS}
    for name, bound in {"--version": MOST_VERSION, "--help": MOST_HELP, "card --help": None, "verify": None}.items():
        yield Figure(f"start of dscplus {name} / import typer", best[name] / best["import"], at_most=bound)


def _seconds(program: Sequence[str]) -> float:
    """Return the processor time of one process."""
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, process.returncode, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime
