"""`make reliability`: try every failure everywhere and print a table. The exit code is 1 if a promise was broken."""

import sys
import time
from collections.abc import Callable, Iterable

from tests.reliability import filesystem, fuzz, line, model_comparison, pin_table, power, races, timing
from tests.reliability.report import Row, Scale

SECTIONS: dict[str, Callable[[Scale], Iterable[Row]]] = {
    "Power cuts": power.run,
    "The whole PIN table": pin_table.run,
    "A real file system": filesystem.run,
    "Model and firmware": model_comparison.run,
    "A faulty line": line.run,
    "Races and kills": races.run,
    "Time to refuse": timing.run,
    "Fuzzing": fuzz.run,
}


def main() -> int:
    rows: list[Row] = []
    for title, run in SECTIONS.items():
        print(f"{title} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        for row in run(Scale.FULL):
            rows.append(row)
            print(f"  {row}", file=sys.stderr, flush=True)
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{'tried':<34}{'against':<22}{'times':>10}  promises broken")
    for row in rows:
        print(row)
    good = bool(rows) and all(row.good for row in rows)
    print("\nNo promise was broken." if good else "\nA promise was BROKEN.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
