"""The table of attempts to break a promise: how often each was tried, and how often each promise was broken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Scale(Enum):
    """The amount that is tried."""

    TEST = "test"
    """A part, in seconds: for `make test`."""
    FULL = "full"
    """Everything, in minutes: for `make reliability`."""


@dataclass(frozen=True)
class Row:
    """One line of the table: `what` was tried against `where` so many times, and how often it broke each promise."""

    what: str
    where: str
    tried: int
    broken: Mapping[str, int]
    """The number of failures by the promise's name in the plural ("records lost"). Every number must be 0."""
    note: str = ""
    """A remark for the reader."""

    @property
    def good(self) -> bool:
        return self.tried > 0 and not any(self.broken.values())

    def __str__(self) -> str:
        broken = ", ".join(f"{name} {count}" for name, count in self.broken.items()) + (f"; {self.note}" if self.note else "")
        return f"{self.what:<34}{self.where:<22}{self.tried:>10,}  {broken}{'' if self.good else '  BROKEN'}"


def print_table(sections: Mapping[str, Iterable[Row]]) -> int:
    """Print the rows of each section as they come. Return the exit code, which is 1 if a promise was broken."""
    good, tried = True, 0
    for title, rows in sections.items():
        print(f"\n{title}", flush=True)
        for row in rows:
            print(row, flush=True)
            good, tried = good and row.good, tried + row.tried
    print(f"\n{tried:,} tries. " + ("Nothing was broken." if good else "Something is BROKEN."))
    return 0 if good else 1
