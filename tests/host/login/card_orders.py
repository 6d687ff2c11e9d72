"""Requested cards on their way to their owners, and the online card that replaces a lost one."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.host.login.town import ANNA, DAY, Town, looked_up

from dsc_host import CardClient
from dsc_host.login import Identity, Kind, Loss, Request
from dsc_simulator import SimulatedCard

PIN = "8246"


def ordered(town: Town, token: str, pin: str = PIN) -> Request:
    """Request a card for the user of this session."""
    return town.system.confirm_request(token, town.system.draft_request(token, pin).id)


def place(card: SimulatedCard) -> Callable[[Request], AbstractContextManager[CardClient]]:
    """Return the function that opens this card for each request of the issuer."""
    return lambda _request: CardClient.open(card.url)


def made(town: Town, token: str, card: SimulatedCard) -> Request:
    """Request a card for the user of this session, and personalize this card for it."""
    ordered(town, token)
    return town.system.staff.personalize_all(town.session("ivo"), place(card), lambda *_: None)[0]


def shipped(town: Town, token: str, card: SimulatedCard) -> Request:
    """Request a card for the user of this session, personalize this card for it, and ship it."""
    request = made(town, token, card)
    return town.system.staff.ship(town.session("ivo"), request.id)


def days(town: Town, count: int) -> list[str]:
    """Let days pass and return what carl is notified of. Run the maintenance on each day, and at once for 0 days."""
    before = len(town.told("carl"))
    for _ in range(max(count, 1)):
        town.clock.advance(DAY if count else 0)
        town.system.operator.run_due()
    return town.told("carl")[before:]


def pressed(card: SimulatedCard, question: str, pin: str = PIN) -> str:
    """Return the response to `question`, entered with the card's keys."""
    card.press("PRESS")
    card.enter(pin)
    response = card.enter(question)
    card.press("OK")
    return response


def by_carls_card(town: Town, card: SimulatedCard) -> str:
    """Log carl in with this card. Return the session's token."""
    step = town.chosen("carl", Kind.DSC_PLUS)
    assert step.offer is not None
    return town.answered(step.token, pressed(card, step.offer.shows["challenge"]))


def card_serial(card: SimulatedCard) -> str:
    """Return the serial that the card itself reports."""
    with CardClient.open(card.url) as client:
        return client.info().serial


def online_card(town: Town, loss: Loss = Loss.LOST) -> tuple[str, tuple[str, ...]]:
    """Replace anna's lost card by an online card, through support. Return her session's token and the codes."""
    town.lose("anna", "IB3000901", loss)
    return with_online_card(town, "anna")


def with_online_card(town: Town, name: str, who: Identity = ANNA) -> tuple[str, tuple[str, ...]]:
    """Give a user a temporary code, and then an online card in use. Return the session's token and the codes of the card."""
    _, token = town.bridged(name, who)
    card = town.system.request_online_card(token)
    codes = town.system.sheet(token, card.id)
    assert len(set(codes)) > 200
    offer = town.system.ask_to_activate(token, card.id)
    assert town.system.activate(token, looked_up(codes, offer))
    return token, codes


def by_codes(town: Town, codes: tuple[str, ...]) -> str:
    """Log anna in with her online card. Return the session's token."""
    step = town.chosen("anna", Kind.ONLINE_CARD)
    return town.answered(step.token, looked_up(codes, step.offer))
