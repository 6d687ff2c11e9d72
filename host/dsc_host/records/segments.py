"""Segments of the audit log, and the sealed checkpoints at their ends.

A segment is a sequence of consecutive entries. Three promises:

1. A checkpoint holds the numbers of the first and the last entry of its segment, the hash of the entry before the first, the
   hash of the last, and a digest of all these values and of the previous checkpoint's digest. The digest is sealed with the
   master key, for this database.
2. Before a checkpoint is made, all entries from the previous checkpoint to the sealed end of the log are checked. So an
   attacker who has no master key never gets a sealed checkpoint for forged entries.
3. The mark of the archived entries is sealed too. It is changed in the same transaction as the rows that it describes, so the
   log can be checked at any time.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from dsc_host.errors import StoreError
from dsc_host.records.audit_entries import START
from dsc_host.records.keys import Keyring, MasterKey
from dsc_host.records.seals import Seals
from dsc_host.records.tables import audit_archive, audit_segments
from dsc_host.records.transaction import Transaction

SEGMENT = 100_000
"""The default number of entries in a segment: about 30 MB."""
FEWEST, MOST = 1_000, 10_000_000
"""The smallest and the largest number of entries that a caller may choose."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment, with the sealed checkpoint at its end.

    Attributes:
        number: The number of the segment and of its checkpoint, from 1, without gaps.
        first_entry: The number of the segment's first entry.
        last_entry: The number of the segment's last entry.
        start_hash: The hash of the entry before the first.
        end_hash: The hash of the last entry.
        digest: The digest of the values above, and of the digest of the checkpoint before this one.
        key_id: The id of the master key that seals the digest.
        seal: The seal.
    """

    number: int
    first_entry: int
    last_entry: int
    start_hash: bytes
    end_hash: bytes
    digest: bytes
    key_id: str
    seal: bytes

    @classmethod
    def made(cls, before: "Segment | None", last_entry: int, end_hash: bytes, key: MasterKey, seals: Seals) -> "Segment":
        """Return a new checkpoint, sealed under `key`, that follows `before`. For the first checkpoint, `before` is None."""
        number, after, start, previous = (before.number, before.last_entry, before.end_hash, before.digest) if before else _NONE
        digest = _digest(previous, number + 1, after + 1, last_entry, start, end_hash)
        seal = key.sign_log(seals.checkpoint(digest))
        return cls(number + 1, after + 1, last_entry, start, end_hash, digest, key.id, seal)

    def problem(self, before: "Segment | None", keys: Keyring, seals: Seals) -> str | None:
        """Return the reason why this checkpoint is not valid after `before`, or None if it is valid."""
        number, after, start, previous = (before.number, before.last_entry, before.end_hash, before.digest) if before else _NONE
        if self.number != number + 1:
            return f"checkpoint {number + 1}: is missing"
        if self.first_entry != after + 1 or self.start_hash != start or self.last_entry < self.first_entry:
            return f"checkpoint {self.number}: does not begin where the checkpoint before it ends"
        if self.digest != _digest(previous, number + 1, self.first_entry, self.last_entry, start, self.end_hash):
            return f"checkpoint {self.number}: was changed"
        return self.seal_problem(keys, seals)

    def seal_problem(self, keys: Keyring, seals: Seals) -> str | None:
        """Return the reason why the seal is not valid, or None if it is valid."""
        if self.key_id not in keys.ids:
            return f"checkpoint {self.number}: is sealed under a master key that was not given"
        if not hmac.compare_digest(self.seal, keys.opener(self.key_id).sign_log(seals.checkpoint(self.digest))):
            return f"checkpoint {self.number}: does not have the seal of the master key"
        return None


_NONE = (0, 0, START, b"")
"""The values that the first checkpoint uses in place of an earlier checkpoint."""


def _digest(previous: bytes, number: int, first: int, last: int, start: bytes, end: bytes) -> bytes:
    numbers = b"".join(each.to_bytes(8, "big") for each in (number, first, last, last - first + 1))
    return hashlib.sha256(b"dscplus segment" + previous + numbers + start + end).digest()


def segments(db: Connection, after: int = 0) -> Iterator[Segment | None]:
    """Yield the checkpoints in order: the last checkpoint at or before entry `after`, and all later checkpoints.

    Do not check them. For a row that holds values of the wrong types, because somebody has changed it, yield None.
    """
    earlier = select(func.max(audit_segments.c.number)).where(audit_segments.c.last_entry <= after)
    begin = func.coalesce(earlier.scalar_subquery(), 0)
    statement = select(audit_segments).where(audit_segments.c.number >= begin).order_by(audit_segments.c.number)
    return map(_read, db.execute(statement))


def last_segment(db: Connection) -> Segment | None:
    """Return the last checkpoint, or None if there are no checkpoints. Do not check its seal."""
    row = db.execute(select(audit_segments).order_by(audit_segments.c.number.desc()).limit(1)).first()
    return None if row is None else _read(row)


def _read(row: Any) -> Segment | None:
    segment = Segment(*row)
    numbers = segment.number, segment.first_entry, segment.last_entry
    hashes = segment.start_hash, segment.end_hash, segment.digest, segment.seal
    is_right = all(type(each) is int and 0 <= each < 2**62 for each in numbers) and all(type(each) is bytes for each in hashes)
    return segment if is_right and isinstance(segment.key_id, str) else None


def add(db: Connection, before: Segment | None, made: Sequence[Segment]) -> bool:
    """Add checkpoints after `before`, and return True. If another process has added some first, add none and return False."""
    last = last_segment(db)
    # Compare only the digests: a change of the master key gives the checkpoints other seals.
    if (last and last.digest) != (before and before.digest):
        return False
    db.execute(insert(audit_segments), [_values(segment) for segment in made])
    return True


def _values(segment: Segment) -> dict[str, Any]:
    return {column.name: getattr(segment, column.name) for column in audit_segments.columns}


# ---- the archived entries ----


@dataclass(frozen=True, slots=True)
class Archived:
    """The mark of the archive: the last archived entry, and the rows that summarize all archived entries.

    Each of these rows, the kept rows, summarizes the entries about one card: see `kept_cards`.

    Attributes:
        number: The number of the last archived entry; 0 if no entry was archived.
        hash: The hash of this entry.
        kept_to: The number of the last entry that the kept rows take into account.
        generation: The generation of the kept rows.
        kept_hash: The hash of the kept rows.
    """

    number: int = 0
    hash: bytes = START
    kept_to: int = 0
    generation: int = 0
    kept_hash: bytes = START

    def text(self, seals: Seals) -> bytes:
        """Return the bytes to seal for this mark."""
        numbers = b"".join(each.to_bytes(8, "big") for each in (self.number, self.kept_to, self.generation))
        return seals.archive(numbers + self.hash + self.kept_hash)


def archived(db: Connection, keys: Keyring, seals: Seals) -> Archived:
    """Return the mark of the archived entries. Raises `StoreError` if the mark has no valid seal."""
    row = db.execute(select(audit_archive)).first()
    if row is None:
        return Archived()
    mark = Archived(row.number, row.hash, row.kept_to, row.generation, row.kept_hash)
    numbers, hashes = (mark.number, mark.kept_to, mark.generation), (mark.hash, mark.kept_hash, row.seal)
    is_right = all(type(each) is int and 0 <= each < 2**62 for each in numbers) and all(type(each) is bytes for each in hashes)
    if is_right and row.key_id in keys.ids:
        seal = keys.opener(row.key_id).sign_log(mark.text(seals))
        if hmac.compare_digest(row.seal, seal):
            return mark
    raise StoreError(
        "the mark of the archived entries does not have the seal of the master key: somebody has changed it, "
        "or the key was not given; restore a backup"
    )


def archived_number(db: Connection) -> int:
    """Return the number of the last archived entry, or 0. Do not check the seal of the mark."""
    return db.execute(select(audit_archive.c.number)).scalar() or 0


def move_mark(db: Connection, mark: Archived, key: MasterKey, seals: Seals) -> None:
    """Seal the mark and store it."""
    values = {
        "number": mark.number,
        "hash": mark.hash,
        "kept_to": mark.kept_to,
        "generation": mark.generation,
        "kept_hash": mark.kept_hash,
        "key_id": key.id,
        "seal": key.sign_log(mark.text(seals)),
    }
    if not db.execute(update(audit_archive).values(values)).rowcount:
        db.execute(insert(audit_archive).values(id=1, **values))


# ---- the change of the master key ----


def key_ids(db: Connection) -> set[str]:
    """Return the ids of the master keys that seal checkpoints or the mark of the archived entries."""
    found = set(db.execute(select(audit_segments.c.key_id).distinct()).scalars())
    return found | set(db.execute(select(audit_archive.c.key_id)).scalars())


def seal_some(tx: Transaction, most: int) -> int:
    """Seal up to `most` checkpoints, and the mark of the archived entries, again under the current key.

    Return the number of checkpoints sealed. Raises `StoreError` if one of the old seals is not valid.
    """
    # An archiver moves the mark. Without the claim, this transaction could put an earlier mark back.
    tx.context.store.claim(tx.db)
    key = tx.keys.current
    if set(tx.db.execute(select(audit_archive.c.key_id)).scalars()) - {key.id}:
        move_mark(tx.db, archived(tx.db, tx.keys, tx.seals), key, tx.seals)
    others = select(audit_segments).where(audit_segments.c.key_id != key.id).order_by(audit_segments.c.number).limit(most)
    found = [_read(row) for row in tx.db.execute(others)]
    for segment in found:
        if segment is None or segment.seal_problem(tx.keys, tx.seals):
            raise StoreError("a checkpoint of the audit log does not have its seal; see audit verify, and restore a backup")
        values = {"key_id": key.id, "seal": key.sign_log(tx.seals.checkpoint(segment.digest))}
        tx.db.execute(update(audit_segments).where(audit_segments.c.number == segment.number).values(values))
    return len(found)
