"""Cards that are gone before they were activated, or do not come back: another one may be had, and the money is
accounted for.
"""

import pytest
from tests.login.card_orders import ordered, shipped
from tests.login.shares import by_annas_card, proven
from tests.login.town import CARL, DAY, PASSWORD, STAFF, Town

from dsc_host.login import DeviceState, Kind, Loss, NotNow, OrderState, UseState
from dsc_simulator import SimulatedCard


def lose(town: Town, name: str, loss: Loss) -> None:
    desk = town.call(name, CARL)
    device = next(each for each in town.system.staff.caller_devices(desk)[1] if each.kind is Kind.DSC_PLUS)
    town.system.staff.report_loss(desk, device.id, loss)


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.STOLEN, Loss.DAMAGED])
def test_a_card_that_was_lost_on_its_way_is_replaced_and_nothing_more_is_said_of_it(
    town: Town, card: SimulatedCard, loss: Loss
) -> None:
    shipped(town, town.enter_by_sms("carl"), card)
    lose(town, "carl", loss)
    token = town.enter_by_sms("carl")
    assert town.system.requests(token)[0].state is OrderState.ENDED
    told = len(town.told("carl"))
    for _ in range(22):
        town.clock.advance(DAY)
        assert town.system.operator.run_due().activations == 0
    assert len(town.told("carl")) == told
    token = town.enter_by_sms("carl")
    assert ordered(town, token).state is OrderState.REQUESTED
    assert {choice.kind for choice in town.system.begin("carl", PASSWORD).choices} == {Kind.SMS, Kind.VOICE}


def test_a_card_that_was_sent_back_unused_is_replaced(town: Town, card: SimulatedCard) -> None:
    token = town.enter_by_sms("carl")
    shipped(town, token, card)
    town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z 999")
    assert town.system.requests(token)[0].state is OrderState.ENDED
    assert ordered(town, token).state is OrderState.REQUESTED


def test_a_card_that_is_lost_before_it_is_sent_is_not_sent(town: Town, card: SimulatedCard) -> None:
    token = town.enter_by_sms("carl")
    request = shipped(town, token, card)
    lose(town, "carl", Loss.LOST)
    with pytest.raises(NotNow):
        town.system.staff.ship(town.enter("ivo"), request.id)
    assert town.system.operator.queue() == []


def test_a_card_that_was_said_to_be_sent_and_never_came_is_charged(town: Town, card: SimulatedCard) -> None:
    token = town.enter_by_sms("carl")
    request = shipped(town, token, card)
    town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z 999")
    issuer = town.enter("ivo")
    for _ in range(7):
        # Sent on a Tuesday: five business days are over on the next Tuesday.
        with pytest.raises(NotNow, match="overdue"):
            town.system.staff.settle(issuer, request.serial)
        town.clock.advance(DAY)
        issuer = town.enter("ivo")
    town.clock.advance(DAY)
    issuer = town.enter("ivo")
    assert town.system.staff.settle(issuer, request.serial) == 2000
    mine = town.system.requests(town.enter_by_sms("carl"))[0]
    assert (mine.held, mine.hold) == ("kept", 20)
    # However late it comes, it is received; what was kept stays so.
    assert town.system.staff.receive(issuer, request.serial).state == "received"
    assert town.system.requests(town.enter_by_sms("carl"))[0].held == "kept"
    town.system.deliver()
    late = [letter.text for letter in town.letters if letter.template == "received_late"]
    assert len(late) == 1
    assert "after a fee was kept for it" in late[0]


def test_the_issuer_charges_nobody_who_they_are_themselves(town: Town, card: SimulatedCard) -> None:
    request = shipped(town, town.enter_by_sms("carl"), card)
    lose(town, "carl", Loss.LOST)
    town.correct("carl", STAFF)
    with pytest.raises(NotNow, match="it is about you"):
        town.system.staff.settle(town.enter("ivo"), request.serial)
    assert town.system.requests(town.enter_by_sms("carl"))[0].held == "held"


def test_a_serial_that_the_verifier_has_is_not_given_again(town: Town, card: SimulatedCard) -> None:
    town.verifier.enroll("IB3000000", key=bytes(range(32)), pin="8246")
    assert shipped(town, town.enter_by_sms("carl"), card).serial == "IB3000001"


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.DAMAGED, None])
def test_who_shared_a_device_that_is_gone_has_their_own_back(town: Town, loss: Loss | None) -> None:
    town.give_card("ben", "IB3000905")
    token = town.enter_by_sms("ben")
    town.system.confirm_share(token, proven(town, token))
    town.clock.advance(1)
    if loss is None:
        anna = town.enter("anna")
        town.system.announce_return(anna, town.device(anna, Kind.DSC_PLUS), "1Z 999")
    else:
        desk = town.call("anna")
        town.system.staff.report_loss(desk, town.system.staff.caller_devices(desk)[1][0].id, loss)
    own = next(each for each in town.system.begin("ben", PASSWORD).choices if each.kind is Kind.DSC_PLUS)
    assert (own.label, own.use, own.state) == ("IB3000905", UseState.ACTIVE, DeviceState.ACTIVE)
    assert town.told("ben")[-1] == "share_ended"
    assert town.system.shares(town.enter_by_sms("ben"))[0].state == "cancelled"


def test_a_shared_device_that_may_be_found_stays_shared(town: Town) -> None:
    token = town.enter_by_sms("ben")
    town.system.confirm_share(token, proven(town, token))
    desk = town.call("anna")
    device = town.system.staff.caller_devices(desk)[1][0].id
    town.system.staff.report_loss(desk, device, Loss.MISPLACED)
    code = town.system.staff.give_temporary_code(desk)
    anna = town.answered(town.chosen("anna", Kind.TEMPORARY_CODE).token, code)
    offer = town.system.ask_to_activate(anna, device)
    assert town.system.activate(anna, town.respond("IB3000901", offer.shows["challenge"]))
    assert by_annas_card(town, "ben")


def test_an_online_card_is_not_renewed_by_itself(town: Town) -> None:
    code = town.system.staff.give_temporary_code(town.call("carl", CARL))
    token = town.answered(town.chosen("carl", Kind.TEMPORARY_CODE).token, code)
    waiting = town.system.request_online_card(token)
    card = town.system.request_online_card(token)
    codes = town.system.sheet(token, card.id)
    with pytest.raises(NotNow):
        town.system.sheet(token, waiting.id)
    offer = town.system.ask_to_activate(token, card.id)
    assert town.system.activate(token, " ".join(codes[int(each) - 1] for each in offer.shows["indexes"].split()))
    with pytest.raises(NotNow, match="you have an online card in use"):
        town.system.request_online_card(town.enter_by_sms("carl"))
    # Who has lost it calls, and may have another one.
    code = town.system.staff.give_temporary_code(town.call("carl", CARL))
    assert Kind.ONLINE_CARD not in {each.kind for each in town.system.begin("carl", PASSWORD).choices}
    token = town.answered(town.chosen("carl", Kind.TEMPORARY_CODE).token, code)
    assert town.system.request_online_card(token)
