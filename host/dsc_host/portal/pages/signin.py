"""The pages of the login: name and password, the choice of a device, the device's response, help, and the logout."""

from dataclasses import replace

from starlette.responses import JSONResponse, Response

from dsc_host.errors import DscError
from dsc_host.login import NotIn, Offer, Stage, Status, Step
from dsc_host.portal.components import INFO, Actions, Alert
from dsc_host.portal.languages import NAMES, Language
from dsc_host.portal.pages.losses import forgotten_password, loss_report_link, ways_to_log_in
from dsc_host.portal.pages.offers import digits_error, is_push, read_answer, with_answer_form, wrong_answer
from dsc_host.portal.pages.sent_codes import with_resend
from dsc_host.portal.site import Visit
from dsc_host.portal.user_agents import browser_of
from dsc_host.portal.views import Choice, Field, Form, Link, View
from dsc_host.portal.wording import KINDS, TITLES, device_name


def name_and_password(visit: Visit) -> Response:
    """Show the first page of the login. Redirect a visitor who is logged in, as after a login."""
    try:
        visit.visitor()
    except NotIn:
        return visit.show(_entrance(visit, visit.request.query_params.get("name", "")[:64]))
    return visit.redirect_after_login(visit.token)


def begin(visit: Visit) -> Response:
    """Check name and password. Redirect to the choice of the device, or to the response if there is nothing to choose.

    A user of a closed account is logged in immediately.
    """
    name = visit.value("name", 64)
    with visit.showing_errors(lambda: _entrance(visit, name)):
        step = visit.system.begin(name, visit.form.get("password", ""), visit.address, browser_of(visit.request))
    if step.stage is Stage.IN:
        return visit.redirect_after_login(step.token)
    # A user with a single device gets no choice: name and password bring its challenge (S005 in docs/reference/coverage.md).
    if len(step.choices) == 1 and not step.may_skip:
        try:
            step = visit.system.choose(step.token, step.choices[0].id)
        except DscError as error:
            response = visit.refused(_choosing(visit, step), error)
            visit.site.cookies.write(response, step.token)
            return response
        return visit.redirect("/login/answer", token=step.token)
    return visit.redirect("/login/device", token=step.token)


def device(visit: Visit) -> Response:
    """Show the choice of the device."""
    return visit.show(_choosing(visit, visit.system.step(visit.token)))


def without_device(visit: Visit) -> Response:
    """Show the other ways to log in, for a user who has no device at hand."""
    _, begun = visit._, visit.begun_login() is not None
    other = Link("/login/device", _("Choose a device")) if begun else Link("/login", _("Log in"))
    view = View(
        _("Help with the login"),
        blocks=(ways_to_log_in(visit, other), forgotten_password(visit)),
        below=(Actions(_("Something else?"), (("shield-off", loss_report_link(_)), ("code", _stop(_)))),),
    )
    return visit.show(view)


def choose(visit: Visit) -> Response:
    """Choose a device, or log in without one."""
    chosen = visit.value("device", 32)
    if chosen == "none":
        return visit.redirect_after_login(visit.system.skip(visit.token).token)
    with visit.showing_errors(lambda: _choosing(visit, visit.system.step(visit.token))):
        return visit.redirect("/login/answer", token=visit.system.choose(visit.token, chosen).token)


def manual(visit: Visit) -> Response:
    """Replace the push by a challenge, which the user types into the phone. Users ask for this if the push did not arrive."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.redirect("/login/device")
    return visit.redirect("/login/answer", token=visit.system.choose(visit.token, offer.device, manual=True).token)


def resend(visit: Visit) -> Response:
    """Send a new code, or show an error if the last code was sent too recently."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.redirect("/login/device")
    with visit.showing_errors(lambda: _answering(visit, offer)):
        return visit.redirect("/login/answer", notice="code_sent", token=visit.system.resend(visit.token).token)


def answer_form(visit: Visit) -> Response:
    """Ask for the response of the chosen device. If no device was chosen, redirect to the choice."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.redirect("/login/device")
    return visit.show(_answering(visit, offer))


def answer(visit: Visit) -> Response:
    """Judge the answer of the device. A correct answer completes the login."""
    offer = visit.system.step(visit.token).offer
    if offer is None:
        return visit.redirect("/login/device")
    if words := digits_error(visit, offer):
        return visit.wrong(_answering(visit, offer), words, 400, "answer")
    done = visit.system.answer(visit.token, read_answer(visit, offer))
    if done.step is not None:
        if done.status is Status.ACCEPTED:
            return visit.redirect_after_login(done.step.token)
        return _choose_again(visit, offer, visit.redirect("/login/device", token=done.step.token), done.step.token)
    if done.status is Status.WAITING:
        return visit.wrong(_answering(visit, offer), visit._("This login has not been approved on the phone yet."), 200)
    if left := visit.system.step(visit.token).offer:
        offer = left
    return visit.wrong(_answering(visit, offer), wrong_answer(visit._, offer), 401, "answer")


def push_status(visit: Visit) -> Response:
    """Tell the page's script, as JSON, whether the push was approved. An approved push completes the login."""
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
            _choose_again(visit, offer, response, done.step.token)
    return response


def _choose_again(visit: Visit, offer: Offer, response: Response, token: str) -> Response:
    """Leave a notice in the response. It says why the visitor must choose a device again."""
    if is_push(offer):
        visit.leave_notice(response, "not_approved", token)
    else:
        visit.leave_notice(response, "wrong", token, number=str(visit.system.policy.login.code_attempts))
    return response


def leave(visit: Visit) -> Response:
    """Log out."""
    visit.system.leave(visit.token)
    return visit.redirect_to_login(notice="left")


def language(visit: Visit) -> Response:
    """Set the language of the pages, and show the same page again."""
    # Do not limit the length of the path: it includes the query of the page, which may contain a long sealed request.
    path, code = visit.form.get("path", ""), visit.value("code", 8)
    response = visit.redirect(path if path.startswith("/") and not path.startswith("//") else "/")
    if code in NAMES:
        visit.site.cookies.keep_language(response, code)
    return response


# ---- the content of the pages ----


def _entrance(visit: Visit, name: str) -> View:
    """Return the first page. If the visitor has begun a login, the page has a link to it."""
    _, view, step = visit._, _first(visit._, name), visit.begun_login()
    if step is None:
        return view
    there = "/login/device" if step.offer is None else "/login/answer"
    links = (Link(there, _("Continue the login that you began")),)
    return replace(view, blocks=(Alert(INFO, _("A login waits for your answer."), links=links),))


def _first(_: Language, name: str) -> View:
    fields = (
        Field("name", _("User name"), value=name, autocomplete="username", longest=64),
        Field("password", _("Password"), "password", autocomplete="current-password", longest=128),
    )
    return View(
        _("Log in"),
        words=(_("Log in with your user name and password. You will then be asked for your security device."),),
        forms=(Form("/login", _("Continue"), fields),),
        focus=True,
        script="password.js",
        below=(
            Actions(
                _("Do you need help?"),
                (
                    ("shield-off", loss_report_link(_)),
                    ("none", _without(_)),
                    ("key", Link("/login/help", _("Forgotten your password?"), _("how to get a new one"))),
                    ("code", _stop(_)),
                ),
            ),
        ),
    )


def _choosing(visit: Visit, step: Step) -> View:
    _ = visit._
    choices = [Choice(each.id, _(KINDS[each.kind]), device_name(each)) for each in step.choices]
    if step.may_skip:
        choices.append(
            Choice(
                "none",
                _("Without a device"),
                _("You have opted out. You can trade without a device, and withdraw up to the limit that applies without one."),
            )
        )
    if not choices:
        other = Link("/share", _("I have a device under another user name"), _("share it with this user name"))
        return View(
            _("No device"),
            words=(_("Your password is correct, but you have no device to confirm the login with."),),
            blocks=(ways_to_log_in(visit),),
            below=(Actions(_("Something else?"), (("people", other), ("window", _again(_)))),),
        )
    # Preselect the device of the highest level (the lowest number), for example a new card. If several are equal, preselect the
    # device that was used last.
    best = min(step.choices, key=lambda each: (each.level, -(each.used_at or 0)), default=None)
    chosen = choices[0].value if best is None else best.id
    field = Field("device", _("How do you want to continue?"), "radio", value=chosen, choices=choices)
    help_links = (("none", _without(_)), ("shield-off", _lost(_)), ("window", _again(_)))
    return View(
        _("Choose a device"),
        forms=(Form("/login/device", _("Continue"), (field,)),),
        below=(Actions(_("Do you need help?"), help_links),),
    )


def _without(_: Language) -> Link:
    return Link("/login/help", _("I have no device with me"), _("other ways to log in"))


def _lost(_: Language) -> Link:
    return Link("/lost/device", _("My device is lost or stolen"), _("suspend it immediately"))


def _again(_: Language) -> Link:
    return Link("/login", _("Start again"), _("with another user name"))


def _stop(_: Language) -> Link:
    return Link("/stop", _("Stop a change"), _("with the code from the message"))


def _answering(visit: Visit, offer: Offer) -> View:
    """Return the page that asks for the response, or that waits for the approval of a push."""
    _, push = visit._, is_push(offer)
    step = visit.system.step(visit.token)
    others = len(step.choices) > 1 or step.may_skip
    help_links = (
        *((("card", Link("/login/device", _("Use another device"), _("back to the choice"))),) if others else ()),
        ("none", _without(_)),
        ("shield-off", _lost(_)),
        ("window", _again(_)),
    )
    below = (Actions(_("Do you need help?"), help_links),)
    view = View(_(TITLES[offer.kind]), below=below, script="push.js" if push else "", focus=not push)
    form = Form("/login/answer", _("Log in"))
    if push:
        no_push = ("/login/manual", _("I got no notification"))
        form = Form("/login/answer", _("I have approved it on the phone"), also=(no_push,), secondary=True)
    if offer.again_at is not None:
        form = replace(form, also=(("/login/resend", _("Send a new code")),))
        view = with_resend(visit, view, offer.again_at)
    asked = with_answer_form(visit, offer, view, form)
    if not push:
        return asked
    goes_on = _(
        "This page waits for your approval and then continues by itself."
        " If it does not, press “I have approved it on the phone”."
    )
    return replace(asked, words=(*asked.words, goes_on))
