"""Cards of kinds that are no longer issued: the operator records them, and they have limits and fees of their own."""

from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN, pressed, shipped
from tests.host.login.town import CARL, PASSWORD, Town

from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, LessSecureDevice, Loss, NotFound, NotNow, Scope, Status
from dsc_host.verifier import State
from dsc_simulator import SimulatedCard

OLD = (Kind.PLATINUM, Kind.GOLD, Kind.DIGITAL_CARD)


@pytest.mark.parametrize("kind", OLD)
def test_a_holder_logs_in_by_a_challenge_and_its_response(town: Town, kind: Kind) -> None:
    town.give_card("ben", "OLD-1", kind)
    step = town.chosen("ben", kind)
    assert step.offer is not None
    assert step.offer.digits
    assert town.system.answer(step.token, "00000000").status is Status.REFUSED
    response = town.respond("OLD-1", step.offer.shows["challenge"])
    token = town.answered(step.token, response)
    assert town.system.visitor(token).scope is Scope.FULL
    (card,) = [each for each in town.system.devices(token) if each.kind is kind]
    assert (card.issued, card.lasting, card.changes_pin, card.returnable) == (False, True, True, False)
    # A response is good once.
    again = town.chosen("ben", kind)
    assert town.system.answer(again.token, response).status is Status.REFUSED


@pytest.mark.parametrize(
    ("kind", "amount", "may"),
    [
        (Kind.PLATINUM, "999000000", True),
        (Kind.GOLD, "999000000", True),
        (Kind.DIGITAL_CARD, "1000000", True),
        (Kind.DIGITAL_CARD, "1000000.01", False),
    ],
)
def test_a_holder_withdraws_what_the_kind_allows(town: Town, kind: Kind, amount: str, may: bool) -> None:
    town.give_card("ben", "OLD-1", kind)
    assert bool(town.system.withdraw(town.enter("ben", kind=kind), Decimal(amount))) is may


def test_the_operator_gives_a_card_once_and_only_a_card(town: Town) -> None:
    give = town.system.operator.enroll_card
    town.give_card("ben", "OLD-1", Kind.GOLD)
    for name, kind in (("ben", Kind.GOLD), ("ben", Kind.PLATINUM), ("carl", Kind.DSC_PLUS)):
        with pytest.raises(InputError, match="already belongs"):
            give(name, "OLD-1", kind)
    town.verifier.enroll("OLD-2", key=bytes(range(32)), pin=PIN)
    for kind in ("code_card", "temporary_code", "phone_app", "silver", "", "none", None, 3):
        with pytest.raises(InputError, match="must be one of dsc_plus, platinum, gold, digital_card"):
            give("ben", "OLD-2", kind)  # type: ignore[arg-type]
    assert Kind.DSC_PLUS not in {each.kind for each in town.system.begin("ben", PASSWORD).choices}


def test_nobody_requests_a_card_of_old(town: Town, card: SimulatedCard) -> None:
    """A holder may request the card that is issued, beside the old one or in its place."""
    for kind in OLD:
        town.give_card("carl", f"OLD-{kind}", kind)
    request = shipped(town, town.session("carl"), card)
    (made,) = [each for each in town.system.devices(town.session("carl")) if each.label == request.serial]
    assert made.kind is Kind.DSC_PLUS


@pytest.mark.parametrize("kind", OLD)
def test_a_card_of_old_that_is_lost_costs_its_fee(town: Town, kind: Kind) -> None:
    town.give_card("ben", "OLD-1", kind)
    issuer = town.session("ivo")
    with pytest.raises(NotNow, match="not lost, stolen, damaged"):
        town.system.staff.settle(issuer, "OLD-1")
    town.lose("ben", "OLD-1", Loss.STOLEN)
    assert town.verifier.card("OLD-1").state is State.LOST
    for cents in (1_999, 15_001, -1):
        with pytest.raises(InputError, match="20 to 150 USD"):
            town.system.staff.settle(issuer, "OLD-1", cents)
    assert town.system.staff.settle(issuer, "OLD-1", 15_000) == 15_000
    with pytest.raises(NotNow, match="no longer a deposit"):
        town.system.staff.settle(issuer, "OLD-1")


def test_a_card_of_old_is_not_taken_back_and_pays_nothing_at_closing(town: Town) -> None:
    device = town.give_card("anna", "OLD-1", Kind.GOLD)
    with pytest.raises(NotNow, match="only cards of the series"):
        town.system.announce_return(town.session("anna"), device, "1Z 999")
    with pytest.raises(NotNow, match="only cards of the series"):
        town.system.staff.receive(town.session("ivo"), "OLD-1")
    town.system.close_account(town.session("anna"))
    with pytest.raises(NotNow, match="not lost, stolen, damaged"):
        town.system.staff.settle(town.session("ivo"), "OLD-1")


def test_a_card_of_old_that_is_found_again_is_reactivated(town: Town) -> None:
    device = town.give_card("ben", "OLD-1", Kind.PLATINUM)
    town.lose("ben", "OLD-1", Loss.MISPLACED)
    with pytest.raises(NotFound):
        town.system.choose(town.system.begin("ben", PASSWORD).token, device)
    token = town.session("ben")
    offer = town.system.ask_to_activate(token, device)
    assert town.system.activate(token, town.respond("OLD-1", offer.shows["challenge"]))
    assert town.enter("ben", kind=Kind.PLATINUM)


def test_a_new_card_replaces_a_lost_one_of_old(town: Town, card: SimulatedCard) -> None:
    """The equity does not matter for a replacement, and a misplaced card of old is out of use once the new one is activated."""
    town.give_card("carl", "OLD-1", Kind.DIGITAL_CARD)
    town.system.operator.set_equity(town.accounts["carl"], Decimal(20))
    token = town.session("carl")
    with pytest.raises(NotNow, match="equity of more than"):
        town.system.draft_request(token, PIN)
    town.lose("carl", "OLD-1", Loss.MISPLACED, CARL)
    token = town.session("carl")
    shipped(town, token, card)
    offer = town.system.ask_to_activate(token, town.device(token, Kind.DSC_PLUS))
    assert town.system.activate(token, pressed(card, offer.shows["challenge"]))
    (old,) = [each for each in town.system.devices(token) if each.kind is Kind.DIGITAL_CARD]
    assert old.state is DeviceState.LOST
    assert town.verifier.card("OLD-1").state is State.LOST


def test_a_card_of_old_is_not_shared_and_counts_among_the_devices(town: Town) -> None:
    town.give_card("ben", "OLD-1", Kind.PLATINUM)
    with pytest.raises(NotNow, match="this kind of device cannot be shared"):
        town.system.begin_share(town.session("anna"), "ben", PASSWORD)
    card = town.with_codes("anna")
    assert card
    town.lose("anna", "IB3000901", Loss.DAMAGED)
    with pytest.raises(LessSecureDevice):
        town.system.begin_share(town.enter("ben", kind=Kind.PLATINUM), "anna", PASSWORD)


def test_nobody_gets_a_card_for_a_closed_account(town: Town) -> None:
    desk = town.call("anna")
    town.system.close_account(town.session("anna"))
    with pytest.raises(InputError, match="the account of anna is closed"):
        town.give_card("anna", "OLD-1", Kind.GOLD)
    with pytest.raises(NotNow, match="the account is closed"):
        town.system.staff.issue_code_card(desk)
