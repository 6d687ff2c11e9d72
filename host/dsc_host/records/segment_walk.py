"""A walk through a stretch of the audit log, which computes every hash.

Several processes can walk at the same time, each through a different stretch. This module imports no database library, so that
these processes start quickly.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dsc_host.records.audit_entries import bytes_of, encoded, hash_of_anything

MOST_PROBLEMS = 100
"""The largest number of problems in a report. If the whole log is damaged, the first problems are enough."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the log: the entries after number `after`, up to and including `last`.

    Attributes:
        after: The number of the entry before the first entry of the stretch.
        last: The number of the last entry.
        before: The hash of the entry before the first entry. None means that the walk uses the hash in the database.
    """

    after: int
    last: int
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """The result of a walk.

    Attributes:
        start: The hash of the entry before the first entry; empty if it is missing.
        entries: The number of entries that were read.
        number: The number of the last entry.
        hash: The hash of the last entry; empty if it is missing.
        problems: A sentence for each problem.
    """

    start: bytes
    entries: int
    number: int
    hash: bytes
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class Walk:
    """A walk that begins after an entry whose number and hash are given.

    Attributes:
        number: The number of the last entry that was read.
        hash: The hash of the last entry that was read; None if it is missing. Then the next entry cannot be checked.
        entries: The number of entries that were read.
        problems: A sentence for each problem.
    """

    number: int
    hash: bytes | None
    entries: int = 0
    problems: list[str] = field(default_factory=list)
    _start: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.hash or b""

    def follow(self, rows: Iterable[Any]) -> None:
        """Check the next rows of the table `audit`, in the order of their numbers. Each is a tuple with all columns."""
        number, before, count = self.number, self.hash, 0
        sha256 = hashlib.sha256
        for row in rows:
            count += 1
            card_row, digest = row[-2:]
            try:
                # Compute the hash here, in the same way as `hash_of`: calling it for each entry would take a tenth longer.
                text = encoded(tuple(row[:-1] if card_row is not None else row[:-2])).encode()
                right = before is not None and row[0] == number + 1 and digest == sha256(before + text).digest()
            except TypeError:
                right = False
            if not right:
                self._explain(number, before, row)
                digest = bytes_of(digest) or None
            # Continue with the stored hash of this entry, so that one change is reported only once.
            number, before = row[0], digest
        self.number, self.hash = number, before
        self.entries += count

    def _explain(self, before_number: int, before: bytes | None, row: Any) -> None:
        number, *values, digest = tuple(row)
        if number != before_number + 1:
            self.report(f"entries {before_number + 1} to {number - 1} are missing")
        elif not isinstance(digest, bytes) or (before is not None and digest != hash_of_anything(before, number, *values)):
            self.report(f"entry {number}: was changed or moved after it was written")

    def end_at(self, last: int) -> None:
        """Report the entries that are missing at the end of the stretch, up to the number `last`."""
        if self.number < last:
            self.report(f"entries {self.number + 1} to {last} are missing")
            self.number, self.hash = last, None

    def report(self, problem: str) -> None:
        """Add a problem, unless the report is already full."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def walked(self) -> Walked:
        """Return the result so far."""
        return Walked(self._start, self.entries, self.number, self.hash or b"", tuple(self.problems))
