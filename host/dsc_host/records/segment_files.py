"""Segment files for the archive and for backups, made from the entries in the database.

One promise: a file is made only from entries that were not changed after they were sealed.
"""

from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select

from dsc_host.errors import InputError, StoreError
from dsc_host.records import archive_file, segments
from dsc_host.records.audit_entries import encoded
from dsc_host.records.segment_walk import Walk
from dsc_host.records.segments import Segment
from dsc_host.records.tables import audit
from dsc_host.records.transaction import Context

_PAGE = 1000
_ROWS = select(audit).where(audit.c.number > bindparam("after"), audit.c.number <= bindparam("last")).order_by(audit.c.number)


def sealed(context: Context[Any]) -> list[Segment]:
    """Return the sealed segments that have entries in the database, in order.

    Raises `StoreError` if a checkpoint or the mark of the archived entries was changed after it was sealed.
    """
    with context.reading() as tx:
        mark, previous = segments.archived(tx.db, tx.keys, tx.seals), None
        found: list[Segment] = []
        for segment in segments.segments(tx.db):
            problem = segment.problem(previous, tx.keys, tx.seals) if segment else "a checkpoint was changed"
            if segment is None or problem:
                raise StoreError(f"{problem}; see audit verify")
            previous = segment
            if segment.last_entry > mark.number:
                found.append(segment)
        return found


def make(context: Context[Any], folder: Path, segment: Segment) -> Path:
    """Make the file of a segment in this folder, unless it exists. Return its path.

    Raises `InputError` if the file cannot be written, or if the archive already has some of the segment's entries. Raises
    `StoreError` if entries in the database were changed or removed after they were sealed.
    """
    path = archive_file.file_of(folder, segment.number)
    # Another process may have written the same file since `exists` was called.
    with suppress(FileExistsError):
        if not path.exists():
            with closing(_lines(context, segment)) as lines:
                archive_file.write(path, segment, context.seals.database, lines)
    return path


def _lines(context: Context[Any], segment: Segment) -> Generator[bytes, None, None]:
    with context.store.read(streams=True) as db:
        mark = segments.archived(db, context.keys, context.seals)
        if mark.number >= segment.first_entry:
            raise InputError("archive", f"segment {segment.number} was archived in part; name the folder that has its file")
        walk = Walk(segment.first_entry - 1, segment.start_hash)
        numbers = {"after": segment.first_entry - 1, "last": segment.last_entry}
        for row in db.execute(_ROWS, numbers, execution_options={"yield_per": _PAGE}):
            values = tuple(row[:-1] if row.card_row is not None else row[:-2])
            walk.follow([row])
            if walk.problems:
                break
            yield encoded(values).encode()
        walk.end_at(segment.last_entry)
        if walk.problems or walk.hash != segment.end_hash:
            raise StoreError(f"segment {segment.number} is not as it was sealed; see audit verify")
