"""Statements of accounts: a provider supplies them, and a closed account shows them only when all its cards are back."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.host.login.card_orders import made, shipped
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.login import Kind, LoginSystem, Loss, NotAllowed, NotFound, NotNow, Statement
from dsc_simulator import SimulatedCard

TAX = Statement("tax", "Tax form", "2026-02-15", tax=True)


class Provider:
    """Has one tax form for each account."""

    def statements(self, account: str) -> Sequence[Statement]:
        return [TAX]

    def pdf(self, account: str, statement: str) -> bytes:
        return f"{account} {statement}".encode()


def plugged(scenario: Scenario) -> LoginSystem:
    return replace(scenario.system, statement_provider=Provider())


def test_an_account_has_its_statements_and_no_others(scenario: Scenario) -> None:
    system, token = plugged(scenario), scenario.session("anna")
    assert system.statements.all(token) == (TAX,)
    assert system.statements.pdf(token, "tax") == f"{scenario.accounts['anna']} tax".encode()
    with pytest.raises(NotFound):
        system.statements.pdf(token, "other")


def test_without_a_provider_statements_come_in_other_ways(scenario: Scenario) -> None:
    token = scenario.session("anna")
    assert scenario.system.statements.all(token) is None
    with pytest.raises(NotFound):
        scenario.system.statements.pdf(token, "tax")


def test_a_closed_account_shows_them_once_its_card_is_back(scenario: Scenario) -> None:
    scenario.system.close_account(scenario.session("anna"))
    token = scenario.system.begin("anna", PASSWORD).token
    for call in (lambda: plugged(scenario).statements.all(token), lambda: plugged(scenario).statements.pdf(token, "tax")):
        with pytest.raises(NotNow, match="IB3000901 has been received"):
            call()
    scenario.system.staff.receive(scenario.session("ivo"), "IB3000901")
    assert plugged(scenario).statements.all(token) == (TAX,)


def test_a_card_that_is_only_announced_is_not_back(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(scenario.call("anna"), "+41791234567")
    scenario.waited("anna")
    token = scenario.session("anna")
    scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "1Z 999")
    scenario.clock.advance(60)
    scenario.system.close_account(scenario.enter_by_sms("anna"))
    closed = scenario.system.begin("anna", PASSWORD).token
    with pytest.raises(NotNow, match="IB3000901 has been received"):
        plugged(scenario).statements.all(closed)
    scenario.system.staff.receive(scenario.session("ivo"), "IB3000901")
    assert plugged(scenario).statements.all(closed) == (TAX,)


def test_a_card_that_was_never_sent_need_not_come_back(scenario: Scenario, card: SimulatedCard) -> None:
    made(scenario, scenario.session("carl"), card)
    scenario.system.close_account(scenario.session("carl"))
    assert plugged(scenario).statements.all(scenario.system.begin("carl", PASSWORD).token) == (TAX,)


def test_a_card_that_was_paid_for_need_not_come_back(scenario: Scenario, card: SimulatedCard) -> None:
    request = shipped(scenario, scenario.session("carl"), card)
    scenario.system.close_account(scenario.session("carl"))
    token = scenario.system.begin("carl", PASSWORD).token
    with pytest.raises(NotNow, match=f"{request.serial} has been received"):
        plugged(scenario).statements.all(token)
    scenario.system.staff.settle(scenario.session("ivo"), request.serial)
    assert plugged(scenario).statements.all(token) == (TAX,)


def test_a_card_that_was_lost_before_cannot_come_back(scenario: Scenario) -> None:
    scenario.lose("anna", "IB3000901", Loss.STOLEN)
    _, token = scenario.bridged("anna")
    scenario.system.close_account(token)
    assert plugged(scenario).statements.all(scenario.system.begin("anna", PASSWORD).token) == (TAX,)


def test_trading_without_a_device_shows_no_statement(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("anna"))
    token = scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token
    with pytest.raises(NotAllowed):
        plugged(scenario).statements.all(token)
