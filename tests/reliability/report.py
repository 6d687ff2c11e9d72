"""The table of attempts to break a promise: how often each was tried, and how often each promise was broken."""

from collections.abc import Mapping
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
