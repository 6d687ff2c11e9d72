"""Closed challenges: a response to a closed challenge causes no computation and no wait, and reveals nothing about the card."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right, wrong

from dsc_host.ocra import Suite
from dsc_host.records.audit_writer import PendingEntries
from dsc_host.records.group_commit import GroupCommit
from dsc_host.records.store import Store
from dsc_host.verifier import Challenge, Reason, Verdict, Verifier
from dsc_host.verifier.card_sets import CardWork
from dsc_host.verifier.judgment import Judgment, JudgmentRequest

HOLDERS = ("active", "locked", "suspended", "retired", "decoy")
MINUTE = 60


@dataclass
class Work:
    """Counts of the work that calls have done since the last `reset`."""

    macs: int = 0
    macs_while_writing: int = 0
    writes: int = 0

    def reset(self) -> None:
        self.macs = self.macs_while_writing = self.writes = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    done, writing = Work(), [False]
    shorten, write = Suite._shorten, Store.write

    def counted(self: Suite, mac: bytes) -> str:
        done.macs += 1
        done.macs_while_writing += writing[0]
        return shorten(self, mac)

    @contextmanager
    def noticed(self: Store) -> Iterator[Connection]:
        with write(self) as db:
            done.writes, writing[0] = done.writes + 1, True
            try:
                yield db
            finally:
                writing[0] = False

    monkeypatch.setattr(Suite, "_shorten", counted)
    monkeypatch.setattr(Store, "write", noticed)
    return done


@pytest.fixture
def verifier(clock: Clock) -> Iterator[Verifier]:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        yield verifier


def asked(verifier: Verifier, holder: str) -> Challenge:
    challenge = verifier.challenge("NO-CARD" if holder == "decoy" else "A-1", conceal=True)
    if holder not in ("active", "decoy"):
        getattr(verifier, {"locked": "lock", "suspended": "suspend", "retired": "retire"}[holder])("A-1")
    return challenge


def costs(verifier: Verifier, work: Work, challenge: Challenge, times: int) -> list[tuple[int, int]]:
    found, response = [], wrong(challenge)
    for _ in range(times):
        work.reset()
        assert not verifier.verify(challenge.id, response)
        found.append((work.macs, work.writes))
    return found


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_same_responses_are_looked_at_whoever_has_the_challenge(verifier: Verifier, work: Work, holder: str) -> None:
    """Three are judged, although none is charged to a locked card: otherwise the fourth would show that it is locked."""
    found = costs(verifier, work, asked(verifier, holder), 8)
    assert found == [(42, 1)] * 3 + [(0, 1)] * 3 + [(0, 1), (0, 0)], (
        "three are judged, three are logged one by one, and the rest is counted"
    )


@pytest.mark.parametrize("holder", [*HOLDERS, "used"])
def test_an_expired_or_used_challenge_computes_nothing(verifier: Verifier, work: Work, clock: Clock, holder: str) -> None:
    challenge = asked(verifier, "active" if holder == "used" else holder)
    if holder == "used":
        assert verifier.verify(challenge.id, right(challenge))
        assert costs(verifier, work, challenge, 8) == [(0, 1)] * 6 + [(0, 0)] * 2
    else:
        clock.advance(300)
        assert costs(verifier, work, challenge, 9) == [(0, 1)] * 7 + [(0, 0)] * 2


def test_a_challenge_that_was_never_issued_computes_nothing(verifier: Verifier, work: Work) -> None:
    work.reset()
    for number in range(5):
        assert verifier.verify(f"{number:022}", "12345678") == Verdict(Reason.UNKNOWN)
        assert verifier.resync(f"{number:022}", "1", f"{number + 1:022}", "2") == Verdict(Reason.UNKNOWN)
    assert (work.macs, work.writes) == (0, 1)


def test_two_responses_of_which_one_is_to_a_closed_challenge_compute_nothing(verifier: Verifier, work: Work) -> None:
    used, fresh = verifier.challenge("A-1"), verifier.challenge("A-1")
    assert verifier.verify(used.id, right(used))
    for pair in ((used, fresh), (fresh, used)):
        responses = right(pair[0], 1), right(pair[1], 2)
        work.reset()
        verdict = verifier.resync(pair[0].id, responses[0], pair[1].id, responses[1])
        assert (verdict.reason, work.macs) == (Reason.USED, 0)
    assert verifier.verify(fresh.id, right(fresh, 1)), "nothing was charged to the other challenge"


def test_what_is_counted_is_told_once_in_a_minute(verifier: Verifier, clock: Clock) -> None:
    def told() -> list[tuple[str | None, str, str]]:
        return [(each.serial, each.reason, each.detail) for each in verifier.audit.entries() if each.action == "verify"]

    clock.now = 1_700_000_040.0
    for number in range(100):
        verifier.verify(f"{number:022}", "12345678")
    assert told() == [(None, "unknown", "{}")]
    clock.advance(MINUTE)
    verifier.verify("0" * 22, "12345678")
    assert told()[1:] == [(None, "unknown", '{"earlier":"99"}')], "the first of the hundred has an entry of its own"
    clock.advance(MINUTE)
    verifier.verify("0" * 22, "12345678")
    assert told()[2:] == [(None, "unknown", "{}")], "each has an entry, so none is told"
    assert verifier.audit.check().sound


@pytest.mark.parametrize("alone", [True, False])
def test_a_transaction_that_is_repeated_counts_and_logs_a_refusal_once(verifier: Verifier, clock: Clock, alone: bool) -> None:
    def aborted() -> None:
        with verifier.context.store.write() as db:
            work(db, PendingEntries())
            raise KeyError("aborted")

    def logged() -> list[str]:
        return [each.detail for each in verifier.audit.entries() if each.action == "verify"]

    clock.now = 1_700_000_040.0
    asked, context = JudgmentRequest("verify", [("0" * 22, "12345678")]), verifier.context
    work = CardWork(context, Judgment(asked)) if alone else context.work_of(Judgment(asked))
    with pytest.raises(KeyError, match="aborted"):
        aborted()
    assert context.commits.do_alone(work).reason is Reason.UNKNOWN
    assert logged() == ["{}"]
    verifier.verify("0" * 22, "12345678")
    clock.advance(MINUTE)
    verifier.verify("0" * 22, "12345678")
    assert logged()[1:] == ['{"earlier":"1"}'], "only the second refusal of the first minute has no entry yet"


def test_nothing_is_computed_while_the_database_is_locked(verifier: Verifier, work: Work) -> None:
    one, two = verifier.challenge("A-1"), verifier.challenge("A-1")
    response = right(one)
    work.reset()
    assert not verifier.resync(one.id, "00000000", two.id, "00000000")
    assert verifier.verify(one.id, response)
    assert work.macs > 4000
    assert (work.macs_while_writing, work.writes) == (0, 2)


@pytest.mark.parametrize("meanwhile", ["verify", "change_pin", "suspend"])
def test_what_was_computed_counts_only_for_the_card_as_it_was(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    late, first = verifier.challenge("A-1"), verifier.challenge("A-1")
    commit = verifier._context.commits.do

    def after_another(do: Any) -> Any:
        monkeypatch.undo()
        if meanwhile == "verify":
            assert verifier.verify(first.id, right(first))
        elif meanwhile == "change_pin":
            response = Suite.parse(SUITE).response(KEY, first.question, counter=1, pin="2580")
            assert verifier.change_pin(first.id, response, "2580")
        else:
            verifier.suspend("A-1")
        return commit(do)

    monkeypatch.setattr(GroupCommit, "do", lambda _commits, do: after_another(do))
    expected = Reason.SUSPENDED if meanwhile == "suspend" else Reason.WRONG
    assert verifier.verify(late.id, right(late)).reason is expected, "its counter has passed, or the PIN has changed"
