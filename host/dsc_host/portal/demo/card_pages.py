"""The pages of a demonstration card, and the card beside a form that needs its response."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from dsc_host.login import Kind, NotFound, Offer
from dsc_host.portal import security
from dsc_host.portal.demo.demonstration import Demonstration, PageCard
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, View


def with_card(demo: Demonstration, visit: Visit, view: View, offer: Offer, *, new_pin: bool = False) -> View:
    """Return the page with the card that can answer the offer. If the demonstration has no such card, return `view` unchanged.

    The page does not set the keyboard focus. In a narrow window, the field is below the card, and with the focus the page would
    open at the field. In a wide window, the card's script sets the focus.

    If `new_pin` is set, the response must be made with the PIN that the user has just chosen.
    """
    found = demo.card_with(offer.label) if offer.kind is Kind.DSC_PLUS else None
    if found is None:
        return view
    name, card = found
    demo.switch_off_for(card, offer.shows.get("challenge", ""))
    pin = visit._("PIN of this card: the new one just chosen.") if new_pin else _pin(demo, visit._, card)
    return replace(
        view,
        beside="card.html",
        style=_style(name),
        script="card.js",
        focus=False,
        extra={**view.extra, **_extra(demo, name, card), "beside": _title(visit._, name), "pin": pin},
    )


def _title(_: Language, name: str) -> str:
    return _("Card of {name}", name=name)


def _pin(demo: Demonstration, _: Language, card: PageCard) -> str:
    """Return the sentence about the PIN of a card. The demonstration knows only the PINs that it has chosen itself."""
    if not card.serial:
        return _("This card is blank. It gets a key and a PIN when the issuer makes it.")
    pin = demo.pin_of(card.serial)
    return (
        _("PIN of this card: {pin}.", pin=pin)
        if pin
        else _("PIN of this card: the one chosen with the order, or changed since.")
    )


def _extra(demo: Demonstration, name: str, card: PageCard) -> Mapping[str, object]:
    """Return the values for the card's template. The template's form is always bound to the demonstration's secret."""
    return {"card": card, "name": name, "csrf": security.csrf(demo.secret)}


def _style(name: str) -> str:
    return f"/card.css?name={name}"


def _card(demo: Demonstration, visit: Visit) -> tuple[str, PageCard]:
    given = visit.form.get("name") or visit.request.query_params.get("name")
    name = given or visit.request.cookies.get("card", "anna")
    card = demo.card_of(name)
    if card is None:
        raise NotFound("this person has no card")
    return name, card


def pick(demo: Demonstration, visit: Visit) -> Response:
    """Redirect to the page of a user's card."""
    return _to_card(visit, _card(demo, visit)[0])


def _to_card(visit: Visit, name: str) -> Response:
    response = visit.redirect(f"/card?name={name}")
    # Remember the card, so that the path /card without a name shows it again.
    visit.site.cookies.keep(response, "card", name, 3600)
    return response


def card(demo: Demonstration, visit: Visit) -> Response:
    """Show a user's card."""
    _, (name, card) = visit._, _card(demo, visit)
    view = View(
        _title(_, name),
        fragment="card.html",
        extra={**_extra(demo, name, card), "beside": "", "pin": _pin(demo, _, card)},
        links=(Link("/login/answer", _("Go to the login")), Link("/demonstration", _("Demonstration"))),
        style=_style(name),
        script="card.js",
    )
    return visit.show(view)


def press(demo: Demonstration, visit: Visit) -> Response:
    """Press a key of a card. Return the display as JSON, or redirect to the card's page."""
    name, card = _card(demo, visit)
    card.press(visit.value("key", 8))
    if "application/json" in visit.request.headers.get("accept", ""):
        return JSONResponse({"display": card.display})
    return _to_card(visit, name)


def state(demo: Demonstration, visit: Visit) -> Response:
    """Return the display of a card as JSON."""
    return JSONResponse({"display": _card(demo, visit)[1].display})


def picture(demo: Demonstration, visit: Visit) -> Response:
    """Return the picture of a card as SVG."""
    _, card = visit._, _card(demo, visit)[1]
    label = _("Digital Security Card+, display: {shown}", shown=card.display or _("off"))
    return Response(card.svg(label=label, hold=_("hold to switch on")), media_type="image/svg+xml")


def style(demo: Demonstration, visit: Visit) -> Response:
    """Return the style sheet that puts the buttons over the drawn keys."""
    rules = [
        f'.keys [value="{name}"] {{ --left: {key.left:.3f}%; --top: {key.top:.3f}%; '
        f"--width: {key.width:.3f}%; --height: {key.height:.3f}%; }}\n"
        for name, key in _card(demo, visit)[1].keys.items()
    ]
    return Response("".join(rules), media_type="text/css")
