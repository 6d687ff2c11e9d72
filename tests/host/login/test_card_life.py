"""The life of a card with its owner, from the request to the return, and the failures on the way."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal

import pytest
from tests.host.login.card_orders import (
    PIN,
    by_carls_card,
    by_codes,
    card_serial,
    days,
    online_card,
    ordered,
    place,
    pressed,
    shipped,
)
from tests.host.login.town import CARL, DAY, PASSWORD, Town

from dsc_host import CardClient
from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, Loss, NotFound, NotNow, OrderState, Request, Scope
from dsc_host.verifier import State
from dsc_simulator import SimulatedCard

# ---- the request ----


def test_a_card_is_requested_made_sent_and_activated(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    draft = town.system.draft_request(token, PIN)
    assert draft.state is OrderState.DRAFT
    assert draft.address == "1 Harbour Road, Zug"
    request = town.system.confirm_request(token, draft.id)
    assert (request.state, request.hold, request.estimate) == (OrderState.REQUESTED, Decimal(20), "2023-11-29")
    assert town.told("carl") == ["requested"]
    issuer = town.session("ivo")
    told = []
    made = town.system.staff.personalize_all(
        issuer, place(card), lambda number, of, each: told.append((number, of, each.serial))
    )
    assert told == [(1, 1, "IB3000000")]
    assert town.system.staff.ship(issuer, made[0].id).state is OrderState.SHIPPED
    device = town.device(token, Kind.DSC_PLUS)
    offer = town.system.ask_to_activate(token, device)
    assert town.system.activate(token, pressed(card, offer.shows["challenge"]))
    assert town.system.requests(token)[0].state is OrderState.DONE
    assert by_carls_card(town, card)
    assert town.verifier.audit.check().sound


def test_a_card_is_not_to_be_used_before_it_is_activated(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    shipped(town, token, card)
    assert Kind.DSC_PLUS not in {choice.kind for choice in town.system.begin("carl", PASSWORD).choices}
    device = town.device(token, Kind.DSC_PLUS)
    offer = town.system.ask_to_activate(token, device)
    assert not town.system.activate(token, pressed(card, offer.shows["challenge"], pin="1111"))
    assert not town.system.activate(token, "")
    with pytest.raises(NotFound):
        town.system.choose(town.system.begin("carl", PASSWORD).token, device)


def test_a_card_is_for_those_with_enough(town: Town) -> None:
    equities = (("1000000", "USD"), ("1000000.01", "USD"), ("900000", "EUR"), ("960000", "EUR"), ("5", "XXX"))
    have_enough = []
    for number, (equity, currency) in enumerate(equities):
        name = f"dora{number}"
        town.accounts[name] = town.system.operator.add_account(town.entities["carl"], Decimal(equity), currency)
        town.add(name, name, phone=f"+491511234567{number}")
        token = town.enter_by_sms(name)
        with suppress(NotNow):
            assert town.system.draft_request(token, PIN).state is OrderState.DRAFT
            have_enough.append((equity, currency))
    assert have_enough == [("1000000.01", "USD"), ("960000", "EUR")]


def test_one_request_at_a_time(town: Town) -> None:
    token = town.session("carl")
    first = town.system.draft_request(token, PIN)
    second = town.system.draft_request(token, PIN, address="2 Lake Street, Bern")
    with pytest.raises(NotFound):
        town.system.confirm_request(token, first.id)
    assert town.system.confirm_request(token, second.id).address == "2 Lake Street, Bern"
    with pytest.raises(NotNow):
        town.system.confirm_request(token, second.id)
    with pytest.raises(NotNow):
        town.system.draft_request(token, PIN)
    town.system.cancel_request(token, second.id)
    assert ordered(town, token).state is OrderState.REQUESTED


def test_a_card_whose_making_was_cut_off_is_recorded_the_next_time(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    request = ordered(town, token)
    issuer = town.session("ivo")

    @contextmanager
    def cut_off(_request: Request) -> Iterator[CardClient]:
        with CardClient.open(card.url) as client:
            told = iter([client.info()])
            real = client.info
            client.info = lambda: next(told, None) or real()  # type: ignore[method-assign]
            yield client

    def lose(*_: object) -> None:
        raise ConnectionError("the power went")

    with pytest.raises(ConnectionError):
        town.system.staff.personalize_all(issuer, cut_off, lose)
    assert town.system.requests(token)[0].state is OrderState.PERSONALIZED
    assert town.system.staff.ship(issuer, request.id).serial == card_serial(card)


# ---- activation without a response ----


def test_a_card_activates_itself_three_weeks_after_it_was_sent(town: Town, card: SimulatedCard) -> None:
    assert shipped(town, town.session("carl"), card).activates_at == town.clock() + 21 * DAY
    assert days(town, 20) == ["activation_near", "activation_imminent"]
    town.clock.advance(DAY - 1)
    assert days(town, 0) == []
    town.clock.advance(1)
    assert days(town, 1) == ["activated"]
    assert days(town, 2) == []
    assert by_carls_card(town, card)


# ---- the PIN ----


def test_a_pin_is_changed_by_a_response_made_with_the_new_one(town: Town) -> None:
    token = town.session("anna")
    device = town.device(token, Kind.DSC_PLUS)
    offer = town.system.ask_to_change_pin(token, device)
    old_way = town.respond("IB3000901", offer.shows["challenge"])
    assert not town.system.change_pin(token, old_way, PIN)
    with pytest.raises(InputError):
        town.system.change_pin(token, old_way, "1111")
    assert town.system.change_pin(token, town.respond("IB3000901", offer.shows["challenge"], pin=PIN), PIN)
    assert town.enter("anna", pin=PIN)


def test_an_answer_for_one_purpose_is_none_for_another(town: Town) -> None:
    token = town.session("anna")
    offer = town.system.ask_to_change_pin(token, town.device(token, Kind.DSC_PLUS))
    with pytest.raises(NotNow):
        town.system.activate(token, town.respond("IB3000901", offer.shows["challenge"]))


# ---- loss and recovery ----


def test_a_lost_card_is_bridged_and_replaced(town: Town, card: SimulatedCard) -> None:
    token, codes = online_card(town)
    assert {each.kind for each in town.system.begin("anna", PASSWORD).choices} == {Kind.ONLINE_CARD}
    with pytest.raises(NotNow):
        town.system.sheet(token, town.device(token, Kind.ONLINE_CARD))
    again = by_codes(town, codes)
    assert town.system.visitor(again).scope is Scope.FULL
    # The card is replaced, however low the account's equity is now, if only the deposit is there.
    town.system.operator.set_equity(town.accounts["anna"], Decimal(20))
    shipped(town, again, card)
    town.waited("anna")
    new = next(each for each in town.system.devices(again) if each.state is DeviceState.SHIPPED)
    offer = town.system.ask_to_activate(again, new.id)
    assert town.system.activate(again, pressed(card, offer.shows["challenge"]))
    assert {each.kind for each in town.system.begin("anna", PASSWORD).choices} == {Kind.DSC_PLUS}
    assert town.verifier.card("IB3000901").state is State.LOST


def test_a_card_that_was_found_again_is_reactivated_by_its_response(town: Town) -> None:
    token, _ = online_card(town, Loss.MISPLACED)
    device = town.device(token, Kind.DSC_PLUS)
    offer = town.system.ask_to_activate(token, device)
    assert not town.system.activate(token, "00000000")
    assert town.verifier.card("IB3000901").state is State.SUSPENDED
    assert town.system.activate(token, town.respond("IB3000901", offer.shows["challenge"]))
    assert {each.kind for each in town.system.begin("anna", PASSWORD).choices} == {Kind.DSC_PLUS}


# ---- the return to the issuer ----


def test_a_card_is_returned_and_its_money_is_free(town: Town, card: SimulatedCard) -> None:
    token = town.session("carl")
    request = shipped(town, token, card)
    device = town.device(token, Kind.DSC_PLUS)
    town.system.announce_return(token, device, "1Z 999")
    parcel, days = town.system.parcels(token)[0]
    assert (parcel.tracking, days) == ("1Z 999", ("2023-11-17", "2023-11-21"))
    with pytest.raises(NotNow):
        town.system.announce_return(token, device, "1Z 999")
    issuer = town.session("ivo")
    assert town.system.staff.receive(issuer, request.serial).state == "received"
    with pytest.raises(NotNow):
        town.system.staff.receive(issuer, request.serial)
    assert town.verifier.card(request.serial).state is State.RETIRED
    with town.verifier.context.store.read() as db:
        assert db.exec_driver_sql("SELECT state FROM holds").scalars().all() == ["released"]


def test_only_some_cards_are_taken_back(town: Town) -> None:
    town.verifier.enroll("OTHER-1", key=bytes(range(32)), pin=PIN)
    town.system.operator.enroll_card("carl", "OTHER-1")
    token = town.session("carl")
    with pytest.raises(NotNow):
        town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z")


def test_a_code_card_is_cut_up_and_not_sent_back(town: Town) -> None:
    town.with_codes("anna")
    token = town.session("anna")
    with pytest.raises(NotNow, match="cut up"):
        town.system.announce_return(token, town.device(token, Kind.CODE_CARD), "1Z")


@pytest.mark.parametrize(("cents", "kept"), [(None, 2000), (15_000, 15_000)])
def test_a_card_that_does_not_come_back_is_charged(town: Town, card: SimulatedCard, cents: int | None, kept: int) -> None:
    request = shipped(town, town.session("carl"), card)
    issuer = town.session("ivo")
    with pytest.raises(NotNow):
        town.system.staff.settle(issuer, request.serial, cents)
    town.lose("carl", request.serial, Loss.STOLEN, CARL)
    for wrong in (1999, 15_001, -1):
        with pytest.raises(InputError):
            town.system.staff.settle(issuer, request.serial, wrong)
    assert town.system.staff.settle(issuer, request.serial, cents) == kept
    with pytest.raises(NotNow):
        town.system.staff.settle(issuer, request.serial, cents)
