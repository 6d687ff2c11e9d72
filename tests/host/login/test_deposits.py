"""The money for cards: it is held only if the account has it, charged for every kind, and shown to its owner with the dates."""

from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN, online_card, ordered, place, shipped
from tests.host.login.phone_app import activated
from tests.host.login.scenario import CARL, DAY, PASSWORD, Scenario

from dsc_host.errors import InputError
from dsc_host.login import Deposit, DeviceState, HoldState, Kind, Loss, NotFound, NotNow
from dsc_simulator import SimulatedCard


def deposits(scenario: Scenario, name: str) -> list[Deposit]:
    return scenario.system.deposits(scenario.session(name))


def test_a_deposit_is_held_only_where_the_money_is_there(scenario: Scenario) -> None:
    token, _ = online_card(scenario)
    draft = scenario.system.draft_request(token, PIN)
    scenario.system.operator.set_equity(scenario.accounts["anna"], Decimal("19.99"))
    with pytest.raises(NotNow, match=r"less than 20\.00 USD for the deposit"):
        scenario.system.draft_request(token, PIN)
    with pytest.raises(NotNow, match=r"less than 20\.00 USD for the deposit"):
        scenario.system.confirm_request(token, draft.id)
    scenario.system.operator.set_equity(scenario.accounts["anna"], Decimal("20"))
    scenario.system.confirm_request(token, draft.id)


def test_money_that_is_held_is_not_held_again(scenario: Scenario) -> None:
    """Two users of one person hold the deposits of their cards on a third account, which has the money for one."""
    add_account, carl = scenario.system.operator.add_account, scenario.entities["carl"]
    scenario.accounts["carla"] = add_account(carl, Decimal(2_000_000))
    scenario.add("carla", "carla", phone="+4915112345670")
    third = add_account(carl, Decimal("39.99"))
    token = scenario.session("carl")
    scenario.system.confirm_request(token, scenario.system.draft_request(token, PIN, account=third).id)
    with pytest.raises(NotNow, match="for the deposit"):
        scenario.system.draft_request(scenario.session("carla"), PIN, account=third)


def test_an_account_that_was_closed_meanwhile_holds_nothing(scenario: Scenario) -> None:
    scenario.accounts["carla"] = scenario.system.operator.add_account(scenario.entities["carl"], Decimal(2_000_000))
    scenario.add("carla", "carla", phone="+4915112345670")
    token = scenario.session("carl")
    draft = scenario.system.draft_request(token, PIN, account=scenario.accounts["carla"])
    scenario.system.close_account(scenario.session("carla"))
    with pytest.raises(NotNow, match="the account is closed"):
        scenario.system.confirm_request(token, draft.id)
    assert deposits(scenario, "carl") == []


def test_the_issuer_sees_which_account_holds_the_deposit(scenario: Scenario, card: SimulatedCard) -> None:
    other = scenario.system.operator.add_account(scenario.entities["carl"], Decimal(100))
    token = scenario.session("carl")
    request = scenario.system.confirm_request(token, scenario.system.draft_request(token, PIN, account=other).id)
    made = scenario.system.staff.personalize_all(scenario.session("ivo"), place(card), lambda *_: None)[0]
    scenario.lose("carl", made.serial, Loss.LOST, CARL)
    asked = scenario.system.staff.settlement(scenario.session("ivo"), made.serial)
    assert asked.account_name == request.account_name == f"Carl (…{other[-4:]})"


def test_a_released_deposit_is_on_the_statement_with_its_dates(scenario: Scenario, card: SimulatedCard) -> None:
    began = scenario.clock()
    request = shipped(scenario, scenario.session("carl"), card)
    (held,) = deposits(scenario, "carl")
    assert (held.device, held.user, held.account_name) == (request.serial, "carl", "Carl")
    assert (held.amount, held.kept, held.state, held.held_at, held.settled_at) == (20, 0, HoldState.HELD, began, None)
    scenario.clock.advance(DAY)
    scenario.system.staff.receive(scenario.session("ivo"), request.serial)
    assert (held.device_state, held.received_at) == (DeviceState.SHIPPED, None)
    (free,) = deposits(scenario, "carl")
    assert (free.kind, free.device_state, free.received_at) == (Kind.DSC_PLUS, DeviceState.RETURNED, began + DAY)
    assert (free.state, free.held_at, free.settled_at) == (HoldState.RELEASED, began, began + DAY)
    # Nobody else sees it.
    assert deposits(scenario, "anna") == []


def test_a_cancelled_request_is_on_the_statement(scenario: Scenario) -> None:
    token = scenario.session("carl")
    scenario.system.cancel_request(token, ordered(scenario, token).id)
    assert [(each.device, each.state) for each in deposits(scenario, "carl")] == [("", HoldState.RELEASED)]


def test_a_code_card_is_charged_by_its_number_and_owner(scenario: Scenario) -> None:
    scenario.with_codes("ben")
    label = next(each.label for each in scenario.system.devices(scenario.session("ben")) if each.kind == "code_card")
    issuer = scenario.session("ivo")
    with pytest.raises(NotNow, match="nothing can be charged for this card"):
        scenario.system.staff.settle(issuer, label, owner="ben")
    scenario.lose("ben", label, Loss.LOST)
    issuer = scenario.session("ivo")
    for cents in (1_999, 15_001):
        with pytest.raises(InputError):
            scenario.system.staff.settle(issuer, label, cents, owner="ben")
    with pytest.raises(NotFound):
        scenario.system.staff.settle(issuer, label, owner="anna")
    assert scenario.system.staff.settle(issuer, label, 15_000, owner="ben") == 15_000
    with pytest.raises(NotNow, match="was already settled"):
        scenario.system.staff.settle(issuer, label, owner="ben")
    # Anna is the primary user, and sees what the account pays.
    for name in ("ben", "anna"):
        (charge,) = deposits(scenario, name)
        assert (charge.device, charge.user, charge.amount, charge.kept) == (label, "ben", 0, 150)
        assert charge.held_at == charge.settled_at == scenario.clock()


def test_a_card_without_a_deposit_is_charged_once_it_is_lost(scenario: Scenario) -> None:
    scenario.lose("anna", "IB3000901", Loss.STOLEN)
    assert scenario.system.staff.settle(scenario.session("ivo"), "IB3000901") == 2_000
    # Ben uses the account, but is not its primary user.
    assert deposits(scenario, "ben") == []


def test_nothing_is_charged_for_an_app(scenario: Scenario) -> None:
    activated(scenario, "ben")
    label = scenario.system.begin("ben", PASSWORD).choices[0].label
    scenario.lose("ben", label, Loss.LOST)
    with pytest.raises(NotNow, match="nothing is charged"):
        scenario.system.staff.settle(scenario.session("ivo"), label, owner="ben")
