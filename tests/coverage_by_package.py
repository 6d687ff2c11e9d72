"""`make coverage`: run all tests and print, for each package, how many of its statements and branches they reach.

Processes that tests start are measured too. The arguments are pytest's. The exit code is pytest's too.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def main(arguments: Sequence[str]) -> int:
    """Run the tests under coverage.py and print the table."""
    _coverage("erase")
    done = _coverage("run", "--module", "pytest", *arguments)
    _coverage("combine", "--quiet")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        _coverage("json", "--quiet", "-o", str(report))
        measured = json.loads(report.read_text("utf-8"))
    print(*table(measured["files"]), sep="\n")
    return done


def table(files: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for each package, and a last line for all of them; `files` is the part of coverage's report."""
    packages: dict[str, Counter[str]] = {}
    for file, known in sorted(files.items()):
        if Path(file).is_absolute():
            continue  # A copy that a test made.
        for name in (_package(file), "all"):
            packages.setdefault(name, Counter()).update({each: known["summary"][each] for each in _COUNTS})
    yield f"{'package':28} {'statements':>10} {'branches':>9}   reached"
    for name, counts in sorted(packages.items(), key=lambda each: (each[0] == "all", each[0])):
        reached = counts["covered_lines"] + counts["covered_branches"]
        of = counts["num_statements"] + counts["num_branches"]
        yield f"{name:28} {counts['num_statements']:10,} {counts['num_branches']:9,} {100 * reached / max(of, 1):8.1f} %"


def _package(file: str) -> str:
    """Return `dsc_host.login` for a file of that package, at any depth."""
    parts = Path(file).with_suffix("").parts
    start = next(index for index, part in enumerate(parts) if part.startswith("dsc_"))
    return ".".join(parts[start : start + 2] if len(parts) > start + 2 else parts[start : start + 1])


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
