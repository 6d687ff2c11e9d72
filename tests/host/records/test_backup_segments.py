"""Backups beside segment files: sealed segments are written once, and a backup is restored with all of them or not at all."""

import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.host.databases import Database, new_database
from tests.host.log_samples import SIZE, add_entries
from tests.host.records import archive_samples
from tests.host.records.archive_samples import FUTURE
from tests.host.verifier_samples import MASTER, Clock, right

from dsc_host.errors import DscError, InputError, StoreError
from dsc_host.records import archive, archive_file, backup_segments
from dsc_host.records import backup as records_backup
from dsc_host.records.progress import ignored
from dsc_host.records.tables import audit
from dsc_host.schema import SCHEMA
from dsc_host.verifier import Keyring, MasterKey, Verifier, backup, restore

database, verifier, folder = archive_samples.database, archive_samples.verifier, archive_samples.folder


def made(verifier: Verifier, folder: Path) -> bytes:
    file = io.BytesIO()
    backup(verifier, file, segments=folder)
    return file.getvalue()


def entries_in(data: bytes) -> int:
    return sum(line.startswith(b'{"audit":') for line in data.splitlines())


def restored(url: str, data: bytes, folder: Path | None, key: MasterKey | Keyring = MASTER) -> Verifier:
    restore(url, key, io.BytesIO(data), segments=folder)
    return Verifier.open(url, master_key=key)


@pytest.mark.every_database
def test_everything_comes_back_with_the_segments(
    verifier: Verifier, folder: Path, database_kind: str, tmp_path: Path, clock: Clock
) -> None:
    data = made(verifier, folder)
    before = list(verifier.audit.entries())
    assert entries_in(data) == len(before) - 3 * SIZE
    (tmp_path / "to").mkdir()
    with new_database(database_kind, tmp_path / "to") as target, restored(target.url, data, folder) as again:
        assert list(again.audit.entries())[: len(before)] == before
        report = again.audit.check()
        assert (report.problems, report.unseen, report.entries) == ((), (), len(before) + 1)
        challenge = again.challenge("D-2")
        assert again.verify(challenge.id, right(challenge))


def test_a_segment_is_written_once(verifier: Verifier, folder: Path) -> None:
    made(verifier, folder)
    files = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(files) == 3
    add_entries(verifier, SIZE)
    verifier.audit.seal(SIZE)
    data = made(verifier, folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}.items() > files.items()
    assert len(list(folder.iterdir())) == 4
    assert entries_in(data) < SIZE


def test_without_sealed_segments_it_is_a_backup_like_others(folder: Path, tmp_path: Path, clock: Clock) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        data = made(verifier, folder)
    assert json.loads(data.splitlines()[0])["format"] == records_backup.FORMAT
    assert list(folder.iterdir()) == []
    with restored(f"sqlite:///{tmp_path / 'restored.db'}", data, None) as again:
        assert again.audit.check().problems == ()


# ---- what the archive has taken away ----


def test_archived_segments_are_not_asked_for(verifier: Verifier, folder: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    verifier.audit.archive(old, FUTURE)
    add_entries(verifier, SIZE)
    verifier.audit.seal(SIZE)
    data = made(verifier, folder)
    assert [path.name for path in folder.iterdir()] == ["audit-000004.jsonl.xz"]
    assert 0 < entries_in(data) < SIZE
    with restored(f"sqlite:///{tmp_path / 'restored.db'}", data, folder) as again:
        assert next(again.audit.entries()).number == 3 * SIZE + 1
        report = again.audit.check(folder=old)
        assert (report.problems, report.unseen) == ((), ())


def archive_in_part(verifier: Verifier, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = archive._remove_some
    with monkeypatch.context() as patch:
        patch.setattr(archive, "BATCH", 300)
        # A function that returns no number ends each segment after its first batch.
        patch.setattr(archive, "_remove_some", lambda proven, tx: real(proven, tx) and None)
        with pytest.raises(KeyError):
            verifier.audit.archive(folder, FUTURE)
    assert verifier.audit.archived_to() == 300


def test_a_segment_that_was_archived_in_part_comes_back_in_part(
    verifier: Verifier, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive_in_part(verifier, folder, monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError, match="segments: segment 1 was archived in part; name the folder that has its file"):
        made(verifier, other)
    data = made(verifier, folder)
    with restored(f"sqlite:///{tmp_path / 'restored.db'}", data, folder) as again:
        assert next(again.audit.entries()).number == 301
        report = again.audit.check(folder=folder)
        assert (report.problems, report.unseen) == ((), ())


def test_an_archive_between_the_files_and_the_backup_is_no_harm(verifier: Verifier, folder: Path, tmp_path: Path) -> None:
    context = verifier.context
    backup_segments.make_files(context, folder, ignored)
    verifier.audit.archive(folder, FUTURE)
    file = io.BytesIO()
    records_backup.write(context, SCHEMA, file, ignored, folder)
    with restored(f"sqlite:///{tmp_path / 'restored.db'}", file.getvalue(), None) as again:
        report = again.audit.check(folder=folder)
        assert (report.problems, report.unseen) == ((), ())


def test_a_segment_without_its_file_stays_in_the_backup(verifier: Verifier, folder: Path, tmp_path: Path) -> None:
    context = verifier.context
    backup_segments.make_files(context, folder, ignored)
    archive_file.file_of(folder, 2).unlink()
    file = io.BytesIO()
    records_backup.write(context, SCHEMA, file, ignored, folder)
    assert entries_in(file.getvalue()) > 2 * SIZE
    with restored(f"sqlite:///{tmp_path / 'restored.db'}", file.getvalue(), folder) as again:
        assert again.audit.check().problems == ()


# ---- refusals ----


def refused(data: bytes, folder: Path | None, tmp_path: Path) -> str:
    """Return the error of a restore, after which the database must still be empty and usable."""
    url = f"sqlite:///{tmp_path / 'refused.db'}"
    with pytest.raises(DscError) as error:
        restore(url, MASTER, io.BytesIO(data), segments=folder)
    with Verifier.open(url, master_key=MASTER) as verifier:
        assert not [entry for entry in verifier.audit.entries() if entry.serial]
    return str(error.value)


def test_it_is_not_restored_without_the_folder(verifier: Verifier, folder: Path, tmp_path: Path) -> None:
    data = made(verifier, folder)
    words = "backup: leaves out segments 1 to 3 of the log; give the folder with their files as `segments`"
    assert refused(data, None, tmp_path) == words


def missing(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swapped(path: Path) -> None:
    path.write_bytes(archive_file.file_of(path.parent, 1).read_bytes())


def edited(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        lines = lzma.decompress(path.read_bytes()).splitlines(keepends=True)
        path.write_bytes(lzma.compress(b"".join(change(lines)), check=lzma.CHECK_SHA256))

    return edit


INJURIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (missing, "cannot be read: No such file or directory; nothing was restored"),
    "cut": (cut, "is cut short; nothing was restored; replace this file by another copy"),
    "flipped": (flipped, "nothing was restored"),
    "swapped": (swapped, "is not segment 2, or was changed; nothing was restored"),
    "one less": (edited(lambda lines: lines[:-1]), "does not hold the entries 1001 to 2000 as they were sealed"),
    "other order": (edited(lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]]), "entry 1005 cannot be read"),
    "other words": (edited(lambda lines: [*lines[:9], lines[9].replace(b"Ada", b"Bob"), *lines[10:]]), "as they were sealed"),
    "no JSON": (edited(lambda lines: [*lines[:3], b"{\n", *lines[4:]]), "entry 1003 cannot be read"),
    "no list": (edited(lambda lines: [*lines[:3], b"17\n", *lines[4:]]), "entry 1003 cannot be read"),
    "too short": (edited(lambda lines: [*lines[:3], b"[1003]\n", *lines[4:]]), "entry 1003 cannot be read"),
    "huge": (edited(lambda lines: [*lines[:3], lines[3].replace(b"1003", b"9" * 40), *lines[4:]]), "entry 1003 cannot be read"),
    "deep": (edited(lambda lines: [*lines[:3], b"[" * 100_000 + b"\n", *lines[4:]]), "entry 1003 cannot be read"),
}


@pytest.mark.parametrize("injury", INJURIES)
def test_a_damaged_file_restores_nothing(verifier: Verifier, folder: Path, tmp_path: Path, injury: str) -> None:
    data = made(verifier, folder)
    change, words = INJURIES[injury]
    change(archive_file.file_of(folder, 2))
    error = refused(data, folder, tmp_path)
    assert error.startswith("segments: ")
    assert words in error


def test_files_of_another_database_are_refused(verifier: Verifier, folder: Path, tmp_path: Path) -> None:
    data = made(verifier, folder)
    archive_samples.live(f"sqlite:///{tmp_path / 'other.db'}")
    others = tmp_path / "others"
    others.mkdir()
    with Verifier.open(f"sqlite:///{tmp_path / 'other.db'}", master_key=MASTER) as other:
        made(other, others)
    assert "is a segment of another database; nothing was restored" in refused(data, others, tmp_path)
    with pytest.raises(InputError, match=r"segments: .* is a segment of another database"):
        made(verifier, others)


@pytest.mark.parametrize(
    "content", [None, {}, [1, 3, 3000], {"first": 1, "last": 3}, {"first": "1", "last": 3, "last_entry": 3}]
)
def test_a_header_of_another_shape_is_refused(verifier: Verifier, folder: Path, tmp_path: Path, content: object) -> None:
    header, rest = made(verifier, folder).split(b"\n", 1)
    other = json.dumps({**json.loads(header), "segments": content}).encode()
    assert refused(other + b"\n" + rest, folder, tmp_path) == "backup: line 1 is not the header of a backup"


def test_a_folder_that_cannot_be_used_is_refused(verifier: Verifier, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"segments: .* is not a folder; create it first"):
        made(verifier, tmp_path / "nothing")


def test_another_file_in_the_place_is_refused_and_left(verifier: Verifier, folder: Path) -> None:
    archive_file.file_of(folder, 2).write_bytes(b"a letter")
    with pytest.raises(InputError, match=r"segments: .*audit-000002.jsonl.xz is cut short; put the right file"):
        made(verifier, folder)
    assert archive_file.file_of(folder, 2).read_bytes() == b"a letter"


def test_changed_entries_are_not_copied(database: Database, verifier: Verifier, folder: Path) -> None:
    with database.raw() as db:
        db.execute(update(audit).where(audit.c.number == 1500).values(reason="never"))
    with pytest.raises(StoreError, match="segment 2 is not as it was sealed; see audit verify"):
        made(verifier, folder)


@pytest.mark.every_database
def test_files_outlive_a_change_of_the_master_key(
    database: Database, verifier: Verifier, folder: Path, tmp_path: Path, clock: Clock
) -> None:
    made(verifier, folder)
    new = MasterKey(bytes(32))
    with Verifier.open(database.url, master_key=Keyring(new, MASTER), clock=clock) as both:
        both.rekey()
    with Verifier.open(database.url, master_key=new, clock=clock) as renewed:
        data = made(renewed, folder)
    with restored(f"sqlite:///{tmp_path / 'restored.db'}", data, folder, new) as again:
        assert again.audit.check().problems == ()


def test_a_check_with_the_folder_reads_the_files_of_backups_too(verifier: Verifier, folder: Path) -> None:
    made(verifier, folder)
    assert verifier.audit.check(folder=folder).problems == ()
    flipped(archive_file.file_of(folder, 2))
    problems = verifier.audit.check(folder=folder).problems
    assert len(problems) == 1
    assert problems[0].startswith("segment 2: ")
    assert verifier.audit.check().problems == ()
