"""The pages of the login: name and password, the choice of the device, its response, and the logout."""

from dataclasses import replace

from starlette.responses import JSONResponse, Response

from dsc_host.errors import DscError
from dsc_host.login import NotIn, Offer, Stage, Status, Step
from dsc_host.portal.components import INFO, Alert
from dsc_host.portal.languages import NAMES, Language
from dsc_host.portal.pages.contact import office_of, telephones
from dsc_host.portal.pages.losses import ways_on
from dsc_host.portal.pages.offers import WRONG, asking, is_push
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, View
from dsc_host.portal.wording import KINDS, which

_LANGUAGE_SECONDS = 365 * 24 * 60 * 60


def name_and_password(visit: Visit) -> Response:
    """Show the first page of the login, or the overview to a visitor who is logged in."""
    try:
        visit.visitor()
    except NotIn:
        return visit.show(_entrance(visit, visit.request.query_params.get("name", "")[:64]))
    return visit.go_in(visit.token)


def begin(visit: Visit) -> Response:
    """Check name and password. Redirect to the choice of the device or, with a single device, to the page for its response."""
    name = visit.value("name", 64)
    with visit.again(lambda: _entrance(visit, name)):
        step = visit.system.begin(name, visit.form.get("password", ""), visit.address)
    if step.stage is Stage.IN:
        return visit.go_in(step.token)
    # With a single device, skip the choice. The published instructions for the card do so too.
    if len(step.choices) == 1 and not step.may_skip:
        try:
            step = visit.system.choose(step.token, step.choices[0].id)
        except DscError as error:
            response = visit.refused(_choosing(visit, step), error)
            visit.site.cookies.write(response, step.token)
            return response
        return visit.go("/login/answer", token=step.token)
    return visit.go("/login/device", token=step.token)


def device(visit: Visit) -> Response:
    """Show the choice of the device."""
    return visit.show(_choosing(visit, visit.system.step(visit.token)))


def without_device(visit: Visit) -> Response:
    """Show the ways to log in to a user who has no device at hand."""
    _ = visit._
    lost = Link("/lost", _("My device is lost or stolen"), _("suspend it immediately"))
    links = (lost, Link("/login", _("Log in")))
    numbers = telephones(_, office_of(visit))
    words = (*ways_on(_), _("If support gave you a code, log in with your password, and choose Temporary code."))
    choice = (Link("/login/device", _("Choose a device")),) if visit.login_waits() else ()
    return visit.show(View(_("I have no device with me"), words=words, facts=numbers, links=(*choice, *links)))


def choose(visit: Visit) -> Response:
    """Choose a device, or log in without one."""
    chosen = visit.value("device", 32)
    if chosen == "none":
        return visit.go_in(visit.system.skip(visit.token).token)
    return visit.go("/login/answer", token=visit.system.choose(visit.token, chosen).token)


def manual(visit: Visit) -> Response:
    """Replace a push that did not arrive with a challenge to type into the phone."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    return visit.go("/login/answer", token=visit.system.choose(visit.token, offer.device, manual=True).token)


def resend(visit: Visit) -> Response:
    """Send a new code, unless the last one was sent just now."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    with visit.again(lambda: _answering(visit, offer)):
        return visit.go("/login/answer", notice="code_sent", token=visit.system.resend(visit.token).token)


def element(visit: Visit) -> Response:
    """Ask for the response of the chosen device."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    return visit.show(_answering(visit, offer))


def answer(visit: Visit) -> Response:
    """Judge the answer of the device."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.go("/login/device")
    done = visit.system.answer(visit.token, visit.value("answer", 200))
    if done.step is not None:
        if done.status is Status.ACCEPTED:
            return visit.go_in(done.step.token)
        return visit.go("/login/device", notice="wrong", token=done.step.token)
    view = _answering(visit, offer)
    words = "This login has not been approved on the phone yet." if done.status is Status.WAITING else WRONG
    return visit.wrong(view, visit._(words), 200 if done.status is Status.WAITING else 401)


def pushed(visit: Visit) -> Response:
    """Tell the page's script whether the push was approved."""
    try:
        offer = visit.system.step(visit.token).offer
        if offer is None or not is_push(offer):
            return JSONResponse({"status": str(Status.REFUSED)})
        if visit.system.is_waiting(visit.token):
            return JSONResponse({"status": str(Status.WAITING)})
        done = visit.system.answer(visit.token, "")
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
    return visit.go_out(notice="left")


def language(visit: Visit) -> Response:
    """Show the same page in another language."""
    path, code = visit.value("path"), visit.value("code", 8)
    response = visit.go(path if path.startswith("/") and not path.startswith("//") else "/")
    if code in NAMES:
        visit.site.cookies.keep(response, "lang", code, _LANGUAGE_SECONDS)
    return response


# ---- the content of the pages ----


def _entrance(visit: Visit, name: str) -> View:
    """Return the first page, with the way back to a login that waits."""
    _, view = visit._, _first(visit._, name)
    if not visit.login_waits():
        return view
    links = (Link("/login/answer", _("Continue the login that you began")),)
    return replace(view, blocks=(Alert(INFO, _("A login waits for your answer."), links=links),))


def _first(_: Language, name: str) -> View:
    fields = (
        Field("name", _("User name"), value=name, autocomplete="username", longest=64),
        Field("password", _("Password"), "password", autocomplete="current-password", longest=128),
    )
    return View(
        _("Log in"),
        words=(
            _("Log in with your user name and password. You will then be asked for your security device."),
            _(
                "Forgotten your password? It cannot be reset on this page. Call support: after they have identified you, the"
                " operator sets a new one."
            ),
        ),
        forms=(Form("/login", _("Continue"), fields),),
        focus=True,
        script="password.js",
        links=(
            Link("/lost", _("My device is lost or stolen"), _("suspend it immediately")),
            _without(_),
            Link("/stop", _("Stop a change"), _("with the code from the message")),
        ),
    )


def _choosing(visit: Visit, step: Step) -> View:
    _ = visit._
    choices = [Choice(each.id, _(KINDS[each.kind]), which(each)) for each in step.choices]
    if step.may_skip:
        choices.append(
            Choice(
                "none",
                _("Without a device"),
                _("You have opted out: this allows trading, and withdrawals within the limit that applies without a device."),
            )
        )
    if not choices:
        words = (_("You have no device in use."), *ways_on(_))
        other = Link("/share", _("I have a device under another user name"), _("share it with this user name"))
        numbers = telephones(_, office_of(visit))
        return View(_("No device"), words=words, facts=numbers, links=(other, Link("/login", _("Start again"))))
    # Preselect the device of the highest level, for example a new card. Of equal ones, preselect the last used.
    last = min(step.choices, key=lambda each: (each.level, -(each.used_at or 0)), default=None)
    chosen = last.id if last is not None else choices[0].value
    field = Field("device", _("How do you want to continue?"), "radio", value=chosen, choices=choices)
    links = (_without(_), _lost(_))
    return View(_("Choose a device"), forms=(Form("/login/device", _("Continue"), (field,)),), links=links)


def _without(_: Language) -> Link:
    return Link("/login/help", _("I have no device with me"), _("other ways to log in"))


def _lost(_: Language) -> Link:
    return Link("/lost/device", _("My device is lost or stolen"), _("suspend it immediately"))


def _answering(visit: Visit, offer: Offer) -> View:
    """Return the page that asks for the response, or that waits for the approval of a push."""
    _, push = visit._, is_push(offer)
    links = (Link("/login/device", _("Use another device")), _without(_), _lost(_), Link("/login", _("Start again")))
    view = View(_(KINDS[offer.kind]), links=links, script="push.js" if push else "", focus=not push)
    form = Form("/login/answer", _("Log in"))
    if push:
        no_push = ("/login/manual", _("I got no notification"))
        form = Form("/login/answer", _("I have approved it on the phone"), also=(no_push,), secondary=True)
    if offer.again_at is not None:
        left = max(0, round(offer.again_at - visit.system.context.now()))
        form = replace(form, also=(("/login/resend", _("Send a new code")),))
        view = replace(view, script="resend.js", fragment="resend.html" if left else "", extra={"seconds": left})
    asked = asking(visit, offer, view, form)
    goes_on = _("After the approval, this page continues by itself. If it does not, press the button.")
    return replace(asked, words=(*asked.words, goes_on)) if push else asked
