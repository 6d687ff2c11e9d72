"""The check of the audit log: one pass from the first entry to the sealed end."""

import hmac
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from dsc_host.records.audit import HEAD, last_number
from dsc_host.records.audit_entries import NUMBERS_END, START, Checkpoint, bytes_of, hash_of_anything
from dsc_host.records.keys import Keyring
from dsc_host.records.progress import Progress
from dsc_host.records.seals import Seals
from dsc_host.records.tables import audit

MOST_PROBLEMS = 100
"""The largest number of problems in a report. If everything is damaged, the first ones are enough."""
PAGE = 1000
"""The number of entries that are read at a time."""
PAGE_AFTER = (
    select(audit).where(audit.c.number > bindparam("after"), audit.c.number < NUMBERS_END).order_by(audit.c.number).limit(PAGE)
)
"""A query for the next entries after a number."""
# In SQLite, a value that is not a number sorts after every number.
_OUT_OF_RANGE = select(audit.c.number).where(or_(audit.c.number <= 0, audit.c.number >= NUMBERS_END)).limit(MOST_PROBLEMS)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of a check of the whole log."""

    entries: int
    problems: tuple[str, ...]
    checkpoint: Checkpoint

    @property
    def sound(self) -> bool:
        """Whether nothing was changed, removed, added or reordered."""
        return not self.problems


class Check:
    """One pass through the log, from the first entry to the end."""

    def __init__(self, keys: Keyring, seals: Seals) -> None:
        self._keys = keys
        self._seals = seals
        self._problems: list[str] = []
        self._number = 0
        self._hash = START

    def through(self, db: Connection, since: Checkpoint | None, done: Progress) -> AuditReport:
        """Check all entries and the end, and return the report."""
        entries, total = 0, last_number(db)
        if since and since.number == 0 and since.hash != self._hash.hex():
            self._report("its beginning differs from the checkpoint")
        for number in db.execute(_OUT_OF_RANGE).scalars():
            self._report(f"entry {ascii(number)[:20]}: has a number that no entry can have")
        while rows := db.execute(PAGE_AFTER, {"after": self._number}).all():
            for row in rows:
                self._follow(row, since)
            entries += len(rows)
            done(entries, total)
        self._look_at_end(db.execute(HEAD).one_or_none())
        if since and since.number > self._number:
            self._report(f"it ends at entry {self._number}, before the checkpoint at entry {since.number}")
        return AuditReport(entries, tuple(self._problems), Checkpoint(self._number, self._hash.hex()))

    def _follow(self, row: Row[Any], since: Checkpoint | None) -> None:
        number, *values, digest = tuple(row)
        if not isinstance(digest, bytes):
            digest = b""
        if number != self._number + 1:
            self._report(f"entries {self._number + 1} to {number - 1} are missing")
        elif digest != hash_of_anything(self._hash, number, *values):
            self._report(f"entry {number}: was changed or moved after it was written")
        if since and since.number == number and since.hash != digest.hex():
            self._report(f"entry {number}: differs from the checkpoint")
        # Continue with the stored hash of this entry, so that one change is reported once.
        self._number, self._hash = number, digest

    def _look_at_end(self, head: Any) -> None:
        if head is None:
            self._report("its end is missing")
        elif type(head.number) is not int or not isinstance(head.hash, bytes):
            self._report("its end was changed")
        elif head.number > self._number:
            self._report(f"entries {self._number + 1} to {head.number} are missing, at its end")
        elif (head.number, head.hash) != (self._number, self._hash):
            self._report(f"it goes on after entry {head.number}, which was its end")
        elif head.key_id not in self._keys.ids:
            self._report("its end is sealed under a master key that was not given" if head.key_id else "its end has no seal")
        else:
            end = self._seals.end_of_log(head.number, head.hash)
            if not hmac.compare_digest(bytes_of(head.seal), self._keys.opener(head.key_id).sign_log(end)):
                self._report("its end does not have the seal of the master key")

    def _report(self, problem: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)
