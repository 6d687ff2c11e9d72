"""Transfers into an account: a single one by ACH or EFT, up to 20,000 USD, for users without protection."""

from decimal import Decimal

import pytest
from tests.host.login.town import PASSWORD, Town

from dsc_host.errors import InputError
from dsc_host.login import FundingMethod, NotAllowed

ACH, EFT, WIRE = FundingMethod


def test_without_protection_the_first_transfer_is_limited_and_there_is_no_second(town: Town) -> None:
    token = town.session("anna")
    town.system.opt_out(token)
    trading = town.system.skip(town.system.begin("anna", PASSWORD).token).token
    may = town.system.may_deposit("anna", Decimal("20000.01"), ACH)
    assert (bool(may), may.most) == (False, 20_000)
    assert not town.system.deposit(trading, Decimal("20000.01"), EFT)
    assert town.system.may_deposit("anna", Decimal(20_000), ACH)
    assert town.system.deposit(trading, Decimal(20_000), ACH)
    # The transfers of all users of the account count. A bank transfer is not limited, and does not count.
    for method in (ACH, EFT):
        after = town.system.may_deposit("anna", Decimal("0.01"), method)
        assert (bool(after), after.most) == (False, 0)
    assert town.system.deposit(trading, Decimal(1_000_000), WIRE)
    # Ben shares the account, and is protected by SMS.
    assert town.system.may_deposit("ben", Decimal(1_000_000), EFT).most is None


def test_a_bank_transfer_is_not_the_first_transfer(town: Town) -> None:
    token = town.session("anna")
    assert town.system.deposit(token, Decimal(5), WIRE)
    town.system.opt_out(token)
    assert town.system.may_deposit("anna", Decimal(20_000), EFT)


def test_a_closed_account_takes_no_money(town: Town) -> None:
    town.system.close_account(town.session("anna"))
    assert not town.system.may_deposit("anna", Decimal(5), WIRE)
    with pytest.raises(NotAllowed):
        town.system.deposit(town.system.begin("anna", PASSWORD).token, Decimal(5), WIRE)


@pytest.mark.parametrize(("amount", "method"), [(Decimal(0), ACH), (Decimal("0.001"), ACH), (Decimal(5), "cash")])
def test_a_transfer_that_is_none_is_refused(town: Town, amount: Decimal, method: FundingMethod) -> None:
    with pytest.raises(InputError):
        town.system.may_deposit("anna", amount, method)
