"""The page that changes the password."""

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import WrongCredentials
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View


def password(visit: Visit) -> Response:
    """Show the form that changes the password."""
    return visit.show(_password(visit))


def change_password(visit: Visit) -> Response:
    """Change the password."""
    with visit.showing_errors(lambda: _password(visit)):
        if visit.form.get("new") != visit.form.get("again"):
            raise InputError("again", "must be the password of the field above; enter the same password in both fields")
        try:
            visit.system.change_password(visit.token, visit.form.get("old", ""), visit.form.get("new", ""))
        except WrongCredentials:
            return visit.wrong(
                _password(visit), visit._("This is not your password. Enter the one you log in with."), 401, "old"
            )
    return visit.redirect("/", notice="password", token=visit.system.rotate(visit.token))


def _password(visit: Visit) -> View:
    # This raises `NotAllowed` for the sessions that may not change the password either.
    visit.system.profile(visit.token)
    _, rules = visit._, visit.system.policy.passwords
    hint = _("{least} to {most} characters.", least=rules.shortest, most=rules.longest)
    fields = (
        Field("old", _("Old password"), "password", autocomplete="current-password", longest=rules.longest),
        Field("new", _("New password"), "password", hint, autocomplete="new-password", longest=rules.longest),
        Field("again", _("Repeat the new password"), "password", autocomplete="new-password", longest=rules.longest),
    )
    words = _("All your other sessions will end.")
    return View(
        _("Change the password"),
        words=(words,),
        forms=(Form("/password", _("Change the password"), fields),),
        back=Link("/profile", _("Back to the profile")),
        script="password.js",
        focus=True,
    )
