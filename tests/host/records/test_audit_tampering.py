"""Changes to the log by an attacker who can write the database but has no master key: all of them are found.

And an operation that cannot be logged is not done.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right

from dsc_host.errors import DscError, InputError, StoreError
from dsc_host.records.audit_writer import Event, record
from dsc_host.records.tables import EMPTY_HEAD, audit, audit_head, identity
from dsc_host.schema.card_tables import cards
from dsc_host.verifier import Card, Checkpoint, Enrollment, Keyring, MasterKey, Verifier

OTHER = MasterKey(bytes(32))
verifier = databases.verifier


def chained(before: bytes, row: dict[str, Any]) -> bytes:
    """Return an entry's hash as the log's description defines it: of the hash before it, and of its columns but the hash."""
    names = ["number", "at", "actor", "action", "serial", "outcome", "reason", "detail"]
    values = [row[name] for name in (names if row["card_row"] is None else [*names, "card_row"])]
    return hashlib.sha256(before + json.dumps(values, separators=(",", ":")).encode()).digest()


def rows(db: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in db.execute(select(audit).order_by(audit.c.number))]


def rewrite(db: Connection, changed: list[dict[str, Any]]) -> None:
    """Rewrite the whole chain with correct hashes and a moved end, as far as this is possible without the master key."""
    digest = bytes(32)
    for number, row in enumerate(changed, 1):
        row["number"] = number
        digest = row["hash"] = chained(digest, row)
    db.execute(delete(audit))
    db.execute(insert(audit), changed)
    db.execute(update(audit_head).values(number=len(changed), hash=digest))


def change(**values: object) -> Callable[[Connection], object]:
    """Return an attack that changes entry 4."""
    return lambda db: db.execute(update(audit).where(audit.c.number == 4).values(values))


def drop(*numbers: int) -> Callable[[Connection], object]:
    return lambda db: db.execute(delete(audit).where(audit.c.number.in_(numbers)))


def swap(db: Connection) -> None:
    """Swap entries 3 and 4, each with its own hash."""
    for old, new in ((3, 90), (4, 3), (90, 4)):
        db.execute(update(audit).where(audit.c.number == old).values(number=new))


def put_between(db: Connection) -> None:
    """Insert a copy of entry 3 after it, and move the others and the end."""
    changed = rows(db)
    moved = [*changed[:3], *({**row, "number": row["number"] + 1} for row in changed[2:])]
    db.execute(delete(audit))
    db.execute(insert(audit), moved)
    db.execute(update(audit_head).values(number=len(moved)))


def add_after(db: Connection) -> None:
    last = rows(db)[-1]
    added = {**last, "number": last["number"] + 1, "reason": "never"}
    db.execute(insert(audit).values({**added, "hash": chained(last["hash"], added)}))


def cut(db: Connection) -> None:
    """Cut off the last two entries, and move the end back to an earlier end."""
    end = rows(db)[-3]
    db.execute(delete(audit).where(audit.c.number > end["number"]))
    db.execute(update(audit_head).values(number=end["number"], hash=end["hash"]))


def forge(db: Connection) -> None:
    changed = rows(db)
    rewrite(db, [*changed[:3], *changed[4:]])


def seal_by(key: MasterKey, key_id: str) -> Callable[[Connection], object]:
    def sealed(db: Connection) -> None:
        forge(db)
        head = db.execute(select(audit_head)).one()
        database = db.execute(select(identity.c.database)).scalar_one()
        seal = key.sign_log(database.encode() + head.number.to_bytes(8, "big") + head.hash)
        db.execute(update(audit_head).values(key_id=key_id, seal=seal))

    return sealed


def empty_it(db: Connection) -> None:
    db.execute(delete(audit))
    db.execute(update(audit_head).values(EMPTY_HEAD))


def executed(statement: str) -> Callable[[Connection], object]:
    return lambda db: db.exec_driver_sql(statement)


DONE_TO_IT: dict[str, tuple[Callable[[Connection], object], str]] = {
    "number": (change(number=40), "entries 4 to 4 are missing"),
    "at": (change(at=1_700_000_000.5), "entry 4: was changed or moved"),
    "actor": (change(actor="nobody"), "entry 4: was changed or moved"),
    "action": (change(action="challenge"), "entry 4: was changed or moved"),
    "serial": (change(serial="B-2"), "entry 4: was changed or moved"),
    "no serial": (change(serial=None), "entry 4: was changed or moved"),
    "outcome": (change(outcome="refused"), "entry 4: was changed or moved"),
    "reason": (change(reason="else"), "entry 4: was changed or moved"),
    "detail": (change(detail="{} "), "entry 4: was changed or moved"),
    "hash": (change(hash=bytes(32)), "entry 4: was changed or moved"),
    "first": (drop(1), "entries 1 to 1 are missing"),
    "middle": (drop(4, 5), "entries 4 to 5 are missing"),
    "last": (drop(7), "entries 7 to 7 are missing, at the end of the log"),
    "swapped": (swap, "entry 3: was changed or moved after it was written"),
    "put between": (put_between, "entry 4: was changed or moved after it was written"),
    "added": (add_after, "the log continues after entry 7, its sealed end"),
    "before the first": (lambda db: db.execute(insert(audit).values({**rows(db)[0], "number": 0})), "entry 0"),
    "far before": (lambda db: db.execute(insert(audit).values({**rows(db)[0], "number": -3})), "entry -3"),
    "cut": (cut, "the end of the log does not have the seal of the master key"),
    "written anew": (forge, "the end of the log does not have the seal of the master key"),
    "sealed by another": (seal_by(OTHER, OTHER.id), "the end of the log is sealed under a master key that was not given"),
    "sealed in our name": (seal_by(OTHER, MASTER.id), "the end of the log does not have the seal of the master key"),
    "sealed by nobody": (seal_by(OTHER, ""), "the end of the log has no seal"),
    "short seal": (lambda db: db.execute(update(audit_head).values(seal=b"")), "the end of the log does not have the seal"),
    "no end": (lambda db: db.execute(delete(audit_head)), "the end of the log is missing"),
    "end moved on": (
        lambda db: db.execute(update(audit_head).values(number=9)),
        "entries 8 to 9 are missing, at the end of the log",
    ),
    "end moved back": (lambda db: db.execute(update(audit_head).values(number=5)), "the log continues after entry 5"),
    "emptied": (empty_it, "the end of the log has no seal"),
    # SQLite accepts any value in any column.
    **{
        f"{table} {value}": (executed(f"UPDATE {table} SET {value}"), "")
        for table, value in (
            ("audit", "hash = 'abc' WHERE number = 4"),
            ("audit", "at = 'abc' WHERE number = 4"),
            ("audit", "reason = x'ff' WHERE number = 4"),
            ("audit", "number = 'abc' WHERE number = 4"),
            ("audit", "number = 3.5 WHERE number = 4"),
            ("audit", "card_row = card_row || printf('%05000d', 0)"),
            ("audit_head", "seal = 'abc'"),
            ("audit_head", "hash = 'abc'"),
            ("audit_head", "number = 'abc'"),
        )
    },
}


def live(url: str) -> None:
    """Write a log of seven entries."""
    with Verifier.open(url, master_key=MASTER, clock=Clock()) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        verifier.by("Ada").suspend("A-1", "on holiday")
        verifier.resume("A-1", "Ünïcödé ✓")
        verifier.verify(challenge.id, right(challenge))
        verifier.add_owner("A-1", "Bob")


LIVED_IN = databases.Template(live)


@pytest.fixture
def database() -> Iterator[Database]:
    with LIVED_IN.copy() as (database, _):
        yield database


@pytest.fixture
def lived_in(database: Database, clock: Clock) -> Iterator[Verifier]:
    with Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        yield verifier


def test_a_log_that_nobody_touched_is_sound(lived_in: Verifier) -> None:
    report = lived_in.audit.check()
    assert (report.entries, report.problems, report.checkpoint.number) == (7, (), 7)


@pytest.mark.parametrize("name", DONE_TO_IT)
def test_what_was_done_to_it_is_found_and_told_where_and_not_sealed_anew(
    database: Database, lived_in: Verifier, name: str
) -> None:
    done, problem = DONE_TO_IT[name]
    with database.raw() as db:
        done(db)
    report = lived_in.audit.check()
    assert not report.sound
    assert problem in report.problems[0]
    with suppress(DscError):
        lived_in.challenge("A-1")
    assert not lived_in.audit.check().sound


def test_who_rewrites_it_as_it_was_changes_nothing(database: Database, lived_in: Verifier) -> None:
    # This shows that the forgeries above fail because the key is missing, and not because they are badly made.
    with database.raw() as db:
        rewrite(db, rows(db))
    assert lived_in.audit.check().sound


def test_an_emptied_log_is_not_begun_anew(database: Database, clock: Clock) -> None:
    with database.raw() as db:
        empty_it(db)
    with suppress(StoreError), Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        assert not verifier.audit.check().sound


def test_one_change_is_told_once_and_many_are_told_in_part(verifier: Verifier, clock: Clock) -> None:
    events = [Event("challenge", "A-1", "done", str(number)) for number in range(150)]
    store = verifier._context.store
    store.change(lambda db: record(db, Keyring(MASTER), verifier.context.seals, clock.now, "Ada", events))
    with store.write() as db:
        db.execute(update(audit).where(audit.c.number == 9).values(reason="else"))
    assert verifier.audit.check().problems == ("entry 9: was changed or moved after it was written",)
    with store.write() as db:
        db.exec_driver_sql("UPDATE audit SET reason = '9', hash = 'no hash' WHERE number = 9")
    assert verifier.audit.check().problems == ("entry 9: was changed or moved after it was written",)
    with store.write() as db:
        db.execute(update(audit).values(reason="else"))
    assert len(verifier.audit.check().problems) == 100


def put_back(db: Connection, kept: list[dict[str, Any]], head: dict[str, Any]) -> None:
    db.execute(delete(audit))
    db.execute(insert(audit), kept)
    db.execute(update(audit_head).values(head))


def test_a_checkpoint_finds_a_database_that_was_put_back_and_another_history(database: Database, lived_in: Verifier) -> None:
    early = lived_in.audit.check().checkpoint
    with database.raw() as db:
        kept = rows(db), dict(db.execute(select(audit_head)).one()._mapping)
        card = dict(db.execute(select(cards)).one()._mapping)
    lived_in.lock("A-1")
    since = Checkpoint.parse(str(lived_in.audit.check().checkpoint))
    assert lived_in.audit.check(since).sound
    assert lived_in.audit.check(early).sound
    with database.raw() as db:
        put_back(db, *kept)
        db.execute(update(cards).values(card))
    assert lived_in.audit.check().sound
    assert lived_in.audit.check(early).sound
    assert lived_in.audit.check(since).problems == ("the log ends at entry 7, before the checkpoint at entry 8",)
    lived_in.unlock("A-1")
    lived_in.unlock("A-1")
    assert lived_in.audit.check().sound
    assert lived_in.audit.check(since).problems == ("entry 8: differs from the checkpoint",)


def test_a_checkpoint_finds_that_its_own_entry_is_missing(database: Database, lived_in: Verifier) -> None:
    since = lived_in.audit.check().checkpoint
    lived_in.lock("A-1")
    with database.raw() as db:
        drop(since.number)(db)
    missing = f"entry {since.number}, at the checkpoint, is missing"
    assert lived_in.audit.check(since, whole=False).problems == (missing,)
    assert f"entries {since.number} to {since.number} are missing" in lived_in.audit.check(since).problems


HASH = "a" * 64
NO_CHECKPOINTS: list[Any] = [
    *("", "1", "1:", f":{HASH}", f"x:{HASH}", f"1:{HASH.upper()}", f"1:{HASH[1:]}", f"1:{HASH}a", f"1:{HASH}\n"),
    *(f"-1:{HASH}", f" 1:{HASH}", f"\u0661:{HASH}", "1:" + "\0" * 64, f"{'9' * 19}:{HASH}", "1" * 10**6),
    *("1:" + "\ud800" * 64, "1:" + "\uff11" * 64, None, 5, f"1:{HASH}".encode()),
]


def test_what_is_no_checkpoint_is_refused() -> None:
    for text in NO_CHECKPOINTS:
        with pytest.raises(InputError, match=r"^checkpoint: must be NUMBER:HASH"):
            Checkpoint.parse(text)


@contextmanager
def logless(database: Database, how: str) -> Iterator[None]:
    """Make logging impossible: remove the end, or take the number of the next entry."""
    with database.raw() as db:
        head = dict(db.execute(select(audit_head)).one()._mapping)
        last = rows(db)[-1]
        if how == "no end":
            db.execute(delete(audit_head))
        else:
            db.execute(insert(audit).values({**last, "number": last["number"] + 1}))
    yield
    with database.raw() as db:
        if how == "no end":
            db.execute(insert(audit_head).values(head))
        else:
            db.execute(delete(audit).where(audit.c.number == last["number"] + 1))


CHANGES: list[Callable[[Verifier], object]] = [
    lambda v: v.enroll("B-2", key=KEY, suite=SUITE, pin=PIN),
    lambda v: v.enroll_all([Enrollment(serial, KEY, SUITE, PIN) for serial in ("B-2", "C-3")]),
    lambda v: v.remove("A-1"),
    lambda v: v.suspend("A-1"),
    lambda v: v.retire("A-1"),
    lambda v: v.lock("A-1"),
    lambda v: v.add_owner("A-1", "Eve"),
    lambda v: v.remove_owner("A-1", "Bob"),
    lambda v: v.set_duress_pin("A-1", "8642"),
    lambda v: v.challenge("A-1"),
    lambda v: v.challenge("X-9", conceal=True),
    lambda v: v.verify("0" * 22, "0"),
    lambda v: list(v.disclose()),
    lambda v: v.rekey(),
]


@pytest.mark.parametrize("how", ["no end", "taken"])
def test_what_cannot_be_logged_is_not_done(database: Database, lived_in: Verifier, how: str) -> None:
    challenge = lived_in.challenge("A-1")
    before, log = list(lived_in.cards()), list(lived_in.audit.entries())
    answers: list[Callable[[Verifier], object]] = [
        lambda v: v.verify(challenge.id, right(challenge, 1)),
        lambda v: v.verify(challenge.id, "x"),
    ]
    with logless(database, how):
        for call in CHANGES + answers:
            with pytest.raises(StoreError):
                call(lived_in)
    assert (list(lived_in.cards()), list(lived_in.audit.entries())) == (before, log)
    assert lived_in.audit.check().sound
    assert lived_in.verify(challenge.id, right(challenge, 1)).accepted


def test_what_fails_after_it_was_logged_is_not_in_the_log(verifier: Verifier, clock: Clock) -> None:
    def work(db: Connection) -> Card:
        record(db, Keyring(MASTER), verifier.context.seals, clock.now, "Ada", [Event("card.suspend", "A-1", "done")])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verifier._context.store.change(work)
    assert len(list(verifier.audit.entries())) == 2
    assert verifier.audit.check().sound
