"""The log: what each call writes, that nothing secret is in it, and that whatever is done to it afterwards is found."""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifying import KEY, MASTER, NO_PAUSE, PIN, SUITE, Clock, fail, right, wrong

from dsc_host.errors import DscError, InputError, StoreError
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Challenge, Checkpoint, Enrolment, Entry, Keyring, MasterKey, Policy, Reason, State, Verifier
from dsc_host.verifier.audit import Event, record
from dsc_host.verifier.schema import EMPTY_HEAD, audit, audit_head

DURESS_PIN, NEW_PIN = "8642", "7391"
UNLOCK_KEY = bytes(range(100, 132))
OTHER = MasterKey(bytes(32))
verifier = databases.verifier
database = databases.database

Call: TypeAlias = Callable[[Verifier], object]


def entries(verifier: Verifier) -> list[Entry]:
    return list(verifier.audit.entries())


def told(entry: Entry) -> str:
    """Its action, serial, outcome and reason."""
    return f"{entry.action} {entry.serial or '-'} {entry.outcome} {entry.reason}".strip()


def forced(challenge: Challenge, pin: str = DURESS_PIN, counter: int = 0) -> str:
    return Suite.parse(SUITE).response(KEY, challenge.question, counter=counter, pin=pin)


# ---- what each call writes ----


def answer(make: Callable[[Challenge], str]) -> Call:
    """Verifies the response that `make` gives to the oldest challenge, which `asked` got."""

    def call(v: Verifier) -> object:
        asked: Challenge = v.asked[0]  # type: ignore[attr-defined]
        return v.verify(asked.id, make(asked))

    return call


def nothing(_: Verifier) -> None:
    """Where nothing has to come first."""


def exhausted(v: Verifier) -> None:
    for _ in range(3):
        answer(wrong)(v)


def used_up(v: Verifier) -> None:
    for number in range(10):
        v.unlock_code("N-1", f"{number:06}")


def asked_often(v: Verifier) -> None:
    for _ in range(29):  # One was asked before.
        v.challenge("A-1")


def resynced(first: int, second: int, of: str = "A-1") -> Call:
    def call(v: Verifier) -> object:
        one, two = v.challenge("A-1"), v.challenge(of)
        return v.resync(one.id, right(one, first), two.id, right(two, second))

    return call


def pin_changed(pin: str, made_with: str) -> Call:
    def call(v: Verifier) -> object:
        asked: Challenge = v.asked[0]  # type: ignore[attr-defined]
        return v.change_pin(asked.id, forced(asked, made_with), pin)

    return call


def some(*serials: str) -> list[Enrolment]:
    return [Enrolment(serial, KEY, SUITE, PIN) for serial in serials]


CHALLENGED = "challenge A-1 done"
CASES: dict[str, tuple[Call, Call, list[str]]] = {
    "enroll": (nothing, lambda v: v.enroll("B-2", key=KEY, suite=SUITE, pin=PIN), ["card.enroll B-2 done"]),
    "enroll again": (nothing, lambda v: v.enroll("A-1", key=KEY, suite=SUITE, pin=PIN), []),
    "enroll what cannot be": (nothing, lambda v: v.enroll("B-2", key=KEY, suite=SUITE), []),
    "enroll some": (
        nothing,
        lambda v: v.enroll_all(some("B-2", "A-1", "b", "C-3")),
        ["card.enroll B-2 done", "card.enroll C-3 done"],
    ),
    "enroll all or none": (nothing, lambda v: v.enroll_all(some("B-2", "A-1"), atomic=True), []),
    "disclose all": (nothing, lambda v: list(v.disclose()), ["cards.disclose - done all"]),
    "disclose some": (nothing, lambda v: list(v.disclose(["A-1"])), ["cards.disclose - done chosen"]),
    "disclose none": (nothing, lambda v: list(v.disclose(["X-9"])), ["cards.disclose - done chosen"]),
    "remove": (nothing, lambda v: v.remove("A-1"), ["card.remove A-1 done"]),
    "remove none": (nothing, lambda v: v.remove("X-9"), []),
    "look": (nothing, lambda v: (v.card("A-1"), v.cards(), v.policy, v.audit.check(), list(v.audit.entries())), []),
    "suspend": (nothing, lambda v: v.suspend("A-1", "on holiday"), ["card.suspend A-1 done on holiday"]),
    "suspend twice": (lambda v: v.suspend("A-1"), lambda v: v.suspend("A-1"), []),
    "suspend none": (nothing, lambda v: v.suspend("X-9"), []),
    "lost": (nothing, lambda v: v.lost("A-1", "in a taxi"), ["card.lost A-1 done in a taxi"]),
    "resume": (lambda v: v.lost("A-1"), lambda v: v.resume("A-1", "found"), ["card.resume A-1 done found"]),
    "retire": (nothing, lambda v: v.retire("A-1", "old"), ["card.retire A-1 done old"]),
    "lock": (nothing, lambda v: v.lock("A-1", "a call", 60), ["card.lock A-1 done a call"]),
    "unlock": (lambda v: v.lock("A-1"), lambda v: v.unlock("A-1", "it was me"), ["card.unlock A-1 done it was me"]),
    "add owner": (nothing, lambda v: v.add_owner("A-1", "Bob"), ["owner.add A-1 done"]),
    "add owner twice": (lambda v: v.add_owner("A-1", "Bob"), lambda v: v.add_owner("A-1", "Bob"), []),
    "remove owner": (lambda v: v.add_owner("A-1", "Bob"), lambda v: v.remove_owner("A-1", "Bob"), ["owner.remove A-1 done"]),
    "remove no owner": (nothing, lambda v: v.remove_owner("A-1", "Bob"), []),
    "duress PIN": (nothing, lambda v: v.set_duress_pin("A-1", "4711"), ["card.duress-pin A-1 done set"]),
    "no duress PIN": (nothing, lambda v: v.set_duress_pin("A-1", None), ["card.duress-pin A-1 done removed"]),
    "duress PIN that is the PIN": (nothing, lambda v: v.set_duress_pin("A-1", PIN), []),
    "unlock code": (nothing, lambda v: v.unlock_code("N-1", "123456"), ["card.unlock-code N-1 done"]),
    "too many codes": (used_up, lambda v: v.unlock_code("N-1", "9" * 6), ["card.unlock-code N-1 refused too many"]),
    "challenge": (nothing, lambda v: v.challenge("A-1"), [CHALLENGED]),
    "challenge to none": (nothing, lambda v: v.challenge("X-9"), ["challenge X-9 refused unknown"]),
    "challenge to garbage": (nothing, lambda v: v.challenge("\0\ud800"), ["challenge - refused unknown"]),
    "too many challenges": (asked_often, lambda v: v.challenge("A-1"), ["challenge A-1 refused too many"]),
    "concealed": (nothing, lambda v: v.challenge("X-9", conceal=True), ["challenge X-9 done decoy"]),
    "accepted": (nothing, answer(right), ["verify A-1 accepted"]),
    "duress": (nothing, answer(forced), ["verify A-1 accepted duress"]),
    "wrong": (nothing, answer(wrong), ["verify A-1 refused wrong"]),
    "malformed": (nothing, answer(lambda _: "1\0"), ["verify A-1 refused malformed"]),
    "unknown": (nothing, lambda v: v.verify("0" * 22, "12345678"), ["verify - refused unknown"]),
    "no id": (nothing, lambda v: v.verify("\ud800", "12345678"), ["verify - refused unknown"]),
    "used": (answer(right), answer(right), ["verify A-1 refused used"]),
    "exhausted": (exhausted, answer(right), ["verify A-1 refused exhausted"]),
    "expired": (lambda v: v._office.clock.advance(300), answer(right), ["verify A-1 refused expired"]),  # type: ignore[attr-defined]
    "locked": (lambda v: fail(v, "A-1", 10), answer(right), ["verify A-1 refused locked"]),
    "suspended": (lambda v: v.suspend("A-1"), answer(right), ["verify A-1 refused suspended"]),
    "is lost": (lambda v: v.lost("A-1"), answer(right), ["verify A-1 refused lost"]),
    "retired": (lambda v: v.retire("A-1"), answer(right), ["verify A-1 refused retired"]),
    "resync": (nothing, resynced(50, 51), [CHALLENGED, CHALLENGED, "resync A-1 accepted"]),
    "no resync": (nothing, resynced(50, 52), [CHALLENGED, CHALLENGED, "resync A-1 refused wrong"]),
    "resync of two": (nothing, resynced(50, 51, "N-1"), [CHALLENGED, "challenge N-1 done", "resync A-1 refused unknown"]),
    "change PIN": (nothing, pin_changed(NEW_PIN, NEW_PIN), ["card.change-pin A-1 accepted"]),
    "change PIN wrongly": (nothing, pin_changed(NEW_PIN, "0000"), ["card.change-pin A-1 refused wrong"]),
    "change PIN to none": (nothing, pin_changed("12345", PIN), []),
    "rekey": (nothing, lambda v: v.rekey(), ["keys.rekey - done"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_call_writes_what_it_did_and_no_more(verifier: Verifier, clock: Clock, name: str) -> None:
    before, call, expected = CASES[name]
    verifier.enroll("N-1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=UNLOCK_KEY)
    verifier.set_duress_pin("A-1", DURESS_PIN)
    verifier.asked = [verifier.challenge("A-1")]  # type: ignore[attr-defined]
    before(verifier)
    earlier = entries(verifier)
    clock.advance(1)
    with suppress(DscError):
        call(verifier.by("Ada Ł."))
    written = entries(verifier)[len(earlier) :]
    assert [told(entry) for entry in written] == expected
    assert {entry.actor for entry in written} <= {"Ada Ł."}
    assert {entry.at for entry in written} <= {clock.now}
    assert {entry.actor for entry in earlier} == {"library"}
    assert verifier.audit.check().sound


def test_a_log_begins_with_its_beginning(verifier: Verifier) -> None:
    assert told(entries(verifier)[0]) == "log.begin - done"
    assert [entry.number for entry in entries(verifier)] == [1, 2]


def test_a_pause_is_told_by_its_name(clock: Clock) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock, policy=Policy(pause=30)) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        fail(verifier, "A-1", 3)
        challenge = verifier.challenge("A-1")
        verifier.verify(challenge.id, right(challenge))
        assert told(entries(verifier)[-1]) == "verify A-1 refused paused"


def test_the_detail_says_what_followed(verifier: Verifier, clock: Clock) -> None:
    challenge = verifier.challenge("A-1")
    verifier.verify(challenge.id, right(challenge, 4))
    assert json.loads(entries(verifier)[-1].detail) == {"id": challenge.id, "counter": "5", "state": "active"}
    fail(verifier, "A-1", 10)
    assert json.loads(entries(verifier)[-1].detail)["until"] == repr(clock.now + 86_400)
    verifier.add_owner("A-1", 'O"Hara')
    assert json.loads(entries(verifier)[-1].detail) == {"owner": 'O"Hara'}


@pytest.mark.parametrize("actor", ["", "a" * 65, "a\nb", "\0", "\ud800", "\x1b[2J", None, 5, b"Ada"])
def test_an_actor_without_a_name_is_refused(verifier: Verifier, actor: Any) -> None:
    with pytest.raises(InputError, match=r"^actor: "):
        verifier.by(actor)


def test_nothing_secret_is_in_the_log(verifier: Verifier, clock: Clock) -> None:
    secrets = {PIN, DURESS_PIN, NEW_PIN, "5577", "55778", KEY.hex(), KEY.decode(), UNLOCK_KEY.hex(), bytes(range(32)).hex()}
    ids: list[str] = []

    def ask(serial: str = "A-1") -> Challenge:
        challenge = verifier.challenge(serial)
        ids.append(challenge.id)
        secrets.update(forced(challenge, pin, counter) for pin in (PIN, DURESS_PIN, NEW_PIN) for counter in range(120))
        secrets.update((wrong(challenge), challenge.question))
        return challenge

    verifier.enroll("N-1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=UNLOCK_KEY)
    secrets.update((verifier.unlock_code("N-1", "480159"), "480159"))
    for call in (
        lambda: verifier.enroll("A-1", key=KEY, suite=SUITE, pin="5577"),
        lambda: verifier.set_duress_pin("A-1", "55778"),
    ):
        with pytest.raises(DscError):
            call()
    verifier.set_duress_pin("A-1", DURESS_PIN)
    for made in (right, wrong, forced, lambda _: PIN, lambda _: KEY.hex(), lambda c: right(c, 9)):
        challenge = ask()
        verifier.verify(challenge.id, made(challenge))
    one, two = ask(), ask()
    verifier.resync(one.id, right(one, 100), two.id, right(two, 101))
    challenge = ask()
    assert verifier.change_pin(challenge.id, forced(challenge, NEW_PIN, 102), NEW_PIN)
    list(verifier.disclose())
    verifier.rekey()
    # An answer in the place of the challenge's id, as who mistakes the one for the other would give it.
    verifier.verify(right(challenge), challenge.id)
    verifier.verify(PIN, PIN)
    assert len({entry.action for entry in entries(verifier)}) >= 9
    for entry in entries(verifier):
        kept = [str(value) for name, value in asdict(entry).items() if name not in ("at", "hash")]
        text = " ".join(kept)
        for challenge_id in ids:
            text = text.replace(challenge_id, "")
        assert not [secret for secret in secrets if secret in text], entry.action


# ---- what is done to it afterwards ----


def chained(before: bytes, row: dict[str, Any]) -> bytes:
    """An entry's hash, by what the log's description says: of the hash before it, and of the columns before its own."""
    values = [row[name] for name in ("number", "at", "actor", "action", "serial", "outcome", "reason", "detail")]
    return hashlib.sha256(before + json.dumps(values, separators=(",", ":")).encode()).digest()


def rows(db: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in db.execute(select(audit).order_by(audit.c.number))]


def rewrite(db: Connection, changed: list[dict[str, Any]]) -> None:
    """The whole chain anew, with right hashes and the end moved, as far as it can be without the master key."""
    digest = bytes(32)
    for number, row in enumerate(changed, 1):
        row["number"] = number
        digest = row["hash"] = chained(digest, row)
    db.execute(delete(audit))
    db.execute(insert(audit), changed)
    db.execute(update(audit_head).values(number=len(changed), hash=digest))


def change(**values: object) -> Callable[[Connection], object]:
    """Of entry 4."""
    return lambda db: db.execute(update(audit).where(audit.c.number == 4).values(values))


def drop(*numbers: int) -> Callable[[Connection], object]:
    return lambda db: db.execute(delete(audit).where(audit.c.number.in_(numbers)))


def swap(db: Connection) -> None:
    """Entries 3 and 4, each with its own hash."""
    for old, new in ((3, 90), (4, 3), (90, 4)):
        db.execute(update(audit).where(audit.c.number == old).values(number=new))


def put_between(db: Connection) -> None:
    """A copy of entry 3 after it: the others move on, and so does the end."""
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
    """The last two entries, with the end moved back to what was the end once."""
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
        seal = key.sign_log(head.number.to_bytes(8, "big") + head.hash)
        db.execute(update(audit_head).values(key_id=key_id, seal=seal))

    return sealed


def empty_it(db: Connection) -> None:
    db.execute(delete(audit))
    db.execute(update(audit_head).values(EMPTY_HEAD))


DONE_TO_IT: dict[str, tuple[Callable[[Connection], object], str]] = {
    "number": (change(number=40), "entries 4 to 4 are missing"),
    "at": (change(at=1_700_000_000.5), "entry 4: is not what it was"),
    "actor": (change(actor="nobody"), "entry 4: is not what it was"),
    "action": (change(action="challenge"), "entry 4: is not what it was"),
    "serial": (change(serial="B-2"), "entry 4: is not what it was"),
    "no serial": (change(serial=None), "entry 4: is not what it was"),
    "outcome": (change(outcome="refused"), "entry 4: is not what it was"),
    "reason": (change(reason="else"), "entry 4: is not what it was"),
    "detail": (change(detail="{} "), "entry 4: is not what it was"),
    "hash": (change(hash=bytes(32)), "entry 4: is not what it was"),
    "first": (drop(1), "entries 1 to 1 are missing"),
    "middle": (drop(4, 5), "entries 4 to 5 are missing"),
    "last": (drop(7), "entries 7 to 7 are missing, at its end"),
    "swapped": (swap, "entry 3: is not what it was, or not where it was"),
    "put between": (put_between, "entry 4: is not what it was, or not where it was"),
    "added": (add_after, "it goes on after entry 7, which was its end"),
    "before the first": (lambda db: db.execute(insert(audit).values({**rows(db)[0], "number": 0})), "entry 0"),
    "far before": (lambda db: db.execute(insert(audit).values({**rows(db)[0], "number": -3})), "entry -3"),
    "cut": (cut, "its end does not have the seal of the master key"),
    "written anew": (forge, "its end does not have the seal of the master key"),
    "sealed by another": (seal_by(OTHER, OTHER.id), "its end is sealed under another master key"),
    "sealed in our name": (seal_by(OTHER, MASTER.id), "its end does not have the seal of the master key"),
    "sealed by nobody": (seal_by(OTHER, ""), "its end has no seal"),
    "short seal": (lambda db: db.execute(update(audit_head).values(seal=b"")), "its end does not have the seal"),
    "no end": (lambda db: db.execute(delete(audit_head)), "its end is missing"),
    "end moved on": (lambda db: db.execute(update(audit_head).values(number=9)), "entries 8 to 9 are missing, at its end"),
    "end moved back": (lambda db: db.execute(update(audit_head).values(number=5)), "it goes on after entry 5"),
    "emptied": (empty_it, "its end has no seal"),
}
LAUNDERED = [
    "cut",
    "written anew",
    "sealed by another",
    "sealed in our name",
    "sealed by nobody",
    "short seal",
    "no end",
    "last",
]


@contextmanager
def lived_in(database: Database, clock: Clock) -> Iterator[Verifier]:
    """Whose log has seven entries."""
    with Verifier.open(database.url, master_key=MASTER, policy=NO_PAUSE, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        verifier.by("Ada").suspend("A-1", "on holiday")
        verifier.resume("A-1", "Ünïcödé ✓")
        verifier.verify(challenge.id, right(challenge))
        verifier.add_owner("A-1", "Bob")
        report = verifier.audit.check()
        assert (report.entries, report.problems, report.checkpoint.number) == (7, (), 7)
        yield verifier


@pytest.mark.parametrize("name", DONE_TO_IT)
def test_what_was_done_to_it_is_found_and_told_where(database: Database, clock: Clock, name: str) -> None:
    done, problem = DONE_TO_IT[name]
    with lived_in(database, clock) as verifier:
        with database.raw() as db:
            done(db)
        report = verifier.audit.check()
    assert not report.sound
    assert problem in report.problems[0]


def test_who_rewrites_it_as_it_was_changes_nothing(database: Database, clock: Clock) -> None:
    # So that the forgeries above fail for want of the key, and not because they are badly made.
    with lived_in(database, clock) as verifier:
        with database.raw() as db:
            rewrite(db, rows(db))
        assert verifier.audit.check().sound


@pytest.mark.parametrize("name", LAUNDERED)
def test_a_log_that_was_tampered_with_is_not_sealed_anew(database: Database, clock: Clock, name: str) -> None:
    with lived_in(database, clock) as verifier:
        with database.raw() as db:
            DONE_TO_IT[name][0](db)
        with suppress(DscError):
            verifier.challenge("A-1")
        assert not verifier.audit.check().sound


def test_an_emptied_log_is_not_begun_anew(database: Database, clock: Clock) -> None:
    with lived_in(database, clock), database.raw() as db:
        empty_it(db)
    with suppress(StoreError), Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        assert not verifier.audit.check().sound


def test_one_change_is_told_once_and_many_are_told_in_part(verifier: Verifier, clock: Clock) -> None:
    events = [Event("challenge", "A-1", "done", str(number)) for number in range(150)]
    store = verifier._office.store
    store.change(lambda db: record(db, Keyring(MASTER), clock.now, "Ada", events))
    with store.write() as db:
        db.execute(update(audit).where(audit.c.number == 9).values(reason="else"))
    assert verifier.audit.check().problems == ("entry 9: is not what it was, or not where it was, when it was written",)
    with store.write() as db:
        db.execute(update(audit).values(reason="else"))
    assert len(verifier.audit.check().problems) == 100


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET hash = 'abc' WHERE number = 4",
        "UPDATE audit SET at = 'abc' WHERE number = 4",
        "UPDATE audit SET reason = x'ff' WHERE number = 4",
        "UPDATE audit SET number = 'abc' WHERE number = 4",
        "UPDATE audit SET number = 3.5 WHERE number = 4",
        "UPDATE audit_head SET seal = 'abc'",
        "UPDATE audit_head SET hash = 'abc'",
        "UPDATE audit_head SET number = 'abc'",
    ],
)
def test_a_value_of_another_type_is_a_problem_like_any_other(tmp_path: Any, clock: Clock, sql: str) -> None:
    # SQLite keeps anything in any column.
    with databases.new_database("sqlite", tmp_path) as database, lived_in(database, clock) as verifier:
        with database.raw() as db:
            db.exec_driver_sql(sql)
        assert not verifier.audit.check().sound
        with suppress(StoreError):
            verifier.suspend("A-1")
        assert not verifier.audit.check().sound


# ---- checkpoints ----


def put_back(db: Connection, kept: list[dict[str, Any]], head: dict[str, Any]) -> None:
    db.execute(delete(audit))
    db.execute(insert(audit), kept)
    db.execute(update(audit_head).values(head))


def test_a_checkpoint_finds_a_database_that_was_put_back_and_another_history(database: Database, clock: Clock) -> None:
    with lived_in(database, clock) as verifier:
        early = verifier.audit.check().checkpoint
        with database.raw() as db:
            kept = rows(db), dict(db.execute(select(audit_head)).one()._mapping)
        verifier.lock("A-1")
        since = Checkpoint.parse(str(verifier.audit.check().checkpoint))
        assert verifier.audit.check(since).sound
        assert verifier.audit.check(early).sound
        with database.raw() as db:
            put_back(db, *kept)
        assert verifier.audit.check().sound
        assert verifier.audit.check(early).sound
        assert verifier.audit.check(since).problems == ("it ends at entry 7, before the checkpoint's, 8",)
        verifier.unlock("A-1")
        verifier.unlock("A-1")
        assert verifier.audit.check().sound
        assert verifier.audit.check(since).problems == ("entry 8: is another one than at the checkpoint",)


HASH = "a" * 64
NO_CHECKPOINTS: list[Any] = [
    "",
    "1",
    "1:",
    f":{HASH}",
    f"x:{HASH}",
    f"1:{HASH.upper()}",
    f"1:{HASH[1:]}",
    f"1:{HASH}a",
    f"1:{HASH}\n",
]
MORE_OF_THEM: list[Any] = [f"-1:{HASH}", f" 1:{HASH}", f"\u0661:{HASH}", "1:" + "\0" * 64, f"{'9' * 19}:{HASH}", "1" * 10**6]
STILL_MORE: list[Any] = ["1:" + "\ud800" * 64, "1:" + "\uff11" * 64, None, 5, f"1:{HASH}".encode()]


@pytest.mark.parametrize("text", NO_CHECKPOINTS + MORE_OF_THEM + STILL_MORE, ids=lambda text: ascii(text)[:12])
def test_what_is_no_checkpoint_is_refused(text: Any) -> None:
    with pytest.raises(InputError, match=r"^checkpoint: must be NUMBER:HASH"):
        Checkpoint.parse(text)


# ---- reading ----


def test_entries_come_in_order_however_many_there_are(verifier: Verifier, clock: Clock) -> None:
    serials = ["A-1", "B-2"]
    events = [Event("challenge", serials[number % 2], "done", str(number)) for number in range(4200)]
    verifier._office.store.change(lambda db: record(db, Keyring(MASTER), clock.now, "Ada", events))
    assert [entry.number for entry in verifier.audit.entries()] == list(range(1, 4203))
    assert [entry.number for entry in verifier.audit.entries(after=1500)] == list(range(1501, 4203))
    assert [entry.reason for entry in verifier.audit.entries(2, "B-2")] == [str(number) for number in range(1, 4200, 2)]
    assert [entry.number for entry in verifier.audit.entries(4201, "B-2")] == [4202]
    assert list(verifier.audit.entries(4202)) == list(verifier.audit.entries(0, "C-3")) == []
    report = verifier.audit.check()
    assert (report.entries, report.sound) == (4202, True)


@pytest.mark.parametrize("serial", ["a-1", "", "\0", "A-1\0", "\ud800", "A-1' OR '1'='1", "A" * 10**6])
def test_of_what_is_no_serial_there_are_no_entries(verifier: Verifier, serial: str) -> None:
    with suppress(InputError):
        assert list(verifier.audit.entries(serial=serial)) == []


@pytest.mark.parametrize("after", [2**63, 2**70])
def test_after_a_number_that_no_entry_can_have_there_are_none(verifier: Verifier, after: int) -> None:
    with suppress(InputError):
        assert list(verifier.audit.entries(after)) == []


def test_an_entry_is_json(verifier: Verifier, clock: Clock) -> None:
    verifier.by('Ada "Ł"').add_owner("A-1", "Zoë\\")
    entry = entries(verifier)[-1]
    exported = json.loads(json.dumps(entry.as_json()))
    assert exported == {**asdict(entry), "time": exported["time"], "detail": {"owner": "Zoë\\"}}
    assert exported["time"].endswith("+00:00")
    assert datetime.fromisoformat(exported["time"]).timestamp() == clock.now
    assert len(bytes.fromhex(exported["hash"])) == 32


@pytest.mark.parametrize("damage", [{"at": float("inf")}, {"at": 1e300}, {"detail": "{"}, {"detail": ""}])
def test_a_damaged_log_can_still_be_exported(verifier: Verifier, damage: dict[str, Any]) -> None:
    with verifier._office.store.write() as db:
        db.execute(update(audit).where(audit.c.number == 1).values(damage))
    assert [entry.as_json()["number"] for entry in verifier.audit.entries()] == [1, 2]


# ---- neither without the other ----


@contextmanager
def logless(database: Database, how: str) -> Iterator[None]:
    """Where nothing can be logged: the end is gone, or the next entry's number is taken."""
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


CHANGES: list[Call] = [
    lambda v: v.enroll("B-2", key=KEY, suite=SUITE, pin=PIN),
    lambda v: v.enroll_all(some("B-2", "C-3")),
    lambda v: v.remove("A-1"),
    lambda v: v.suspend("A-1"),
    lambda v: v.retire("A-1"),
    lambda v: v.lock("A-1"),
    lambda v: v.add_owner("A-1", "Eve"),
    lambda v: v.remove_owner("A-1", "Bob"),
    lambda v: v.set_duress_pin("A-1", DURESS_PIN),
    lambda v: v.challenge("A-1"),
    lambda v: v.challenge("X-9", conceal=True),
    lambda v: v.verify("0" * 22, "0"),
    lambda v: list(v.disclose()),
    lambda v: v.rekey(),
]


@pytest.mark.parametrize("how", ["no end", "taken"])
def test_what_cannot_be_logged_is_not_done(database: Database, clock: Clock, how: str) -> None:
    with lived_in(database, clock) as verifier:
        challenge = verifier.challenge("A-1")
        before, log = verifier.cards(), entries(verifier)
        with logless(database, how):
            for call in [
                *CHANGES,
                lambda v: v.verify(challenge.id, right(challenge, 1)),
                lambda v: v.verify(challenge.id, "x"),
            ]:
                with pytest.raises(StoreError):
                    call(verifier)
        assert (verifier.cards(), entries(verifier)) == (before, log)
        assert verifier.audit.check().sound
        assert verifier.verify(challenge.id, right(challenge, 1)).accepted


def test_what_fails_after_it_was_logged_is_not_in_the_log(verifier: Verifier, clock: Clock) -> None:
    def work(db: Connection) -> Card:
        record(db, Keyring(MASTER), clock.now, "Ada", [Event("card.suspend", "A-1", "done")])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verifier._office.store.change(work)
    assert len(entries(verifier)) == 2
    assert verifier.audit.check().sound


# ---- many at once ----


def busy(url: str, name: str, rounds: int) -> None:
    """What one of many does; each round is five entries."""
    with Verifier.open(url, master_key=MASTER) as verifier, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: _one_round(verifier.by(name), f"{name}-{number}"), range(rounds)))


def _one_round(verifier: Verifier, serial: str) -> None:
    verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
    challenge = verifier.challenge(serial)
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.ACCEPTED
    # All want this one.
    assert verifier.add_owner("A-1", serial).state is State.ENROLLED
    verifier.verify("0" * 22, "0")


def test_many_threads_leave_a_sound_chain(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: _one_round(verifier.by(f"T{number}"), f"T-{number}"), range(16)))
        report = verifier.audit.check()
        assert (report.problems, report.entries) == ((), 2 + 16 * 5)
        actors = [entry.actor for entry in entries(verifier)]
        assert all(actors.count(f"T{number}") == 5 for number in range(16))


def test_two_processes_leave_a_sound_chain(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=busy, args=(database.url, name, 8), daemon=True) for name in ("P", "Q")]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0, 0]
        report = verifier.audit.check()
        assert (report.problems, report.entries) == ((), 2 + 2 * 8 * 5)
        assert len(verifier.card("A-1").owners) == 16
