"""The pages of a demonstration phone with its app. A page shows one screen of the app. A login that waits is shown first."""

import re

from starlette.responses import Response

from dsc_host.login import Begun, NotFound
from dsc_host.login.accounts import phone_numbers
from dsc_host.phone.app import PhoneApp, User
from dsc_host.phone.protocol import Push
from dsc_host.portal.demo.demonstration import Demonstration
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.phones import NUMBER_LETTERS, number_hint
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, SentMessage, Shown, View, button, hidden

_SCREENS = ("logins", "respond", "activate")
_QUIET = "quiet"
"""The name of the cookie that a browser has while the phone's notifications are off."""
_HOUR = 3600


def pick(demo: Demonstration, visit: Visit) -> Response:
    """Redirect to the page of a user's phone."""
    response = visit.redirect("/phone")
    visit.site.cookies.keep(response, "phone", _name(demo, visit), _HOUR)
    return response


def phone(demo: Demonstration, visit: Visit) -> Response:
    """Show the screen of a user's phone."""
    return visit.show(_screen(demo, visit, visit.request.query_params.get("screen", "")))


def screen(demo: Demonstration, visit: Visit) -> Response:
    """Redirect to another screen of the app."""
    name = visit.value("screen", 16)
    return visit.redirect(f"/phone?screen={name}" if name in _SCREENS else "/phone")


def notifications(demo: Demonstration, visit: Visit) -> Response:
    """Switch the notifications of the app on or off."""
    response = visit.redirect("/phone")
    if visit.value("on", 3) == "yes":
        visit.site.cookies.drop(response, _QUIET)
    else:
        visit.site.cookies.keep(response, _QUIET, "yes", _HOUR)
    return response


def _name(demo: Demonstration, visit: Visit) -> str:
    name = visit.form.get("owner") or visit.form.get("name") or visit.request.cookies.get("phone", "carl")
    if name not in demo.people:
        raise NotFound("there is no such person")
    return name


def _app(demo: Demonstration, visit: Visit) -> PhoneApp:
    return demo.phone(_name(demo, visit))


# ---- the screens ----


def _screen(demo: Demonstration, visit: Visit, name: str = "") -> View:
    """Return the screen with this name. Without a name, return the screen for a waiting login, or else the first screen.

    An app without users shows the activation in every case, and so does an app that was removed from its users' devices.
    """
    app, is_quiet, looks = _app(demo, visit), visit.request.cookies.get(_QUIET) == "yes", name == "logins"
    if name == "activate" or not app.users:
        return _activation(demo, visit, app)
    if name == "respond":
        return _response(demo, visit, app)
    try:
        waiting = app.waiting() if looks or not is_quiet else []
    except NotFound:
        return _activation(demo, visit, app)
    if waiting:
        return _push(demo, visit, *max(waiting, key=lambda each: each[1].asked_at))
    return _first(demo, visit, app, is_quiet=is_quiet, looked=looks or not is_quiet)


def _framed(
    demo: Demonstration,
    visit: Visit,
    forms: tuple[Form, ...],
    shown: tuple[Shown, ...] = (),
    says: str = "",
    asks: tuple[str, str] | None = None,
) -> View:
    """Return a page on which the phone shows these forms. Above them, the app `says` a sentence, or `asks` about a login."""
    _ = visit._
    return View(
        _("Phone of {name}", name=_name(demo, visit)),
        words=(_("A simulated phone with the app on it."),),
        shown=shown,
        forms=forms,
        frame="phone",
        style="/static/demo.css",
        links=(Link("/outbox", _("Sent messages")), Link("/demonstration", _("Demonstration"))),
        focus=True,
        extra={"clock": _.time(demo.clock()), "says": says, "asks": asks},
    )


def _home(_: Language) -> Form:
    return button("/phone/screen", _("Back"), screen="")


def _first(demo: Demonstration, visit: Visit, app: PhoneApp, *, is_quiet: bool, looked: bool) -> View:
    """Return the first screen of the app. `looked` says whether the app has looked for logins and found none."""
    _ = visit._
    users = ", ".join(user.name for user in app.users)
    forms = (
        Form("/phone/screen", _("Answer a challenge"), (hidden("screen", "respond"),), legend=_("App of {names}", names=users)),
        button("/phone/screen", _("Check for a waiting login"), screen="logins"),
        button("/phone/screen", _("Activate the app for another user"), screen="activate"),
        button(
            "/phone/notifications",
            _("Switch notifications on") if is_quiet else _("Switch notifications off"),
            on="yes" if is_quiet else "no",
        ),
    )
    says = _("No login waits for you.") if looked else _("Notifications are off. Look here for a login that waits.")
    return _framed(demo, visit, forms, says=says)


def _push(demo: Demonstration, visit: Visit, user: User, push: Push) -> View:
    """Return the screen for a login that waits. It does not show the number, which the owner must read on the login page."""
    _ = visit._
    time = _.time(push.asked_at)
    asked = _("Somebody is logging in as you, at {time}. If it is not you, deny the login.", time=time)
    if push.where:
        asked = _(
            "Somebody is logging in, at {time}, from {where}. If it is not you, deny the login.", time=time, where=push.where
        )
    hint = _("Not needed with your fingerprint.") if user.biometrics else ""
    fields = (
        hidden("user", user.name),
        hidden("push", push.id),
        Field("number", _("Number on the login page"), "code", _("Two digits."), longest=8),
        Field("pin", _("PIN of the app"), "password", hint, longest=6),
    )
    finger = (("/phone/approve/finger", _("Approve with my fingerprint")),) if user.biometrics else ()
    form = Form("/phone/approve", _("Approve"), fields, also=(*finger, ("/phone/deny", _("Deny"))))
    return _framed(demo, visit, (form,), asks=(_("Login of {name}", name=user.name), asked))


def _response(demo: Demonstration, visit: Visit, app: PhoneApp) -> View:
    _, names = visit._, [user.name for user in app.users]
    choices = [Choice(name, name) for name in names]
    user = (
        hidden("user", names[0]) if len(names) == 1 else Field("user", _("User name"), "radio", value=names[0], choices=choices)
    )
    challenge = Field("challenge", _("Challenge"), "code", _("The login page shows it. No network is needed."), longest=6)
    pin = Field("pin", _("PIN of the app"), "password", longest=6)
    has_finger = any(each.biometrics for each in app.users)
    finger = (("/phone/respond/finger", _("Use my fingerprint")),) if has_finger else ()
    form = Form("/phone/respond", _("Show the response"), (user, challenge, pin), legend=_("Answer a challenge"), also=finger)
    return _framed(demo, visit, (form, _home(_)))


def _activation(demo: Demonstration, visit: Visit, app: PhoneApp) -> View:
    _ = visit._
    fields = (
        Field("user", _("User name"), value=_name(demo, visit), longest=64),
        Field("password", _("Password"), "password", longest=128),
        *_which_number(demo, visit),
        *_new_number(visit),
    )
    form = Form("/phone/begin", _("Send the activation code"), fields, legend=_("Activate the app for a user"))
    return _framed(demo, visit, (form, _home(_)) if app.users else (form,))


def _which_number(demo: Demonstration, visit: Visit) -> tuple[Field, ...]:
    """Return the field that chooses the phone number for the code. It is hidden if the user has only one number."""
    if demo.count_numbers(_name(demo, visit)) <= 1:
        return (hidden("phone", "1"),)
    _ = visit._
    return (Field("phone", _("Which of your numbers, if you have several"), "code", _("1 is the newest."), "1", longest=2),)


def _new_number(visit: Visit) -> tuple[Field, ...]:
    """Return the field for a new phone number, if the policy allows the activation to confirm a new number."""
    if not visit.system.policy.phone.new_numbers:
        return ()
    _ = visit._
    label = _("Or a new number")
    return (Field("number", label, "tel", number_hint(_), "", "tel", NUMBER_LETTERS, optional=True),)


def _code(demo: Demonstration, visit: Visit, begun: Begun, sent_at: float) -> View:
    """Return the screen for the activation code, which was sent at the Unix time `sent_at`.

    Hidden fields hold the activation, so that the screen can be shown again.
    """
    _ = visit._
    is_new = not _app(demo, visit).users
    pin = _("New PIN for the app") if is_new else _("PIN of the app")
    rule = _("4 to 6 letters, digits or special characters.") if is_new else ""
    fields = (
        hidden("ticket", begun.ticket),
        hidden("name", begun.user),
        hidden("owner", _name(demo, visit)),
        hidden("sent_to", begun.sent_to),
        hidden("replaces", "yes" if begun.replaces else ""),
        hidden("recovers", "yes" if begun.needs_recovery else ""),
        hidden("sent_at", str(sent_at)),
        Field(
            "token",
            _("Activation code from the SMS"),
            hint=_("A code was sent to {number}.", number=begun.sent_to),
            longest=16,
            sent=SentMessage("phone_token", begun.user, sent_at),
        ),
        Field("pin", pin, "password", hint=rule, longest=6),
        Field("finger", _("Also allow my fingerprint"), "checkbox", optional=True),
        *_replacing(_, begun),
    )
    return _framed(demo, visit, (Form("/phone/activate", _("Activate"), fields, legend=_("Activate the app")), _home(_)))


def _replacing(_: Language, begun: Begun) -> tuple[Field, ...]:
    """Return the additional fields of an activation that replaces an app."""
    asked = _("Take your previous app out of use")
    pin = Field("recovery", _("PIN of your previous app"), "password", longest=6)
    return (
        *((Field("replace", asked, "checkbox"),) if begun.replaces else ()),
        *((pin,) if begun.needs_recovery else ()),
    )


# ---- the actions of the app ----


def begin(demo: Demonstration, visit: Visit) -> Response:
    """Start the activation of the app, and ask for its code."""
    app = _app(demo, visit)
    with visit.showing_errors(lambda: _screen(demo, visit, "activate")):
        demo.set_language(visit.value("user", 64), visit._.code)
        new = phone_numbers.without_signs(visit.value("number", NUMBER_LETTERS))
        phone = _number(visit.value("phone", 2))
        begun = app.begin(visit.value("user", 64), visit.form.get("password", ""), phone, number=new)
    return visit.show(_code(demo, visit, begun, demo.clock()))


def _number(text: str) -> int:
    """Convert the position of a phone number, which visitors count from 1, to an index from 0. Return -1 for other text."""
    return int(text) - 1 if text.isascii() and text.isdigit() else -1


def _time(text: str) -> float:
    """Return the Unix time that a hidden field contains. Return 0 for any other text."""
    return float(text) if re.fullmatch(r"[0-9]+\.[0-9]+", text, re.ASCII) else 0.0


def activate(demo: Demonstration, visit: Visit) -> Response:
    """Activate the app for a user."""
    app = _app(demo, visit)
    begun = Begun(
        visit.value("ticket", 64),
        phones=(),
        replaces=("",) if visit.form.get("replaces") == "yes" else (),
        user=visit.value("name", 64),
        needs_recovery=visit.form.get("recovers") == "yes",
        sent_to=visit.value("sent_to", 32),
    )
    with visit.showing_errors(lambda: _code(demo, visit, begun, _time(visit.value("sent_at", 32)))):
        app.activate(
            begun,
            visit.value("token", 16),
            visit.value("pin", 6),
            finger=visit.form.get("finger") == "yes",
            replace=visit.form.get("replace") == "yes",
            recovery=visit.value("recovery", 6) or None,
        )
    return visit.redirect("/phone", notice="app_activated")


def respond(demo: Demonstration, visit: Visit) -> Response:
    """Show the response to a challenge, which the app computes with the PIN."""
    return _responded(demo, visit, visit.value("pin", 6))


def respond_with_finger(demo: Demonstration, visit: Visit) -> Response:
    """Show the response to a challenge, which the app computes with the finger."""
    return _responded(demo, visit, None)


def _responded(demo: Demonstration, visit: Visit, pin: str | None) -> Response:
    _, app = visit._, _app(demo, visit)
    with visit.showing_errors(lambda: _screen(demo, visit, "respond")):
        text = app.respond(visit.value("user", 64), visit.value("challenge", 6), pin=pin)
    shown = (Shown(_("Response"), text),)
    says = _("Type this into the login page.")
    return visit.show(_framed(demo, visit, (button("/phone/screen", _("OK"), screen=""),), shown, says))


def approve(demo: Demonstration, visit: Visit) -> Response:
    """Approve a login with the PIN."""
    return _approved(demo, visit, visit.value("pin", 6))


def approve_with_finger(demo: Demonstration, visit: Visit) -> Response:
    """Approve a login with the finger."""
    return _approved(demo, visit, None)


def _approved(demo: Demonstration, visit: Visit, pin: str | None) -> Response:
    app = _app(demo, visit)
    with visit.showing_errors(lambda: _screen(demo, visit, "logins")):
        chosen = _chosen(visit, app)
        if chosen is not None:
            app.approve(*chosen, visit.value("number", 8), pin=pin)
    return _answered(visit, chosen, "approved")


def deny(demo: Demonstration, visit: Visit) -> Response:
    """Deny a login in the app."""
    app = _app(demo, visit)
    chosen = _chosen(visit, app)
    if chosen is not None:
        app.deny(*chosen)
    return _answered(visit, chosen, "denied")


def _chosen(visit: Visit, app: PhoneApp) -> tuple[User, Push] | None:
    """Return the login that the form names, with its user. Return None if the login no longer waits."""
    named = visit.value("user", 64), visit.value("push", 32)
    return next(((user, push) for user, push in app.waiting() if (user.name, push.id) == named), None)


def _answered(visit: Visit, chosen: tuple[User, Push] | None, notice: str) -> Response:
    """Redirect to the phone with a notice. If the login no longer waits, the phone looks for other logins instead."""
    return visit.redirect("/phone?screen=logins") if chosen is None else visit.redirect("/phone", notice=notice)
