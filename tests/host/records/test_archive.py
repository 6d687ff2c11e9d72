"""The archive of the log: it is checked with its files, nothing is lost at any moment, and an interrupted run is continued."""

import errno
import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.host.databases import Database
from tests.host.log_samples import SIZE, add_entries
from tests.host.records import archive_samples
from tests.host.records.archive_samples import FUTURE
from tests.host.verifier_samples import MASTER, Clock

from dsc_host.errors import InputError, StoreError
from dsc_host.records import archive, archive_file, kept_cards, segments
from dsc_host.records.store import Store
from dsc_host.records.tables import audit, audit_kept
from dsc_host.records.transaction import Transaction
from dsc_host.verifier import Checkpoint, Keyring, MasterKey, Verifier, backup, restore

database, verifier = archive_samples.database, archive_samples.verifier
folder, archived = archive_samples.folder, archive_samples.archived


@pytest.mark.every_database
def test_what_was_archived_is_checked_with_its_files_and_named_without_them(archived: Verifier, folder: Path) -> None:
    report = archived.audit.check()
    assert report.problems == ()
    assert report.unseen == ("segments 1 to 3 are archived (entries 1 to 3000), and were not given",)
    whole = archived.audit.check(folder=folder)
    assert (whole.problems, whole.unseen, whole.entries) == ((), (), report.entries + 3000)
    assert next(archived.audit.entries()).number == 3001
    assert archived.audit.archive(folder, FUTURE) == []
    add_entries(archived, SIZE)
    archived.audit.seal(SIZE)
    assert [segment.number for segment in archived.audit.archive(folder, FUTURE)] == [4]
    archive_file.file_of(folder, 2).unlink()
    report = archived.audit.check(folder=folder)
    assert report.problems == ()
    assert report.unseen == (f"segment 2 is archived (entries 1001 to 2000), and has no file in {folder}",)


def test_only_what_is_old_enough_is_archived(verifier: Verifier, folder: Path, clock: Clock) -> None:
    assert verifier.audit.archive(folder, clock.now) == []
    assert list(folder.iterdir()) == []


def test_a_checkpoint_is_compared_with_archived_entries(verifier: Verifier, folder: Path) -> None:
    kept = [Checkpoint(entry.number, entry.hash) for entry in verifier.audit.entries() if entry.number in (500, 2000, 2001)]
    verifier.audit.archive(folder, FUTURE)
    for since in kept:
        assert verifier.audit.check(since, folder=folder).sound
        changed = Checkpoint(since.number, "0" * 64)
        assert verifier.audit.check(changed, folder=folder).problems == (f"entry {since.number}: differs from the checkpoint",)
    assert "entry 500 is archived, and was not compared with the checkpoint" in verifier.audit.check(kept[0]).unseen
    assert "entries 501 to 3000 are archived, and were not checked" in verifier.audit.check(kept[0], whole=False).unseen


@pytest.mark.every_database
def test_an_export_does_not_hide_what_was_archived_meanwhile(verifier: Verifier, folder: Path) -> None:
    entries = verifier.audit.entries()
    assert next(entries).number == 1
    verifier.audit.archive(folder, FUTURE)
    with pytest.raises(StoreError, match="entries 1001 to 3000 of the log were archived in the meantime; begin again"):
        list(entries)
    assert next(verifier.audit.entries()).number == 3001


# ---- failures ----


class Killed(BaseException):
    """The end of a process."""


STEPS: list[tuple[object, str]] = [
    (archive_file, "write"),
    (archive_file, "name_draft"),
    (segments, "move_mark"),
    (kept_cards, "_move"),
    (kept_cards, "_remove_some"),
    (archive, "_remove_some"),
]


@pytest.mark.every_database
@pytest.mark.parametrize(("module", "name"), STEPS)
@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_run_that_is_killed_loses_nothing_and_the_next_one_goes_on(
    verifier: Verifier, folder: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str, calls: int
) -> None:
    before = verifier.audit.check().entries
    real, left = getattr(module, name), calls

    def killed(*values: object, **named: object) -> object:
        nonlocal left
        left -= 1
        if not left:
            raise Killed
        return real(*values, **named)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "BATCH", 300)
        patch.setattr(module, name, killed)
        try:
            verifier.audit.archive(folder, FUTURE)
        except Killed:
            report = verifier.audit.check(folder=folder)
            assert report.problems == ()
            stored = sum(1 for _ in verifier.audit.entries())
            mark_at = verifier.audit.archived_to()
            assert stored + mark_at >= before
    verifier.audit.archive(folder, FUTURE)
    assert verifier.audit.archived_to() == 3000
    report = verifier.audit.check(folder=folder)
    assert (report.problems, report.unseen) == ((), ())


@pytest.mark.every_database
def test_two_at_once_archive_each_segment_once(database: Database, folder: Path, clock: Clock) -> None:
    def run(_: int) -> int:
        with Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
            return len(verifier.audit.archive(folder, FUTURE))

    with ThreadPoolExecutor(3) as pool:
        assert max(pool.map(run, range(3))) == 3
    with Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        report = verifier.audit.check(folder=folder)
        assert (report.problems, report.unseen) == ((), ())
        told = [entry for entry in verifier.audit.entries() if entry.action == "audit.archive"]
        assert len(told) == 3
    with database.raw() as db:
        assert db.execute(select(func.count(audit_kept.c.generation.distinct()))).scalar_one() == 1


def test_a_full_disk_leaves_no_file_and_every_entry(verifier: Verifier, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="cannot be written: No space left on device; choose another folder"):
            verifier.audit.archive(folder, FUTURE)
    assert list(folder.iterdir()) == []
    assert (verifier.audit.archived_to(), verifier.audit.check().problems) == (0, ())


@pytest.mark.parametrize("data", [b"", b"garbage", b"\xfd7zXZ\0"])
def test_another_file_in_the_place_is_left_and_nothing_is_removed(verifier: Verifier, folder: Path, data: bytes) -> None:
    archive_file.file_of(folder, 2).write_bytes(data)
    with pytest.raises(InputError, match=r"audit-000002.jsonl.xz (is cut short|was changed).*; put the right file"):
        verifier.audit.archive(folder, FUTURE)
    assert archive_file.file_of(folder, 2).read_bytes() == data
    assert (verifier.audit.archived_to(), verifier.audit.check().problems) == (0, ())


@pytest.mark.parametrize("number", [1, 500, 1000, 1001])
def test_a_segment_that_was_changed_is_not_archived(database: Database, verifier: Verifier, folder: Path, number: int) -> None:
    with database.raw() as db:
        db.execute(update(audit).where(audit.c.number == number).values(reason="never"))
    with pytest.raises(StoreError, match="is not as it was sealed; see audit verify"):
        verifier.audit.archive(folder, FUTURE)
    assert verifier.audit.archived_to() == 0


def test_what_was_removed_in_part_needs_its_file(
    verifier: Verifier, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive._remove_some

    def interrupted(checked: archive._CheckedSegment, tx: Transaction) -> None:
        real(checked, tx)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "BATCH", 300)
        # Each segment is left after its first batch.
        patch.setattr(archive, "_remove_some", interrupted)
        with pytest.raises(KeyError):
            verifier.audit.archive(folder, FUTURE)
    assert verifier.audit.archived_to() == 300
    with pytest.raises(InputError, match="segment 1 was archived in part; name the folder that has its file"):
        verifier.audit.archive(tmp_path, FUTURE)
    with pytest.raises(InputError, match="is not a folder; create it first"):
        verifier.audit.archive(tmp_path / "missing", FUTURE)
    verifier.audit.archive(folder, FUTURE)
    assert verifier.audit.check(folder=folder).unseen == ()


def test_a_backup_continues_the_log_and_its_archive(archived: Verifier, folder: Path, tmp_path: Path) -> None:
    file, url = io.BytesIO(), f"sqlite:///{tmp_path / 'restored.db'}"
    backup(archived, file)
    file.seek(0)
    restore(url, MASTER, file)
    with Verifier.open(url, master_key=MASTER) as restored:
        add_entries(restored, SIZE)
        restored.audit.seal(SIZE)
        assert [segment.number for segment in restored.audit.archive(folder, FUTURE)] == [4]
        report = restored.audit.check(folder=folder)
        assert (report.problems, report.unseen) == ((), ())


@pytest.mark.every_database
def test_a_new_master_key_seals_the_mark_too(database: Database, archived: Verifier, folder: Path, clock: Clock) -> None:
    new = MasterKey(bytes(32))
    with Verifier.open(database.url, master_key=Keyring(new, MASTER), clock=clock) as both:
        both.rekey()
        assert set(both.keys_in_use()) == {new.id}
    with Verifier.open(database.url, master_key=new, clock=clock) as renewed:
        report = renewed.audit.check(folder=folder)
        assert (report.problems, report.unseen) == ((), ())


@pytest.mark.every_database
def test_a_change_of_the_master_key_keeps_what_was_archived_during_it(
    database: Database, archived: Verifier, folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_entries(archived, SIZE)
    archived.audit.seal(SIZE)
    real, keys = segments.move_mark, Keyring(MasterKey(bytes(32)), MASTER)
    monkeypatch.setitem(Store.open.__func__.__kwdefaults__, "patience", 0.05)  # type: ignore[attr-defined]
    with Verifier.open(database.url, master_key=keys, clock=clock) as other:
        monkeypatch.undo()

        def between(*values: Any) -> None:
            """Archive between the reading of the mark and its writing, if nothing prevents that."""
            monkeypatch.undo()
            with suppress(StoreError):
                other.audit.archive(folder, FUTURE)
            real(*values)

        with Verifier.open(database.url, master_key=keys, clock=clock) as both:
            monkeypatch.setattr(segments, "move_mark", between)
            both.rekey()
        other.audit.archive(folder, FUTURE)
        report = other.audit.check(folder=folder)
        assert (report.problems, report.unseen, other.audit.archived_to()) == ((), (), 4000)
