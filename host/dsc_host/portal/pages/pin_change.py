"""The pages that change a card's PIN: the choice of a new PIN, and the response of the card with it.

The second page contains the chosen PIN as sealed text. The PIN cannot be read from the page, and the database does not store it
before the card has answered.
"""

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import NotNow, Offer, Scope
from dsc_host.portal.components import Instructions
from dsc_host.portal.instructions import marked
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.device_items import about
from dsc_host.portal.pages.offers import digits_error, read_answer, with_answer_form, wrong_answer
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Steps, View, hidden

_ANSWER = "/pin/answer"


def pin_form(visit: Visit) -> Response:
    """Show the form for a new PIN of the visitor's only card.

    Redirect to the devices if the visitor has no such card or several cards, or if the session does not give full access.
    """
    visitor, own = visit.visitor(), visit.system.devices(visit.token)
    cards = [each.id for each in own if each.own and each.changes_pin and each.live]
    if visitor.scope is not Scope.FULL or len(cards) != 1:
        return visit.redirect("/devices", notice="choose_device")
    return visit.show(_choosing(visit, cards[0]))


def request_challenge(visit: Visit) -> Response:
    """Request a challenge for the card, and redirect to the form for a new PIN."""
    visit.system.ask_to_change_pin(visit.token, visit.value("device", 32))
    return visit.redirect("/pin/new")


def new_pin_form(visit: Visit) -> Response:
    """Show the form for a new PIN. Redirect to the devices if no challenge was requested before."""
    try:
        offer = visit.system.pin_offer(visit.token)
    except NotNow:
        return visit.redirect("/devices")
    return visit.show(_choosing(visit, offer.device, asked=True))


def choose(visit: Visit) -> Response:
    """Ask for a response with the chosen PIN, if this PIN is allowed. If the form names a card, request a challenge for it."""
    device = visit.value("device", 32)
    card = device or visit.system.pin_offer(visit.token).device
    with visit.showing_errors(lambda: _choosing(visit, card, asked=not device)):
        new = visit.value("pin", 4)
        visit.system.check_new_pin(visit.token, new)
        if new != visit.value("again", 4):
            raise InputError("again", "must be the PIN of the field above; enter the same PIN in both fields")
    offer = visit.system.ask_to_change_pin(visit.token, device) if device else visit.system.pin_offer(visit.token)
    return visit.show(_proving(visit, offer, visit.system.proofs.seal(visit.token, _ANSWER, {"pin": new})))


def change(visit: Visit) -> Response:
    """Change the PIN if the response was made with the new PIN."""
    offer, kept = visit.system.pin_offer(visit.token), visit.form.get("kept", "")
    path, form = visit.system.proofs.unseal(visit.token, kept)
    if path != _ANSWER:
        raise NotNow("there is nothing to answer; begin again")
    if words := digits_error(visit, offer):
        return visit.wrong(_proving(visit, offer, kept), words, 400, "answer")
    if visit.system.change_pin(visit.token, read_answer(visit, offer), form["pin"]):
        return visit.redirect("/devices", notice="pin", token=visit.system.rotate(visit.token))
    try:
        offer = visit.system.pin_offer(visit.token)
    except NotNow:
        return visit.redirect("/devices", notice="pin_kept")
    return visit.wrong(_proving(visit, offer, kept), wrong_answer(visit._, offer), 401, "answer")


def pin_rules(_: Language) -> str:
    """Return the hint with the rules for a PIN."""
    return _("4 digits. No years, no birth dates, no sequences such as 1234, no repeated digits, no common PINs such as 2580.")


def _choosing(visit: Visit, device: str, *, asked: bool = False) -> View:
    """Return the form for a new PIN of this card. `asked` says whether there is already a challenge for the card."""
    _ = visit._
    fields = (
        *(() if asked else (hidden("device", device),)),
        Field("pin", _("New PIN"), "password", pin_rules(_), autocomplete="new-password", longest=4),
        Field("again", _("Repeat the new PIN"), "password", autocomplete="new-password", longest=4),
    )
    return View(
        _("Change the PIN of the card"),
        words=tuple(about(_, each) for each in visit.system.devices(visit.token) if each.id == device),
        forms=(Form("/pin/new", _("Continue"), fields),),
        back=_back(_),
        steps=_steps(_, 1),
        focus=True,
    )


def _proving(visit: Visit, offer: Offer, kept: str) -> View:
    _ = visit._
    view = View(
        _("Confirm the new PIN"),
        words=(_("Once it is confirmed, the card is used with the new PIN."),),
        blocks=(
            Instructions(
                (
                    marked(
                        _("On the card, hold the key marked {press} until {pin} appears. Enter the new PIN and press {ok}.")
                    ),
                    marked(_("At {challenge}, enter the challenge below and press {ok}.")),
                    _("Enter the 8\N{NON-BREAKING HYPHEN}digit response from your card here."),
                )
            ),
        ),
        steps=_steps(_, 2),
        crumb=_("Change the PIN of the card"),
        focus=True,
    )
    fields = (hidden("device", offer.device), hidden("kept", kept))
    form = Form(_ANSWER, _("Change the PIN"), fields, also=(("/pin", _("Choose another PIN")),))
    return with_answer_form(visit, offer, view, form, new_pin=True)


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("New PIN"), _("Response")), current)


def _back(_: Language) -> Link:
    return Link("/devices", _("Back to devices"))
