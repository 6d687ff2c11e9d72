"""The sealed segments of the log that a backup leaves out, because each has a separate file beside the backup.

A sealed segment never changes, so its file is made only once. All later backups use this file, and hold only the entries after
the last segment. The files have the format of the archive. Two promises:

1. A backup leaves out an entry only if the file of its segment is in the folder.
2. Entries from a file are restored only if their hashes form a chain from the start hash to the end hash of the segment's
   sealed checkpoint, which the backup holds. Otherwise nothing is restored.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, insert

from dsc_host.errors import InputError
from dsc_host.records import archive_file, row_text, segment_files, segments
from dsc_host.records.keys import Keyring
from dsc_host.records.progress import Progress
from dsc_host.records.seals import Seals
from dsc_host.records.segments import Segment
from dsc_host.records.tables import audit
from dsc_host.records.transaction import Context

_BATCH = 500
_COLUMNS = tuple(column for column in audit.columns if column is not audit.c.hash)
"""The columns in the order of the values in an entry's text. The text leaves out `card_row` if it is NULL."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The part of the log that a backup leaves out, because segment files hold it.

    Attributes:
        first: The number of the first segment.
        last: The number of the last segment.
        last_entry: The number of the last entry of the last segment.
    """

    first: int
    last: int
    last_entry: int

    @classmethod
    def read(cls, content: object) -> Self | None:
        """Return the part that `content`, a value from the header of a backup, describes. Return None for any other value."""
        if not isinstance(content, dict) or list(content) != ["first", "last", "last_entry"]:
            return None
        if not all(type(number) is int for number in content.values()):
            return None
        return cls(**content)

    def as_json(self) -> dict[str, int]:
        """Return the value for the header of a backup."""
        return asdict(self)

    @property
    def names(self) -> str:
        """The numbers of the segments, for a sentence."""
        return f"segment {self.first}" if self.first == self.last else f"segments {self.first} to {self.last}"


def make_files(context: Context[Any], folder: Path, done: Progress) -> None:
    """Make the file of each sealed segment that has entries in the database and no file in this folder.

    After each segment, `done` is called with the numbers of its last entry and of the last sealed entry. Raises `InputError` if
    the folder or a file cannot be used, or if a file with the name of a segment holds something else. Raises `StoreError` if
    entries in the database were changed after they were sealed.
    """
    if not folder.is_dir():
        raise InputError("segments", f"{folder} is not a folder; create it first")
    found = segment_files.sealed(context)
    for segment in found:
        try:
            path = segment_files.make(context, folder, segment)
        except InputError as error:
            raise InputError("segments", error.problem) from error
        try:
            archive_file.check_header(path, segment, context.seals.database)
        except InputError as error:
            raise archive_file.with_remedy(error, "segments") from error
        done(segment.last_entry, found[-1].last_entry)


def left_out(db: Connection, keys: Keyring, seals: Seals, folder: Path) -> LeftOut | None:
    """Return the part of the log that a backup in this transaction can leave out, or None if it must hold all entries."""
    mark = segments.archived(db, keys, seals)
    found: list[Segment] = []
    for segment in segments.segments(db, mark.number):
        if segment is not None and segment.last_entry <= mark.number:
            # All entries of this segment are archived, so a backup needs no file of it.
            continue
        if segment is None or not _has_file(folder, segment, seals.database):
            break
        found.append(segment)
    return LeftOut(found[0].number, found[-1].number, found[-1].last_entry) if found else None


def _has_file(folder: Path, segment: Segment, database: str) -> bool:
    try:
        archive_file.check_header(archive_file.file_of(folder, segment.number), segment, database)
    except InputError:
        return False
    return True


def insert_entries(db: Connection, keys: Keyring, seals: Seals, part: LeftOut, folder: Path, done: Progress) -> None:
    """Insert the entries of the segments in `part` from their files. Call it after `Restoring.into`, in the same transaction.

    After each segment, `done` is called with the numbers of its last entry and of the last entry of `part`. Raises `InputError`
    if a file is missing or does not hold its segment, or if the backup lacks a checkpoint or has a checkpoint that was changed.
    """
    archived, previous, last = segments.archived(db, keys, seals).number, None, 0
    for segment in list(segments.segments(db)):
        problem = segment.problem(previous, keys, seals) if segment else "a checkpoint was changed"
        if segment is None or problem:
            raise InputError("backup", f"{problem}; use another backup")
        previous = segment
        if part.first <= segment.number <= part.last:
            _insert_segment(db, seals, segment, folder, archived)
            last = segment.last_entry
            done(last, part.last_entry)
    if last != part.last_entry:
        raise InputError("backup", f"does not have the checkpoints of {part.names}; use another backup")


def _insert_segment(db: Connection, seals: Seals, segment: Segment, folder: Path, archived: int) -> None:
    try:
        rows = _rows(archive_file.file_of(folder, segment.number), segment, seals.database, archived)
        while batch := list(islice(rows, _BATCH)):
            db.execute(insert(audit), batch)
    except InputError as error:
        raise InputError(
            "segments", f"{error.problem}; nothing was restored; replace this file by another copy of it, and restore again"
        ) from error


def _rows(path: Path, segment: Segment, database: str, archived: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the entries that were not archived when the backup was made."""
    for number, (line, digest) in enumerate(archive_file.entries(path, segment, database), segment.first_entry):
        row = _row(line)
        if row is None or row["number"] != number:
            raise InputError("segments", f"{path} was changed: entry {number} cannot be read")
        if number > archived:
            yield {**row, "hash": digest}


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
        without_card = len(values) == len(_COLUMNS) - 1
        texts = [*values, None] if without_card else values
        return {column.name: row_text.decoded(column, value) for column, value in zip(_COLUMNS, texts, strict=True)}
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
