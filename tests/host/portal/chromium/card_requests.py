"""The request of a card on a walk, from the form to the parcel."""

from contextlib import AbstractContextManager

from tests.host.portal.chromium.walk import Walk

from dsc_host.link import CardClient
from dsc_host.login import Request

NEW = "7391"


def requested(walk: Walk) -> Request:
    """Request a card without its pages. The walker is logged in."""
    system = walk.shown.system
    return system.confirm_request(walk.token, system.draft_request(walk.token, NEW).id)


def ordered(walk: Walk) -> str:
    """Request a card without its pages, have it made and sent, and return its serial."""
    request = requested(walk)

    def blank(_: Request) -> AbstractContextManager[CardClient]:
        return walk.shown.blank_card(request.user)

    walk.shown.system.operator.make_cards(blank, lambda *_: None)
    walk.shown.system.operator.ship(request.id)
    return walk.shown.cards[request.user].serial


def fill(walk: Walk, pin: str) -> None:
    """Enter the PIN of the new card twice."""
    walk.field("PIN").fill(pin)
    walk.field("Repeat the PIN").fill(pin)
