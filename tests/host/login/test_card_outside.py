"""Cards whose state the operator has changed in the verifier: their owners can replace them, and nothing undoes the change."""

from collections.abc import Callable

import pytest
from tests.host.login.card_orders import PIN, days, shipped, with_online_card
from tests.host.login.scenario import CARL, PASSWORD, Scenario

from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, Loss, OrderState, Scope, rows
from dsc_host.verifier import State, Verifier
from dsc_simulator import SimulatedCard

ANNAS = "IB3000901"


def retired(verifier: Verifier, serial: str = ANNAS) -> None:
    verifier.retire(serial, "worn out")


def lost(verifier: Verifier, serial: str = ANNAS) -> None:
    verifier.lost(serial, "found by the police")


def suspended(verifier: Verifier, serial: str = ANNAS) -> None:
    verifier.suspend(serial, "asked for")


def removed(verifier: Verifier, serial: str = ANNAS) -> None:
    verifier.remove(serial)


ENDS = pytest.mark.parametrize("end", [retired, lost, suspended, removed])
End = Callable[[Verifier], None]


@pytest.mark.parametrize("end", [retired, lost, suspended])
def test_a_card_that_is_out_of_use_at_the_verifier_is_assigned_to_nobody(scenario: Scenario, end: End) -> None:
    end(scenario.verifier)
    scenario.system.change(lambda tx: rows.devices.remove(tx.db, rows.devices.c.serial == ANNAS))
    with pytest.raises(InputError, match=f"^serial: {ANNAS} is {end.__name__}, so nobody could log in"):
        scenario.system.operator.enroll_card("carl", ANNAS)


@ENDS
@pytest.mark.parametrize("loss", [Loss.LOST, Loss.DAMAGED, Loss.MISPLACED])
def test_a_card_that_is_gone_at_the_verifier_is_reported_and_replaced(scenario: Scenario, end: End, loss: Loss) -> None:
    end(scenario.verifier)
    scenario.lose("anna", ANNAS, loss)
    assert scenario.system.begin("anna", PASSWORD).choices == ()
    token, _ = with_online_card(scenario, "anna")
    draft = scenario.system.draft_request(token, PIN)
    assert scenario.system.confirm_request(token, draft.id).state is OrderState.REQUESTED


@ENDS
def test_an_account_whose_card_is_gone_at_the_verifier_is_closed(scenario: Scenario, end: End) -> None:
    token = scenario.session("anna")
    end(scenario.verifier)
    scenario.system.close_account(token)
    assert scenario.system.begin("anna", PASSWORD).scope is Scope.STATEMENTS


@ENDS
def test_a_card_that_is_gone_at_the_verifier_is_taken_back(scenario: Scenario, end: End) -> None:
    _, token = scenario.bridged("anna")
    end(scenario.verifier)
    scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "1Z 999")
    assert scenario.system.staff.receive(scenario.session("ivo"), ANNAS).state == "received"
    if end is not removed:
        assert scenario.verifier.card(ANNAS).state is State.RETIRED


def test_a_card_without_a_deposit_comes_back_and_nothing_is_said_of_a_deposit(scenario: Scenario) -> None:
    scenario.system.staff.receive(scenario.session("ivo"), ANNAS)
    scenario.system.deliver()
    (text,) = [letter.text for letter in scenario.letters if letter.template.startswith("received")]
    assert text == f"anna: we have received your card {ANNAS}."


@ENDS
def test_a_card_that_is_gone_at_the_verifier_does_not_activate_itself(
    scenario: Scenario, card: SimulatedCard, end: Callable[[Verifier, str], object]
) -> None:
    """Its activation would end the online card, the only device that its owner has."""
    request = shipped(scenario, with_online_card(scenario, "carl", CARL)[0], card)
    end(scenario.verifier, request.serial)
    assert days(scenario, 21) == []
    assert Kind.ONLINE_CARD in {each.kind for each in scenario.system.begin("carl", PASSWORD).choices}


def found(scenario: Scenario) -> tuple[str, bool]:
    """Let anna misplace and find her card. Return her session's token, and whether a correct response reactivates it."""
    _, token = scenario.bridged("anna")
    offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.DSC_PLUS))
    return token, scenario.system.activate(token, scenario.respond(ANNAS, offer.shows["challenge"]))


def test_a_suspension_from_before_is_not_lifted_by_misplacing_and_finding_it(scenario: Scenario) -> None:
    suspended(scenario.verifier)
    scenario.lose("anna", ANNAS, Loss.MISPLACED)
    assert not found(scenario)[1]
    card = scenario.verifier.card(ANNAS)
    assert (card.state, card.state_reason) == (State.SUSPENDED, "asked for")


@pytest.mark.parametrize("meanwhile", [lost, retired])
def test_what_the_verifier_has_decided_meanwhile_is_not_undone_by_finding_it(scenario: Scenario, meanwhile: End) -> None:
    scenario.lose("anna", ANNAS, Loss.MISPLACED)
    meanwhile(scenario.verifier)
    state = scenario.verifier.card(ANNAS).state
    assert not found(scenario)[1]
    assert scenario.verifier.card(ANNAS).state is state
    _, token = scenario.bridged("anna")
    (card,) = [each for each in scenario.system.devices(token) if each.kind is Kind.DSC_PLUS]
    assert card.state is DeviceState.MISPLACED
