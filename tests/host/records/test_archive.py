"""The archive of the log: nothing is lost at any moment, and every change of a file, or of what is kept, is found."""

import errno
import io
import lzma
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.log_samples import SIZE, add_entries
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock

from dsc_host.errors import InputError, StoreError
from dsc_host.records import archive, archive_file, kept_cards, segments
from dsc_host.records.tables import audit, audit_archive, audit_kept, audit_segments
from dsc_host.records.transaction import Transaction
from dsc_host.schema.card_tables import cards
from dsc_host.verifier import Checkpoint, Keyring, MasterKey, Verifier, backup, restore

FUTURE = 1e12


def live(url: str) -> None:
    """Write a log of three sealed segments, whose first one tells of cards that nobody has used since."""
    with Verifier.open(url, master_key=MASTER, clock=Clock()) as verifier:
        for serial in ("D-1", "D-2", "D-3"):
            verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
        verifier.suspend("D-1")
        verifier.remove("D-3")
        add_entries(verifier, 3200)
        verifier.audit.seal(SIZE)


SEALED = databases.Template(live)


@pytest.fixture
def database(database_kind: str) -> Iterator[Database]:
    with SEALED.copy(database_kind) as (database, _):
        yield database


@pytest.fixture
def verifier(database: Database, clock: Clock) -> Iterator[Verifier]:
    with Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        yield verifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    path.mkdir()
    return path


@pytest.fixture
def archived(verifier: Verifier, folder: Path) -> Verifier:
    assert [segment.number for segment in verifier.audit.archive(folder, FUTURE)] == [1, 2, 3]
    return verifier


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
    assert "entry 500, of the checkpoint, is archived, and was not compared" in verifier.audit.check(kept[0]).unseen
    assert "entries 501 to 3000 are archived, and were not checked" in verifier.audit.check(kept[0], whole=False).unseen


# ---- attacks on the files ----


def replace_bytes(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def unpacked(path: Path) -> bytes:
    return lzma.decompress(path.read_bytes())


def packed(path: Path, data: bytes) -> None:
    replace_bytes(path, lzma.compress(data, preset=1))


def edited(old: bytes, new: bytes) -> Callable[[Path], None]:
    return lambda folder: packed(
        folder / "audit-000002.jsonl.xz", unpacked(folder / "audit-000002.jsonl.xz").replace(old, new, 1)
    )


def swapped(folder: Path) -> None:
    one, two = folder / "audit-000001.jsonl.xz", folder / "audit-000002.jsonl.xz"
    first, second = one.read_bytes(), two.read_bytes()
    replace_bytes(one, second)
    replace_bytes(two, first)


def second(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        path = folder / "audit-000002.jsonl.xz"
        replace_bytes(path, change(path.read_bytes()))

    return changed


def made_a_folder(folder: Path) -> None:
    path = folder / "audit-000002.jsonl.xz"
    path.unlink()
    path.mkdir()


def an_entry_less(folder: Path) -> None:
    path = folder / "audit-000002.jsonl.xz"
    packed(path, b"\n".join(unpacked(path).split(b"\n")[:-2]) + b"\n")


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "swapped": (swapped, "segment 1: "),
    "an entry": (edited(b'"refused"', b'"accepted"'), "does not hold the entries 1001 to 2000"),
    "an entry less": (an_entry_less, "does not hold the entries 1001 to 2000"),
    "a header": (edited(b'"last": 2000', b'"last": 2001'), "is not segment 2, or was changed"),
    "a seal": (edited(b'"seal": "', b'"seal": "0'), "is not segment 2, or was changed"),
    "no header": (edited(b'"dscplus"', b'"pluscds"'), "is not a segment that this dscplus has archived"),
    "empty": (second(lambda _: b""), "is cut short"),
    "cut": (second(lambda data: data[:-1]), "is cut short"),
    "cut in half": (second(lambda data: data[: len(data) // 2]), "is cut short"),
    "more": (second(lambda data: data + b"\0"), "is followed by other data"),
    "twice": (second(lambda data: data * 2), "is followed by other data"),
    "garbage": (second(lambda _: os.urandom(5000)), "is not a file in the format xz"),
    "text": (lambda folder: packed(folder / "audit-000002.jsonl.xz", b"[1,2]\n" * 1000), "is not a segment"),
    "a bomb": (lambda folder: packed(folder / "audit-000002.jsonl.xz", b"\0" * 20_000_000), "has a line that is too long"),
    "a folder": (made_a_folder, "cannot be read"),
}


@pytest.mark.parametrize("name", FILES)
def test_each_change_of_a_file_is_found(archived: Verifier, folder: Path, name: str) -> None:
    change, problem = FILES[name]
    change(folder)
    assert problem in archived.audit.check(folder=folder).problems[0]


def test_every_bit_of_a_file_counts(archived: Verifier, folder: Path) -> None:
    path = archive_file.file_of(folder, 2)
    whole = path.read_bytes()
    with archived.context.store.read() as db:
        segment = list(segments.segments(db))[1]
    assert segment
    places = {*range(40), *range(40, len(whole) - 64, 97), *range(len(whole) - 64, len(whole))}
    for place in places:
        replace_bytes(path, whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"^archive: "):
            list(archive_file.entries(path, segment, archived.context.seals.database))


def test_a_file_of_another_database_is_refused(archived: Verifier, folder: Path, clock: Clock, tmp_path: Path) -> None:
    with Verifier.open(f"sqlite:///{tmp_path / 'other.db'}", master_key=MASTER, clock=clock) as other:
        add_entries(other, 1500)
        other.audit.seal(SIZE)
        with pytest.raises(InputError, match="is a segment of another database"):
            other.audit.archive(folder, FUTURE)
        assert other.audit.check().unseen == ()


# ---- attacks on the database ----


def mark(**values: object) -> Callable[[Connection], object]:
    return lambda db: db.execute(update(audit_archive).values(values))


def kept(serial: str, **values: object) -> Callable[[Connection], object]:
    return lambda db: db.execute(update(audit_kept).where(audit_kept.c.serial == serial).values(values))


def dropped(table: Table, *rows: ColumnElement[bool]) -> Callable[[Connection], object]:
    return lambda db: db.execute(delete(table).where(*rows))


CHANGES: dict[str, tuple[Callable[[Connection], object], str]] = {
    "mark": (mark(number=2999), "the mark of the archived entries does not have the seal"),
    "hash of the mark": (mark(hash=bytes(32)), "the mark of the archived entries does not have the seal"),
    "generation": (mark(generation=5), "the mark of the archived entries does not have the seal"),
    "seal of the mark": (mark(seal=bytes(32)), "the mark of the archived entries does not have the seal"),
    "no mark": (dropped(audit_archive), "entries 1 to "),
    "no checkpoints": (dropped(audit_segments), "the checkpoints up to entry 3000"),
    "a checkpoint": (
        lambda db: db.execute(delete(audit_segments).where(audit_segments.c.number == 2)),
        "checkpoint 2: is missing",
    ),
    "an entry": (lambda db: db.execute(insert(audit).values({**first(db), "number": 7})), "entry 7: is in the database again"),
    "kept row": (kept("D-1", card_row="0:1"), "the summary of archived entries"),
    "kept action": (kept("D-2", action="card.remove"), "the summary of archived entries"),
    "no kept rows": (dropped(audit_kept), "the summary of archived entries"),
    "a card": (
        lambda db: db.execute(delete(cards).where(cards.c.serial == "D-2")),
        "card D-2: the log says that it is enrolled",
    ),
}


def first(db: Connection) -> dict[str, object]:
    return dict(db.execute(select(audit).order_by(audit.c.number).limit(1)).one()._mapping)


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_of_what_stays_in_the_database_is_found(database: Database, archived: Verifier, name: str) -> None:
    change, problem = CHANGES[name]
    with database.raw() as db:
        change(db)
    assert problem in archived.audit.check().problems[0]


@pytest.mark.every_database
def test_an_old_row_of_a_card_that_only_archived_entries_know_is_found(
    database: Database, verifier: Verifier, folder: Path
) -> None:
    with database.raw() as db:
        old = dict(db.execute(select(cards).where(cards.c.serial == "D-2")).one()._mapping)
    verifier.suspend("D-2")
    add_entries(verifier, SIZE)
    verifier.audit.seal(SIZE)
    verifier.audit.archive(folder, FUTURE)
    assert verifier.audit.check().sound
    with database.raw() as db:
        db.execute(update(cards).where(cards.c.serial == "D-2").values(old))
    assert verifier.audit.check().problems == (
        "card D-2: its row is older than the version that the log records: an old row was put back",
    )


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
    with pytest.raises(InputError, match=r"audit-000002.jsonl.xz (is cut short|was changed)"):
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

    def interrupted(proven: archive._Proven, tx: Transaction) -> None:
        real(proven, tx)

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
