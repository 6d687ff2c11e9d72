"""The pages of the login: name and password, the device, its element, and the logout."""

from starlette.responses import JSONResponse, Response

from dsc_host.errors import DscError
from dsc_host.login import Answered, Kind, NotIn, Offer, Stage, Status, Step
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Shown, View
from dsc_host.portal.wording import KINDS

_LONGEST = 64


def name_and_password(visit: Visit) -> Response:
    """Show the first page of the login, or the overview to a visitor who is logged in."""
    try:
        visit.visitor()
    except NotIn:
        return visit.show(_first(visit._))
    return visit.go("/")


def begin(visit: Visit) -> Response:
    """Check name and password, and go to the device or straight to its element."""
    name = visit.value("name", 64)
    try:
        step = visit.system.begin(name, visit.form.get("password", ""), visit.address)
    except DscError as error:
        return visit.again(_first(visit._, name), error)
    if step.stage is Stage.IN:
        return visit.go("/", token=step.token)
    # A single device leaves nothing to choose, so its element comes next, as in the card's own instructions.
    if len(step.choices) == 1 and not step.may_skip:
        try:
            step = visit.system.choose(step.token, step.choices[0].id)
        except DscError as error:
            response = visit.again(_choosing(visit._, step), error)
            visit.site.cookies.write(response, step.token)
            return response
        return visit.go("/login/answer", token=step.token)
    return visit.go("/login/device", token=step.token)


def device(visit: Visit) -> Response:
    """Show the choice of the device."""
    return visit.show(_choosing(visit._, visit.system.step(visit.token)))


def choose(visit: Visit) -> Response:
    """Choose a device, or log in without one."""
    chosen = visit.value("device", 32)
    if chosen == "none":
        return visit.go("/", token=visit.system.skip(visit.token).token)
    return visit.go("/login/answer", token=visit.system.choose(visit.token, chosen).token)


def manual(visit: Visit) -> Response:
    """Replace a push that did not arrive with a challenge to type into the phone."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    return visit.go("/login/answer", token=visit.system.choose(visit.token, offer.device, manual=True).token)


def element(visit: Visit) -> Response:
    """Show the element of the chosen device."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    return visit.show(visit.beside(answering(visit._, offer), offer))


def answer(visit: Visit) -> Response:
    """Judge the answer of the device."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    done = visit.system.answer(visit.token, visit.value("answer", 200))
    if done.step is not None:
        return visit.go(*_where(done)[:1], notice=_where(done)[1], token=done.step.token)
    view = visit.beside(answering(visit._, offer), offer)
    words = "This login has not been approved on the phone yet." if done.status is Status.WAITING else WRONG
    return visit.wrong(view, visit._(words), 200 if done.status is Status.WAITING else 401)


def pushed(visit: Visit) -> Response:
    """Tell the page's script whether the push was approved."""
    try:
        offer = visit.system.step(visit.token).offer
        is_push = offer is not None and "number" in offer.shows
        if is_push and visit.system.is_waiting(visit.token):
            return JSONResponse({"status": str(Status.WAITING)})
        done = visit.system.answer(visit.token, "") if is_push else Answered(Status.REFUSED)
    except NotIn:
        return JSONResponse({"status": "ended"}, 401)
    response = JSONResponse({"status": str(done.status)})
    if done.step is not None:
        visit.site.cookies.write(response, done.step.token)
        if done.status is Status.REFUSED:
            visit.site.cookies.keep(response, "notice", "wrong", 60)
    return response


def leave(visit: Visit) -> Response:
    """Log out."""
    visit.system.leave(visit.token)
    response = visit.go("/login", notice="left")
    visit.site.cookies.drop(response, visit.site.cookies.session)
    return response


def language(visit: Visit) -> Response:
    """Show the same page in another language."""
    path = visit.value("path")
    return visit.speak(visit.value("code", 8), path if path.startswith("/") and not path.startswith("//") else "/")


# ---- the content of the pages ----

WRONG = "That answer was not correct. Try again. After three wrong answers you must start again."


def _first(_: Language, name: str = "") -> View:
    fields = (
        Field("name", _("User name"), value=name, autocomplete="username", longest=64),
        Field("password", _("Password"), "password", autocomplete="current-password", longest=128),
    )
    return View(
        _("Log in"),
        words=(_("Log in with your user name and password. You will then be asked for your security device."),),
        forms=(Form("/login", _("Continue"), fields),),
        links=(Link("/stop", _("Stop a change"), _("with the code from the message")),),
    )


def _choosing(_: Language, step: Step) -> View:
    choices = [Choice(each.id, _(KINDS[each.kind]), each.label) for each in step.choices]
    if step.may_skip:
        choices.append(
            Choice(
                "none",
                _("Without a device"),
                _("You have opted out: this allows trading, and withdrawals within the limit that applies without a device."),
            )
        )
    if not choices:
        words = _("You have no device in use. Call support: after they have identified you, you get a temporary code.")
        other = Link("/share", _("I have a device under another user name"), _("share it with this user name"))
        return View(_("No device"), words=(words,), links=(other, Link("/login", _("Start again"))))
    field = Field("device", _("How do you want to continue?"), "radio", value=choices[0].value, choices=choices)
    return View(_("Choose a device"), forms=(Form("/login/device", _("Continue"), (field,)),))


def answering(_: Language, offer: Offer) -> View:
    """Return the page that shows a device's element and takes the answer."""
    also = (("/login/manual", _("I got no notification")),) if "number" in offer.shows else ()
    return View(
        _(KINDS[offer.kind]),
        words=instructions(_, offer),
        shown=shown(_, offer),
        forms=(Form("/login/answer", _("Log in") if not also else _("I have approved it"), fields(_, offer), also=also),),
        links=(Link("/login/device", _("Use another device")), Link("/login", _("Start again"))),
        script="push.js" if also else "",
    )


def shown(_: Language, offer: Offer) -> tuple[Shown, ...]:
    """Return the values of an element that the user reads from the page."""
    labels = {"challenge": _("Challenge"), "indexes": _("Index numbers"), "number": _("Number")}
    return tuple(Shown(labels[name], value) for name, value in offer.shows.items() if name in labels)


def instructions(_: Language, offer: Offer) -> tuple[str, ...]:
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
    if "number" in offer.shows:
        return (_("A notification was sent to your phone. Approve it there only if it shows the same number."),)
    if offer.kind is Kind.PHONE_APP:
        return (_("In the app, choose Authenticate, enter this challenge, and copy the response string here."),)
    return (_("A code is on its way to {number}.", number=offer.shows.get("sent_to", "")),)


def fields(_: Language, offer: Offer) -> tuple[Field, ...]:
    """Return the field for the answer; none for a push, which is answered on the phone."""
    if "number" in offer.shows:
        return ()
    digits = offer.kind in (Kind.DSC_PLUS, Kind.SMS, Kind.VOICE)
    labels = {
        Kind.DSC_PLUS: _("Response"), Kind.PHONE_APP: _("Response string"),
        Kind.CODE_CARD: _("The two codes"), Kind.ONLINE_CARD: _("The two codes"),
    }  # fmt: skip
    label = labels.get(offer.kind, _("Code"))
    return (Field("answer", label, "code" if digits else "text", autocomplete="one-time-code", longest=_LONGEST),)


def _where(done: Answered) -> tuple[str, str]:
    return ("/", "") if done.status is Status.ACCEPTED else ("/login/device", "wrong")
