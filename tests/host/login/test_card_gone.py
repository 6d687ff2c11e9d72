"""Cards that are lost before their activation or do not come back: their replacement and their deposit."""

from dataclasses import asdict

import pytest
from tests.host.login.card_orders import days, ordered, shipped, with_online_card
from tests.host.login.town import CARL, DAY, PASSWORD, STAFF, Town, looked_up

from dsc_host.login import Kind, Loss, NotNow, OrderState, rows
from dsc_simulator import SimulatedCard


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.DAMAGED])
def test_a_card_that_was_lost_on_its_way_is_replaced_and_nothing_more_is_said_of_it(
    town: Town, card: SimulatedCard, loss: Loss
) -> None:
    town.lose("carl", shipped(town, town.session("carl"), card).serial, loss, CARL)
    token = town.session("carl")
    assert town.system.requests(token)[0].state is OrderState.ENDED
    assert days(town, 22) == []
    token = town.session("carl")
    assert ordered(town, token).state is OrderState.REQUESTED
    assert {choice.kind for choice in town.system.begin("carl", PASSWORD).choices} == {Kind.SMS, Kind.VOICE}


def test_a_card_that_was_said_to_be_sent_and_never_came_is_charged(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    request = shipped(town, token, card)
    town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z 999")
    issuer = town.session("ivo")
    for _ in range(7):
        # The card was sent on a Tuesday, so five business days end on the next Tuesday.
        with pytest.raises(NotNow, match="overdue"):
            town.system.staff.settle(issuer, request.serial)
        town.clock.advance(DAY)
        issuer = town.session("ivo")
    town.clock.advance(DAY)
    issuer = town.session("ivo")
    assert town.system.staff.settle(issuer, request.serial) == 2000
    mine = town.system.requests(town.session("carl"))[0]
    assert (mine.held, mine.hold) == ("kept", 20)
    # However late the card arrives, it is received. What was kept stays kept.
    assert town.system.staff.receive(issuer, request.serial).state == "received"
    assert town.system.requests(town.session("carl"))[0].held == "kept"
    town.system.deliver()
    late = [letter.text for letter in town.letters if letter.template == "received_late"]
    assert len(late) == 1
    assert "only after its fee was charged" in late[0]


def test_the_issuer_charges_nobody_who_they_are_themselves(town: Town, card: SimulatedCard) -> None:
    request = shipped(town, town.session("carl"), card)
    town.lose("carl", request.serial, Loss.LOST, CARL)
    town.system.change(lambda tx: rows.entities.change(tx.db, town.entities["carl"], **asdict(STAFF)))
    with pytest.raises(NotNow, match="it is about you"):
        town.system.staff.settle(town.session("ivo"), request.serial)
    assert town.system.requests(town.session("carl"))[0].held == "held"


def test_a_serial_that_the_verifier_has_is_not_given_again(town: Town, card: SimulatedCard) -> None:
    town.verifier.enroll("IB3000000", key=bytes(range(32)), pin="8246")
    assert shipped(town, town.session("carl"), card).serial == "IB3000001"


def test_an_online_card_is_not_renewed_by_itself(town: Town) -> None:
    _, token = town.bridged("carl", CARL)
    waiting = town.system.request_online_card(token)
    card = town.system.request_online_card(token)
    codes = town.system.sheet(token, card.id)
    with pytest.raises(NotNow):
        town.system.sheet(token, waiting.id)
    offer = town.system.ask_to_activate(token, card.id)
    assert town.system.activate(token, looked_up(codes, offer))
    with pytest.raises(NotNow, match="you have an online card in use"):
        town.system.request_online_card(town.session("carl"))
    # A user who has lost it calls support and may get another one.
    code = town.system.staff.give_temporary_code(town.call("carl", CARL))
    assert Kind.ONLINE_CARD not in {each.kind for each in town.system.begin("carl", PASSWORD).choices}
    token = town.answered(town.chosen("carl", Kind.TEMPORARY_CODE).token, code)
    assert town.system.request_online_card(token)


def test_an_online_card_needs_a_call_to_support(town: Town) -> None:
    with pytest.raises(NotNow, match="call support first"):
        town.system.request_online_card(town.session("carl"))


def test_an_online_card_that_is_never_activated_ends_as_one_in_use_does(town: Town) -> None:
    _, token = town.bridged("carl", CARL)
    card = town.system.request_online_card(token)
    town.clock.advance(21 * DAY)
    town.system.operator.run_due()
    assert card.id not in {each.id for each in town.system.devices(town.session("carl"))}


def test_a_card_is_requested_with_the_online_card_and_not_with_the_temporary_code(town: Town) -> None:
    _, token = town.bridged("carl", CARL)
    with pytest.raises(NotNow, match="activate an online security code card first"):
        town.system.draft_request(token, "8246")
    draft = town.system.draft_request(town.session("carl"), "8246")
    with pytest.raises(NotNow, match="activate an online security code card first"):
        town.system.confirm_request(token, draft.id)
    token, _ = with_online_card(town, "carl", CARL)
    assert ordered(town, token).state is OrderState.REQUESTED
