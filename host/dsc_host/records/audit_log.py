"""The audit log of one database, for reading and checking."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TypeAlias

from sqlalchemy import Connection, bindparam

from dsc_host.errors import InputError
from dsc_host.records.audit_check import MOST_PROBLEMS, PAGE, PAGE_AFTER, AuditReport, Check
from dsc_host.records.audit_entries import NUMBERS_END, Checkpoint, Entry, bytes_of
from dsc_host.records.keys import Keyring
from dsc_host.records.progress import Progress, ignored
from dsc_host.records.seals import Seals
from dsc_host.records.store import Store
from dsc_host.records.tables import audit

Anchor: TypeAlias = Callable[[Connection, int], Iterator[str]]
"""A check that takes the number of the log's last entry, and yields the problems in the records."""
_PAGE_OF = PAGE_AFTER.where(audit.c.serial == bindparam("serial"))


class AuditLog:
    """The log of one database, for reading and checking."""

    def __init__(
        self, store: Store, keys: Keyring, seals: Seals, *, check_serial: Callable[[str], object], anchors: Sequence[Anchor]
    ) -> None:
        """Use the parts of an open database. `anchors` compare the records with the log."""
        self._store = store
        self._check_serial = check_serial
        self._anchors = anchors
        self._keys = keys
        self._seals = seals

    def entries(self, after: int = 0, serial: str | None = None) -> Iterator[Entry]:
        """Yield all entries with a number above `after`, or those of one card, in order. They are read page by page.

        Raises `InputError` if `after` is not a whole number of 0 or more, or `serial` cannot be a card's.
        """
        if type(after) is not int or not 0 <= after < NUMBERS_END:
            raise InputError("after", "must be a whole number, 0 or more")
        if serial is not None:
            self._check_serial(serial)
        return self._entries(after, serial)

    def _entries(self, after: int, serial: str | None) -> Iterator[Entry]:
        while True:
            with self._store.read() as db:
                page = _page(db, after, serial)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].number

    def check(self, since: Checkpoint | None = None, *, done: Progress = ignored) -> AuditReport:
        """Check that no entry was changed after it was written.

        The check includes all cards and all secrets of the vault. It finds those that were tampered with or that contradict the
        log. With `since`, it also checks that the log still has the entries that it had at that checkpoint. `done` is called
        after every thousand entries.
        """
        with self._store.read(streams=True) as db:
            report = Check(self._keys, self._seals).through(db, since, done)
            others = (found for anchor in self._anchors for found in anchor(db, report.checkpoint.number))
            return replace(report, problems=tuple(islice(chain(report.problems, others), MOST_PROBLEMS)))


def _page(db: Connection, after: int, serial: str | None) -> list[Entry]:
    if serial is None:
        rows = db.execute(PAGE_AFTER, {"after": after})
    else:
        rows = db.execute(_PAGE_OF, {"after": after, "serial": serial})
    return [Entry(**{**row._mapping, "hash": bytes_of(row.hash).hex()}) for row in rows]
