"""Attacks on an archived log: every change of a file, or of the rows that stay in the database, is found."""

import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update
from tests.host.databases import Database
from tests.host.log_samples import SIZE, add_entries
from tests.host.records import archive_samples
from tests.host.records.archive_samples import FUTURE, replace_bytes
from tests.host.verifier_samples import MASTER, Clock

from dsc_host.errors import InputError
from dsc_host.records import archive_file, segments
from dsc_host.records.tables import audit, audit_archive, audit_kept, audit_segments
from dsc_host.schema.card_tables import cards
from dsc_host.verifier import Verifier

database, verifier = archive_samples.database, archive_samples.verifier
folder, archived = archive_samples.folder, archive_samples.archived


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
    "no header": (edited(b'"dscplus"', b'"pluscds"'), "is not a segment file of dscplus"),
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
    (found, *_) = archived.audit.check(folder=folder).problems
    assert problem in found
    assert found.endswith("; put a good copy of this file in its place, and check again")


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
    "no checkpoints": (dropped(audit_segments), "entry 3000 is archived, but the checkpoints up to it are missing"),
    "a checkpoint": (
        lambda db: db.execute(delete(audit_segments).where(audit_segments.c.number == 2)),
        "checkpoint 2: is missing",
    ),
    "an entry": (lambda db: db.execute(insert(audit).values({**first(db), "number": 7})), "entry 7: is in the database again"),
    "kept row": (kept("D-1", card_row="0:1"), "the summary of archived entries"),
    "kept action": (kept("D-2", action="card.remove"), "the summary of archived entries"),
    "no kept rows": (dropped(audit_kept), "the summary of archived entries"),
    # SQLite accepts values of any type in a column.
    **{
        f"kept bytes as {column}": (
            lambda db, column=column: db.exec_driver_sql(f"UPDATE audit_kept SET {column} = x'00' WHERE serial = 'D-1'"),
            "the summary of archived entries",
        )
        for column in ("serial", "card_row", "action")
    },
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


@pytest.mark.every_database
def test_an_old_row_of_an_earlier_enrollment_is_found(database: Database, verifier: Verifier) -> None:
    with database.raw() as db:
        old = dict(db.execute(select(cards).where(cards.c.serial == "D-2")).one()._mapping)
    verifier.retire("D-2")
    verifier.enroll("D-2", key=bytes(range(32)), pin="1234")
    assert verifier.audit.check().sound
    with database.raw() as db:
        db.execute(update(cards).where(cards.c.serial == "D-2").values(old))
    assert verifier.audit.check().problems == (
        "card D-2: its row is of another enrollment than the last log entry about it: "
        "an old row was put back, or entries were removed",
    )
