"""The pages of the issuer: the queue of requested cards, the cards on their way, and the returned cards."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import NotAllowed, OrderState, Request, Return, Settlement
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


def issuer(visit: Visit) -> Response:
    """Show the cards to make and ship, and the forms for returned cards."""
    return visit.show(_page(visit))


def _page(visit: Visit) -> View:
    _, waiting = visit._, visit.system.staff.queue(visit.token)
    made = _made(waiting)
    meter = Meter(_("Made"), _("{made} of {all}", made=len(made), all=len(waiting)), len(made), max(1, len(waiting)))
    progress = (Meters(_("Progress"), (meter,), _how(visit)),) if waiting else ()
    only, batches = len(waiting) == 1, _batches(visit, waiting)
    nothing = Empty(_("No card is requested. A request appears here when its owner has confirmed it."), "parcel")
    title = _("Requests: {count}", count=len(waiting)) if waiting else _("Requests")
    rows = Listing(title, [_item(visit, each, only=only) for each in waiting], nothing)
    split = Split(
        (*progress, PageForms(0, len(batches)), rows, *_on_the_way(visit), *_coming_back(visit)),
        last=(PageForms(len(batches)),),
    )
    return View(_("Issuing"), blocks=(split,), forms=(*batches, *_returns(_)), placed=True)


def _on_the_way(visit: Visit) -> tuple[Listing, ...]:
    """Return the list of the cards that were sent and are not activated yet; nothing if there are none."""
    _, sent = visit._, visit.system.staff.on_the_way(visit.token)
    items = [
        Item(
            each.account_name,
            "parcel",
            Badge(_(ORDERS[each.state]), INFO),
            (
                _("Serial: {serial}", serial=each.serial),
                _("Address: {address}", address=each.address),
                _("Sent: {moment}", moment=_.moment(each.shipped_at)),
                _("Activates itself: {moment}", moment=_.moment(each.activates_at)),
            ),
        )
        for each in sent
    ]
    return (Listing(_("On the way: {count}", count=len(sent)), items),) if sent else ()


def _coming_back(visit: Visit) -> tuple[Listing, ...]:
    """Return the list of the cards on their way back and of the cards received last; nothing if there are none."""
    _, sent = visit._, visit.system.staff.returns(visit.token)
    announced = sum(each.received_at is None for each in sent)
    title = _("Coming back: {count}", count=announced) if announced else _("Came back")
    return (Listing(title, [_return(_, each) for each in sent]),) if sent else ()


def _return(_: Language, sent: Return) -> Item:
    """Return the item of a returned card. Only a card that is still on its way has a button."""
    first, last = (_.short_day(day) for day in sent.expected)
    is_here = sent.received_at is not None
    when = (
        _("Received: {moment}", moment=_.moment(sent.received_at))
        if is_here
        else _("Sent: {moment}", moment=_.moment(sent.sent_at))
    )
    details = (
        _("User name: {name}", name=sent.user),
        *((_("Tracking number {number}", number=sent.tracking),) if sent.tracking != _UNANNOUNCED else ()),
        when,
        *(() if is_here else (_("Expected from {first} to {last}", first=first, last=last),)),
    )
    badge = Badge(_("received"), SUCCESS) if is_here else Badge(_("on its way back"), INFO)
    actions = () if is_here else (button("/issuer/receive", _("Received"), serial=sent.serial),)
    return Item(sent.serial, "parcel", badge, details, actions)


def _made(waiting: Sequence[Request]) -> list[Request]:
    return [each for each in waiting if each.state is OrderState.PERSONALIZED]


def _how(visit: Visit) -> tuple[str, ...]:
    """Return a sentence that explains how to make the cards; nothing if this page can make the cards."""
    if visit.site.extension is not None:
        return ()
    return (visit._("Make the cards with “dscplus issuer” on the machine that they are plugged into. Then reload this page."),)


def _item(visit: Visit, asked: Request, *, only: bool) -> Item:
    _, is_made = visit._, asked.state is OrderState.PERSONALIZED
    days = int((visit.system.context.now() - asked.at) // _DAY)
    details = (
        _("User name: {name}", name=asked.user),
        *((_("Serial: {serial}", serial=asked.serial),) if asked.serial else ()),
        _("Address: {address}", address=asked.address),
        _("Requested on {day}, expected by {estimate}", day=_.date(asked.at), estimate=_.short_day(asked.estimate)),
        *((_("Days of waiting: {days}", days=days),) if days else ()),
    )
    badge = Badge(_(ORDERS[asked.state]), SUCCESS if is_made else INFO)
    sent = replace(button("/issuer/ship", _("Mark as sent"), request=asked.id), primary=only)
    forms = (sent,) if is_made else ()
    return Item(
        asked.account_name, "parcel" if is_made else "card", badge, details, forms, about=f"{asked.user} {asked.serial}".strip()
    )


def _batches(visit: Visit, waiting: Sequence[Request]) -> tuple[Form, ...]:
    """Return the buttons that work on several cards."""
    _, made = visit._, _made(waiting)
    left = len(waiting) - len(made)
    label = _("Make all cards") if left <= _BATCH else _("Make the next {cards} cards", cards=_BATCH)
    return (
        *((button("/issuer/make", label),) if left and visit.site.extension is not None else ()),
        *((button("/issuer/ship-all", _("All made cards are sent"), requests=",".join(_ids(made))),) if made[1:] else ()),
    )


def _ids(asked: Sequence[Request]) -> list[str]:
    return [each.id for each in asked]


def _returns(_: Language) -> tuple[Form, ...]:
    usual = _("{example}. Leave empty for the usual amount.", example=example(_))
    fields = (
        Field("serial", _("Serial or number of the device"), longest=32),
        Field("owner", _("User name of the owner"), hint=_("Only for a device without a serial."), optional=True),
        Field("amount", _("Amount in US dollars"), hint=usual, longest=20, optional=True),
    )
    legend = _("A device was lost or not returned: keep its deposit, or charge for it")
    serial = Field("serial", _("Serial"), longest=32)
    received = Form("/issuer/receive", _("Received"), (serial,), legend=_("A card came back"), secondary=True)
    return (
        received,
        Form("/issuer/settle", _("Keep"), fields, legend=legend),
    )


def make(visit: Visit) -> Response:
    """Make a batch of requested cards from blank cards of an extension. A portal for real people has no blank cards."""
    extension = visit.site.extension
    if extension is None:
        raise NotAllowed("make cards with dscplus issuer on the machine that they are plugged into")
    staff = visit.system.staff
    staff.personalize_all(visit.token, lambda request: extension.blank_card(request.user), lambda *_: None, _BATCH)
    left = any(each.state is OrderState.REQUESTED for each in staff.queue(visit.token))
    return visit.redirect("/issuer", notice="batch" if left else "made")


def ship(visit: Visit) -> Response:
    """Record that a card was sent."""
    visit.system.staff.ship(visit.token, visit.value("request", 32))
    return visit.redirect("/issuer", notice="sent")


def ship_all(visit: Visit) -> Response:
    """Record that all cards of the list were sent, after a question. Cards that were made after the question are left out."""
    _, listed = visit._, visit.form.get("requests", "").split(",")
    cards = [each for each in _made(visit.system.staff.queue(visit.token)) if each.id in listed]
    if not cards:
        return visit.redirect("/issuer")
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
    """Keep the deposit of a card, whole or in part, after a question."""
    _, serial, text = visit._, visit.value("serial", 32).strip(), visit.value("amount", 20).strip()
    owner = visit.value("owner", 64).strip()
    with visit.showing_errors(lambda: _page(visit), "serial"):
        cents = int(amounts.read(text, _) * 100) if text else None
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
