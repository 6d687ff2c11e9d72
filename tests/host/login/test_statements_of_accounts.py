"""Statements of accounts: from a provider, by name and password alone only once every card of the closed account is back."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.host.login.card_orders import shipped
from tests.host.login.town import PASSWORD, Town

from dsc_host.login import Kind, LoginSystem, Loss, NotAllowed, NotFound, NotNow, Statement
from dsc_simulator import SimulatedCard

TAX = Statement("tax", "Tax form", "2026-02-15", tax=True)


class Provider:
    """Has one tax form for each account."""

    def statements(self, account: str) -> Sequence[Statement]:
        return [TAX]

    def pdf(self, account: str, statement: str) -> bytes:
        return f"{account} {statement}".encode()


def plugged(town: Town) -> LoginSystem:
    return replace(town.system, statement_provider=Provider())


def test_an_account_has_its_statements_and_no_others(town: Town) -> None:
    system, token = plugged(town), town.session("anna")
    assert system.statements.all(token) == (TAX,)
    assert system.statements.pdf(token, "tax") == f"{town.accounts['anna']} tax".encode()
    with pytest.raises(NotFound):
        system.statements.pdf(token, "other")


def test_without_a_provider_statements_come_in_other_ways(town: Town) -> None:
    token = town.session("anna")
    assert town.system.statements.all(token) is None
    with pytest.raises(NotFound):
        town.system.statements.pdf(token, "tax")


def test_a_closed_account_shows_them_once_its_card_is_back(town: Town) -> None:
    town.system.close_account(town.session("anna"))
    token = town.system.begin("anna", PASSWORD).token
    for call in (lambda: plugged(town).statements.all(token), lambda: plugged(town).statements.pdf(token, "tax")):
        with pytest.raises(NotNow, match="IB3000901 was received"):
            call()
    town.system.staff.receive(town.session("ivo"), "IB3000901")
    assert plugged(town).statements.all(token) == (TAX,)


def test_a_card_that_is_only_announced_is_not_back(town: Town) -> None:
    town.system.staff.enable_messages(town.call("anna"), "+41791234567")
    town.waited("anna")
    token = town.session("anna")
    town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z 999")
    town.clock.advance(60)
    town.system.close_account(town.enter_by_sms("anna"))
    closed = town.system.begin("anna", PASSWORD).token
    with pytest.raises(NotNow, match="IB3000901 was received"):
        plugged(town).statements.all(closed)
    town.system.staff.receive(town.session("ivo"), "IB3000901")
    assert plugged(town).statements.all(closed) == (TAX,)


def test_a_card_that_was_paid_for_need_not_come_back(town: Town, card: SimulatedCard) -> None:
    request = shipped(town, town.session("carl"), card)
    town.system.close_account(town.session("carl"))
    token = town.system.begin("carl", PASSWORD).token
    with pytest.raises(NotNow, match=f"{request.serial} was received"):
        plugged(town).statements.all(token)
    town.system.staff.settle(town.session("ivo"), request.serial)
    assert plugged(town).statements.all(token) == (TAX,)


def test_a_card_that_was_lost_before_cannot_come_back(town: Town) -> None:
    town.lose("anna", "IB3000901", Loss.STOLEN)
    _, token = town.bridged("anna")
    town.system.close_account(token)
    assert plugged(town).statements.all(town.system.begin("anna", PASSWORD).token) == (TAX,)


def test_trading_without_a_device_shows_no_statement(town: Town) -> None:
    town.system.opt_out(town.session("anna"))
    token = town.system.skip(town.system.begin("anna", PASSWORD).token).token
    with pytest.raises(NotAllowed):
        plugged(town).statements.all(token)
