"""The pages of a demonstration phone with its app."""

from starlette.responses import Response

from dsc_host.login import Begun, NotFound
from dsc_host.phone.app import PhoneApp, User
from dsc_host.phone.protocol import Push
from dsc_host.portal.demo.demonstration import Demonstration
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Shown, Table, View, button, hidden


def _name(demo: Demonstration, visit: Visit) -> str:
    name = visit.form.get("name") or visit.request.cookies.get("phone", "carl")
    if name not in demo.people:
        raise NotFound("there is no such person")
    return name


def _app(demo: Demonstration, visit: Visit) -> PhoneApp:
    return demo.phone(_name(demo, visit))


def _pin(visit: Visit) -> str | None:
    """Return the entered PIN; None if the finger is used."""
    return None if visit.form.get("finger") == "yes" else visit.value("pin", 6)


def _chosen(visit: Visit, app: PhoneApp) -> list[tuple[User, Push]]:
    """Return a list with the login that the form names and its user; an empty list if the login no longer waits."""
    named = visit.value("user", 64), visit.value("push", 32)
    return [(user, push) for user, push in app.waiting() if (user.name, push.id) == named]


def pick(demo: Demonstration, visit: Visit) -> Response:
    """Go to the page of a user's phone."""
    response = visit.go("/phone")
    visit.site.cookies.keep(response, "phone", _name(demo, visit), 3600)
    return response


def phone(demo: Demonstration, visit: Visit) -> Response:
    """Show a user's phone."""
    return visit.show(_phone(demo, visit))


def _phone(demo: Demonstration, visit: Visit) -> View:
    _, name = visit._, _name(demo, visit)
    app = demo.phone(name)
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
                *_new_number(visit),
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


def _new_number(visit: Visit) -> tuple[Field, ...]:
    """Return the field for a new number, if the policy lets the activation confirm one."""
    if not visit.system.policy.phone.new_numbers:
        return ()
    _ = visit._
    hint = _("Start with the country code, without spaces: +41791234567.")
    return (Field("number", _("Or a new number"), hint=hint, autocomplete="tel", longest=20, optional=True),)


def _answers(visit: Visit, user: str, push: str, finger: bool) -> tuple[Form, ...]:
    _ = visit._
    named = (hidden("user", user), hidden("push", push))
    number = Field("number", _("Number on the login page"), "code", longest=8)
    pin = Field("pin", _("PIN of the app"), "password", longest=6)
    forms = [Form("/phone/approve", _("Approve"), (*named, number, pin))]
    if finger:
        forms.append(Form("/phone/approve", _("Approve with my finger"), (*named, number, hidden("finger", "yes"))))
    return (*forms, button("/phone/deny", _("Deny"), user=user, push=push, danger=True))


def begin(demo: Demonstration, visit: Visit) -> Response:
    """Start the activation of the app, and ask for its code."""
    _, app = visit._, _app(demo, visit)
    with visit.again(lambda: _phone(demo, visit)):
        new = visit.value("number", 32).replace(" ", "")
        phone = _number(visit.value("phone", 2))
        begun = app.begin(visit.value("user", 64), visit.form.get("password", ""), phone, number=new)
    pin_words = _("PIN of the app") if app.users else _("New PIN for the app: 4 to 6 letters, digits or special characters")
    form = Form(
        "/phone/activate",
        _("Activate"),
        (
            hidden("ticket", begun.ticket),
            Field("token", _("Activation code from the SMS"), longest=16),
            Field("pin", pin_words, "password", longest=6),
            Field("finger", _("Also allow my finger"), "checkbox", optional=True),
            hidden("name", begun.user),
            hidden("recovers", "yes" if begun.needs_recovery else ""),
            *_replacing(_, begun),
        ),
    )
    words = _("A code was sent to {number}.", number=begun.sent_to)
    return visit.show(View(_("Activate the app"), words=(words,), forms=(form,), links=(Link("/outbox", _("Sent messages")),)))


def _replacing(_: Language, begun: Begun) -> tuple[Field, ...]:
    """Return the fields that an activation needs if it replaces an app."""
    asked = _("Take the app {label} out of use", label=", ".join(begun.replaces))
    pin = Field("recovery", _("PIN of your previous app"), "password", longest=6)
    return (
        *((Field("replace", asked, "checkbox"),) if begun.replaces else ()),
        *((pin,) if begun.needs_recovery else ()),
    )


def _number(text: str) -> int:
    """Return the index, from 0, of a phone number that the visitor counts from 1; -1 if the text is no number."""
    return int(text) - 1 if text.isascii() and text.isdigit() else -1


def activate(demo: Demonstration, visit: Visit) -> Response:
    """Activate the app for a user."""
    app = _app(demo, visit)
    begun = Begun(
        visit.value("ticket", 64), (), user=visit.value("name", 64), needs_recovery=visit.form.get("recovers") == "yes"
    )
    with visit.again(lambda: _phone(demo, visit)):
        app.activate(
            begun,
            visit.value("token", 16),
            visit.value("pin", 6),
            finger=visit.form.get("finger") == "yes",
            replace=visit.form.get("replace") == "yes",
            recovery=visit.value("recovery", 6) or None,
        )
    return visit.go("/phone", notice="activated")


def respond(demo: Demonstration, visit: Visit) -> Response:
    """Show the app's response to a challenge."""
    _, app = visit._, _app(demo, visit)
    with visit.again(lambda: _phone(demo, visit)):
        text = app.respond(visit.value("user", 64), visit.value("challenge", 6), pin=_pin(visit))
    view = View(_("Response string"), shown=(Shown(_("Response string"), text),), links=(Link("/phone", _("OK")),))
    return visit.show(view)


def approve(demo: Demonstration, visit: Visit) -> Response:
    """Approve a login in the app."""
    app = _app(demo, visit)
    with visit.again(lambda: _phone(demo, visit)):
        for user, push in _chosen(visit, app):
            app.approve(user, push, visit.value("number", 8), pin=_pin(visit))
    return visit.go("/phone")


def deny(demo: Demonstration, visit: Visit) -> Response:
    """Deny a login in the app."""
    app = _app(demo, visit)
    for user, push in _chosen(visit, app):
        app.deny(user, push)
    return visit.go("/phone")
