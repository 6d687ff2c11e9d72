"""Opting out and in, and the limits on withdrawals."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.host.login.card_orders import online_card
from tests.host.login.town import DAY, PASSWORD, Town

from dsc_host.login import Kind, Loss, NotAllowed, NotIn, NotNow, Scope


def test_who_opts_out_trades_without_a_device_and_no_more(town: Town) -> None:
    token = town.session("anna")
    before = town.system.protection(token)
    assert before.level.kind == "dsc_plus"
    assert before.without.per_day == 50_000
    assert "low_priced_stocks" in before.restrictions
    town.system.opt_out(token)
    after = town.system.protection(token)
    assert (after.opted_out, after.level.kind, after.with_protection.kind) == (True, "none", "dsc_plus")
    step = town.system.begin("anna", PASSWORD)
    assert step.may_skip
    trading = town.system.skip(step.token).token
    assert town.system.visitor(trading).scope is Scope.TRADING
    for call in (town.system.devices, town.system.opt_in, town.system.close_account):
        with pytest.raises(NotAllowed):
            call(trading)
    # With a device everything is as before, and the user may opt in again.
    full = town.session("anna")
    town.clock.advance(1)
    town.system.opt_in(full)
    assert town.system.protection(full).level.kind == "dsc_plus"
    assert not town.system.begin("anna", PASSWORD).may_skip
    with pytest.raises(NotIn):
        town.system.visitor(trading)
    with pytest.raises(NotNow):
        town.system.opt_in(full)
    assert town.told("anna") == ["opted_out", "opted_in"]


def test_the_limit_is_that_of_the_highest_device(town: Town) -> None:
    for name, amount, may in (("anna", "900000000", True), ("ben", "200000", True), ("ben", "200000.01", False)):
        assert bool(town.system.may_withdraw(name, Decimal(amount))) is may


def test_each_device_keeps_its_own_limits(town: Town) -> None:
    town.system.staff.enable_messages(town.call("anna"), "+41791234567")
    town.waited("anna")
    by_sms = town.enter_by_sms("anna")
    assert not town.system.withdraw(by_sms, Decimal("200000.01"))
    assert town.system.withdraw(town.session("anna"), Decimal("200000.01"))
    assert not town.system.withdraw(by_sms, Decimal(1))
    assert town.system.withdraw(town.session("anna"), Decimal(1))


def test_an_online_card_withdraws_up_to_its_own_limit(town: Town) -> None:
    token, _ = online_card(town)
    assert not town.system.withdraw(token, Decimal("200000.01"))
    assert town.system.withdraw(token, Decimal(200_000))
    assert not town.system.withdraw(token, Decimal("0.01"))


def test_what_was_taken_counts_on_whatever_device_comes_after(town: Town) -> None:
    assert town.system.withdraw(town.session("anna"), Decimal(150_000))
    # Ben shares the account and has SMS.
    assert town.system.may_withdraw("ben", Decimal(50_000))
    assert not town.system.may_withdraw("ben", Decimal("50000.01"))
    desk = town.call("anna")
    device = next(each for each in town.system.staff.caller_devices(desk)[1] if each.kind is Kind.DSC_PLUS)
    town.system.staff.report_loss(desk, device.id, Loss.LOST)
    assert not town.system.may_withdraw("anna", Decimal(1))


def test_the_days_are_business_days_of_the_place(town: Town) -> None:
    # It is a Thursday before midnight in New York, before a long weekend: Monday 2026-05-25 is a holiday.
    town.clock.now = datetime(2026, 5, 22, 3, 59, tzinfo=UTC).timestamp()
    assert town.system.withdraw(town.session("ben"), Decimal(200_000))
    assert not town.system.may_withdraw("ben", Decimal(1))
    town.clock.advance(60)
    assert town.system.withdraw(town.session("ben"), Decimal(200_000))
    town.clock.advance(DAY)
    assert town.system.withdraw(town.session("ben"), Decimal(200_000))
    for _ in range(5):
        town.clock.advance(DAY)
        assert not town.system.may_withdraw("ben", Decimal(1))
    # On Wednesday, 27 May, the window has Thursday, Friday, Tuesday and Wednesday. Thursday the 28th is its fifth day.
    town.clock.advance(DAY)
    assert town.system.may_withdraw("ben", Decimal(200_000))


def test_each_account_has_its_own_limit(town: Town) -> None:
    town.system.staff.enable_messages(town.call("anna"), "+41791234567")
    town.waited("anna")
    assert town.system.withdraw(town.enter_by_sms("anna"), Decimal(200_000))
    assert not town.system.may_withdraw("ben", Decimal(1)), "ben uses anna's account"
    assert town.system.may_withdraw("carl", Decimal(200_000))


def test_a_device_is_worth_nothing_to_a_user_who_has_opted_out(town: Town) -> None:
    token = town.session("anna")
    town.system.opt_out(token)
    assert not town.system.withdraw(token, Decimal("50000.01"))
    assert town.system.withdraw(token, Decimal(50_000))


def test_a_closed_account_pays_nothing_out(town: Town) -> None:
    town.system.close_account(town.session("anna"))
    assert not town.system.may_withdraw("anna", Decimal(1))


def test_what_is_left_of_the_limits_is_told(town: Town) -> None:
    ben, anna = town.session("ben"), town.session("anna")
    assert town.system.withdraw(ben, Decimal("150000.50"))
    level, left = town.system.withdrawal_limit(ben)
    assert (level.per_day, left.left_today) == (Decimal(200_000), Decimal("49999.50"))
    assert left.left_five_days == (level.per_five_days or 0) - Decimal("150000.50")
    assert town.system.withdraw(ben, Decimal("49999.50"))
    assert town.system.withdrawal_limit(ben)[1].left_today == 0
    assert town.system.withdrawal_limit(anna)[1].left_today is None
