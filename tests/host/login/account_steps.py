"""Steps of the model about the account: the email address, transfers of money into it, and the end of full access by SMS."""

from decimal import Decimal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.host.login.machine import Machine, names, numbers

from dsc_host.login import FundingMethod, NotAllowed, NotNow, Scope


class AccountSteps(Machine):
    """Further steps of people who change or use their account. Codes by SMS give full access for twenty days."""

    sms_days = 20

    def people_move_in(self) -> None:
        super().people_move_in()
        self.put_in: set[str] = set()
        """The accounts into which money was transferred by ACH or EFT."""

    @rule(name=names, number=numbers, right=st.booleans())
    def an_email_address_is_changed(self, name: str, number: int, right: bool) -> None:
        self.clock.advance(20)
        opened = self.inside(name, number, Scope.FULL)
        if opened is None:
            return
        # One address gets few codes in a day, so this one is new.
        new = f"{name}{int(self.now)}@example.org"
        if refusal := NotAllowed if opened.person.opted_out else NotNow if self.temporary_opened(opened) else None:
            with pytest.raises(refusal):
                self.system.ask_to_change_email(opened.token, new)
            return
        assert self.system.ask_to_change_email(opened.token, new) == new
        letter = next(each for each in reversed(self.scenario.letters) if each.template == "email_code")
        assert letter.address == new
        code = letter.values["code"]
        assert self.system.confirm_email(opened.token, code if right else code[::-1] + "0") == right
        if right:
            opened.person.email = new
            with pytest.raises(NotNow):
                self.system.confirm_email(opened.token, code)

    @rule(name=names, number=numbers, method=st.sampled_from(FundingMethod), cents=st.sampled_from([0, 1]))
    def money_is_put_in(self, name: str, number: int, method: FundingMethod, cents: int) -> None:
        """Transfer money. Without protection this works once by ACH or EFT, for up to 20,000 USD."""
        opened = self.inside(name, number, Scope.FULL, Scope.TRADING)
        if opened is None:
            return
        account, most = opened.person.account, None
        if method is not FundingMethod.WIRE and opened.person.unprotected(self.now):
            most = Decimal(0 if account in self.put_in else 20_000)
        amount = 20_000 + Decimal(cents) / 100
        given = self.system.fund(opened.token, amount, method)
        assert (bool(given), given.most) == (most is None or amount <= most, most)
        if given and method is not FundingMethod.WIRE:
            self.put_in.add(account)
