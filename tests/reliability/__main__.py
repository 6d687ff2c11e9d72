"""`make reliability`: try every failure everywhere and print a table. The exit code is 1 if a promise was broken."""

import sys
from collections.abc import Callable, Iterable

from tests.reliability import (
    board_line,
    commit_kills,
    failover,
    filesystem,
    fuzz,
    line,
    model_comparison,
    pin_table,
    power,
    races,
    refused_cards,
    serial_server,
    timing,
)
from tests.reliability.report import Row, Scale, print_table

SECTIONS: dict[str, Callable[[Scale], Iterable[Row]]] = {
    "Power cuts": power.run,
    "The whole PIN table": pin_table.run,
    "A real file system": filesystem.run,
    "Model and firmware": model_comparison.run,
    "A faulty line": line.run,
    "Flashing on a bad line": board_line.run,
    "Flashing through a serial port server": serial_server.run,
    "Races and kills": races.run,
    "Kills within a commit": commit_kills.run,
    "Failover": failover.run,
    "Time to refuse": timing.run,
    "Work of a refused card": refused_cards.run,
    "Fuzzing": fuzz.run,
}


if __name__ == "__main__":
    sys.exit(print_table({title: run(Scale.FULL) for title, run in SECTIONS.items()}))
