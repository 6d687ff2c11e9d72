"""Opting out and in, and the limits on withdrawals."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.host.login.card_orders import online_card
from tests.host.login.scenario import DAY, PASSWORD, Scenario

from dsc_host.login import Kind, Loss, NotAllowed, NotIn, NotNow, Scope
from dsc_host.login.errors import AlreadyDone
from dsc_host.records.table_rows import new_id


def test_who_opts_out_trades_without_a_device_and_no_more(scenario: Scenario) -> None:
    token = scenario.session("anna")
    before = scenario.system.protection(token)
    assert before.level.kind == "dsc_plus"
    assert before.without.per_day == 50_000
    assert "low_priced_stocks" in before.restrictions
    scenario.system.opt_out(token)
    after = scenario.system.protection(token)
    assert (after.opted_out, after.level.kind, after.with_protection.kind) == (True, "none", "dsc_plus")
    step = scenario.system.begin("anna", PASSWORD)
    assert step.may_skip
    trading = scenario.system.skip(step.token).token
    assert scenario.system.visitor(trading).scope is Scope.TRADING
    for call in (scenario.system.devices, scenario.system.opt_in, scenario.system.close_account):
        with pytest.raises(NotAllowed):
            call(trading)
    # With a device everything is as before, and the user may opt in again.
    full = scenario.session("anna")
    scenario.clock.advance(1)
    scenario.system.opt_in(full)
    assert scenario.system.protection(full).level.kind == "dsc_plus"
    assert not scenario.system.begin("anna", PASSWORD).may_skip
    with pytest.raises(NotIn):
        scenario.system.visitor(trading)
    with pytest.raises(NotNow):
        scenario.system.opt_in(full)
    assert scenario.told("anna") == ["opted_out", "opted_in"]


def test_the_limit_is_that_of_the_highest_device(scenario: Scenario) -> None:
    for name, amount, may in (("anna", "900000000", True), ("ben", "200000", True), ("ben", "200000.01", False)):
        assert bool(scenario.system.may_withdraw(name, Decimal(amount))) is may


def test_each_device_keeps_its_own_limits(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(scenario.call("anna"), "+41791234567")
    scenario.waited("anna")
    by_sms = scenario.enter_by_sms("anna")
    assert not scenario.system.withdraw(by_sms, Decimal("200000.01"))
    assert scenario.system.withdraw(scenario.session("anna"), Decimal("200000.01"))
    assert not scenario.system.withdraw(by_sms, Decimal(1))
    assert scenario.system.withdraw(scenario.session("anna"), Decimal(1))


def test_an_online_card_withdraws_up_to_its_own_limit(scenario: Scenario) -> None:
    token, _ = online_card(scenario)
    assert not scenario.system.withdraw(token, Decimal("200000.01"))
    assert scenario.system.withdraw(token, Decimal(200_000))
    assert not scenario.system.withdraw(token, Decimal("0.01"))


def test_what_was_taken_counts_on_whatever_device_comes_after(scenario: Scenario) -> None:
    assert scenario.system.withdraw(scenario.session("anna"), Decimal(150_000))
    # Ben shares the account and has SMS.
    assert scenario.system.may_withdraw("ben", Decimal(50_000))
    assert not scenario.system.may_withdraw("ben", Decimal("50000.01"))
    desk = scenario.call("anna")
    device = next(each for each in scenario.system.staff.caller_devices(desk)[1] if each.kind is Kind.DSC_PLUS)
    scenario.system.staff.report_loss(desk, device.id, Loss.LOST)
    assert not scenario.system.may_withdraw("anna", Decimal(1))


def test_the_days_are_business_days_of_the_place(scenario: Scenario) -> None:
    # It is a Thursday before midnight in New York, before a long weekend: Monday 2026-05-25 is a holiday.
    scenario.clock.now = datetime(2026, 5, 22, 3, 59, tzinfo=UTC).timestamp()
    assert scenario.system.withdraw(scenario.session("ben"), Decimal(200_000))
    assert not scenario.system.may_withdraw("ben", Decimal(1))
    scenario.clock.advance(60)
    assert scenario.system.withdraw(scenario.session("ben"), Decimal(200_000))
    scenario.clock.advance(DAY)
    assert scenario.system.withdraw(scenario.session("ben"), Decimal(200_000))
    for _ in range(5):
        scenario.clock.advance(DAY)
        assert not scenario.system.may_withdraw("ben", Decimal(1))
    # On Wednesday, 27 May, the window has Thursday, Friday, Tuesday and Wednesday. Thursday the 28th is its fifth day.
    scenario.clock.advance(DAY)
    assert scenario.system.may_withdraw("ben", Decimal(200_000))


def test_each_account_has_its_own_limit(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(scenario.call("anna"), "+41791234567")
    scenario.waited("anna")
    assert scenario.system.withdraw(scenario.enter_by_sms("anna"), Decimal(200_000))
    assert not scenario.system.may_withdraw("ben", Decimal(1)), "ben uses anna's account"
    assert scenario.system.may_withdraw("carl", Decimal(200_000))


def test_a_device_is_worth_nothing_to_a_user_who_has_opted_out(scenario: Scenario) -> None:
    token = scenario.session("anna")
    scenario.system.opt_out(token)
    assert not scenario.system.withdraw(token, Decimal("50000.01"))
    assert scenario.system.withdraw(token, Decimal(50_000))


def test_a_closed_account_pays_nothing_out(scenario: Scenario) -> None:
    scenario.system.close_account(scenario.session("anna"))
    assert not scenario.system.may_withdraw("anna", Decimal(1))


def test_what_is_left_of_the_limits_is_told(scenario: Scenario) -> None:
    ben, anna = scenario.session("ben"), scenario.session("anna")
    assert scenario.system.withdraw(ben, Decimal("150000.50"))
    level, left = scenario.system.withdrawal_limit(ben)
    assert (level.per_day, left.left_today) == (Decimal(200_000), Decimal("49999.50"))
    assert left.left_five_days == (level.per_five_days or 0) - Decimal("150000.50")
    assert scenario.system.withdraw(ben, Decimal("49999.50"))
    assert scenario.system.withdrawal_limit(ben)[1].left_today == 0
    assert scenario.system.withdrawal_limit(anna)[1].left_today is None


def test_an_entry_is_made_once(scenario: Scenario) -> None:
    ben, carl, entry = scenario.session("ben"), scenario.session("carl"), new_id()
    assert scenario.system.withdraw(ben, Decimal(5), entry)
    for token in (ben, carl):
        with pytest.raises(AlreadyDone):
            scenario.system.withdraw(token, Decimal(5), entry)
    assert scenario.system.withdrawal_limit(ben)[1].left_today == Decimal(199_995)
    with pytest.raises(NotNow, match="begin again"):
        scenario.system.withdraw(ben, Decimal(5), "another")


def test_a_check_withdraws_nothing_and_logs_only_a_refusal(scenario: Scenario) -> None:
    ben = scenario.session("ben")
    assert scenario.system.check_withdrawal(ben, Decimal(200_000))
    assert not scenario.system.check_withdrawal(ben, Decimal("200000.01"))
    assert [each for each in scenario.events() if each[0] == "login.withdraw"] == [("login.withdraw", "refused", "")]
    assert scenario.system.withdrawal_limit(ben)[1].left_today == Decimal(200_000)


def test_money_arrives_after_some_business_days(scenario: Scenario) -> None:
    assert scenario.system.payout(scenario.session("ben")).arrives == "2023-11-17"
    scenario.clock.advance(2 * DAY)
    assert scenario.system.payout(scenario.session("ben")).arrives == "2023-11-21", "a weekend is no business day"
