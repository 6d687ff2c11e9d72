"""That the time of a refusal tells nothing, and that it would be noticed if it did."""

from dataclasses import replace
from typing import Any

import pytest
from tests.reliability import races, timing
from tests.reliability.report import Scale

from dsc_host.verifier import Reason, Verifier, verdicts


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
    found = verdicts._found

    def in_haste(office: Any, card: Any, *others: Any) -> Any:
        if card.locked_until is not None:
            return verdicts._Finding(Reason.WRONG, card.counter)
        return found(office, card, *others)

    monkeypatch.setattr(verdicts, "_found", in_haste)
    monkeypatch.setattr(timing, "_OF_A_KIND", 5)
    with Verifier.open("sqlite://", master_key=bytes(32), policy=replace(timing.POLICY, window=200)) as verifier:
        # So many, over so wide a window, that one look is enough, whatever else runs on this machine.
        taken = timing.times(timing.prepared(verifier), 100, verifier.verify)
    t, apart = timing.greatest(taken)
    assert apart >= 3, f"only {t}"
