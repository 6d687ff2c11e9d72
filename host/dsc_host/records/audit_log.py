"""The audit log of one database, for reading and checking."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam

from dsc_host.errors import InputError, StoreError
from dsc_host.records import archive, segments
from dsc_host.records.audit_check import PAGE, PAGE_AFTER, AuditReport, Check
from dsc_host.records.audit_entries import NUMBERS_END, START, Checkpoint, Entry, bytes_of
from dsc_host.records.audit_writer import Event
from dsc_host.records.progress import Progress, ignored
from dsc_host.records.segment_walk import MOST_PROBLEMS
from dsc_host.records.segments import FEWEST, MOST, SEGMENT, Segment
from dsc_host.records.tables import audit
from dsc_host.records.transaction import Context, Transaction

Anchor: TypeAlias = Callable[[Connection, int], Iterator[str]]
"""A check that takes the number of the log's last entry, and yields the problems in the records."""
_PAGE_OF = PAGE_AFTER.where(audit.c.serial == bindparam("serial"))


class AuditLog:
    """The log of one database, for reading and checking."""

    def __init__(
        self,
        context: Context[Any],
        *,
        check_serial: Callable[[str], object],
        anchors: Sequence[Anchor],
        card_actions: frozenset[str],
    ) -> None:
        """Use the open database of `context`.

        `check_serial` raises `InputError` for an invalid serial. `anchors` compare the records with the log. `card_actions` are
        the actions that begin or end a card's enrollment.
        """
        self._context = context
        self._store = context.store
        self._keys = context.keys
        self._seals = context.seals
        self._check_serial = check_serial
        self._anchors = anchors
        self._card_actions = card_actions

    def entries(self, after: int = 0, serial: str | None = None) -> Iterator[Entry]:
        """Yield the entries with a number above `after`, in order. With `serial`, yield only the entries about this card.

        Raises `InputError` if `after` is not a whole number from 0 to 2**62 - 1, or `serial` is not a valid serial. The
        iteration raises `StoreError` if entries that it has not reached are archived in the meantime.
        """
        if type(after) is not int or not 0 <= after < NUMBERS_END:
            raise InputError("after", "must be a whole number, 0 or more")
        if serial is not None:
            self._check_serial(serial)
        return self._entries(after, serial)

    def _entries(self, after: int, serial: str | None) -> Iterator[Entry]:
        first_mark = None
        while True:
            with self._store.read() as db:
                page, mark = _page(db, after, serial), segments.archived_number(db)
            if first_mark is None:
                first_mark = mark
            elif mark != first_mark and mark > after:
                raise self._store.failure(
                    f"entries {after + 1} to {mark} of the log were archived in the meantime; begin again"
                )
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].number

    def check(
        self,
        since: Checkpoint | None = None,
        *,
        whole: bool = True,
        folder: Path | None = None,
        done: Progress = ignored,
    ) -> AuditReport:
        """Check that no entry was changed after it was written.

        The check includes all cards, their owners and all secrets of the vault. It finds cards and secrets that somebody has
        changed, or that contradict the log, and reports at most 100 problems. With `since`, the check also verifies that the
        log still has the entry at that checkpoint. If `whole` is false and the log does not end before `since`, only the
        entries after `since` are checked, so the cost does not grow with the log. A whole check includes the archived segments
        in `folder`, and the report names the segments that have no file there. A large log is checked by several processes.

        From time to time, `done` is called with the number of checked entries and their total. Raises `StoreError` if a newer
        dscplus has migrated the database.
        """
        self._store.check_not_newer()
        with self._store.read(streams=True) as db:
            check = Check(db, self._keys, self._seals, self._store.source, done)
            report = check.after(since) if since and not whole else check.whole(since, folder)
            others = (found for anchor in self._anchors for found in anchor(db, report.checkpoint.number))
            return replace(report, problems=tuple(islice(chain(report.problems, others), MOST_PROBLEMS)))

    def last_checkpoint(self) -> Checkpoint | None:
        """Return the last checkpoint that `seal` has made, or None. Raises `StoreError` if its seal is not valid."""
        with self._store.read() as db:
            segment = self._last_segment(db)
        return None if segment is None else Checkpoint(segment.last_entry, segment.end_hash.hex())

    def seal(self, size: int = SEGMENT, *, done: Progress = ignored) -> AuditReport:
        """Check the entries after the last checkpoint, and make a checkpoint after every `size` of them.

        Fewer than `size` entries at the end of the log get no checkpoint yet. If the check finds a problem, no checkpoint is
        made. From time to time, `done` is called with the number of checked entries and their total.

        Raises `InputError` for a size below 1,000 or above 10,000,000. Raises `StoreError` if the last checkpoint has no valid
        seal, or if a newer dscplus has migrated the database.
        """
        if type(size) is not int or not FEWEST <= size <= MOST:
            raise InputError("entries of a segment", f"must be a whole number from {FEWEST:,} to {MOST:,}")
        self._store.check_not_newer()
        with self._store.read(streams=True) as db:
            last = self._last_segment(db)
            check = Check(db, self._keys, self._seals, self._store.source, done, size)
            report = check.after(Checkpoint(last.last_entry, last.end_hash.hex()) if last else Checkpoint(0, START.hex()))
        if report.sound and check.hashes:
            made, before = [], last
            for number, digest in check.hashes.items():
                before = Segment.made(before, number, digest, self._keys.current, self._seals)
                made.append(before)
            self._context.change(lambda tx: self._add(tx, last, made))
        return report

    def _add(self, tx: Transaction, last: Segment | None, made: Sequence[Segment]) -> None:
        # If another process has made checkpoints meanwhile, add none.
        if segments.add(tx.db, last, made):
            detail = {"first": str(made[0].number), "last": str(made[-1].number), "entry": str(made[-1].last_entry)}
            tx.log(tx.now(), Event("audit.seal", None, "done", detail=detail))

    def archived_to(self) -> int:
        """Return the number of the last entry that is archived, or 0. Raises `StoreError` if this number was changed."""
        return self._context.read(lambda tx: segments.archived(tx.db, tx.keys, tx.seals).number)

    def archivable(self, before: float) -> list[Segment]:
        """Return the segments that `archive` with this `before` would move. Raises `StoreError` if a checkpoint was changed."""
        return archive.archivable(self._context, before)

    def archive(self, folder: Path, before: float, *, done: Progress = ignored) -> list[Segment]:
        """Move sealed segments into files in `folder`, and return these segments.

        Segments are moved in their order. The move stops before the first segment whose last entry is not older than
        `before`, in Unix seconds. It also stops before a segment that ends with the last entry of the log. Entries are removed
        from the database only after their file was checked. After each batch, `done` is called with the numbers of the last
        removed entry and the last entry to remove.

        Raises `InputError` if the folder does not exist, if a file cannot be written, or if a file with the segment's name
        holds something else. Raises `StoreError` if entries in the database were changed or removed after they were sealed.
        """
        self._store.check_not_newer()
        chosen = self.archivable(before)
        archive.Archiver(self._context, folder, self._card_actions, done).move(chosen)
        return chosen

    def _last_segment(self, db: Connection) -> Segment | None:
        segment = segments.last_segment(db)
        if segment and (problem := segment.seal_problem(self._keys, self._seals)):
            raise StoreError(f"{problem}; see audit verify")
        return segment


def _page(db: Connection, after: int, serial: str | None) -> list[Entry]:
    if serial is None:
        rows = db.execute(PAGE_AFTER, {"after": after})
    else:
        rows = db.execute(_PAGE_OF, {"after": after, "serial": serial})
    return [
        Entry(**{**{name: _shown(value) for name, value in row._mapping.items()}, "hash": bytes_of(row.hash).hex()})
        for row in rows
    ]


def _shown(value: Any) -> Any:
    """Return bytes as text for an export, and any other value unchanged. Only values that somebody has changed are bytes."""
    return ascii(value) if isinstance(value, bytes) else value
