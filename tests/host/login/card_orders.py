"""Requested cards on their way to their owners, and the online card that replaces a lost one."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.host.login.scenario import ANNA, DAY, Scenario, looked_up

from dsc_host import CardClient
from dsc_host.login import Identity, Kind, Loss, Request
from dsc_simulator import SimulatedCard

PIN = "8246"


def ordered(scenario: Scenario, token: str, pin: str = PIN) -> Request:
    """Request a card for the user of this session."""
    return scenario.system.confirm_request(token, scenario.system.draft_request(token, pin).id)


def place(card: SimulatedCard) -> Callable[[Request], AbstractContextManager[CardClient]]:
    """Return the function that opens this card for each request of the issuer."""
    return lambda _request: CardClient.open(card.url)


def made(scenario: Scenario, token: str, card: SimulatedCard) -> Request:
    """Request a card for the user of this session, and personalize this card for it."""
    ordered(scenario, token)
    return scenario.system.staff.personalize_all(scenario.session("ivo"), place(card), lambda *_: None)[0]


def shipped(scenario: Scenario, token: str, card: SimulatedCard) -> Request:
    """Request a card for the user of this session, personalize this card for it, and ship it."""
    request = made(scenario, token, card)
    return scenario.system.staff.ship(scenario.session("ivo"), request.id)


def days(scenario: Scenario, count: int) -> list[str]:
    """Let days pass, and run the maintenance on each day; with 0 days, run it once. Return the notices to carl."""
    before = len(scenario.told("carl"))
    for _ in range(max(count, 1)):
        scenario.clock.advance(DAY if count else 0)
        scenario.system.operator.run_due()
    return scenario.told("carl")[before:]


def pressed(card: SimulatedCard, question: str, pin: str = PIN) -> str:
    """Return the response to `question`, entered with the card's keys."""
    card.press("PRESS")
    card.enter(pin)
    response = card.enter(question)
    card.press("OK")
    return response


def by_carls_card(scenario: Scenario, card: SimulatedCard) -> str:
    """Log carl in with this card. Return the session's token."""
    step = scenario.chosen("carl", Kind.DSC_PLUS)
    assert step.offer is not None
    return scenario.answered(step.token, pressed(card, step.offer.shows["challenge"]))


def card_serial(card: SimulatedCard) -> str:
    """Return the serial that the card itself reports."""
    with CardClient.open(card.url) as client:
        return client.info().serial


def online_card(scenario: Scenario, loss: Loss = Loss.LOST) -> tuple[str, tuple[str, ...]]:
    """Replace anna's lost card by an online card, through support. Return her session's token and the codes."""
    scenario.lose("anna", "IB3000901", loss)
    return with_online_card(scenario, "anna")


def with_online_card(scenario: Scenario, name: str, who: Identity = ANNA) -> tuple[str, tuple[str, ...]]:
    """Give a user a temporary code, and then an online card in use. Return the session's token and the codes of the card."""
    _, token = scenario.bridged(name, who)
    card = scenario.system.request_online_card(token)
    codes = scenario.system.sheet(token, card.id)
    assert len(set(codes)) > 200
    offer = scenario.system.ask_to_activate(token, card.id)
    assert scenario.system.activate(token, looked_up(codes, offer))
    return token, codes


def by_codes(scenario: Scenario, codes: tuple[str, ...]) -> str:
    """Log anna in with her online card. Return the session's token."""
    step = scenario.chosen("anna", Kind.ONLINE_CARD)
    return scenario.answered(step.token, looked_up(codes, step.offer))
