"""The end of full access by SMS and call, if the policy sets one. Afterwards codes open only the account."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN, ordered
from tests.host.login.scenario import DAY, PASSWORD, PHONE, Scenario, new_scenario, opened_scenario
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind, NotAllowed, NotFound, Scope, json_column, rows
from dsc_host.login.devices.kinds.sent_code import NumberData
from dsc_host.login.transaction import LoginTransaction, found, user_named

DAYS, LATER, CARL_PHONE = 30, "+41790000002", "+4915112345678"


@pytest.fixture
def scenario(clock: Clock) -> Iterator[Scenario]:
    """A scenario in which SMS serves for thirty days."""
    with new_scenario(clock, sms={"days": DAYS}) as scenario:
        yield scenario


def ended(scenario: Scenario) -> None:
    """Let the days of SMS pass, with the maintenance on each day."""
    for _ in range(DAYS):
        scenario.clock.advance(DAY)
        scenario.system.operator.run_due()


def reminders(scenario: Scenario, name: str) -> int:
    return scenario.told(name).count("sms_ends")


def test_the_owner_is_reminded_twice_and_then_logs_in_to_the_account_only(scenario: Scenario) -> None:
    told = []
    for _ in range(DAYS - 1):
        scenario.clock.advance(DAY)
        scenario.system.operator.run_due()
        told.append(reminders(scenario, "carl"))
    assert told == [0] * 22 + [1] * 6 + [2]
    token = scenario.enter_by_sms("carl")
    assert scenario.system.visitor(token).scope is Scope.FULL
    scenario.clock.advance(DAY)
    assert scenario.system.visitor(scenario.enter_by_sms("carl")).scope is Scope.ACCOUNT
    step = scenario.chosen("carl", Kind.VOICE)
    assert scenario.system.visitor(scenario.answered(step.token, scenario.sent("voice"))).scope is Scope.ACCOUNT
    assert reminders(scenario, "carl") == 2


def test_calls_that_were_enabled_later_have_reminders_of_their_own(scenario: Scenario) -> None:
    ended(scenario)

    def enabled_now(tx: LoginTransaction) -> None:
        carl = user_named(tx.db, "carl")
        calls = found(rows.devices.one(tx.db, rows.devices.c.owner_id == carl.id, rows.devices.c.kind == Kind.VOICE))
        rows.devices.change(tx.db, calls.id, made_at=tx.now(), told="", data=json_column.write(NumberData(CARL_PHONE)))

    scenario.system.change(enabled_now)
    told = []
    for _ in range(DAYS - 1):
        scenario.clock.advance(DAY)
        scenario.system.operator.run_due()
        told.append(reminders(scenario, "carl") - 2)
    assert told == [0] * 22 + [1] * 6 + [2]


def test_a_session_ends_with_the_full_access_of_its_device(scenario: Scenario) -> None:
    ended(scenario)
    scenario.clock.advance(-60)
    visitor = scenario.system.visitor(scenario.enter_by_sms("carl"))
    assert visitor.scope is Scope.FULL
    assert visitor.until == scenario.clock.now + 60


def test_after_the_days_a_card_is_requested_and_nothing_is_taken_out(scenario: Scenario) -> None:
    ended(scenario)
    token = scenario.enter_by_sms("carl")
    assert ordered(scenario, token, PIN).user == "carl"
    for call in (lambda: scenario.system.withdraw(token, Decimal(1)), lambda: scenario.system.opt_out(token)):
        with pytest.raises(NotAllowed):
            call()
    # Without a device, an account has these limits.
    assert scenario.system.may_withdraw("carl", Decimal(50_000))
    assert not scenario.system.may_withdraw("carl", Decimal(50_001))


def test_another_number_does_not_begin_the_days_anew(scenario: Scenario) -> None:
    scenario.clock.advance(20 * DAY)
    scenario.confirm(scenario.enter_by_sms("carl"), LATER)
    scenario.clock.advance(5 * DAY)
    scenario.system.operator.run_due()
    assert reminders(scenario, "carl") == 1
    scenario.confirm(scenario.enter_by_sms("carl"), "+41790000003")
    scenario.clock.advance(5 * DAY)
    scenario.system.operator.run_due()
    scenario.clock.advance(2 * DAY)
    assert scenario.system.visitor(scenario.enter_by_sms("carl")).scope is Scope.ACCOUNT


def test_only_support_begins_the_days_anew_for_a_removed_number(scenario: Scenario) -> None:
    assert scenario.system.staff.enable_messages(scenario.call("ben"), PHONE)
    scenario.give_card("ben", "IB3000555")
    ended(scenario)
    token = scenario.enter("ben")
    scenario.system.forget_phone(token, next(iter(scenario.system.phone_numbers(token))))
    scenario.confirm(token, PHONE)
    assert scenario.system.visitor(scenario.enter_by_sms("ben")).scope is Scope.ACCOUNT
    scenario.system.forget_phone(token, next(iter(scenario.system.phone_numbers(token))))
    assert not scenario.system.staff.enable_messages(scenario.call("ben"), PHONE)
    scenario.clock.advance(scenario.system.context.policy.protection.wait_days * DAY)
    scenario.system.operator.run_due()
    assert scenario.system.visitor(scenario.enter_by_sms("ben")).scope is Scope.FULL


def test_who_has_had_sms_for_years_is_reminded_a_week_before(clock: Clock) -> None:
    with new_scenario(clock) as scenario:
        clock.advance(800 * DAY)
        scenario.system.operator.run_due()
        assert reminders(scenario, "carl") == 0
        assert scenario.system.visitor(scenario.enter_by_sms("carl")).scope is Scope.FULL
    with new_scenario(clock, sms={"days": DAYS}) as scenario:
        scenario.system.operator.run_due()
        assert reminders(scenario, "carl") == 1
        clock.advance(7 * DAY - 60)
        scenario.system.operator.run_due()
        assert reminders(scenario, "carl") == 2
        assert scenario.system.visitor(scenario.enter_by_sms("carl")).scope is Scope.FULL
        clock.advance(60)
        assert scenario.system.visitor(scenario.enter_by_sms("carl")).scope is Scope.ACCOUNT


@pytest.mark.parametrize("day", [22, 25, 29])
def test_an_end_that_the_policy_moves_is_announced_again(scenario: Scenario, day: int) -> None:
    for _ in range(day):
        scenario.clock.advance(DAY)
        scenario.system.operator.run_due()
    before = reminders(scenario, "carl")
    told = []
    with opened_scenario(scenario.url, scenario.clock, {"sms": {"days": 2 * DAYS}}) as later:
        for _ in range(2 * DAYS - 1 - day):
            later.clock.advance(DAY)
            later.system.operator.run_due()
            told.append(reminders(later, "carl"))
        assert later.system.visitor(later.enter_by_sms("carl")).scope is Scope.FULL
        later.clock.advance(DAY)
        assert later.system.visitor(later.enter_by_sms("carl")).scope is Scope.ACCOUNT
    assert (before, told) == ({22: 0, 25: 1, 29: 2}[day], [0] * (52 - day) + [1] * 6 + [2])


def test_a_later_number_that_shares_the_reminder_repeats_none(scenario: Scenario) -> None:
    scenario.clock.advance(3 * DAY)

    def enabled_later(tx: LoginTransaction) -> None:
        carl = user_named(tx.db, "carl")
        calls = found(rows.devices.one(tx.db, rows.devices.c.owner_id == carl.id, rows.devices.c.kind == Kind.VOICE))
        rows.devices.change(tx.db, calls.id, made_at=tx.now())

    scenario.system.change(enabled_later)
    scenario.clock.advance(20 * DAY)
    for _ in range(12):
        scenario.clock.advance(DAY)
        scenario.system.operator.run_due()
        scenario.system.operator.run_due()
    assert reminders(scenario, "carl") == 2


def test_codes_that_open_the_account_prove_nothing_in_a_session_that_opens_all(scenario: Scenario) -> None:
    assert scenario.system.staff.enable_messages(scenario.call("ben"), PHONE)
    scenario.give_card("ben", "IB3000555")
    ended(scenario)
    token = scenario.enter("ben")
    assert [each.kind for each in scenario.system.proofs.choices(token)] == [Kind.DSC_PLUS]
    with pytest.raises(NotFound):
        scenario.system.proofs.ask(token, scenario.device(token, Kind.SMS))
    assert {each.kind for each in scenario.system.begin("ben", PASSWORD).choices} > {Kind.SMS}


def test_the_app_is_still_activated(scenario: Scenario) -> None:
    ended(scenario)
    begun = scenario.system.phones.begin("carl", PASSWORD)
    assert begun.phones
    scenario.system.deliver()
    assert scenario.letters[-1].template == "phone_token"
    assert not scenario.system.context.read(lambda tx: rows.devices.count(tx.db, rows.devices.c.kind == "phone_app"))
