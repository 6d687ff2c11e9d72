"""Requests whose state differs from that of their card.

A card can be activated before it is recorded as sent, found after it was replaced, sent back unused, or left behind when the
account is closed.
"""

import pytest
from tests.host.login.card_orders import days, made, online_card, ordered, pressed, shipped
from tests.host.login.scenario import CARL, DAY, PASSWORD, Scenario, opened_scenario

from dsc_host.login import DeviceState, Kind, Loss, NotNow, OrderState
from dsc_host.login.messages import outbox
from dsc_host.verifier import State
from dsc_simulator import SimulatedCard


def test_a_card_that_is_activated_before_it_is_said_to_be_sent_is_done(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    request = made(scenario, token, card)
    offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.DSC_PLUS))
    assert scenario.system.activate(token, pressed(card, offer.shows["challenge"]))
    done = scenario.system.requests(scenario.session("carl"))[0]
    assert (done.state, done.shipped_at) == (OrderState.DONE, scenario.clock())
    with pytest.raises(NotNow, match="was already sent"):
        scenario.system.staff.ship(scenario.session("ivo"), request.id)
    assert "shipped" not in scenario.told("carl")
    assert days(scenario, 22) == []
    scenario.lose("carl", request.serial, Loss.LOST, CARL)
    assert ordered(scenario, scenario.session("carl")).state is OrderState.REQUESTED


def test_a_parcel_that_came_back_undelivered_is_replaced_and_its_money_free(scenario: Scenario, card: SimulatedCard) -> None:
    request = shipped(scenario, scenario.session("carl"), card)
    assert scenario.system.staff.receive(scenario.session("ivo"), request.serial).state == "received"
    token = scenario.session("carl")
    old = scenario.system.requests(token)[0]
    assert (old.state, old.held) == (OrderState.ENDED, "released")
    assert ordered(scenario, token).state is OrderState.REQUESTED
    assert days(scenario, 22) == []


def test_who_has_closed_the_account_is_told_of_no_activation(scenario: Scenario, card: SimulatedCard) -> None:
    shipped(scenario, scenario.session("carl"), card)
    scenario.system.close_account(scenario.session("carl"))
    assert days(scenario, 22) == []


def test_a_card_whose_account_is_closed_before_it_is_sent_is_not_sent(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    request = made(scenario, token, card)
    scenario.system.close_account(token)
    assert scenario.system.operator.queue() == []
    with pytest.raises(NotNow):
        scenario.system.operator.ship(request.id)
    assert "shipped" not in scenario.told("carl")


def test_a_stolen_card_that_is_said_to_be_sent_back_is_charged_when_it_does_not_come(
    scenario: Scenario, card: SimulatedCard
) -> None:  # fmt: skip
    token = scenario.session("carl")
    request = shipped(scenario, token, card)
    device = scenario.device(token, Kind.DSC_PLUS)
    scenario.lose("carl", request.serial, Loss.STOLEN, CARL)
    token = scenario.session("carl")
    scenario.system.announce_return(token, device, "no such parcel")
    scenario.clock.advance(1000 * DAY)
    assert scenario.system.staff.settle(scenario.session("ivo"), request.serial) == 2000


@pytest.mark.parametrize("late", [21, 400])
def test_no_card_activates_itself_before_its_owner_was_told(scenario: Scenario, card: SimulatedCard, late: int) -> None:
    """The maintenance has not run for some time."""
    shipped(scenario, scenario.session("carl"), card)
    scenario.clock.advance((late - 1) * DAY)
    assert days(scenario, 1) == ["activation_imminent"]
    told_at, (request,) = scenario.clock(), scenario.system.requests(scenario.session("carl"))
    assert request.activates_at == told_at + DAY
    (named,) = {letter.values["activates"] for letter in scenario.letters if letter.template == "activation_imminent"}
    assert named == outbox._format_date(scenario.system.context.calendar.day(told_at + DAY), "en")
    for seconds in (60, DAY - 61):
        scenario.clock.advance(seconds)
        assert days(scenario, 0) == []
    assert Kind.DSC_PLUS not in {each.kind for each in scenario.system.begin("carl", PASSWORD).choices}
    scenario.clock.advance(1)
    assert days(scenario, 0) == ["activated"]
    assert days(scenario, 5) == []


def test_an_activation_that_the_policy_postpones_is_announced_again(scenario: Scenario, card: SimulatedCard) -> None:
    shipped(scenario, scenario.session("carl"), card)
    assert days(scenario, 20) == ["activation_near", "activation_imminent"]
    # A clock that is set back repeats no notice.
    scenario.clock.advance(-3600)
    assert days(scenario, 0) == []
    scenario.clock.advance(3600)
    with opened_scenario(scenario.url, scenario.clock, {"activation": {"automatic_days": 31}}) as later:
        assert days(later, 4) == ["activation_near"]
        assert days(later, 6) == ["activation_imminent"]
        assert days(later, 1) == ["activated"]


# ---- a misplaced card that was replaced ----


def replaced(scenario: Scenario, card: SimulatedCard) -> tuple[str, str, str]:
    """Let anna misplace her card while another card is on its way. Return her session's token and the ids of both."""
    token, _ = online_card(scenario, Loss.MISPLACED)
    shipped(scenario, token, card)
    old, new = (next(each.id for each in scenario.system.devices(token) if each.state is state) for state in _BOTH)
    return token, old, new


_BOTH = (DeviceState.MISPLACED, DeviceState.SHIPPED)


def test_a_card_that_was_replaced_is_not_found_again(scenario: Scenario, card: SimulatedCard) -> None:
    token, old, new = replaced(scenario, card)
    scenario.waited("anna")
    offer = scenario.system.ask_to_activate(token, new)
    assert scenario.system.activate(token, pressed(card, offer.shows["challenge"]))
    assert scenario.verifier.card("IB3000901").state is State.LOST
    with pytest.raises(NotNow):
        scenario.system.ask_to_activate(token, old)
    assert [each.id for each in scenario.system.begin("anna", PASSWORD).choices] == [new]
