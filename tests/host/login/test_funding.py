"""Transfers into an account: users without protection may make a single transfer by ACH or EFT, up to 20,000 USD."""

from decimal import Decimal

import pytest
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.errors import InputError
from dsc_host.login import FundingMethod, NotAllowed, NotNow, rows
from dsc_host.login.errors import AlreadyDone
from dsc_host.records.table_rows import new_id

ACH, EFT, WIRE = FundingMethod


def test_without_protection_the_first_transfer_is_limited_and_there_is_no_second(scenario: Scenario) -> None:
    token = scenario.session("anna")
    scenario.system.opt_out(token)
    trading = scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token
    may = scenario.system.may_fund("anna", Decimal("20000.01"), ACH)
    assert (bool(may), may.most) == (False, 20_000)
    assert not scenario.system.fund(trading, Decimal("20000.01"), EFT)
    assert scenario.system.may_fund("anna", Decimal(20_000), ACH)
    assert scenario.system.fund(trading, Decimal(20_000), ACH)
    # The transfers of all users of the account count. A bank transfer is not limited, and does not count.
    for method in (ACH, EFT):
        after = scenario.system.may_fund("anna", Decimal("0.01"), method)
        assert (bool(after), after.most) == (False, 0)
    assert scenario.system.fund(trading, Decimal(1_000_000), WIRE)
    # Ben shares the account, and is protected by SMS.
    assert scenario.system.may_fund("ben", Decimal(1_000_000), EFT).most is None


def test_a_bank_transfer_is_not_the_first_transfer(scenario: Scenario) -> None:
    token = scenario.session("anna")
    assert scenario.system.fund(token, Decimal(5), WIRE)
    scenario.system.opt_out(token)
    assert scenario.system.may_fund("anna", Decimal(20_000), EFT)


def test_a_check_records_nothing_and_logs_only_a_refusal(scenario: Scenario) -> None:
    token = scenario.session("anna")
    assert scenario.system.check_funding(token, Decimal(1_000_000), ACH)
    scenario.system.opt_out(token)
    trading = scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token
    assert not scenario.system.check_funding(trading, Decimal("20000.01"), ACH)
    assert [each for each in scenario.events() if each[0] == "login.deposit"] == [("login.deposit", "refused", "ach")]
    assert scenario.system.context.read(lambda tx: rows.fundings.all(tx.db)) == []


def test_a_closed_account_takes_no_money(scenario: Scenario) -> None:
    scenario.system.close_account(scenario.session("anna"))
    assert not scenario.system.may_fund("anna", Decimal(5), WIRE)
    with pytest.raises(NotAllowed):
        scenario.system.fund(scenario.system.begin("anna", PASSWORD).token, Decimal(5), WIRE)


@pytest.mark.parametrize(("amount", "method"), [(Decimal(0), ACH), (Decimal("0.001"), ACH), (Decimal(5), "cash")])
def test_a_transfer_that_is_none_is_refused(scenario: Scenario, amount: Decimal, method: FundingMethod) -> None:
    with pytest.raises(InputError):
        scenario.system.may_fund("anna", amount, method)


def test_an_entry_is_made_once(scenario: Scenario) -> None:
    anna, entry = scenario.session("anna"), new_id()
    assert scenario.system.fund(anna, Decimal(5), WIRE, entry)
    with pytest.raises(AlreadyDone):
        scenario.system.fund(anna, Decimal(5), WIRE, entry)
    for text in ("another", "0" * 15, None):
        with pytest.raises(NotNow, match="begin again"):
            scenario.system.fund(anna, Decimal(5), WIRE, text)  # type: ignore[arg-type]
    assert len(scenario.system.context.read(lambda tx: rows.fundings.all(tx.db))) == 1
