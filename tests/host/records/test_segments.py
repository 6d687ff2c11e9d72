"""Checkpoints and segments of the log: made only of checked entries, checked in parallel, and every change of them is found."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.log_samples import SIZE, add_entries
from tests.host.verifier_samples import MASTER, Clock

from dsc_host.errors import InputError, StoreError
from dsc_host.records import audit_check, segment_pool, segments
from dsc_host.records.segment_walk import Walked
from dsc_host.records.tables import audit, audit_segments
from dsc_host.verifier import Checkpoint, Keyring, MasterKey, Verifier

ENTRIES = 3500


def live(url: str) -> None:
    """Write a log with three sealed segments, of which the last entry of all is 3,501: the one about the checkpoints."""
    with Verifier.open(url, master_key=MASTER, clock=Clock()) as verifier:
        add_entries(verifier, ENTRIES - 1)
        verifier.audit.seal(SIZE)


SEALED = databases.Template(live)


@pytest.fixture
def database() -> Iterator[Database]:
    with SEALED.copy() as (database, _):
        yield database


@pytest.fixture
def verifier(database: Database, clock: Clock) -> Iterator[Verifier]:
    with Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        yield verifier


@pytest.fixture(params=["one process", "several processes"])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_check, "PARALLEL_FROM", 0)
    monkeypatch.setattr(audit_check, "processors", lambda: 1 if request.param == "one process" else 2)


def last_checkpoint(verifier: Verifier) -> Checkpoint:
    last = verifier.audit.last_checkpoint()
    assert last is not None
    return last


@pytest.mark.usefixtures("processes")
def test_a_sealed_log_is_sound_and_only_what_is_new_is_checked_again(verifier: Verifier) -> None:
    assert verifier.audit.check().entries == ENTRIES + 1
    last = last_checkpoint(verifier)
    assert last.number == 3000
    add_entries(verifier, 1600)
    report = verifier.audit.check(last, whole=False)
    assert (report.entries, report.problems) == (2101, ())
    assert report.unseen == ("entries 1 to 3000 are before the checkpoint, and were not checked again",)
    assert verifier.audit.seal(SIZE).entries == 2101
    last = last_checkpoint(verifier)
    assert last.number == 5000
    assert verifier.audit.check(last).sound


def entry(number: int, **values: object) -> Callable[[Connection], object]:
    return lambda db: db.execute(update(audit).where(audit.c.number == number).values(values))


def checkpoint(of: int, /, **values: object) -> Callable[[Connection], object]:
    return lambda db: db.execute(update(audit_segments).where(audit_segments.c.number == of).values(values))


def flip(number: int, name: str) -> Callable[[Connection], object]:
    """Return an attack that flips one bit of a checkpoint's bytes."""

    def flipped(db: Connection) -> None:
        column = audit_segments.c[name]
        old: bytes = db.execute(select(column).where(audit_segments.c.number == number)).scalar_one()
        checkpoint(number, **{name: bytes([old[0] ^ 1]) + old[1:]})(db)

    return flipped


def drop(first: int, last: int) -> Callable[[Connection], object]:
    return lambda db: db.execute(delete(audit).where(audit.c.number.between(first, last)))


def swap(db: Connection) -> None:
    for old, new in ((1, 90), (2, 1), (90, 2)):
        checkpoint(old, number=new)(db)


CHANGES: dict[str, tuple[Callable[[Connection], object], str]] = {
    "entry": (entry(1500, reason="never"), "entry 1500: was changed"),
    "hash": (entry(1500, hash=bytes(32)), "entry 1500: was changed"),
    "the first of a segment": (entry(2001, actor="Eve"), "entry 2001: was changed"),
    "the last of a segment": (entry(2000, actor="Eve"), "entry 2000: was changed"),
    "the hash of the last of a segment": (entry(2000, hash=bytes(32)), "entry 2000: was changed"),
    "an entry at a cut": (drop(2000, 2000), "entries 2000 to 2000 are missing"),
    "a segment": (drop(1001, 2000), "entries 1001 to 2000 are missing"),
    "the first segment": (drop(1, 1000), "entries 1 to 1000 are missing"),
    "the end": (drop(3001, 3501), "entries 3001 to 3501 are missing, at the end of the log"),
    "more than the end": (drop(2500, 3501), "entries 2500 to 3000 are missing"),
    "a checkpoint": (
        lambda db: db.execute(delete(audit_segments).where(audit_segments.c.number == 2)),
        "checkpoint 2: is missing",
    ),
    "checkpoints swapped": (swap, "checkpoint 1: does not begin"),
    "first entry": (checkpoint(2, first_entry=1002), "checkpoint 2: does not begin"),
    "last entry": (checkpoint(2, last_entry=1999), "checkpoint 2: was changed"),
    "last entry moved back": (checkpoint(2, last_entry=5), "checkpoint 2: does not begin"),
    "start": (flip(2, "start_hash"), "checkpoint 2: does not begin"),
    "end hash": (flip(2, "end_hash"), "checkpoint 2: was changed"),
    "digest": (flip(2, "digest"), "checkpoint 2: was changed"),
    "seal": (flip(2, "seal"), "checkpoint 2: does not have the seal of the master key"),
    "key": (checkpoint(2, key_id="0" * 16), "checkpoint 2: is sealed under a master key that was not given"),
    "number": (checkpoint(3, number=4), "checkpoint 3: is missing"),
    "another type": (lambda db: db.exec_driver_sql("UPDATE audit_segments SET seal = 'x' WHERE number = 2"), "wrong types"),
}


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", CHANGES)
def test_each_change_of_a_segment_is_found_and_nothing_is_sealed_after_it(
    database: Database, verifier: Verifier, name: str
) -> None:
    change, problem = CHANGES[name]
    with database.raw() as db:
        change(db)
    assert problem in verifier.audit.check().problems[0]


def test_a_checkpoint_that_was_rewritten_whole_lacks_its_seal(database: Database, verifier: Verifier) -> None:
    other = MasterKey(bytes(32))
    with database.raw() as db:
        first = segments.last_segment(db)
        assert first
        forged = segments.Segment.made(None, 1000, bytes(32), other, verifier.context.seals)
        checkpoint(1, end_hash=forged.end_hash, digest=forged.digest, seal=forged.seal)(db)
    assert verifier.audit.check().problems[:2] == (
        "checkpoint 1: does not have the seal of the master key",
        "checkpoint 2: does not begin where the checkpoint before it ends",
    )


@pytest.mark.parametrize("change", [entry(3200, reason="never"), drop(3501, 3501), flip(3, "end_hash"), flip(3, "seal")])
def test_a_log_that_somebody_touched_gets_no_checkpoint(
    database: Database, verifier: Verifier, change: Callable[[Connection], object]
) -> None:
    add_entries(verifier, SIZE)
    with database.raw() as db:
        change(db)
    with suppress(StoreError):
        assert not verifier.audit.seal(SIZE).sound
    with database.raw() as db:
        assert len(db.execute(select(audit_segments)).all()) == 3


def test_what_was_changed_before_the_checkpoint_is_found_by_a_whole_check_alone(database: Database, verifier: Verifier) -> None:
    last = verifier.audit.last_checkpoint()
    with database.raw() as db:
        entry(5, reason="never")(db)
    assert verifier.audit.check(last, whole=False).sound
    assert not verifier.audit.check(last).sound
    assert (
        verifier.audit.check(Checkpoint(3000, "0" * 64), whole=False).problems[0] == "entry 3000: differs from the checkpoint"
    )
    assert "before the checkpoint at entry 9999" in verifier.audit.check(Checkpoint(9999, "0" * 64), whole=False).problems[-1]


@pytest.mark.parametrize("command", [("",), (sys.executable, "-c", ""), (sys.executable, "-c", "print(input() and 'x')")])
def test_a_process_that_does_not_work_changes_no_result(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(audit_check, "PARALLEL_FROM", 0)
    monkeypatch.setattr(audit_check, "processors", lambda: 2)
    monkeypatch.setattr(segment_pool, "_COMMAND", command)
    report = verifier.audit.check()
    assert (report.entries, report.problems) == (ENTRIES + 1, ())


def test_a_process_imports_no_module_from_the_working_directory(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "of another user"
    folder.mkdir()
    (folder / "json.py").write_text("open('imported', 'w').close()")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(audit_check, "PARALLEL_FROM", 0)
    monkeypatch.setattr(audit_check, "processors", lambda: 2)
    assert verifier.audit.check().sound
    assert not (folder / "imported").exists()


def test_processes_that_see_another_log_are_not_believed(
    database: Database, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = segment_pool.SegmentPool.results

    def other_log(pool: segment_pool.SegmentPool, done: Callable[[int], object]) -> dict[int, Walked]:
        return {at: replace(walked, start=b"?", problems=()) for at, walked in real(pool, done).items()}

    monkeypatch.setattr(audit_check, "PARALLEL_FROM", 0)
    monkeypatch.setattr(audit_check, "processors", lambda: 2)
    monkeypatch.setattr(segment_pool.SegmentPool, "results", other_log)
    report = verifier.audit.check()
    assert (report.entries, report.problems) == (ENTRIES + 1, ())
    with database.raw() as db:
        entry(1500, reason="never")(db)
    assert verifier.audit.check().problems == ("entry 1500: was changed or moved after it was written",)


@pytest.mark.parametrize("size", [0, -1, 999, 10_000_001, True, 1000.0, "1000", None])
def test_a_size_that_no_segment_has_is_refused(verifier: Verifier, size: int) -> None:
    with pytest.raises(InputError, match=r"^entries of a segment: must be"):
        verifier.audit.seal(size)


def test_of_two_who_seal_at_once_one_makes_the_checkpoints(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    add_entries(verifier, SIZE)
    add = segments.add

    def second(db: Connection, before: object, made: object) -> bool:
        monkeypatch.setattr(segments, "add", add)
        return add(db, before, made) and not add(db, before, made)  # type: ignore[arg-type]

    monkeypatch.setattr(segments, "add", second)
    assert verifier.audit.seal(SIZE).sound
    assert verifier.audit.check().sound


def test_checkpoints_are_sealed_again_under_a_new_master_key(database: Database, verifier: Verifier, clock: Clock) -> None:
    old, new = MASTER, MasterKey(bytes(32))
    with Verifier.open(database.url, master_key=Keyring(new, old), clock=clock) as both:
        assert old.id in both.keys_in_use()
        both.rekey()
        assert set(both.keys_in_use()) == {new.id}
    with Verifier.open(database.url, master_key=new, clock=clock) as renewed:
        assert renewed.audit.check().sound
        assert renewed.audit.check(renewed.audit.last_checkpoint(), whole=False).sound


def test_checkpoints_are_added_although_the_master_key_is_changed_meanwhile(
    database: Database, verifier: Verifier, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_entries(verifier, SIZE)
    keys, made = Keyring(MasterKey(bytes(32)), MASTER), segments.Segment.made
    with Verifier.open(database.url, master_key=keys, clock=clock) as both:

        def after_rekey(*values: Any) -> segments.Segment:
            monkeypatch.undo()
            both.rekey()
            return made(*values)

        monkeypatch.setattr(segments.Segment, "made", after_rekey)
        assert both.audit.seal(SIZE).sound
        assert last_checkpoint(both).number == 4000
        assert both.audit.check().sound


@pytest.mark.every_database
def test_processes_read_every_kind_of_database(
    database_kind: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_check, "PARALLEL_FROM", 0)
    monkeypatch.setattr(audit_check, "processors", lambda: 2)
    with (
        databases.new_database(database_kind, tmp_path) as database,
        Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier,
    ):
        add_entries(verifier, 2500)
        verifier.audit.seal(SIZE)
        monkeypatch.setattr(audit_check.Check, "_pages", lambda self, stretch: pages(self, stretch))
        assert verifier.audit.check().sound


def pages(check: audit_check.Check, stretch: audit_check.Stretch) -> Iterator[object]:
    """Read the tail only: the other processes have read the rest."""
    assert stretch.after == 2000
    after = stretch.after
    while page := check._db.execute(audit_check._PAGE_TO, {"after": after, "last": stretch.last}).all():
        yield page
        after = page[-1].number
