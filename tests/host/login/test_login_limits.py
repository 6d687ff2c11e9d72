"""The limits on logins: what is counted, for whom, and at what cost."""

import hashlib
from collections.abc import Iterator

import pytest
from tests.host.login.scenario import DAY, PASSWORD, Scenario, new_scenario
from tests.host.login.wrong_passwords import tried
from tests.host.verifier_samples import Clock

from dsc_host.login import TooManyAttempts, rate_limits, rows
from dsc_host.login.rate_limits import RateLimit
from dsc_host.records.seals import Seals


@pytest.fixture
def scenario(clock: Clock) -> Iterator[Scenario]:
    """A scenario in which an address is refused after 10 passwords, right or wrong."""
    with new_scenario(clock, login={"failures_by_address": 10, "successes_by_address": 10}) as scenario:
        yield scenario


def test_all_addresses_of_one_ipv6_network_are_one_client(scenario: Scenario) -> None:
    compared = sum(tried(scenario, "anna", f"2001:db8:0:1:{number:x}::{number:x}") for number in range(20))
    assert compared == 3
    assert not tried(scenario, "anna", "2001:0DB8:0000:0001:ffff:ffff:ffff:ffff")
    assert scenario.system.begin("anna", PASSWORD, "2001:db8:0:2::1")


def test_an_ipv4_address_in_ipv6_is_the_same_client(scenario: Scenario) -> None:
    compared = sum(tried(scenario, "anna", ("192.0.2.66", "::ffff:192.0.2.66")[number % 2]) for number in range(20))
    assert compared == 3


def test_many_names_from_one_ipv6_network_shut_it(scenario: Scenario) -> None:
    compared = sum(tried(scenario, f"name{number}", f"2001:db8::{number:x}") for number in range(12))
    assert compared == 10
    with pytest.raises(TooManyAttempts):
        scenario.system.begin("anna", PASSWORD, "2001:db8::ffff")


def test_a_clock_that_is_set_back_closes_no_limit_for_longer(scenario: Scenario) -> None:
    limit = RateLimit("test", "anna", 2, DAY)

    def charged() -> TooManyAttempts | None:
        return scenario.system.change(lambda tx: rate_limits.charge(tx, [limit]))

    assert charged() is None
    scenario.clock.advance(-3600)
    assert charged() is None
    refusal = charged()
    assert refusal is not None
    assert refusal.retry_after == DAY


def test_a_clock_that_is_set_back_closes_no_open_limit(scenario: Scenario) -> None:
    scenario.enter("anna")
    scenario.enter_by_sms("ben")
    assert tried(scenario, "carl", "192.0.2.9")
    scenario.clock.advance(-3600)
    assert scenario.enter("anna")
    assert scenario.enter_by_sms("ben")
    assert tried(scenario, "carl", "192.0.2.9")


# ---- what refused attempts leave behind ----


def attempts(scenario: Scenario) -> int:
    return scenario.system.context.read(lambda tx: rows.attempts.count(tx.db))


def refusals(scenario: Scenario) -> list[str]:
    """Return the number of refusals in each log entry."""
    entries = [entry.as_json() for entry in scenario.verifier.audit.entries() if entry.reason == "too many"]
    return [dict(entry["detail"]).get("times", "1") for entry in entries]  # type: ignore[call-overload]


def test_who_is_shut_out_leaves_two_entries_and_no_row(scenario: Scenario) -> None:
    for _ in range(3):
        tried(scenario, "anna", "192.0.2.66")
    before = attempts(scenario), len(scenario.events())
    assert not any(tried(scenario, "anna", "192.0.2.66") for _ in range(50))
    assert (attempts(scenario), len(scenario.events())) == (before[0], before[1] + 1)
    scenario.clock.advance(30)
    assert tried(scenario, "anna", "192.0.2.66")
    assert refusals(scenario) == ["1", "50"]
    assert scenario.verifier.audit.check().sound


def test_names_that_are_tried_from_an_address_that_is_shut_leave_nothing(scenario: Scenario) -> None:
    for number in range(10):
        tried(scenario, f"name{number}", "192.0.2.66")
    before = attempts(scenario), len(scenario.events())
    assert not any(tried(scenario, f"other{number}", "192.0.2.66") for number in range(20))
    assert (attempts(scenario), len(scenario.events())) == (before[0], before[1] + 1)


def test_refusals_are_counted_in_the_log_also_if_nobody_comes_again(scenario: Scenario) -> None:
    for _ in range(13):
        tried(scenario, "anna", "192.0.2.66")
    scenario.system.operator.run_due()
    assert refusals(scenario) == ["1"]
    scenario.clock.advance(30)
    scenario.system.operator.run_due()
    scenario.system.operator.run_due()
    assert refusals(scenario) == ["1", "10"]


def test_who_is_refused_once_leaves_one_entry(scenario: Scenario) -> None:
    for _ in range(4):
        tried(scenario, "anna", "192.0.2.66")
    scenario.clock.advance(30)
    assert scenario.system.begin("anna", PASSWORD, "192.0.2.66")
    assert refusals(scenario) == ["1"]


def test_what_was_counted_goes_after_a_day(scenario: Scenario) -> None:
    for number in range(15):
        tried(scenario, f"name{number}", "192.0.2.66")
    scenario.clock.advance(2 * DAY)
    scenario.system.operator.run_due()
    assert attempts(scenario) == 0


def test_whoever_waits_as_long_as_a_refusal_says_is_refused_no_more(scenario: Scenario) -> None:
    for _ in range(3):
        tried(scenario, "anna", "192.0.2.66")
    scenario.clock.advance(0.7)
    with pytest.raises(TooManyAttempts, match="try again in 30 s"):
        scenario.system.begin("anna", PASSWORD, "192.0.2.66")
    scenario.clock.advance(30)
    assert scenario.system.begin("anna", PASSWORD, "192.0.2.66")


def test_right_passwords_are_counted_for_the_place_that_they_come_from(scenario: Scenario) -> None:
    for _ in range(10):
        scenario.system.begin("anna", PASSWORD, "192.0.2.66")
    with pytest.raises(TooManyAttempts) as refusal:
        scenario.system.begin("anna", PASSWORD, "192.0.2.66")
    assert refusal.value.retry_after == 3600
    assert scenario.system.begin("anna", PASSWORD, "192.0.2.1")
    scenario.clock.advance(3600)
    assert scenario.system.begin("anna", PASSWORD, "192.0.2.66")


# ---- what the database reveals ----


def test_names_and_addresses_are_hashed_under_a_key_that_is_not_in_the_database(scenario: Scenario) -> None:
    tried(scenario, "anna", "192.0.2.66")
    counted = {
        f"{what}\n{who}".encode()
        for what, who in (("name", "anna"), ("address", "192.0.2.66"), ("name and address", "anna\n192.0.2.66"))
    }
    names = {row.name for row in scenario.system.context.read(lambda tx: rows.attempts.all(tx.db))}
    assert len(names) == len(counted)
    assert not names & {hashlib.sha256(each).hexdigest() for each in counted}
    seals = scenario.system.context.cards.seals
    assert names == {seals.pseudonym(each.decode()) for each in counted}
    assert not names & {Seals.new().pseudonym(each.decode()) for each in counted}
