"""The parts of a page that asks for a device's response. They differ by the kind of the device."""

from dataclasses import replace

from dsc_host.login import Kind, Offer
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Shown, View

WRONG = "That answer was not correct. Try again. After three wrong answers you must start again."
_LONGEST = 64


def asking(visit: Visit, offer: Offer, view: View, form: Form, *, new_pin: bool = False) -> View:
    """Return the view with this form, the challenge of the device, instructions, and the field for the response.

    `new_pin`: the response must be made with a PIN that is chosen on this page. The view itself has the instructions for that.
    """
    _ = visit._
    asked = replace(
        view,
        words=view.words if new_pin else (*view.words, *_instructions(_, offer)),
        shown=_shown(_, offer),
        forms=(replace(form, fields=(*form.fields, *_fields(_, offer))),),
    )
    return visit.beside(asked, offer, new_pin=new_pin)


def is_push(offer: Offer) -> bool:
    """Return whether the offer is answered on the phone, so that nothing is typed into the page."""
    return "number" in offer.shows


def _shown(_: Language, offer: Offer) -> tuple[Shown, ...]:
    """Return the values of an element that the user reads from the page."""
    labels = {"challenge": _("Challenge"), "indexes": _("Index numbers"), "number": _("Number")}
    return tuple(Shown(labels[name], value) for name, value in offer.shows.items() if name in labels)


def _instructions(_: Language, offer: Offer) -> tuple[str, ...]:
    """Return the instructions for using this device."""
    if offer.kind is Kind.DSC_PLUS:
        return (
            _("On the card, hold the key marked press until PIN> appears. Enter your 4-digit PIN and press OK."),
            _("At CHALLNG>, enter the challenge below and press OK. Then enter the 8-digit response from your card here."),
        )
    if offer.kind in (Kind.CODE_CARD, Kind.ONLINE_CARD):
        return (_("Find the two codes with these index numbers on your card, and enter both in this order."),)
    if offer.kind is Kind.TEMPORARY_CODE:
        return (_("Enter the code that support gave you."),)
    if is_push(offer):
        return (_("A notification was sent to your phone. Approve it there only if it shows the same number."),)
    if offer.kind is Kind.PHONE_APP:
        return (_("In the app, choose Authenticate, enter this challenge, and copy the response string here."),)
    return (_("A code is on its way to {number}.", number=offer.shows.get("sent_to", "")),)


def _fields(_: Language, offer: Offer) -> tuple[Field, ...]:
    """Return the field for the answer; none for a push, which is answered on the phone."""
    if is_push(offer):
        return ()
    digits = offer.kind in (Kind.DSC_PLUS, Kind.SMS, Kind.VOICE)
    labels = {
        Kind.DSC_PLUS: _("Response"), Kind.PHONE_APP: _("Response string"),
        Kind.CODE_CARD: _("The two codes"), Kind.ONLINE_CARD: _("The two codes"),
    }  # fmt: skip
    label = labels.get(offer.kind, _("Code"))
    return (Field("answer", label, "code" if digits else "text", autocomplete="one-time-code", longest=_LONGEST),)
