"""The archive of the audit log: old segments, moved from the database into files.

Four promises:

1. An entry is removed from the database only after the file of its segment was written to the disk, read again, and checked:
   the hashes of the entries must form a chain from the start hash to the end hash in the segment's sealed checkpoint.
2. Entries are removed in small batches. Each transaction that removes a batch also moves the sealed mark of the last archived
   entry. So nothing is lost if the process is killed, users can log in meanwhile, and the log can be checked at any moment. The
   next run continues where the killed process stopped.
3. The checkpoints stay in the database. They show which entries existed. Each check of a file compares it with its checkpoint.
4. A summary of the archived entries about each card stays in the database too (`kept_cards`). So the check of the log still
   finds a card if somebody has replaced its row by an older version.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, delete, select

from dsc_host.errors import InputError, StoreError
from dsc_host.records import archive_file, kept_cards, segment_files, segments
from dsc_host.records.audit_writer import Event, last_number
from dsc_host.records.kept_cards import KeptCard
from dsc_host.records.progress import Progress
from dsc_host.records.segments import Segment
from dsc_host.records.tables import audit
from dsc_host.records.transaction import Context, Transaction

BATCH = 1000
"""The number of entries that one transaction removes."""
_MOST_KEPT = 200_000
"""As soon as the memory holds the summaries of this many cards, they are stored, and the checked segments are removed."""
_REMOVE = delete(audit).where(audit.c.number > bindparam("after"), audit.c.number <= bindparam("last"))
_SERIAL, _ACTION, _CARD_ROW = 4, 3, 8
"""The positions of these columns in the text of an entry."""


@dataclass(slots=True)
class _CheckedSegment:
    """A segment whose file was checked."""

    segment: Segment
    hashes: dict[int, bytes] = field(default_factory=dict)
    """The hash of each entry at which a batch may end, by the entry's number."""


def archivable(context: Context[Any], before: float) -> list[Segment]:
    """Return the sealed segments in the database that can be archived, in order.

    The list ends before the first segment whose last entry is not older than `before`, in Unix seconds. It also ends before a
    segment that has the last entry of the log. Raises `StoreError` if a checkpoint or the mark of the archived entries was
    changed after it was sealed.
    """
    chosen = segment_files.sealed(context)
    with context.reading() as tx:
        end = last_number(tx.db)
        found: list[Segment] = []
        for segment in chosen:
            at = tx.db.execute(select(audit.c.at).where(audit.c.number == segment.last_entry)).scalar()
            # Keep the last entry of the log in the database.
            if segment.last_entry >= end or not isinstance(at, float) or at >= before:
                break
            found.append(segment)
        return found


class Archiver:
    """A run that moves segments from the database into files in one folder."""

    def __init__(self, context: Context[Any], folder: Path, actions: frozenset[str], done: Progress) -> None:
        """`actions` are the actions that begin or end a card's enrollment.

        After each batch, `done` is called with the numbers of the last removed entry and the last entry to remove.
        """
        self._context = context
        self._folder = folder
        self._actions = actions
        self._done = done
        self._kept: dict[str, KeptCard] = {}

    def move(self, chosen: Sequence[Segment]) -> None:
        """Move these segments, which follow one another and begin with the first segment in the database.

        Raises `InputError` if the folder does not exist, if a file cannot be written, or if a file with the segment's name
        holds something else. Raises `StoreError` if entries in the database were changed or removed after they were sealed.
        """
        if not self._folder.is_dir():
            raise InputError("archive", f"{self._folder} is not a folder; create it first")
        waiting: list[_CheckedSegment] = []
        for segment in chosen:
            waiting.append(self._write_and_check(segment))
            if len(self._kept) >= _MOST_KEPT:
                self._remove(waiting)
        self._remove(waiting)

    def _write_and_check(self, segment: Segment) -> _CheckedSegment:
        """Write the file of a segment unless it exists. Then read and check the file."""
        path, database = segment_files.make(self._context, self._folder, segment), self._context.seals.database
        checked, kept = _CheckedSegment(segment), dict[str, KeptCard]()
        try:
            for number, (line, digest) in enumerate(archive_file.entries(path, segment, database), segment.first_entry):
                if number % BATCH == 0:
                    checked.hashes[number] = digest
                self._keep(line, kept)
        except InputError as error:
            raise archive_file.with_remedy(error, "archive") from error
        checked.hashes[segment.last_entry] = segment.end_hash
        # Use the summaries only now: until the last entry was read, the file may not be the file of this segment.
        for serial, card in kept.items():
            self._kept[serial] = card.after(self._kept.get(serial, card))
        return checked

    def _keep(self, line: bytes, kept: dict[str, KeptCard]) -> None:
        values = archive_file.values_of(line)
        serial, action = values[_SERIAL], values[_ACTION] if values[_ACTION] in self._actions else None
        card_row = values[_CARD_ROW] if len(values) > _CARD_ROW else None
        if serial is not None and (card_row or action):
            card = KeptCard(serial, card_row, action)
            kept[serial] = card.after(kept.get(serial, card))

    def _remove(self, waiting: list[_CheckedSegment]) -> None:
        """Store the summaries of the cards in these segments. Then remove the segments' entries from the database."""
        if not waiting:
            return
        kept_cards.replace_all(self._context, self._kept, waiting[-1].segment.last_entry)
        for checked in waiting:
            remove = partial(_remove_some, checked)
            while (number := self._context.change_in_turn(remove)) is not None:
                self._done(number, waiting[-1].segment.last_entry)
        self._kept.clear()
        waiting.clear()


def _remove_some(checked: _CheckedSegment, tx: Transaction) -> int | None:
    """Remove a batch of entries. Return the number of the last removed entry, or None if the segment has no more entries."""
    tx.context.store.claim(tx.db)
    segment, mark = checked.segment, segments.archived(tx.db, tx.keys, tx.seals)
    if mark.number >= segment.last_entry:
        return None
    last = min((mark.number // BATCH + 1) * BATCH, segment.last_entry)
    if tx.db.execute(_REMOVE, {"after": mark.number, "last": last}).rowcount != last - mark.number:
        raise StoreError(f"entries of segment {segment.number} are missing; see audit verify")
    moved = segments.Archived(last, checked.hashes[last], mark.kept_to, mark.generation, mark.kept_hash)
    segments.move_mark(tx.db, moved, tx.keys.current, tx.seals)
    if last == segment.last_entry:
        numbers = {"segment": segment.number, "first": segment.first_entry, "last": segment.last_entry}
        detail = {**{name: str(number) for name, number in numbers.items()}, "hash": segment.end_hash.hex()}
        tx.log(tx.now(), Event("audit.archive", None, "done", detail=detail))
    return last


# ---- the check ----


def unseen_sentences(chosen: Sequence[Segment], one: str, many: str) -> Iterator[str]:
    """Yield sentences about `chosen`, the segments that a check has not read: one for each sequence of consecutive segments.

    `one` is the end of a sentence about one segment, and `many` is the end of a sentence about several segments.
    """
    for _, run in groupby(enumerate(chosen), key=lambda at: at[1].number - at[0]):
        parts = [segment for _, segment in run]
        first, last = parts[0], parts[-1]
        names = f"segment {first.number} is" if first is last else f"segments {first.number} to {last.number} are"
        yield f"{names} archived (entries {first.first_entry} to {last.last_entry}), and {one if first is last else many}"


@dataclass(slots=True)
class ArchiveCheck:
    """A check of segment files in one folder.

    Attributes:
        folder: The folder.
        database: The identity of the database whose segments the files hold.
        problems: A sentence for each file that is not valid.
        absent: The segments that have no file.
        entries: The number of entries in all valid files.
    """

    folder: Path
    database: str
    problems: list[str] = field(default_factory=list)
    absent: list[Segment] = field(default_factory=list)
    entries: int = 0

    def check(self, segment: Segment, wanted: int | None = None) -> bytes | None:
        """Check the file of a segment, and note its problem, if it has one.

        Return the hash of the entry with the number `wanted`, or None if the file is not valid or does not have this entry.
        """
        path = archive_file.file_of(self.folder, segment.number)
        if not path.exists():
            self.absent.append(segment)
            return None
        found, count = None, 0
        try:
            for count, (_, digest) in enumerate(archive_file.entries(path, segment, self.database), 1):
                if segment.first_entry + count - 1 == wanted:
                    found = digest
        except InputError as error:
            self.problems.append(
                f"segment {segment.number}: {error.problem}; put a good copy of this file in its place, and check again"
            )
            return None
        self.entries += count
        return found
