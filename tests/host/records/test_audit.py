"""The audit log: the entries of each call, the absence of secrets, and reading."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from sqlalchemy import text, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, fail, right, wrong

from dsc_host.errors import DscError, InputError
from dsc_host.ocra import Suite
from dsc_host.records.audit_writer import Event, record
from dsc_host.records.tables import audit
from dsc_host.verifier import Challenge, Enrollment, Entry, Keyring, Policy, Reason, State, Verifier

DURESS_PIN, NEW_PIN = "8642", "7391"
UNLOCK_KEY = bytes(range(100, 132))
verifier = databases.verifier
database = databases.database

Call: TypeAlias = Callable[[Verifier], object]


def entries(verifier: Verifier) -> list[Entry]:
    return list(verifier.audit.entries())


def told(entry: Entry) -> str:
    """Return the entry's action, serial, outcome and reason as text."""
    return f"{entry.action} {entry.serial or '-'} {entry.outcome} {entry.reason}".strip()


def forced(challenge: Challenge, pin: str = DURESS_PIN, counter: int = 0) -> str:
    return Suite.parse(SUITE).response(KEY, challenge.question, counter=counter, pin=pin)


def answer(make: Callable[[Challenge], str]) -> Call:
    """Return a call that verifies the response that `make` gives to the oldest challenge in `asked`."""

    def call(v: Verifier) -> object:
        asked: Challenge = v.asked[0]  # type: ignore[attr-defined]
        return v.verify(asked.id, make(asked))

    return call


def nothing(_: Verifier) -> None:
    """Prepare nothing."""


def exhausted(v: Verifier) -> None:
    for _ in range(3):
        answer(wrong)(v)


def used_up(v: Verifier) -> None:
    for number in range(10):
        v.unlock_code("N-1", f"{number:06}")


def asked_often(v: Verifier) -> None:
    for _ in range(29):  # One challenge was issued before.
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


def some(*serials: str) -> list[Enrollment]:
    return [Enrollment(serial, KEY, SUITE, PIN) for serial in serials]


CHALLENGED = "challenge A-1 done"
CASES: dict[str, tuple[Call, Call, list[str]]] = {
    "enroll": (nothing, lambda v: v.enroll("B-2", key=KEY, suite=SUITE, pin=PIN), ["card.enroll B-2 done"]),
    "enroll again": (nothing, lambda v: v.enroll("A-1", key=KEY, suite=SUITE, pin=PIN), []),
    "enroll what cannot be": (nothing, lambda v: v.enroll("B-2", key=KEY, suite=SUITE), []),
    "enroll some": (
        nothing,
        lambda v: v.enroll_all(some("B-2", "A-1", "b+", "C-3")),
        ["card.enroll B-2 done", "card.enroll C-3 done"],
    ),
    "enroll all or none": (nothing, lambda v: v.enroll_all(some("B-2", "A-1"), atomic=True), []),
    "disclose all": (nothing, lambda v: list(v.disclose()), ["cards.disclose - done all"]),
    "disclose some": (nothing, lambda v: list(v.disclose(["A-1"])), ["cards.disclose - done chosen"]),
    "disclose none": (nothing, lambda v: list(v.disclose(["X-9"])), ["cards.disclose - done chosen"]),
    "remove": (nothing, lambda v: v.remove("A-1"), ["card.remove A-1 done"]),
    "remove none": (nothing, lambda v: v.remove("X-9"), []),
    "look": (nothing, lambda v: (v.card("A-1"), list(v.cards()), v.policy, v.audit.check(), list(v.audit.entries())), []),
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
    "duress PIN that is the PIN": (nothing, lambda v: v.set_duress_pin("A-1", PIN), ["card.duress-pin A-1 done set"]),
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
    "expired": (lambda v: v._context.clock.advance(300), answer(right), ["verify A-1 refused expired"]),  # type: ignore[attr-defined]
    "locked": (lambda v: fail(v, "A-1", 10), answer(right), ["verify A-1 refused locked"]),
    "suspended": (lambda v: v.suspend("A-1"), answer(right), ["verify A-1 refused suspended"]),
    "is lost": (lambda v: v.lost("A-1"), answer(right), ["verify A-1 refused lost"]),
    "retired": (lambda v: v.retire("A-1"), answer(right), ["verify A-1 refused retired"]),
    "resync": (nothing, resynced(50, 51), [CHALLENGED, CHALLENGED, "resync A-1 accepted"]),
    "no resync": (nothing, resynced(50, 52), [CHALLENGED, CHALLENGED, "resync A-1 refused wrong"]),
    "resync of two": (nothing, resynced(50, 51, "N-1"), [CHALLENGED, "challenge N-1 done", "resync - refused unknown"]),
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


def test_an_actor_without_a_name_is_refused(verifier: Verifier) -> None:
    actors: list[Any] = ["", "a" * 65, "a\nb", "\0", "\ud800", "\x1b[2J", None, 5, b"Ada"]
    for actor in actors:
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
            call()  # type: ignore[no-untyped-call]
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
    # A response instead of the challenge's id, as a confused caller would send it.
    verifier.verify(right(challenge), challenge.id)
    verifier.verify(PIN, PIN)
    assert len({entry.action for entry in entries(verifier)}) >= 9
    for entry in entries(verifier):
        kept = [str(value) for name, value in asdict(entry).items() if name not in ("at", "hash")]
        text = " ".join(kept)
        # These are random, and may hold the digits of a PIN by chance.
        for random_id in (*ids, (entry.card_row or "").partition(":")[0]):
            text = text.replace(random_id, "") if random_id else text
        assert not [secret for secret in secrets if secret in text], entry.action


@pytest.mark.every_database
def test_entries_come_in_order_however_many_there_are(verifier: Verifier, clock: Clock) -> None:
    serials = ["A-1", "B-2"]
    events = [Event("challenge", serials[number % 2], "done", str(number)) for number in range(4200)]
    verifier._context.store.change(lambda db: record(db, Keyring(MASTER), verifier.context.seals, clock.now, "Ada", events))
    assert [entry.number for entry in verifier.audit.entries()] == list(range(1, 4203))
    assert [entry.number for entry in verifier.audit.entries(after=1500)] == list(range(1501, 4203))
    assert [entry.reason for entry in verifier.audit.entries(2, "B-2")] == [str(number) for number in range(1, 4200, 2)]
    assert [entry.number for entry in verifier.audit.entries(4201, "B-2")] == [4202]
    assert list(verifier.audit.entries(4202)) == list(verifier.audit.entries(0, "C-3")) == []
    report = verifier.audit.check()
    assert (report.entries, report.sound) == (4202, True)


@pytest.mark.every_database
def test_of_what_cannot_be_there_are_no_entries(verifier: Verifier) -> None:
    for serial in ("a+1", "", "\0", "A-1\0", "\ud800", "A-1' OR '1'='1", "A" * 10**6):
        with suppress(InputError):
            assert list(verifier.audit.entries(serial=serial)) == []
    for after in (2**63, 2**70):
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


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [("at", b"\0", "b'\\x00'"), ("actor", b"\xff", "b'\\xff'"), ("detail", "[" * 200_000, "[" * 200_000)],
)
def test_a_changed_value_of_any_type_can_be_exported(verifier: Verifier, column: str, value: object, shown: str) -> None:
    with verifier.context.store.write() as db:
        db.execute(text(f"UPDATE audit SET {column} = :value WHERE number = 1"), {"value": value})
    exported = [json.loads(json.dumps(entry.as_json())) for entry in verifier.audit.entries()]
    assert exported[0][column] == shown


def test_a_damaged_log_can_still_be_exported(verifier: Verifier) -> None:
    for damage in ({"at": float("inf")}, {"at": 1e300}, {"detail": "{"}, {"detail": ""}):
        with verifier._context.store.write() as db:
            db.execute(update(audit).where(audit.c.number == 1).values(damage))
        assert [entry.as_json()["number"] for entry in verifier.audit.entries()] == [1, 2]


def _one_round(verifier: Verifier, serial: str) -> None:
    verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
    challenge = verifier.challenge(serial)
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.ACCEPTED
    # All threads need this card.
    assert verifier.add_owner("A-1", serial).state is State.ENROLLED
    verifier.verify(verifier.challenge(serial).id, "0")


@pytest.mark.every_database
def test_many_threads_leave_a_sound_chain(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: _one_round(verifier.by(f"T{number}"), f"T-{number}"), range(16)))
        report = verifier.audit.check()
        assert (report.problems, report.entries) == ((), 2 + 16 * 6)
        actors = [entry.actor for entry in entries(verifier)]
        assert all(actors.count(f"T{number}") == 6 for number in range(16))
