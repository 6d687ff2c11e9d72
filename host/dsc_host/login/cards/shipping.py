"""The issuer's part of a request: the queue of requested cards, their personalization over the serial line, and their shipping.

Personalizing a card and recording it are two steps. If the program ends between these steps, the next attempt recognizes the
card and only records it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection, select, union

from dsc_host import personalization
from dsc_host.errors import InputError
from dsc_host.link import CardClient, Profile
from dsc_host.login import rows
from dsc_host.login.cards import requests
from dsc_host.login.cards.activation import activates_at, set_online_card_end
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState, OrderState
from dsc_host.login.policy.serials import beginning, serials
from dsc_host.login.rows import Order
from dsc_host.login.transaction import LoginContext, LoginTransaction, found, locked_user
from dsc_host.login.views import Request
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.records import vault
from dsc_host.schema import card_tables
from dsc_host.verifier import Verifier

OpenCard = Callable[[Request], AbstractContextManager[CardClient]]
"""A function that opens the serial line to the blank card for a request. It may ask a person to connect the next card."""
Progress = Callable[[int, int, Request], None]
"""A function that gets the progress: the number of finished cards, the number of all cards, and the last finished request."""

_MOST_ON_THE_WAY = 20


def queue(tx: LoginTransaction) -> list[Request]:
    """Return the requests whose cards must be made or shipped, the oldest first."""
    waiting = rows.orders.c.state.in_([str(OrderState.REQUESTED), str(OrderState.PERSONALIZED)])
    return [requests.view(tx, order) for order in rows.orders.all(tx.db, waiting, order=rows.orders.c.at)]


def on_the_way(tx: LoginTransaction) -> list[Request]:
    """Return the requests whose cards are shipped and not activated yet: at most 20, the last shipped first."""
    sent = rows.orders.c.state == str(OrderState.SHIPPED)
    newest = rows.orders.c.shipped_at.desc()
    return [requests.view(tx, order) for order in rows.orders.all(tx.db, sent, order=newest, most=_MOST_ON_THE_WAY)]


def personalize(
    context: LoginContext, verifier: Verifier, order_id: str, client: CardClient, serial: str | None = None
) -> Request:
    """Make the card of a request and record the card. If an earlier attempt has made this card, only record it.

    Raises `NotNow`, `InputError`, and the errors of `personalization.personalize`.
    """
    owner, pin, chosen = context.change(lambda tx: _begin(tx, order_id, serial))
    if not _made_before(verifier, client, owner):
        profile = Profile(serial=chosen, key=bytes(personalization.KEY_BYTES), suite=DEFAULT_SUITE, pin_policy="ocra")
        personalization.personalize(verifier, client, profile, pin, owners=(owner,))
    written = client.info().serial
    return context.change(lambda tx: _record(tx, order_id, written))


def personalize_all(
    context: LoginContext, verifier: Verifier, open_card: OpenCard, progress: Progress, most: int | None = None
) -> list[Request]:
    """Make the cards of all requests, or of the `most` oldest requests, one after another.

    An error does not affect the cards that are already finished.
    """
    waiting = context.read(lambda tx: [r for r in queue(tx) if r.state is OrderState.REQUESTED])[:most]
    made = []
    for number, request in enumerate(waiting, 1):
        with open_card(request) as client:
            made.append(personalize(context, verifier, request.id, client))
        progress(number, len(waiting), made[-1])
    return made


def ship(tx: LoginTransaction, order_id: str, by: str = "") -> Request:
    """Record that a card was shipped, and notify its owner. The days until its automatic activation count from now.

    `by` is the name of the staff member who shipped the card, or `BY_OPERATOR`. Raises `NotNow`, `NotFound`.
    """
    order = _lock_order(tx.db, order_id)
    if order.state != OrderState.PERSONALIZED:
        raise NotNow("the card is not ready to be sent, or was already sent")
    now = tx.now()
    rows.orders.change(tx.db, order.id, state=str(OrderState.SHIPPED), shipped_at=now)
    user = found(rows.users.find(tx.db, order.user_id))
    set_online_card_end(tx, user)
    device = found(rows.devices.find(tx.db, order.device_id))
    at = found(activates_at(tx, user, device, now))
    notices.notify(tx, user, "shipped", address=order.address, activates=tx.calendar.day(at))
    tx.log("card.ship", user, "done", order=order.id, by=by)
    return requests.view(tx, found(rows.orders.find(tx.db, order.id)))


def next_serial(tx: LoginTransaction) -> str:
    """Return the first serial of the policy's series that belongs neither to a device nor to an enrolled card.

    Raises `InputError`.
    """
    for series in tx.policy.request.series:
        columns = (rows.devices.c.serial, card_tables.cards.c.serial)
        begun = (select(column).where(column.startswith(beginning(series), autoescape=True)) for column in columns)
        taken = set(tx.db.execute(union(*begun)).scalars())
        for serial in serials(series):
            if serial not in taken:
                return serial
    raise InputError(
        "serial", "none is left in {series}; add a series to the policy", series=", ".join(tx.policy.request.series)
    )


def _lock_order(db: Connection, order_id: str) -> Order:
    """Lock the user of an order, then the order. Return the order."""
    order = found(rows.orders.find(db, order_id))
    locked_user(db, order.user_id)
    return found(rows.orders.locked(db, order_id))


def _begin(tx: LoginTransaction, order_id: str, serial: str | None) -> tuple[str, str, str]:
    """Return the name of the card's owner, the PIN, and the serial for the card."""
    order = _lock_order(tx.db, order_id)
    if order.state != OrderState.REQUESTED:
        raise NotNow("this card was already made, or its request was withdrawn")
    pin = found(vault.get(tx.cards, requests.secret(order.id))).decode("ascii")
    return found(rows.users.find(tx.db, order.user_id)).name, pin, serial or next_serial(tx)


def _made_before(verifier: Verifier, client: CardClient, owner: str) -> bool:
    """Return whether an earlier attempt made the connected card for this owner. Such a card has never given a response."""
    held = client.info().serial
    return bool(held) and any(card.serial == held and not card.counter for card in verifier.cards(owner=owner))


def _record(tx: LoginTransaction, order_id: str, serial: str) -> Request:
    order = _lock_order(tx.db, order_id)
    if order.state != OrderState.REQUESTED:
        words = (
            "the request was withdrawn, or another card was made for it, in the meantime; wipe the card {serial} and retire it"
        )
        raise NotNow(words, serial=serial)
    if rows.devices.count(tx.db, rows.devices.c.serial == serial):
        raise NotNow("the card {serial} already belongs to somebody; connect a blank card", serial=serial)
    user = found(rows.users.find(tx.db, order.user_id))
    device = registry.add(
        tx, user, kinds.DSC_CARD, notified=notices.notified_at_request(), serial=serial, state=DeviceState.SHIPPED
    )
    rows.orders.change(tx.db, order.id, state=str(OrderState.PERSONALIZED), device_id=device.id)
    vault.forget(tx.db, requests.secret(order.id))
    tx.log("card.personalize", user, "done", order=order.id, card=serial)
    return requests.view(tx, found(rows.orders.find(tx.db, order.id)))
