"""Cards that are lost before their activation or do not come back: their replacement and their deposit."""

from dataclasses import asdict

import pytest
from tests.host.login.card_orders import days, ordered, shipped, with_online_card
from tests.host.login.scenario import CARL, DAY, PASSWORD, STAFF, Scenario, looked_up

from dsc_host.login import Kind, Loss, NotNow, OrderState, rows
from dsc_simulator import SimulatedCard


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.DAMAGED])
def test_a_card_that_was_lost_on_its_way_is_replaced_and_nothing_more_is_said_of_it(
    scenario: Scenario, card: SimulatedCard, loss: Loss
) -> None:
    scenario.lose("carl", shipped(scenario, scenario.session("carl"), card).serial, loss, CARL)
    token = scenario.session("carl")
    assert scenario.system.requests(token)[0].state is OrderState.ENDED
    assert days(scenario, 22) == []
    token = scenario.session("carl")
    assert ordered(scenario, token).state is OrderState.REQUESTED
    assert {choice.kind for choice in scenario.system.begin("carl", PASSWORD).choices} == {Kind.SMS, Kind.VOICE}


def test_a_card_that_was_said_to_be_sent_and_never_came_is_charged(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    request = shipped(scenario, token, card)
    scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "1Z 999")
    issuer = scenario.session("ivo")
    for _ in range(7):
        # The card was sent on a Tuesday, so five business days end on the next Tuesday.
        with pytest.raises(NotNow, match="nothing can be charged for this card"):
            scenario.system.staff.settle(issuer, request.serial)
        scenario.clock.advance(DAY)
        issuer = scenario.session("ivo")
    scenario.clock.advance(DAY)
    issuer = scenario.session("ivo")
    assert scenario.system.staff.settle(issuer, request.serial) == 2000
    mine = scenario.system.requests(scenario.session("carl"))[0]
    assert (mine.held, mine.hold) == ("kept", 20)
    # However late the card arrives, it is received. What was kept stays kept.
    assert scenario.system.staff.receive(issuer, request.serial).state == "received"
    assert scenario.system.requests(scenario.session("carl"))[0].held == "kept"
    scenario.system.deliver()
    late = [letter.text for letter in scenario.letters if letter.template == "received_late"]
    assert len(late) == 1
    assert "only after its fee was charged" in late[0]


def test_the_issuer_charges_nobody_who_they_are_themselves(scenario: Scenario, card: SimulatedCard) -> None:
    request = shipped(scenario, scenario.session("carl"), card)
    scenario.lose("carl", request.serial, Loss.LOST, CARL)
    scenario.system.change(lambda tx: rows.entities.change(tx.db, scenario.entities["carl"], **asdict(STAFF)))
    with pytest.raises(NotNow, match="it is about you"):
        scenario.system.staff.settle(scenario.session("ivo"), request.serial)
    assert scenario.system.requests(scenario.session("carl"))[0].held == "held"


def test_a_serial_that_the_verifier_has_is_not_given_again(scenario: Scenario, card: SimulatedCard) -> None:
    scenario.verifier.enroll("IB3000000", key=bytes(range(32)), pin="8246")
    assert shipped(scenario, scenario.session("carl"), card).serial == "IB3000001"


def test_an_online_card_is_not_renewed_by_itself(scenario: Scenario) -> None:
    _, token = scenario.bridged("carl", CARL)
    waiting = scenario.system.request_online_card(token)
    card = scenario.system.request_online_card(token)
    codes = scenario.system.sheet(token, card.id)
    with pytest.raises(NotNow):
        scenario.system.sheet(token, waiting.id)
    offer = scenario.system.ask_to_activate(token, card.id)
    assert scenario.system.activate(token, looked_up(codes, offer))
    with pytest.raises(NotNow, match="you have an online card in use"):
        scenario.system.request_online_card(scenario.session("carl"))
    # A user who has lost it calls support and may get another card.
    code = scenario.system.staff.give_temporary_code(scenario.call("carl", CARL))
    assert Kind.ONLINE_CARD not in {each.kind for each in scenario.system.begin("carl", PASSWORD).choices}
    token = scenario.answered(scenario.chosen("carl", Kind.TEMPORARY_CODE).token, code)
    assert scenario.system.request_online_card(token)


def test_an_online_card_needs_a_call_to_support(scenario: Scenario) -> None:
    with pytest.raises(NotNow, match="call support first"):
        scenario.system.request_online_card(scenario.session("carl"))


def test_an_online_card_that_is_never_activated_ends_as_one_in_use_does(scenario: Scenario) -> None:
    _, token = scenario.bridged("carl", CARL)
    card = scenario.system.request_online_card(token)
    scenario.clock.advance(21 * DAY)
    scenario.system.operator.run_due()
    assert card.id not in {each.id for each in scenario.system.devices(scenario.session("carl"))}


def test_a_card_is_requested_with_the_online_card_and_not_with_the_temporary_code(scenario: Scenario) -> None:
    _, token = scenario.bridged("carl", CARL)
    with pytest.raises(NotNow, match="activate an online security code card first"):
        scenario.system.draft_request(token, "8246")
    draft = scenario.system.draft_request(scenario.session("carl"), "8246")
    with pytest.raises(NotNow, match="activate an online security code card first"):
        scenario.system.confirm_request(token, draft.id)
    token, _ = with_online_card(scenario, "carl", CARL)
    assert ordered(scenario, token).state is OrderState.REQUESTED
