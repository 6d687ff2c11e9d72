"""The time of a refusal reveals nothing, and the check would notice if it did."""

import random
from typing import Any

import pytest
from tests.reliability import races, timing
from tests.reliability.report import Scale

from dsc_host.ocra import Suite
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

    def in_haste(office: Any, card: Any, *others: Any) -> Any:
        if card.locked_until is not None:
            return judgment._Finding(Reason.WRONG, card.counter)
        return found(office, card, *others)

    monkeypatch.setattr(timing, "_OF_A_KIND", 5)
    monkeypatch.setattr(Suite, "_shorten", counted)
    monkeypatch.setattr("time.perf_counter", lambda: len(macs) + chance.random())
    with Verifier.open("sqlite://", master_key=bytes(32), policy=timing.POLICY) as verifier:
        answers = timing.prepared(verifier)
        assert timing.greatest(timing.times(answers, 50, verifier.verify))[1] == 0
        monkeypatch.setattr(judgment, "_find", in_haste)
        assert timing.greatest(timing.times(answers, 50, verifier.verify))[1] >= 3
