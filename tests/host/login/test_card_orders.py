"""Requests whose state differs from that of their card.

A card can be activated before it is recorded as sent, found after it was replaced, sent back unused, or left behind when the
account is closed.
"""

import pytest
from tests.host.login.card_orders import days, made, online_card, ordered, pressed, shipped
from tests.host.login.town import CARL, DAY, PASSWORD, Town

from dsc_host.login import DeviceState, Kind, Loss, NotNow, OrderState
from dsc_host.verifier import State
from dsc_simulator import SimulatedCard


def test_a_card_that_is_activated_before_it_is_said_to_be_sent_is_done(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    request = made(town, token, card)
    offer = town.system.ask_to_activate(token, town.device(token, Kind.DSC_PLUS))
    assert town.system.activate(token, pressed(card, offer.shows["challenge"]))
    town.system.staff.ship(town.session("ivo"), request.id)
    assert days(town, 22) == []
    town.lose("carl", request.serial, Loss.LOST, CARL)
    assert ordered(town, town.session("carl")).state is OrderState.REQUESTED


def test_a_parcel_that_came_back_undelivered_is_replaced_and_its_money_free(town: Town, card: SimulatedCard) -> None:
    request = shipped(town, town.session("carl"), card)
    assert town.system.staff.receive(town.session("ivo"), request.serial).state == "received"
    token = town.session("carl")
    old = town.system.requests(token)[0]
    assert (old.state, old.held) == (OrderState.ENDED, "released")
    assert ordered(town, token).state is OrderState.REQUESTED
    assert days(town, 22) == []


def test_who_has_closed_the_account_is_told_of_no_activation(town: Town, card: SimulatedCard) -> None:
    shipped(town, town.session("carl"), card)
    town.system.close_account(town.session("carl"))
    assert days(town, 22) == []


def test_a_card_whose_account_is_closed_before_it_is_sent_is_not_sent(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    request = made(town, token, card)
    town.system.close_account(token)
    assert town.system.operator.queue() == []
    with pytest.raises(NotNow):
        town.system.operator.ship(request.id)
    assert "shipped" not in town.told("carl")


def test_a_stolen_card_that_is_said_to_be_sent_back_is_charged_when_it_does_not_come(
    town: Town, card: SimulatedCard
) -> None:  # fmt: skip
    token = town.session("carl")
    request = shipped(town, token, card)
    device = town.device(token, Kind.DSC_PLUS)
    town.lose("carl", request.serial, Loss.STOLEN, CARL)
    token = town.session("carl")
    town.system.announce_return(token, device, "no such parcel")
    town.clock.advance(1000 * DAY)
    assert town.system.staff.settle(town.session("ivo"), request.serial) == 2000


@pytest.mark.parametrize("late", [21, 400])
def test_no_card_activates_itself_before_its_owner_was_told(town: Town, card: SimulatedCard, late: int) -> None:
    """The maintenance has not run for some time."""
    shipped(town, town.session("carl"), card)
    town.clock.advance((late - 1) * DAY)
    (first,) = days(town, 1)
    assert first == "activation_imminent"
    assert Kind.DSC_PLUS not in {each.kind for each in town.system.begin("carl", PASSWORD).choices}
    assert days(town, 1) == ["activated"]
    assert days(town, 5) == []


# ---- a misplaced card that was replaced ----


def replaced(town: Town, card: SimulatedCard) -> tuple[str, str, str]:
    """Let anna misplace her card while another one is on its way. Return her session's token and the ids of both."""
    token, _ = online_card(town, Loss.MISPLACED)
    shipped(town, token, card)
    old, new = (next(each.id for each in town.system.devices(token) if each.state is state) for state in _BOTH)
    return token, old, new


_BOTH = (DeviceState.MISPLACED, DeviceState.SHIPPED)


def test_a_card_that_was_replaced_is_not_found_again(town: Town, card: SimulatedCard) -> None:
    token, old, new = replaced(town, card)
    town.waited("anna")
    offer = town.system.ask_to_activate(token, new)
    assert town.system.activate(token, pressed(card, offer.shows["challenge"]))
    assert town.verifier.card("IB3000901").state is State.LOST
    with pytest.raises(NotNow):
        town.system.ask_to_activate(token, old)
    assert [each.id for each in town.system.begin("anna", PASSWORD).choices] == [new]
