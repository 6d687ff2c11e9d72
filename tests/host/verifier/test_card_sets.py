"""Logins that are done set by set: the same statements do the last steps of many logins, and each has its own outcome."""

from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Connection
from tests.host.records import commit_samples
from tests.host.records.commit_samples import SERIALS, SOON, answer, challenge, change
from tests.host.verifier_samples import right, wrong

from dsc_host.errors import OutOfMemory, StoreError, TooManyChallenges
from dsc_host.records.audit_writer import Event
from dsc_host.records.backends import postgresql
from dsc_host.records.group_commit import GroupCommit
from dsc_host.records.statements import PendingResult, Values
from dsc_host.records.store import Store
from dsc_host.records.transaction import result_of
from dsc_host.verifier import (
    Policy,
    Reason,
    Verifier,
    card_sets,
    challenges,
    rows,
)
from dsc_host.verifier.transaction import CardTransaction

verifier, commits = commit_samples.verifier, commit_samples.commits
on_server, transactions = commit_samples.on_server, commit_samples.transactions


@pytest.mark.every_database
def test_calls_on_one_card_are_decided_one_after_the_other(
    verifier: Verifier, commits: GroupCommit, transactions: list[Store]
) -> None:
    first, second, other = (verifier.challenge(serial) for serial in ("A-1", "A-1", "C-0"))
    calls = [
        answer(verifier, first, right(first)),
        answer(verifier, first, right(first)),
        answer(verifier, other, wrong(other)),
        answer(verifier, second, right(second, 1)),
        challenge(verifier, "A-1"),
        answer(verifier, second, right(second, 2)),
    ]
    transactions.clear()
    commits.do_all(calls)
    assert len(transactions) == 1
    reasons = [each.result().reason if index != 4 else "" for index, each in enumerate(calls)]
    assert reasons == [Reason.ACCEPTED, Reason.USED, Reason.WRONG, Reason.ACCEPTED, "", Reason.USED]
    assert (verifier.card("A-1").counter, verifier.card("C-0").failures) == (2, 1)
    fourth = calls[4].result()
    assert verifier.verify(fourth.id, right(fourth, 2))
    assert verifier.audit.check().problems == ()


@pytest.mark.every_database
def test_a_question_that_was_asked_is_drawn_again(verifier: Verifier, commits: GroupCommit) -> None:
    questions = iter(["111111", "111111", "222222", "333333", "111111"])
    verifier._context = replace(verifier.context, draw=lambda _digits: next(questions))
    assert verifier.challenge("A-1").question == "111111"
    again, other = challenge(verifier, "A-1"), challenge(verifier, "C-0")
    commits.do_all([again, other])
    drawn = {again.result().question, other.result().question}
    assert "111111" not in drawn
    assert len(drawn) == 2
    assert verifier.verify(again.result().id, right(again.result()))
    assert verifier.audit.check().problems == ()


@pytest.mark.every_database
def test_each_call_is_decided_by_its_own_policy(verifier: Verifier, commits: GroupCommit) -> None:
    verifier.challenge("C-0")
    usual = challenge(verifier, "C-1")
    verifier._context = replace(verifier.context, policy=Policy(challenges=1))
    strict = challenge(verifier, "C-0")
    commits.do_all([usual, strict])
    assert usual.result().serial == "C-1"
    with pytest.raises(TooManyChallenges):
        result_of(strict.result())


@pytest.mark.every_database
def test_a_card_that_was_tampered_with_fails_alone(verifier: Verifier, commits: GroupCommit) -> None:
    with verifier.context.store.write() as db:
        card = rows.find_card(db, "C-0")
        assert card
        rows.write_login(db, card._replace(counter=7))
    calls = [challenge(verifier, serial) for serial in ("C-1", "C-0", "C-2")]
    commits.do_all(calls)
    assert [calls[0].result().serial, calls[2].result().serial] == ["C-1", "C-2"]
    with pytest.raises(StoreError, match="does not match its seal"):
        calls[1].result()


@pytest.mark.every_database
def test_a_call_that_fails_last_has_changed_nothing(
    verifier: Verifier, commits: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = verifier.challenge("C-0"), verifier.challenge("C-1")
    log = CardTransaction.log

    def fail(tx: CardTransaction, now: float, event: Event) -> None:
        log(tx, now, event)
        if event.serial == "C-0":
            raise MemoryError

    monkeypatch.setattr(CardTransaction, "log", fail)
    calls = [answer(verifier, each, right(each)) for each in (first, other)]
    commits.do_all(calls)
    monkeypatch.undo()
    assert calls[1].result().accepted
    with pytest.raises(OutOfMemory):
        calls[0].result()
    assert [verifier.card(serial).counter for serial in ("C-0", "C-1")] == [0, 1]
    assert verifier.audit.check().problems == ()
    assert verifier.verify(first.id, right(first)).accepted


@pytest.mark.postgresql
def test_a_limit_counts_what_is_committed_between_two_locks(on_server: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, lock_owners, other = on_server, card_sets._LOCK_ASKED_CARDS, ExitStack()
    verifier._context = replace(verifier.context, policy=Policy(challenges=2))
    first = verifier.challenge("C-0")
    challenges.issue(other.enter_context(verifier.context.writing()), "C-0", conceal=False)

    class LockOwners:
        def ask(self, db: Connection, values: Values) -> PendingResult:
            db.exec_driver_sql("SELECT 1")  # Sends the lock of the card, which is passed over.
            other.close()
            return lock_owners.ask(db, values)

    monkeypatch.setattr(card_sets, "_LOCK_ASKED_CARDS", LockOwners())
    third = challenge(verifier, "C-0")
    verifier.context.commits.do_all([third, answer(verifier, first, right(first))])
    with pytest.raises(TooManyChallenges):
        result_of(third.result())


@pytest.mark.every_database
def test_a_missing_card_among_others_looks_like_one(verifier: Verifier, commits: GroupCommit) -> None:
    serials = ("C-0", "NO-CARD", "C-1", "NO-CARD", "C-0")
    for _ in range(2):  # The first time makes the decoys.
        calls = [change(verifier, verifier._challenge(serial, conceal=True)) for serial in serials]  # type: ignore[arg-type]
        commits.do_all(calls)
        asked = [each.result() for each in calls]
        assert [each.serial for each in asked] == list(serials)
    answers = [answer(verifier, each, right(each)) for each in asked]
    commits.do_all(answers)
    reasons = [each.result().reason for each in answers]
    assert reasons == [Reason.ACCEPTED, Reason.UNKNOWN, Reason.ACCEPTED, Reason.UNKNOWN, Reason.WRONG]
    assert verifier.audit.check().problems == ()


@pytest.mark.postgresql
def test_many_logins_take_the_round_trips_of_one(on_server: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    commits, trips, sync = on_server.context.commits, list[object](), psycopg.Pipeline.sync
    commits.do_all([challenge(on_server, serial) for serial in SERIALS])  # Opens a connection.
    monkeypatch.setattr(postgresql, "_TRUSTED_SECONDS", SOON)
    monkeypatch.setattr(psycopg.Pipeline, "sync", lambda pipeline: (trips.append(pipeline), sync(pipeline))[1])
    calls = [challenge(on_server, serial) for serial in SERIALS]
    commits.do_all(calls)
    answers = [answer(on_server, each.result(), right(each.result())) for each in calls]
    commits.do_all(answers)
    assert all(each.result() for each in answers)
    assert len(trips) == 4, "each transaction waits twice before its commit"


@pytest.mark.postgresql
def test_many_responses_to_a_closed_challenge_lock_no_card(on_server: Verifier) -> None:
    verifier, used = on_server, on_server.challenge("A-1")
    assert verifier.verify(used.id, right(used))
    for _ in range(Policy().attempts * 2):
        verifier.verify(used.id, right(used))
    with verifier.context.store.write() as db:
        rows.lock_card(db, "A-1")
        assert verifier.verify(used.id, right(used)).reason is Reason.USED
