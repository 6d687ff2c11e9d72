"""The pages of the demonstration: the users, a card, a phone, the messages, and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import JSONResponse, Response

from dsc_host.errors import DscError, InputError
from dsc_host.login import Kind, NotFound, Offer
from dsc_host.portal import security
from dsc_host.portal.demo.demonstration import PIN, SESAME, Demonstration, PageCard
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Shown, Table, View, button, hidden

_MOST_DAYS = 60


def _demonstration(visit: Visit) -> Demonstration:
    if not isinstance(visit.site.demonstration, Demonstration):
        raise NotFound("there is no demonstration here")
    return visit.site.demonstration


def overview(visit: Visit) -> Response:
    """Show the users, and the form that lets time pass."""
    _, demo = visit._, _demonstration(visit)
    rows = [
        Row(
            (name, _(words)),
            (
                *((button("/card", _("Card"), name=name),) if demo.card_of(name) else ()),
                button("/phone", _("Phone"), name=name),
            ),
        )
        for name, words in demo.people.items()
    ]
    table = Table(_("People"), (_("User name"), _("Who"), _("Card and phone")), rows)
    days = Field("days", _("Days"), "code", value="1", longest=2)
    return visit.show(
        View(
            _("Demonstration"),
            words=(
                _(
                    "Everything here is in memory and is lost when the program ends. Anybody who can open this"
                    " page can use all of it."
                ),
                _("Everybody's password is “{password}”, and every card's PIN is {pin}.", password=SESAME, pin=PIN),
            ),
            tables=(table,),
            forms=(Form("/demonstration/time", _("Let the days pass"), (days,), legend=_("Time")),),
            links=(Link("/outbox", _("Sent messages")), Link("/login", _("Log in"))),
        )
    )


def pass_time(visit: Visit) -> Response:
    """Let some days pass."""
    text = visit.value("days", 2)
    days = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < days <= _MOST_DAYS:
        raise InputError("days", "must be 1 to 60")
    _demonstration(visit).pass_days(days)
    return visit.go("/demonstration", notice="time")


def outbox(visit: Visit) -> Response:
    """Show the sent messages, the newest first."""
    _, demo = visit._, _demonstration(visit)
    demo.system.deliver()
    rows = [Row((_.moment(each.at), f"{each.channel} {each.address}", each.text)) for each in reversed(demo.letters)]
    table = Table(_("Sent messages"), (_("When"), _("To"), _("Text")), rows, _("None."))
    return visit.show(View(_("Outbox"), tables=(table,), links=(Link("/demonstration", _("Demonstration")),)))


# ---- the card ----


def with_card(visit: Visit, view: View, offer: Offer, *, new_pin: bool = False) -> View:
    """Add the card that gives the wanted answer to a page, if the demonstration has that card.

    `new_pin`: the answer must be made with a PIN that is chosen on this page.
    """
    _, demo = visit._, visit.site.demonstration
    if offer.kind is not Kind.DSC_PLUS or not isinstance(demo, Demonstration):
        return view
    found = demo.card_with(offer.label)
    if found is None:
        return view
    beside = {"title": _("Card of {name}", name=found[0]), "words": _how(_, new_pin)}
    return replace(
        view,
        beside="card.html",
        style=_style(found[0]),
        script="card.js",
        extra={**view.extra, **_extra(demo, *found), "beside": beside},
    )


def _how(_: Language, new_pin: bool = False) -> tuple[str, ...]:
    if new_pin:
        return (
            _(
                "This card runs the real firmware. Hold press, enter the NEW PIN and press OK, then enter the"
                " challenge and press OK."
            ),
        )
    return (
        _(
            "This card runs the real firmware. Hold press, enter the PIN {pin} and press OK, then enter the"
            " challenge and press OK.",
            pin=PIN,
        ),
        _("A card that was requested, or whose PIN was changed, has the PIN that its user chose."),
    )


def _extra(demo: Demonstration, name: str, card: PageCard) -> Mapping[str, object]:
    """Return the values for the card's template. Its form is always bound to the demonstration's secret."""
    return {"card": card, "name": name, "csrf": security.csrf(demo.secret)}


def _style(name: str) -> str:
    return f"/card.css?name={name}"


def _card(visit: Visit) -> tuple[str, PageCard]:
    given = visit.form.get("name") or visit.request.query_params.get("name")
    name = given or visit.request.cookies.get("card", "anna")
    card = _demonstration(visit).card_of(name)
    if card is None:
        raise NotFound("this person has no card")
    return name, card


def pick_card(visit: Visit) -> Response:
    """Go to the page of a user's card."""
    return _to_card(visit, _card(visit)[0])


def _to_card(visit: Visit, name: str) -> Response:
    response = visit.go(f"/card?name={name}")
    # For a return to this page by its path alone.
    visit.site.cookies.keep(response, "card", name, 3600)
    return response


def card(visit: Visit) -> Response:
    """Show a user's card."""
    _, (name, card) = visit._, _card(visit)
    view = View(
        _("Card of {name}", name=name),
        words=_how(_),
        fragment="card.html",
        extra={**_extra(_demonstration(visit), name, card), "beside": None},
        links=(Link("/login/answer", _("Go to the login")), Link("/demonstration", _("Demonstration"))),
        style=_style(name),
        script="card.js",
    )
    return visit.show(view)


def press(visit: Visit) -> Response:
    """Press a key of a card; return the display as JSON, or go to the card's page."""
    name, card = _card(visit)
    card.press(visit.value("key", 8))
    if "application/json" in visit.request.headers.get("accept", ""):
        return JSONResponse({"display": card.display})
    return _to_card(visit, name)


def card_state(visit: Visit) -> Response:
    """Return the display of a card as JSON."""
    return JSONResponse({"display": _card(visit)[1].display})


def card_picture(visit: Visit) -> Response:
    """Return the picture of a card as SVG."""
    return Response(_card(visit)[1].svg(), media_type="image/svg+xml")


def card_style(visit: Visit) -> Response:
    """Return the style sheet that puts the buttons over the drawn keys."""
    rules = [
        f'.keys [value="{name}"] {{ --left: {key.left:.3f}%; --top: {key.top:.3f}%; '
        f"--width: {key.width:.3f}%; --height: {key.height:.3f}%; }}\n"
        for name, key in _card(visit)[1].keys.items()
    ]
    return Response("".join(rules), media_type="text/css")


# ---- the phone ----


def _phone_name(visit: Visit) -> str:
    name = visit.form.get("name") or visit.request.cookies.get("phone", "carl")
    if name not in _demonstration(visit).people:
        raise NotFound("there is no such person")
    return name


def pick_phone(visit: Visit) -> Response:
    """Go to the page of a user's phone."""
    response = visit.go("/phone")
    visit.site.cookies.keep(response, "phone", _phone_name(visit), 3600)
    return response


def phone(visit: Visit) -> Response:
    """Show a user's phone."""
    return visit.show(_phone(visit))


def _phone(visit: Visit) -> View:
    _, name = visit._, _phone_name(visit)
    app = _demonstration(visit).phone(name)
    rows = [
        Row((user.name, push.where or NONE, push.number), _answers(visit, user.name, push.id, user.biometrics))
        for user, push in app.waiting()
    ]
    pin = Field("pin", _("PIN of the app"), "password", longest=6, optional=True)
    forms = [
        Form(
            "/phone/begin",
            _("Send the activation code"),
            (
                Field("user", _("User name"), value=name, longest=64),
                Field("password", _("Password"), "password", longest=128),
                Field("phone", _("Which of your numbers, if you have several"), "code", _("1 is the newest."), "1", longest=2),
            ),
            legend=_("Activate the app for a user"),
        )
    ]
    if app.users:
        users = Field("user", _("User name"), value=app.users[0].name, longest=64)
        challenge = Field("challenge", _("Challenge"), "code", longest=6)
        finger = Field("finger", _("Use my finger"), "checkbox", optional=True)
        forms.insert(
            0, Form("/phone/respond", _("Show the response string"), (users, challenge, pin, finger), legend=_("Authenticate"))
        )
    heads = (_("User name"), _("From"), _("Number"), _("Answer"))
    return View(
        _("Phone of {name}", name=name),
        tables=(Table(_("Waiting logins"), heads, rows, _("None.")),),
        forms=forms,
        links=(
            Link("/phone", _("Refresh")),
            Link("/outbox", _("Sent messages")),
            Link("/demonstration", _("Demonstration")),
        ),
    )


def _answers(visit: Visit, user: str, push: str, finger: bool) -> tuple[Form, ...]:
    _ = visit._
    named = (hidden("user", user), hidden("push", push))
    number = Field("number", _("Number on the login page"), "code", longest=8)
    pin = Field("pin", _("PIN of the app"), "password", longest=6)
    forms = [Form("/phone/approve", _("Approve"), (*named, number, pin))]
    if finger:
        forms.append(Form("/phone/approve", _("Approve with my finger"), (*named, number, hidden("finger", "yes"))))
    return (*forms, button("/phone/deny", _("Deny"), user=user, push=push, danger=True))


def phone_begin(visit: Visit) -> Response:
    """Start the activation of the app, and ask for its code."""
    _, name = visit._, _phone_name(visit)
    app = _demonstration(visit).phone(name)
    try:
        number = _number(visit.value("phone", 2))
        begun = app.begin(visit.value("user", 64), visit.form.get("password", ""), number)
    except DscError as error:
        return visit.again(_phone(visit), error)
    pin_words = _("PIN of the app") if app.users else _("New PIN for the app: 4 to 6 letters, digits or special characters")
    form = Form(
        "/phone/activate",
        _("Activate"),
        (
            hidden("ticket", begun.ticket),
            Field("token", _("Activation code from the SMS"), longest=16),
            Field("pin", pin_words, "password", longest=6),
            Field("finger", _("Also allow my finger"), "checkbox", optional=True),
        ),
    )
    words = _("A code was sent to {number}.", number=begun.phones[number])
    return visit.show(View(_("Activate the app"), words=(words,), forms=(form,), links=(Link("/outbox", _("Sent messages")),)))


def _number(text: str) -> int:
    """Return the number counted from 0, or -1, which no number has, if the text is not a number."""
    return int(text) - 1 if text.isascii() and text.isdigit() else -1


@dataclass(frozen=True, slots=True)
class _Ticket:
    ticket: str
    phones: tuple[str, ...] = ()


def phone_activate(visit: Visit) -> Response:
    """Activate the app for a user."""
    app = _demonstration(visit).phone(_phone_name(visit))
    begun = _Ticket(visit.value("ticket", 64))
    try:
        app.activate(begun, visit.value("token", 16), visit.value("pin", 6), finger=visit.form.get("finger") == "yes")
    except DscError as error:
        return visit.again(_phone(visit), error)
    return visit.go("/phone", notice="activated")


def phone_respond(visit: Visit) -> Response:
    """Show the app's response to a challenge."""
    _, app = visit._, _demonstration(visit).phone(_phone_name(visit))
    pin = None if visit.form.get("finger") == "yes" else visit.value("pin", 6)
    try:
        text = app.respond(visit.value("user", 64), visit.value("challenge", 6), pin=pin)
    except DscError as error:
        return visit.again(_phone(visit), error)
    view = View(_("Response string"), shown=(Shown(_("Response string"), text),), links=(Link("/phone", _("OK")),))
    return visit.show(view)


def phone_approve(visit: Visit) -> Response:
    """Approve a login in the app."""
    app = _demonstration(visit).phone(_phone_name(visit))
    pin = None if visit.form.get("finger") == "yes" else visit.value("pin", 6)
    for user, push in app.waiting():
        if (user.name, push.id) == (visit.value("user", 64), visit.value("push", 32)):
            try:
                app.approve(user, push, visit.value("number", 8), pin=pin)
            except DscError as error:
                return visit.again(_phone(visit), error)
    return visit.go("/phone")


def phone_deny(visit: Visit) -> Response:
    """Deny a login in the app."""
    app = _demonstration(visit).phone(_phone_name(visit))
    for user, push in app.waiting():
        if (user.name, push.id) == (visit.value("user", 64), visit.value("push", 32)):
            app.deny(user, push)
    return visit.go("/phone")
