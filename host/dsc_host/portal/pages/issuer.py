"""The pages of the issuer: the queue of requested cards, and the returned cards."""

from starlette.responses import Response

from dsc_host.login import NotAllowed
from dsc_host.portal.languages import NONE
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Row, Table, View, button
from dsc_host.portal.wording import ORDERS


def issuer(visit: Visit) -> Response:
    """Show the cards to make and ship, and the forms for returned cards."""
    _, waiting = visit._, visit.system.staff.queue(visit.token)
    rows = [
        Row(
            (each.user, each.address, _(ORDERS[each.state]), each.serial or NONE),
            (button("/issuer/ship", _("Sent"), request=each.id),) if each.serial else (),
        )
        for each in waiting
    ]
    heads = (_("User name"), _("Delivery address"), _("State"), _("Serial"), _("Actions"))
    forms = [
        Form("/issuer/receive", _("Received"), (Field("serial", _("Serial"), longest=32),), legend=_("A card came back")),
        Form(
            "/issuer/settle",
            _("Keep"),
            (
                Field("serial", _("Serial or number of the device"), longest=32),
                Field("owner", _("User name of the owner"), hint=_("Only for a device without a serial."), optional=True),
                Field("cents", _("US cents"), "code", _("Leave empty for the usual amount."), longest=6, optional=True),
            ),
            legend=_("A device was lost or not returned: keep its deposit, or charge for it"),
        ),
    ]
    if visit.site.extension is not None and any(not each.serial for each in waiting):
        forms.insert(0, button("/issuer/make", _("Make all cards")))
    view = View(
        _("Cards to make and send"), tables=(Table(_("Requests"), heads, rows, _("Nothing is waiting.")),), forms=forms
    )  # fmt: skip
    return visit.show(view)


def make(visit: Visit) -> Response:
    """Make all requested cards from the blank cards of an extension. A portal for real people has no blank cards."""
    extension = visit.site.extension
    if extension is None:
        raise NotAllowed("make cards with dscplus issuer on the machine that they are plugged into")
    visit.system.staff.personalize_all(visit.token, lambda request: extension.blank_card(request.user), lambda *_: None)
    return visit.go("/issuer", notice="made")


def ship(visit: Visit) -> Response:
    """Record that a card was sent."""
    visit.system.staff.ship(visit.token, visit.value("request", 32))
    return visit.go("/issuer", notice="sent")


def receive(visit: Visit) -> Response:
    """Record that a card came back."""
    visit.system.staff.receive(visit.token, visit.value("serial", 32).strip())
    return visit.go("/issuer", notice="received")


def settle(visit: Visit) -> Response:
    """Keep the deposit of a card, whole or in part."""
    text = visit.value("cents", 6).strip()
    cents = int(text) if text.isascii() and text.isdigit() else None if not text else -1
    owner = visit.value("owner", 64).strip() or None
    visit.system.staff.settle(visit.token, visit.value("serial", 32).strip(), cents, owner=owner)
    return visit.go("/issuer", notice="kept")
