"""The check of the audit log: it computes each hash after a trusted entry, and compares the last hash with the sealed end.

A large log is divided into stretches, which several processes check at the same time.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select

from dsc_host.errors import StoreError
from dsc_host.records import archive, archive_file, segments
from dsc_host.records.audit_entries import NUMBERS_END, START, Checkpoint, bytes_of
from dsc_host.records.audit_writer import HEAD, last_number
from dsc_host.records.keys import Keyring
from dsc_host.records.progress import Progress
from dsc_host.records.seals import Seals
from dsc_host.records.segment_pool import SegmentPool, processors
from dsc_host.records.segment_walk import MOST_PROBLEMS, Stretch, Walk, Walked
from dsc_host.records.segment_worker import Source
from dsc_host.records.segments import SEGMENT, Archived, Segment
from dsc_host.records.tables import audit

PAGE = 1000
"""The number of entries that are read at a time."""
PARALLEL_FROM = 50_000
"""Other processes help with a check only from this number of entries on, because starting them takes a tenth of a second."""
PAGE_AFTER = (
    select(audit).where(audit.c.number > bindparam("after"), audit.c.number < NUMBERS_END).order_by(audit.c.number).limit(PAGE)
)
"""A query for the next `PAGE` entries after a number."""
_PAGE_TO = PAGE_AFTER.where(audit.c.number <= bindparam("last"))
_HASH = select(audit.c.hash).where(audit.c.number == bindparam("number"))
# SQLite sorts text and bytes after every number, so the second condition also finds an entry whose number is text or bytes.
_OUT_OF_RANGE = (
    select(audit.c.number)
    .where(or_(audit.c.number <= bindparam("archived"), audit.c.number >= NUMBERS_END))
    .limit(MOST_PROBLEMS)
)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of a check of the log."""

    entries: int
    """The number of entries whose hashes were computed."""
    problems: tuple[str, ...]
    """A sentence for each problem, at most 100."""
    checkpoint: Checkpoint
    """The last entry that the check has read."""
    unseen: tuple[str, ...] = ()
    """One sentence for each part of the log that was not checked."""

    @property
    def sound(self) -> bool:
        """Whether the check found no problem, neither in the checked parts of the log nor in the records."""
        return not self.problems


class Check:
    """One check of a log, in a transaction of the caller."""

    def __init__(
        self, db: Connection, keys: Keyring, seals: Seals, source: Source | None, done: Progress, size: int = SEGMENT
    ) -> None:
        """Read the number of the last entry and the mark of the archived entries.

        Other processes open the database with `source`. None means that no other process can open it. `size` is the number of
        entries in a stretch after the last checkpoint. `done` is called with the number of checked entries and their total.
        """
        self._db = db
        self._keys = keys
        self._seals = seals
        self._source = source
        self._done = done
        self._size = size
        self._problems: list[str] = []
        self._seen = 0
        self._end = last_number(db)
        self.unseen: list[str] = []
        self._archived_hashes: dict[int, bytes] = {}
        self.mark = self._mark()
        self.hashes: dict[int, bytes] = {}
        """The hash of the last entry of each stretch, by the entry's number, except for the stretch at the end of the log."""

    def _mark(self) -> Archived:
        try:
            return segments.archived(self._db, self._keys, self._seals)
        except StoreError as error:
            self._report(str(error))
            return Archived()

    # ---- the checks ----

    def whole(self, since: Checkpoint | None, folder: Path | None = None) -> AuditReport:
        """Check all entries in the database, all checkpoints, and the segment files in `folder`.

        With `since`, also check that the log has the entry of this checkpoint.
        """
        known = self._checkpoints(0)
        self._check_archive([segment for segment in known if segment.first_entry <= self.mark.number], since, folder)
        if folder:
            self._check_copies([segment for segment in known if segment.first_entry > self.mark.number], folder)
        return self._check_from(self.mark.number, self.mark.hash, since, known)

    def _check_archive(self, archived: Sequence[Segment], since: Checkpoint | None, folder: Path | None) -> None:
        if folder is None:
            self.unseen += archive.unseen_sentences(archived, "was not given", "were not given")
            return
        check = archive.ArchiveCheck(folder, self._seals.database)
        for segment in archived:
            digest = check.check(segment, since.number if since else None)
            if since and digest:
                self._archived_hashes[since.number] = digest
            self._done(check.entries, archived[-1].last_entry)
        self._seen += check.entries
        self._problems += check.problems[:MOST_PROBLEMS]
        self.unseen += archive.unseen_sentences(check.absent, f"has no file in {folder}", f"have no files in {folder}")

    def _check_copies(self, stored: Sequence[Segment], folder: Path) -> None:
        """Check the file of each segment that is still in the database. A backup with segments makes such files."""
        check = archive.ArchiveCheck(folder, self._seals.database)
        for segment in stored:
            if archive_file.file_of(folder, segment.number).exists():
                check.check(segment)
                self._done(check.entries, self._end)
        self._problems += check.problems[: MOST_PROBLEMS - len(self._problems)]

    def after(self, since: Checkpoint) -> AuditReport:
        """Check the entries after a checkpoint that the caller trusts.

        If the log ends before the checkpoint, check all entries in the database. Otherwise the cost does not depend on the
        number of entries before the checkpoint.
        """
        if since.number > self._end:
            # The end of the log is missing, or the checkpoint is that of another log.
            return self.whole(since)
        known = self._checkpoints(since.number)
        if since.number < self.mark.number:
            self.unseen.append(f"entries {since.number + 1} to {self.mark.number} are archived, and were not checked")
            return self._check_from(self.mark.number, self.mark.hash, since, known)
        if since.number:
            if since.number > self.mark.number and self._stored(since.number) is None:
                self._report(f"entry {since.number}, at the checkpoint, is missing")
            self.unseen.append(f"entries 1 to {since.number} are before the checkpoint, and were not checked again")
        return self._check_from(since.number, bytes.fromhex(since.hash), since, known)

    def _check_from(self, number: int, before: bytes, since: Checkpoint | None, known: Sequence[Segment]) -> AuditReport:
        for other in self._db.execute(_OUT_OF_RANGE, {"archived": self.mark.number}).scalars():
            is_archived = isinstance(other, int) and 0 < other <= self.mark.number
            problem = "is in the database again after it was archived" if is_archived else "has a number that no entry can have"
            self._report(f"entry {ascii(other)[:20]}: {problem}")
        if self.mark.number > (known[-1].last_entry if known else 0):
            self._report(f"entry {self.mark.number} is archived, but the checkpoints up to it are missing")
        if since:
            self._compare(since, known)
        last = self._walk(self._stretches(number, before, known))
        for segment in known:
            if (found := self.hashes.get(segment.last_entry)) and found != segment.end_hash:
                self._report(f"entry {segment.last_entry} does not have the hash in checkpoint {segment.number}")
        self._check_end(self._db.execute(HEAD).one_or_none(), last)
        if since and since.number > last.number:
            self._report(f"the log ends at entry {last.number}, before the checkpoint at entry {since.number}")
        checkpoint = Checkpoint(last.number, last.hash.hex())
        return AuditReport(self._seen, tuple(self._problems), checkpoint, tuple(self.unseen))

    def _checkpoints(self, after: int) -> list[Segment]:
        """Check the last checkpoint at or before this entry, and all later checkpoints. Report their problems.

        Return the checkpoints that can be read, including those with problems.
        """
        known: list[Segment] = []
        for segment in segments.segments(self._db, after):
            if segment is None:
                self._report("a checkpoint has values of the wrong types: it was changed")
                continue
            # With `after`, the first checkpoint here is read without its predecessor, so only its seal can be checked.
            if known or not after:
                problem = segment.problem(known[-1] if known else None, self._keys, self._seals)
            else:
                problem = segment.seal_problem(self._keys, self._seals)
            if problem:
                self._report(problem)
            known.append(segment)
        return known

    def _compare(self, since: Checkpoint, known: Sequence[Segment]) -> None:
        stored = self._stored(since.number)
        if since.number == 0:
            if since.hash != START.hex():
                self._report("the beginning of the log differs from the checkpoint")
            return
        if since.number <= self.mark.number:
            ends = {**{segment.last_entry: segment.end_hash for segment in known}, **self._archived_hashes}
            stored = ends.get(since.number) if since.number != self.mark.number else self.mark.hash
            if stored is None:
                self.unseen.append(f"entry {since.number} is archived, and was not compared with the checkpoint")
        if stored is not None and stored.hex() != since.hash:
            self._report(f"entry {since.number}: differs from the checkpoint")

    def _stretches(self, number: int, before: bytes, known: Sequence[Segment]) -> list[Stretch]:
        ends = {segment.last_entry for segment in known}
        ends.update(range(max(ends, default=number) + self._size, self._end + 1, self._size))
        cuts = [number, *sorted(end for end in ends if number < end <= self._end), NUMBERS_END - 1]
        first, *others = pairwise(cuts)
        return [Stretch(*first, before), *(Stretch(*each) for each in others)]

    # ---- the walk ----

    def _walk(self, stretches: Sequence[Stretch]) -> Walked:
        """Check all stretches, and return the result for the last stretch."""
        *closed, tail = stretches
        begun = self._seen
        total = begun + max(self._end - stretches[0].after, 0)
        found: dict[int, Walked] = {}
        last: Walked | None = None
        if closed and total - begun >= PARALLEL_FROM and self._source and processors() > 1:
            with closing(SegmentPool(self._source, closed)) as pool:
                last = self._walk_here(tail, total)
                found = pool.results(lambda entries: self._done(self._seen + entries, total))
        results = self._walk_closed(closed, found, total)
        last = self._walk_here(tail, total) if last is None else last
        if found and not _are_linked([*results, last]):
            # The other processes and this transaction have seen different states of the log, so check everything here.
            self._seen = begun + last.entries
            results = self._walk_closed(closed, {}, total)
        for stretch, walked in zip(closed, results, strict=True):
            self.hashes[stretch.last] = walked.hash
        for walked in (*results, last):
            self._problems += walked.problems[: MOST_PROBLEMS - len(self._problems)]
        return last

    def _walk_closed(self, stretches: Sequence[Stretch], found: Mapping[int, Walked], total: int) -> list[Walked]:
        """Return the results for stretches. `found` has the results of other processes.

        Check a stretch here if no other process has checked it, or if one has found a problem in it.
        """
        results: list[Walked] = []
        for position, stretch in enumerate(stretches):
            walked = found.get(position)
            if walked is None or walked.problems:
                # Another process may have seen a later state of the log. It then reports entries as missing if they were
                # archived after this transaction began. So check the stretch again in this transaction.
                walked = self._walk_here(stretch, total)
            else:
                self._seen += walked.entries
            results.append(walked)
        return results

    def _walk_here(self, stretch: Stretch, total: int) -> Walked:
        walk = Walk(stretch.after, self._stored(stretch.after) if stretch.before is None else stretch.before)
        for page in self._pages(stretch):
            walk.follow(page)
            self._done(self._seen + walk.entries, total)
        if stretch.last <= self._end:
            walk.end_at(stretch.last)
        self._seen += walk.entries
        return walk.walked()

    def _pages(self, stretch: Stretch) -> Iterator[Sequence[Any]]:
        after = stretch.after
        while page := self._db.execute(_PAGE_TO, {"after": after, "last": stretch.last}).all():
            yield page
            after = page[-1].number

    def _stored(self, number: int) -> bytes | None:
        if number == 0:
            return START
        found = self._db.execute(_HASH, {"number": number}).scalar_one_or_none()
        return found if isinstance(found, bytes) else None

    # ---- the end ----

    def _check_end(self, head: Any, last: Walked) -> None:
        if head is None:
            self._report("the end of the log is missing")
        elif type(head.number) is not int or not isinstance(head.hash, bytes):
            self._report("the end of the log was changed")
        elif head.number > last.number:
            self._report(f"entries {last.number + 1} to {head.number} are missing, at the end of the log")
        elif head.number < last.number:
            self._report(f"the log continues after entry {head.number}, its sealed end")
        elif head.hash != last.hash:
            self._report(f"entry {head.number} does not have the hash in the sealed end of the log")
        elif head.key_id not in self._keys.ids:
            self._report(
                "the end of the log is sealed under a master key that was not given"
                if head.key_id
                else "the end of the log has no seal"
            )
        else:
            end = self._seals.end_of_log(head.number, head.hash)
            if not hmac.compare_digest(bytes_of(head.seal), self._keys.opener(head.key_id).sign_log(end)):
                self._report("the end of the log does not have the seal of the master key")

    def _report(self, problem: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)


def _are_linked(results: Sequence[Walked]) -> bool:
    """Return whether each result begins with the last hash of the previous result. Do not compare results with problems."""
    return all(one.problems or other.problems or one.hash == other.start for one, other in pairwise(results))
