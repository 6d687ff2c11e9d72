"""Cards of kinds that are no longer issued: the operator records them, and they have limits and fees of their own."""

from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN, pressed, shipped
from tests.host.login.phone_app import activated
from tests.host.login.scenario import CARL, PASSWORD, Scenario

from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, LessSecureDevice, Loss, NotFound, NotNow, Scope, Status
from dsc_host.verifier import State
from dsc_simulator import SimulatedCard

OLD = (Kind.PLATINUM, Kind.GOLD, Kind.DIGITAL_CARD)


@pytest.mark.parametrize("kind", OLD)
def test_a_holder_logs_in_by_a_challenge_and_its_response(scenario: Scenario, kind: Kind) -> None:
    scenario.give_card("ben", "OLD-1", kind)
    step = scenario.chosen("ben", kind)
    assert step.offer is not None
    assert step.offer.digits
    assert scenario.system.answer(step.token, "00000000").status is Status.REFUSED
    response = scenario.respond("OLD-1", step.offer.shows["challenge"])
    token = scenario.answered(step.token, response)
    assert scenario.system.visitor(token).scope is Scope.FULL
    (card,) = [each for each in scenario.system.devices(token) if each.kind is kind]
    assert (card.issued, card.lasting, card.changes_pin, card.returnable) == (False, True, True, False)
    # A response is good once.
    again = scenario.chosen("ben", kind)
    assert scenario.system.answer(again.token, response).status is Status.REFUSED


@pytest.mark.parametrize(
    ("kind", "amount", "may"),
    [
        (Kind.PLATINUM, "999000000", True),
        (Kind.GOLD, "999000000", True),
        (Kind.DIGITAL_CARD, "1000000", True),
        (Kind.DIGITAL_CARD, "1000000.01", False),
    ],
)
def test_a_holder_withdraws_what_the_kind_allows(scenario: Scenario, kind: Kind, amount: str, may: bool) -> None:
    scenario.give_card("ben", "OLD-1", kind)
    assert bool(scenario.system.withdraw(scenario.enter("ben", kind=kind), Decimal(amount))) is may


def test_the_operator_gives_a_card_once_and_only_a_card(scenario: Scenario) -> None:
    give = scenario.system.operator.enroll_card
    scenario.give_card("ben", "OLD-1", Kind.GOLD)
    for name, kind in (("ben", Kind.GOLD), ("ben", Kind.PLATINUM), ("carl", Kind.DSC_PLUS)):
        with pytest.raises(InputError, match="already belongs"):
            give(name, "OLD-1", kind)
    scenario.verifier.enroll("OLD-2", key=bytes(range(32)), pin=PIN)
    for kind in ("code_card", "temporary_code", "phone_app", "silver", "", "none", None, 3):
        with pytest.raises(InputError, match="must be one of dsc_plus, platinum, gold, digital_card"):
            give("ben", "OLD-2", kind)  # type: ignore[arg-type]
    assert Kind.DSC_PLUS not in {each.kind for each in scenario.system.begin("ben", PASSWORD).choices}


def test_the_operator_does_not_give_the_key_of_an_app_as_a_card(scenario: Scenario) -> None:
    """Its PIN alone would otherwise open a session with the limits of a card."""
    activated(scenario, "ben")
    keys = [card.serial for card in scenario.verifier.cards(owner="ben") if card.serial.startswith("PH")]
    assert len(keys) == 2
    for serial in keys:
        with pytest.raises(InputError, match="already belongs"):
            scenario.system.operator.enroll_card("carl", serial)


def test_nobody_requests_a_card_of_old(scenario: Scenario, card: SimulatedCard) -> None:
    """A holder may request the card that is issued, in addition to the old card or in its place."""
    for kind in OLD:
        scenario.give_card("carl", f"OLD-{kind}", kind)
    request = shipped(scenario, scenario.session("carl"), card)
    (made,) = [each for each in scenario.system.devices(scenario.session("carl")) if each.label == request.serial]
    assert made.kind is Kind.DSC_PLUS


@pytest.mark.parametrize("kind", OLD)
def test_a_card_of_old_that_is_lost_costs_its_fee(scenario: Scenario, kind: Kind) -> None:
    scenario.give_card("ben", "OLD-1", kind)
    issuer = scenario.session("ivo")
    with pytest.raises(NotNow, match="nothing can be charged for this card"):
        scenario.system.staff.settle(issuer, "OLD-1")
    scenario.lose("ben", "OLD-1", Loss.STOLEN)
    assert scenario.verifier.card("OLD-1").state is State.LOST
    for cents in (1_999, 15_001, -1):
        with pytest.raises(InputError, match="20 to 150 USD"):
            scenario.system.staff.settle(issuer, "OLD-1", cents)
    assert scenario.system.staff.settle(issuer, "OLD-1", 15_000) == 15_000
    with pytest.raises(NotNow, match="was already settled"):
        scenario.system.staff.settle(issuer, "OLD-1")


def test_a_card_of_old_is_not_taken_back_and_pays_nothing_at_closing(scenario: Scenario) -> None:
    device = scenario.give_card("anna", "OLD-1", Kind.GOLD)
    with pytest.raises(NotNow, match="only cards of the series"):
        scenario.system.announce_return(scenario.session("anna"), device, "1Z 999")
    with pytest.raises(NotNow, match="only cards of the series"):
        scenario.system.staff.receive(scenario.session("ivo"), "OLD-1")
    scenario.system.close_account(scenario.session("anna"))
    with pytest.raises(NotNow, match="nothing can be charged for this card"):
        scenario.system.staff.settle(scenario.session("ivo"), "OLD-1")


def test_a_card_of_old_that_is_found_again_is_reactivated(scenario: Scenario) -> None:
    device = scenario.give_card("ben", "OLD-1", Kind.PLATINUM)
    scenario.lose("ben", "OLD-1", Loss.MISPLACED)
    with pytest.raises(NotFound):
        scenario.system.choose(scenario.system.begin("ben", PASSWORD).token, device)
    token = scenario.session("ben")
    offer = scenario.system.ask_to_activate(token, device)
    assert scenario.system.activate(token, scenario.respond("OLD-1", offer.shows["challenge"]))
    assert scenario.enter("ben", kind=Kind.PLATINUM)


def test_a_new_card_replaces_a_lost_one_of_old(scenario: Scenario, card: SimulatedCard) -> None:
    """The equity does not matter for a replacement, and a misplaced old card is out of use once the new card is activated."""
    scenario.give_card("carl", "OLD-1", Kind.DIGITAL_CARD)
    scenario.system.operator.set_equity(scenario.accounts["carl"], Decimal(20))
    token = scenario.session("carl")
    with pytest.raises(NotNow, match="equity of more than"):
        scenario.system.draft_request(token, PIN)
    scenario.lose("carl", "OLD-1", Loss.MISPLACED, CARL)
    token = scenario.session("carl")
    shipped(scenario, token, card)
    offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.DSC_PLUS))
    assert scenario.system.activate(token, pressed(card, offer.shows["challenge"]))
    (old,) = [each for each in scenario.system.devices(token) if each.kind is Kind.DIGITAL_CARD]
    assert old.state is DeviceState.LOST
    assert scenario.verifier.card("OLD-1").state is State.LOST


def test_a_card_of_old_is_not_shared_and_counts_among_the_devices(scenario: Scenario) -> None:
    scenario.give_card("ben", "OLD-1", Kind.PLATINUM)
    with pytest.raises(NotNow, match="this kind of device cannot be shared"):
        scenario.system.begin_share(scenario.session("anna"), "ben", PASSWORD)
    card = scenario.with_codes("anna")
    assert card
    scenario.lose("anna", "IB3000901", Loss.DAMAGED)
    with pytest.raises(LessSecureDevice):
        scenario.system.begin_share(scenario.enter("ben", kind=Kind.PLATINUM), "anna", PASSWORD)


def test_nobody_gets_a_card_for_a_closed_account(scenario: Scenario) -> None:
    desk = scenario.call("anna")
    scenario.system.close_account(scenario.session("anna"))
    with pytest.raises(InputError, match="the account of anna is closed"):
        scenario.give_card("anna", "OLD-1", Kind.GOLD)
    with pytest.raises(NotNow, match="the account is closed"):
        scenario.system.staff.issue_code_card(desk)
