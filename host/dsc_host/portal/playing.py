"""The pages of the demonstration: the people, a card, a phone, the messages, and the time."""

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from dsc_host.errors import DscError, InputError
from dsc_host.login import NotFound
from dsc_host.portal.demonstration import PIN, SESAME, Demonstration, PageCard
from dsc_host.portal.languages import NONE
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Shown, Table, View, hidden

_MOST_DAYS = 60


def _shown(visit: Visit) -> Demonstration:
    if not isinstance(visit.site.demonstration, Demonstration):
        raise NotFound("there is no demonstration here")
    return visit.site.demonstration


def overview(visit: Visit) -> Response:
    _, shown = visit._, _shown(visit)
    rows = [
        Row(
            (name, _(words)),
            (
                *((Form("/card", _("Card"), (hidden("name", name),)),) if shown.card_of(name) else ()),
                Form("/phone", _("Phone"), (hidden("name", name),)),
            ),
        )
        for name, words in shown.people.items()
    ]
    table = Table(_("People"), (_("User name"), _("Who"), _("What they hold")), rows)
    days = Field("days", _("Days"), "code", value="1", longest=2)
    return visit.show(
        View(
            _("Demonstration"),
            words=(
                _("Everything here is in memory, and gone when the program ends. Whoever sees this page may use it all."),
                _("Everybody's password is “{password}”, and every card's PIN is {pin}.", password=SESAME, pin=PIN),
            ),
            tables=(table,),
            forms=(Form("/demonstration/time", _("Let them pass"), (days,), legend=_("Time")),),
            links=(Link("/outbox", _("Messages that were sent")), Link("/login", _("Log in"))),
        )
    )


def pass_time(visit: Visit) -> Response:
    text = visit.value("days", 2)
    days = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < days <= _MOST_DAYS:
        raise InputError("days", "must be 1 to 60")
    _shown(visit).pass_days(days)
    return visit.go("/demonstration", said="time")


def outbox(visit: Visit) -> Response:
    _, shown = visit._, _shown(visit)
    shown.system.deliver()
    rows = [Row((_.moment(each.at), f"{each.channel} {each.address}", each.text)) for each in reversed(shown.letters)]
    table = Table(_("Messages that were sent"), (_("When"), _("To"), _("Text")), rows, _("None."))
    return visit.show(View(_("Outbox"), tables=(table,), links=(Link("/demonstration", _("Demonstration")),)))


# ---- the card ----


def _card(visit: Visit) -> tuple[str, PageCard]:
    name = visit.form.get("name") or visit.request.cookies.get("card", "anna")
    card = _shown(visit).card_of(name)
    if card is None:
        raise NotFound("this person has no card")
    return name, card


def pick_card(visit: Visit) -> Response:
    name, _card_of = _card(visit)
    response = visit.go("/card")
    visit.site.cookies.keep(response, "card", name, 3600)
    return response


def card(visit: Visit) -> Response:
    _, (name, shown) = visit._, _card(visit)
    view = View(
        _("Card of {name}", name=name),
        words=(_("This is the card's own firmware. Hold press, type the PIN {pin}, OK; the challenge, OK.", pin=PIN),),
        fragment="card.html",
        extra={"card": shown},
        links=(Link("/login/answer", _("To the login")), Link("/demonstration", _("Demonstration"))),
        script="card.js",
    )
    return visit.show(view)


def press(visit: Visit) -> Response:
    _name, shown = _card(visit)
    shown.press(visit.value("key", 8))
    if "application/json" in visit.request.headers.get("accept", ""):
        return JSONResponse({"display": shown.display})
    return visit.go("/card")


def card_state(visit: Visit) -> Response:
    return JSONResponse({"display": _card(visit)[1].display})


def card_picture(visit: Visit) -> Response:
    return Response(_card(visit)[1].svg(), media_type="image/svg+xml")


# ---- the phone ----


def _phone_name(visit: Visit) -> str:
    name = visit.form.get("name") or visit.request.cookies.get("phone", "carl")
    if name not in _shown(visit).people:
        raise NotFound("there is no such person")
    return name


def pick_phone(visit: Visit) -> Response:
    response = visit.go("/phone")
    visit.site.cookies.keep(response, "phone", _phone_name(visit), 3600)
    return response


def phone(visit: Visit) -> Response:
    return visit.show(_phone(visit))


def _phone(visit: Visit) -> View:
    _, name = visit._, _phone_name(visit)
    app = _shown(visit).phone(name)
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
                Field("phone", _("Which of your numbers, if there are several"), "code", _("1 is the newest."), "1", longest=2),
            ),
            legend=_("Activate the app for a user"),
        )
    ]
    if app.users:
        users = Field("user", _("User name"), value=app.users[0].name, longest=64)
        challenge = Field("challenge", _("Challenge"), "code", longest=6)
        finger = Field("finger", _("Use the finger"), "checkbox", optional=True)
        forms.insert(
            0, Form("/phone/respond", _("Show the response string"), (users, challenge, pin, finger), legend=_("Authenticate"))
        )
    heads = (_("User name"), _("From"), _("Number"), _("Answer"))
    return View(
        _("Phone of {name}", name=name),
        tables=(Table(_("Logins that wait"), heads, rows, _("None.")),),
        forms=forms,
        links=(
            Link("/phone", _("Look again")),
            Link("/outbox", _("Messages that were sent")),
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
        forms.append(Form("/phone/approve", _("Approve with the finger"), (*named, number, hidden("finger", "yes"))))
    return (*forms, Form("/phone/deny", _("Deny"), named, danger=True))


def phone_begin(visit: Visit) -> Response:
    _, name = visit._, _phone_name(visit)
    app = _shown(visit).phone(name)
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
            Field("finger", _("Let me use the finger, too"), "checkbox", optional=True),
        ),
    )
    words = _("A code was sent to {number}.", number=begun.phones[number])
    return visit.show(
        View(_("Activate the app"), words=(words,), forms=(form,), links=(Link("/outbox", _("Messages that were sent")),))
    )


def _number(text: str) -> int:
    """Counted from 0; -1, of which there is none, for what is no number."""
    return int(text) - 1 if text.isascii() and text.isdigit() else -1


@dataclass(frozen=True, slots=True)
class _Ticket:
    ticket: str
    phones: tuple[str, ...] = ()


def phone_activate(visit: Visit) -> Response:
    app = _shown(visit).phone(_phone_name(visit))
    begun = _Ticket(visit.value("ticket", 64))
    try:
        app.activate(begun, visit.value("token", 16), visit.value("pin", 6), finger=visit.form.get("finger") == "yes")
    except DscError as error:
        return visit.again(_phone(visit), error)
    return visit.go("/phone", said="activated")


def phone_respond(visit: Visit) -> Response:

    _, app = visit._, _shown(visit).phone(_phone_name(visit))
    pin = None if visit.form.get("finger") == "yes" else visit.value("pin", 6)
    try:
        text = app.respond(visit.value("user", 64), visit.value("challenge", 6), pin=pin)
    except DscError as error:
        return visit.again(_phone(visit), error)
    view = View(_("Response string"), shown=(Shown(_("Response string"), text),), links=(Link("/phone", _("OK")),))
    return visit.show(view)


def phone_approve(visit: Visit) -> Response:
    app = _shown(visit).phone(_phone_name(visit))
    pin = None if visit.form.get("finger") == "yes" else visit.value("pin", 6)
    for user, push in app.waiting():
        if (user.name, push.id) == (visit.value("user", 64), visit.value("push", 32)):
            try:
                app.approve(user, push, visit.value("number", 8), pin=pin)
            except DscError as error:
                return visit.again(_phone(visit), error)
    return visit.go("/phone")


def phone_deny(visit: Visit) -> Response:
    app = _shown(visit).phone(_phone_name(visit))
    for user, push in app.waiting():
        if (user.name, push.id) == (visit.value("user", 64), visit.value("push", 32)):
            app.deny(user, push)
    return visit.go("/phone")
