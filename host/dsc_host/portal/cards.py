"""The pages of a card's life: the request in four steps, and the way back."""

from decimal import Decimal

from starlette.responses import Response

from dsc_host.errors import DscError, InputError
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View, hidden


def request(visit: Visit) -> Response:
    return visit.show(_request(visit, visit.system.address(visit.token)))


def drafted(visit: Visit) -> Response:
    """The summary."""
    _, address = visit._, visit.value("address")
    try:
        if visit.value("pin", 4) != visit.value("again", 4):
            raise InputError("PIN", "must be the same both times")
        draft = visit.system.draft_request(visit.token, visit.value("pin", 4), address=address)
    except DscError as error:
        visit.visitor()
        return visit.again(_request(visit, address), error)
    named = (hidden("request", draft.id), hidden("address", draft.address))
    view = View(
        _("Is this right?"),
        facts=(
            (_("Device"), _("Digital Security Card+")),
            (_("Goes to"), draft.address),
            (_("Expected about"), _.day(draft.estimate)),
            (_("Held on account {account}", account=draft.account), _.dollars(draft.hold)),
            (_("PIN"), _("as you typed it; it is not shown")),
        ),
        forms=(Form("/request/confirm", _("Continue"), named, also=(("/request/back", _("Back")),)),),
    )
    return visit.show(view)


def back(visit: Visit) -> Response:
    """To the form again; what was drawn up goes with the next draft, or within a day."""
    visit.visitor()
    return visit.show(_request(visit, visit.value("address")))


def confirmed(visit: Visit) -> Response:
    _ = visit._
    sent = visit.system.confirm_request(visit.token, visit.value("request", 32))
    days = visit.system.policy.activation.automatic_days
    view = View(
        _("Your card is requested"),
        words=(
            _(
                "Activate it by a response when it comes. For safety it activates itself {days} days after it was sent.",
                days=days,
            ),
            _("You are told when that is near, and again the day before."),
        ),
        facts=(
            (_("Goes to"), sent.address),
            (_("Expected about"), _.day(sent.estimate)),
            (_("Held"), _.dollars(sent.hold)),
        ),
        links=(Link("/devices", _("OK")),),
    )
    return visit.show(view)


def cancelled(visit: Visit) -> Response:
    visit.system.cancel_request(visit.token, visit.value("request", 32))
    return visit.go("/devices", said="cancelled")


def _request(visit: Visit, address: str) -> View:
    _, rules = visit._, visit.system.policy.request
    hint = _("No year, no birthday, no digits in a row, not one digit four times. You need it to activate and to use the card.")
    fields = (
        Field("address", _("Where the card goes"), hint=_("Change it here if it is not right."), value=address),
        Field("pin", _("PIN of four digits"), "password", hint, autocomplete="new-password", longest=4),
        Field("again", _("PIN, again"), "password", autocomplete="new-password", longest=4),
    )
    held = _(
        "Card and delivery are free. {amount} are held until the card comes back, and kept if it does not.",
        amount=_cents(_, rules.hold_cents),
    )
    return View(_("Request a card"), words=(held,), forms=(Form("/request", _("Continue"), fields),))


def _cents(_: Language, cents: int) -> str:
    return _.dollars(Decimal(cents) / 100)


# ---- the way back ----


def send_back(visit: Visit) -> Response:
    visit.visitor()
    return visit.show(_return(visit._, visit.value("device", 32)))


def sent_back(visit: Visit) -> Response:
    device = visit.value("device", 32)
    try:
        visit.system.announce_return(visit.token, device, visit.value("tracking"))
    except DscError as error:
        visit.visitor()
        return visit.again(_return(visit._, device), error)
    return visit.go("/devices", said="returned")


def _return(_: Language, device: str) -> View:
    fields = (
        hidden("device", device),
        Field(
            "tracking", _("Tracking number"), hint=_("Of the parcel: use a padded envelope that can be tracked."), longest=64
        ),
    )
    words = _("From now on the card opens nothing. Its receipt is shown here three to five business days after it was sent.")
    return View(
        _("Send a card back"),
        words=(words,),
        forms=(Form("/return/sent", _("I have sent it"), fields, danger=True),),
        links=(Link("/devices", _("Back to the devices")),),
    )
