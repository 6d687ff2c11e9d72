"""The pages of the issuer: the requested cards, the cards on their way to users, and the returned cards."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import NotAllowed, OrderState, Request, Return, Settlement
from dsc_host.login.accounts import money
from dsc_host.portal import amounts
from dsc_host.portal.components import INFO, SUCCESS, Badge, Empty, Item, Listing, Meter, Meters, PageForms, Split
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.funding import example
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, View, button
from dsc_host.portal.wording import ORDERS, STATES

_UNANNOUNCED = "-"
"""The tracking number of a card that came back unannounced."""
_BATCH = 10
"""The maximum number of cards that one press of a button makes, so that the page soon shows the progress."""
_DAY = 24 * 60 * 60
_MAKING = threading.Lock()
"""The lock that is held while cards are made: a blank card must not replace one that is being made for the same user."""


def issuer(visit: Visit) -> Response:
    """Show the cards to make and ship, and the forms for returned cards."""
    return visit.show(_page(visit))


def _page(visit: Visit) -> View:
    _, waiting = visit._, visit.system.staff.queue(visit.token)
    made = _made(waiting)
    meter = Meter(_("Made"), _("{made} of {all}", made=len(made), all=len(waiting)), len(made), max(1, len(waiting)))
    progress = (Meters(_("Progress"), (meter,)),) if len(waiting) > 1 else ()
    returns = visit.system.staff.returns(visit.token)
    work = (*progress, *_requests(visit, waiting), _coming_back(_, returns))
    charged = _("Keep a deposit, or charge for a device")
    arrivals = (PageForms(0, 1), PageForms(1, folded=charged))
    split = Split((*work, *_on_the_way(visit), *_came_back(_, returns)), last=arrivals)
    return View(_("Issuing"), blocks=(split,), forms=_returns(_), placed=True)


def _requests(visit: Visit, waiting: Sequence[Request]) -> tuple[Listing, ...]:
    """Return the lists of the cards to make and of the cards to send. An empty list says when a request appears."""
    _, only, made = visit._, len(waiting) == 1, _made(waiting)
    asked = [each for each in waiting if each not in made]
    words = _("No card is requested. A request appears here when its owner has confirmed it.")
    to_make = Listing(
        _("To make: {count}", count=len(asked)) if asked else _("Requests"),
        [_item(visit, each, only=only) for each in asked],
        Empty(words, "card"),
        words=_how(visit) if asked else (),
        dense=True,
        forms=_make_button(visit, len(asked)),
    )
    to_send = Listing(
        _("Made, to be sent: {count}", count=len(made)),
        [_item(visit, each, only=only) for each in made],
        dense=True,
        forms=_send_button(_, made, primary=not asked),
    )
    return (*((to_make,) if asked or not made else ()), *((to_send,) if made else ()))


def _on_the_way(visit: Visit) -> tuple[Listing, ...]:
    """Return the folded list of the cards that were sent and are not activated yet. Return nothing if there are none."""
    _, sent = visit._, visit.system.staff.on_the_way(visit.token)
    items = [
        Item(
            each.account_name,
            "parcel",
            details=(
                _joined(each.user, each.serial),
                each.address,
                _joined(
                    _("Sent: {moment}", moment=_.date(each.shipped_at or 0)),
                    _("Activates itself: {moment}", moment=_.date(each.activates_at or 0)),
                ),
            ),
        )
        for each in sent
    ]
    return (Listing(_("On the way: {count}", count=len(sent)), items, dense=True, folded=True),) if sent else ()


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _coming_back(_: Language, returns: Sequence[Return]) -> Listing:
    """Return the list of the cards whose return was announced. If there are none, the list says when a card appears."""
    items = [_return(_, each) for each in returns if each.received_at is None]
    title = _("Coming back: {count}", count=len(items)) if items else _("Coming back")
    words = _("No card is on its way back. A card appears here when its owner has announced it.")
    return Listing(title, items, Empty(words, "parcel"), dense=True)


def _came_back(_: Language, returns: Sequence[Return]) -> tuple[Listing, ...]:
    """Return the folded list of the cards that arrived last. Return nothing if there are none."""
    items = [_return(_, each) for each in returns if each.received_at is not None]
    return (Listing(_("Came back: {count}", count=len(items)), items, dense=True, folded=True),) if items else ()


def _return(_: Language, sent: Return) -> Item:
    """Return the item of a card that comes back, with a button for its arrival, or of a card that has arrived already."""
    tracking = "" if sent.tracking == _UNANNOUNCED else sent.tracking
    if sent.received_at is not None:
        when = _("Arrived: {moment}", moment=_.moment(sent.received_at))
    else:
        when = _("Expected by {day}", day=_.short_day(sent.expected[1]))
    actions = () if sent.received_at is not None else (button("/issuer/receive", _("It has arrived"), serial=sent.serial),)
    return Item(sent.serial, "parcel", details=(_joined(sent.user, tracking), when), actions=actions)


def _made(waiting: Sequence[Request]) -> list[Request]:
    return [each for each in waiting if each.state is OrderState.PERSONALIZED]


def _how(visit: Visit) -> tuple[str, ...]:
    """Return a sentence that explains how to make the cards. Return nothing if this page can make the cards."""
    if visit.site.extension is not None:
        return ()
    return (visit._("Make the cards with “dscplus issuer” on the machine that they are plugged into. Then reload this page."),)


def _item(visit: Visit, asked: Request, *, only: bool) -> Item:
    _, is_made = visit._, asked.state is OrderState.PERSONALIZED
    days = int((visit.system.context.now() - asked.at) // _DAY)
    waited = _("Days of waiting: {days}", days=days) if days else ""
    details = (
        _joined(asked.user, asked.serial),
        asked.address,
        _joined(_("Requested: {moment}", moment=_.date(asked.at)), waited),
        _("Expected by {day}", day=_.short_day(asked.estimate)),
    )
    badge = Badge(_(ORDERS[asked.state]), SUCCESS if is_made else INFO)
    sent = replace(button("/issuer/ship", _("Mark as sent"), request=asked.id), primary=only)
    forms = (sent,) if is_made else ()
    return Item(
        asked.account_name, "parcel" if is_made else "card", badge, details, forms, about=f"{asked.user} {asked.serial}".strip()
    )


def _make_button(visit: Visit, left: int) -> tuple[Form, ...]:
    """Return the button that makes cards. Return nothing if no card waits to be made, or if this page cannot make cards."""
    if not left or visit.site.extension is None:
        return ()
    _ = visit._
    label = _("Make all cards") if left <= _BATCH else _("Make the next {cards} cards", cards=_BATCH)
    return (replace(button("/issuer/make", label), primary=True),)


def _send_button(_: Language, made: Sequence[Request], *, primary: bool) -> tuple[Form, ...]:
    """Return the button that marks all made cards as sent. Return nothing for a single card, which has a button of its own."""
    if len(made) <= 1:
        return ()
    label = _("Mark all {cards} as sent", cards=len(made))
    return (replace(button("/issuer/ship-all", label, requests=",".join(_ids(made))), primary=primary),)


def _ids(asked: Sequence[Request]) -> list[str]:
    return [each.id for each in asked]


def _returns(_: Language) -> tuple[Form, ...]:
    usual = _("{example}. Leave empty for the usual amount.", example=example(_))
    lost = _("The device was lost, or did not come back. The next page shows the amount.")
    arrived = _("A card that is not in the list “Coming back”. It can no longer log in, and its deposit is released.")
    fields = (
        Field("serial", _("Serial or number of the device"), hint=lost, longest=32),
        Field("owner", _("User name of the owner"), hint=_("Only for a device without a serial."), optional=True),
        Field("amount", _("Amount in US dollars"), hint=usual, longest=20, optional=True),
    )
    serial = Field("serial", _("Serial"), hint=arrived, longest=32)
    return (
        Form(
            "/issuer/receive",
            _("Record the arrival"),
            (serial,),
            legend=_("Record a card that arrived unannounced"),
            secondary=True,
        ),
        Form("/issuer/settle", _("Continue"), fields),
    )


def make(visit: Visit) -> Response:
    """Make a batch of requested cards from the extension's blank cards. Raises `NotAllowed` if the portal has no extension."""
    extension = visit.site.extension
    if extension is None:
        raise NotAllowed("make cards with dscplus issuer on the machine that they are plugged into")
    staff = visit.system.staff
    with _MAKING:
        made = staff.personalize_all(visit.token, lambda request: extension.blank_card(request.user), lambda *_: None, _BATCH)
    if not made:
        return visit.redirect("/issuer", notice="none_left")
    left = any(each.state is OrderState.REQUESTED for each in staff.queue(visit.token))
    return visit.redirect("/issuer", notice="batch" if left else "made")


def ship(visit: Visit) -> Response:
    """Record that a card was sent."""
    visit.system.staff.ship(visit.token, visit.value("request", 32))
    return visit.redirect("/issuer", notice="sent")


def ship_all(visit: Visit) -> Response:
    """Record that all cards of the list were sent, after a question. Leave out cards that were made after the question."""
    _, listed = visit._, visit.form.get("requests", "").split(",")
    cards = [each for each in _made(visit.system.staff.queue(visit.token)) if each.id in listed]
    if not cards:
        return visit.redirect("/issuer", notice="none_left")
    if not confirmations.is_confirmed(visit):
        words = (_("The owners are notified, and the time until the automatic activation begins."),)
        facts = [(each.account_name, f"{each.serial}\n{each.address}") for each in cards]
        form = button("/issuer/ship-all", _("All of these are sent"), sure="yes", requests=",".join(_ids(cards)))
        return visit.show(confirmations.question(visit, _("Are these cards sent?"), words, facts, form))
    for each in cards:
        visit.system.staff.ship(visit.token, each.id)
    return visit.redirect("/issuer", notice="all_sent")


def receive(visit: Visit) -> Response:
    """Record that a card came back."""
    serial = visit.value("serial", 32).strip()
    with visit.showing_errors(lambda: _page(visit), "serial"):
        visit.system.staff.receive(visit.token, serial)
    return visit.redirect("/issuer", notice="received")


def settle(visit: Visit) -> Response:
    """Keep the deposit of a card, or charge a fee for a device without a deposit, after a question."""
    _, serial, text = visit._, visit.value("serial", 32).strip(), visit.value("amount", 20).strip()
    owner = visit.value("owner", 64).strip()
    with visit.showing_errors(lambda: _page(visit), "serial"):
        cents = money.cents("amount", amounts.read(text, _)) if text else None
        if not confirmations.is_confirmed(visit):
            return _ask_to_settle(visit, visit.system.staff.settlement(visit.token, serial, cents, owner=owner or None))
        visit.system.staff.settle(visit.token, serial, cents, owner=owner or None)
    return visit.redirect("/issuer", notice="kept")


def _ask_to_settle(visit: Visit, planned: Settlement) -> Response:
    _, amount = visit._, visit._.dollars(planned.amount)
    words = (_("The money is taken from the account, and its owner is notified."), _("This cannot be undone."))
    facts = (
        (_("Serial or number of the device"), planned.device),
        (_("State of the device"), _(STATES[planned.state])),
        (_("User name of the owner"), planned.user),
        (_("Account"), planned.account_name),
        (_("Amount"), amount),
    )
    title, submit = _("Keep the deposit, or charge for the device?"), _("Keep {amount}", amount=amount)
    return confirmations.ask(visit, title, words, facts, submit, "serial", "owner", "amount")
