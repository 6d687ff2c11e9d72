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
from tests.host.login.scenario import CARL, DAY, PASSWORD, Scenario

from dsc_host import CardClient
from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, Loss, NotFound, NotNow, OrderState, Request, Scope
from dsc_host.verifier import State
from dsc_simulator import SimulatedCard

# ---- the request ----


def test_a_card_is_requested_made_sent_and_activated(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    draft = scenario.system.draft_request(token, PIN)
    assert draft.state is OrderState.DRAFT
    assert draft.address == "1 Harbour Road, Zug"
    request = scenario.system.confirm_request(token, draft.id)
    assert (request.state, request.hold, request.estimate) == (OrderState.REQUESTED, Decimal(20), "2023-11-29")
    assert scenario.told("carl") == ["requested"]
    issuer = scenario.session("ivo")
    told = []
    made = scenario.system.staff.personalize_all(
        issuer, place(card), lambda number, of, each: told.append((number, of, each.serial))
    )
    assert told == [(1, 1, "IB3000000")]
    assert scenario.system.staff.ship(issuer, made[0].id).state is OrderState.SHIPPED
    device = scenario.device(token, Kind.DSC_PLUS)
    offer = scenario.system.ask_to_activate(token, device)
    assert scenario.system.activate(token, pressed(card, offer.shows["challenge"]))
    assert scenario.system.requests(token)[0].state is OrderState.DONE
    assert by_carls_card(scenario, card)
    assert scenario.verifier.audit.check().sound


def test_a_card_is_not_to_be_used_before_it_is_activated(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    shipped(scenario, token, card)
    assert Kind.DSC_PLUS not in {choice.kind for choice in scenario.system.begin("carl", PASSWORD).choices}
    device = scenario.device(token, Kind.DSC_PLUS)
    offer = scenario.system.ask_to_activate(token, device)
    assert not scenario.system.activate(token, pressed(card, offer.shows["challenge"], pin="1111"))
    assert not scenario.system.activate(token, "")
    with pytest.raises(NotFound):
        scenario.system.choose(scenario.system.begin("carl", PASSWORD).token, device)


def test_a_card_is_for_those_with_enough(scenario: Scenario) -> None:
    equities = (("1000000", "USD"), ("1000000.01", "USD"), ("900000", "EUR"), ("960000", "EUR"), ("5", "XXX"))
    have_enough = []
    for number, (equity, currency) in enumerate(equities):
        name = f"dora{number}"
        scenario.accounts[name] = scenario.system.operator.add_account(scenario.entities["carl"], Decimal(equity), currency)
        scenario.add(name, name, phone=f"+491511234567{number}")
        token = scenario.enter_by_sms(name)
        with suppress(NotNow):
            assert scenario.system.draft_request(token, PIN).state is OrderState.DRAFT
            have_enough.append((equity, currency))
    assert have_enough == [("1000000.01", "USD"), ("960000", "EUR")]


def test_one_request_at_a_time(scenario: Scenario) -> None:
    token = scenario.session("carl")
    first = scenario.system.draft_request(token, PIN)
    second = scenario.system.draft_request(token, PIN, address="2 Lake Street, Bern")
    with pytest.raises(NotFound):
        scenario.system.confirm_request(token, first.id)
    assert scenario.system.confirm_request(token, second.id).address == "2 Lake Street, Bern"
    with pytest.raises(NotNow):
        scenario.system.confirm_request(token, second.id)
    with pytest.raises(NotNow):
        scenario.system.draft_request(token, PIN)
    scenario.system.cancel_request(token, second.id)
    assert ordered(scenario, token).state is OrderState.REQUESTED


def test_a_card_whose_making_was_cut_off_is_recorded_the_next_time(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    request = ordered(scenario, token)
    issuer = scenario.session("ivo")

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
        scenario.system.staff.personalize_all(issuer, cut_off, lose)
    assert scenario.system.requests(token)[0].state is OrderState.PERSONALIZED
    assert scenario.system.staff.ship(issuer, request.id).serial == card_serial(card)


# ---- activation without a response ----


def test_a_card_activates_itself_three_weeks_after_it_was_sent(scenario: Scenario, card: SimulatedCard) -> None:
    assert shipped(scenario, scenario.session("carl"), card).activates_at == scenario.clock() + 21 * DAY
    assert days(scenario, 20) == ["activation_near", "activation_imminent"]
    scenario.clock.advance(DAY - 1)
    assert days(scenario, 0) == []
    scenario.clock.advance(1)
    assert days(scenario, 1) == ["activated"]
    assert days(scenario, 2) == []
    assert by_carls_card(scenario, card)


# ---- the PIN ----


def test_a_pin_is_changed_by_a_response_made_with_the_new_one(scenario: Scenario) -> None:
    token = scenario.session("anna")
    device = scenario.device(token, Kind.DSC_PLUS)
    offer = scenario.system.ask_to_change_pin(token, device)
    old_way = scenario.respond("IB3000901", offer.shows["challenge"])
    assert not scenario.system.change_pin(token, old_way, PIN)
    with pytest.raises(InputError):
        scenario.system.change_pin(token, old_way, "1111")
    assert scenario.system.change_pin(token, scenario.respond("IB3000901", offer.shows["challenge"], pin=PIN), PIN)
    assert scenario.enter("anna", pin=PIN)


def test_an_answer_for_one_purpose_is_none_for_another(scenario: Scenario) -> None:
    token = scenario.session("anna")
    offer = scenario.system.ask_to_change_pin(token, scenario.device(token, Kind.DSC_PLUS))
    with pytest.raises(NotNow):
        scenario.system.activate(token, scenario.respond("IB3000901", offer.shows["challenge"]))


# ---- loss and recovery ----


def test_a_lost_card_is_bridged_and_replaced(scenario: Scenario, card: SimulatedCard) -> None:
    token, codes = online_card(scenario)
    assert {each.kind for each in scenario.system.begin("anna", PASSWORD).choices} == {Kind.ONLINE_CARD}
    with pytest.raises(NotNow):
        scenario.system.sheet(token, scenario.device(token, Kind.ONLINE_CARD))
    again = by_codes(scenario, codes)
    assert scenario.system.visitor(again).scope is Scope.FULL
    # The card is replaced, however low the account's equity is now, if only the deposit is there.
    scenario.system.operator.set_equity(scenario.accounts["anna"], Decimal(20))
    shipped(scenario, again, card)
    scenario.waited("anna")
    new = next(each for each in scenario.system.devices(again) if each.state is DeviceState.SHIPPED)
    offer = scenario.system.ask_to_activate(again, new.id)
    assert scenario.system.activate(again, pressed(card, offer.shows["challenge"]))
    assert {each.kind for each in scenario.system.begin("anna", PASSWORD).choices} == {Kind.DSC_PLUS}
    assert scenario.verifier.card("IB3000901").state is State.LOST


def test_a_card_that_was_found_again_is_reactivated_by_its_response(scenario: Scenario) -> None:
    token, _ = online_card(scenario, Loss.MISPLACED)
    device = scenario.device(token, Kind.DSC_PLUS)
    offer = scenario.system.ask_to_activate(token, device)
    assert not scenario.system.activate(token, "00000000")
    assert scenario.verifier.card("IB3000901").state is State.SUSPENDED
    assert scenario.system.activate(token, scenario.respond("IB3000901", offer.shows["challenge"]))
    assert {each.kind for each in scenario.system.begin("anna", PASSWORD).choices} == {Kind.DSC_PLUS}


# ---- the return to the issuer ----


def test_a_card_is_returned_and_its_money_is_free(scenario: Scenario, card: SimulatedCard) -> None:
    token = scenario.session("carl")
    request = shipped(scenario, token, card)
    device = scenario.device(token, Kind.DSC_PLUS)
    scenario.system.announce_return(token, device, "1Z 999")
    parcel, days = scenario.system.parcels(token)[0]
    assert (parcel.tracking, days) == ("1Z 999", ("2023-11-17", "2023-11-21"))
    with pytest.raises(NotNow):
        scenario.system.announce_return(token, device, "1Z 999")
    issuer = scenario.session("ivo")
    assert scenario.system.staff.receive(issuer, request.serial).state == "received"
    with pytest.raises(NotNow):
        scenario.system.staff.receive(issuer, request.serial)
    assert scenario.verifier.card(request.serial).state is State.RETIRED
    with scenario.verifier.context.store.read() as db:
        assert db.exec_driver_sql("SELECT state FROM holds").scalars().all() == ["released"]


def test_only_some_cards_are_taken_back(scenario: Scenario) -> None:
    scenario.verifier.enroll("OTHER-1", key=bytes(range(32)), pin=PIN)
    scenario.system.operator.enroll_card("carl", "OTHER-1")
    token = scenario.session("carl")
    with pytest.raises(NotNow):
        scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "1Z")


def test_a_code_card_is_cut_up_and_not_sent_back(scenario: Scenario) -> None:
    scenario.with_codes("anna")
    token = scenario.session("anna")
    with pytest.raises(NotNow, match="cut up"):
        scenario.system.announce_return(token, scenario.device(token, Kind.CODE_CARD), "1Z")


@pytest.mark.parametrize(("cents", "kept"), [(None, 2000), (15_000, 15_000)])
def test_a_card_that_does_not_come_back_is_charged(
    scenario: Scenario, card: SimulatedCard, cents: int | None, kept: int
) -> None:
    request = shipped(scenario, scenario.session("carl"), card)
    issuer = scenario.session("ivo")
    with pytest.raises(NotNow):
        scenario.system.staff.settle(issuer, request.serial, cents)
    scenario.lose("carl", request.serial, Loss.STOLEN, CARL)
    for wrong in (1999, 15_001, -1):
        with pytest.raises(InputError):
            scenario.system.staff.settle(issuer, request.serial, wrong)
    assert scenario.system.staff.settle(issuer, request.serial, cents) == kept
    with pytest.raises(NotNow):
        scenario.system.staff.settle(issuer, request.serial, cents)
