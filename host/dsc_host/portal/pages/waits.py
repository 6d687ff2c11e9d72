"""The page that stops a waiting change with the code from the message about this change.

The code can do nothing else. Opening the page does nothing: the change is stopped by the button on the page.
"""

from starlette.responses import Response

from dsc_host.login import WaitKind
from dsc_host.portal.components import SUCCESS, Alert
from dsc_host.portal.pages.contact import call_links
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View

WAITS = {
    WaitKind.NUMBER: "Codes to a new phone number",
    WaitKind.CARD: "A new card",
    WaitKind.OPT_OUT: "Opting out",
    WaitKind.IDENTITY: "Corrected details",
}
"""The titles of waiting changes."""
STOPS = {
    WaitKind.NUMBER: "Stop this number",
    WaitKind.CARD: "Stop this card",
    WaitKind.OPT_OUT: "Stop opting out",
    WaitKind.IDENTITY: "Stop the correction",
}
"""The labels of the links to the page that stops a change, by the kind of the change."""


def stop_form(visit: Visit) -> Response:
    """Show the form that stops a change."""
    return visit.show(_stop_page(visit))


def stop(visit: Visit) -> Response:
    """Stop the change that has the given code."""
    _ = visit._
    with visit.showing_errors(lambda: _stop_page(visit)):
        done = visit.system.stop_change(visit.value("code", 64), visit.address)
    if done is None:
        return visit.wrong(
            _stop_page(visit), _("No waiting change has this code. It may have been stopped already."), 404, "code"
        )
    words = _("If you did not request it, change your password and call support.")
    onward = Link("/", _("Overview"), primary=True) if visit.is_logged_in() else Link("/login", _("Log in"), primary=True)
    alert = Alert(SUCCESS, _("It will not take effect."), (words,), (onward, *call_links(visit)))
    facts = ((_("User name"), done.user), (_("Stopped change"), "\n".join(filter(None, (_(WAITS[done.kind]), done.what)))))
    return visit.show(View(_("The change was stopped"), facts=facts, blocks=(alert,)))


def _stop_page(visit: Visit) -> View:
    _ = visit._
    words = _(
        "If a change of your account was started without your usual device, or by support, we sent you a code. Enter it here to"
        " stop the change."
    )
    hint = _("16 letters and digits, in the message about the change.")
    form = Form("/stop", _("Stop the change"), (Field("code", _("Code"), hint=hint, longest=64),))
    back = Link("/", _("Overview")) if visit.is_logged_in() else Link("/login", _("Back to the login"))
    return View(_("Stop a change"), words=(words,), forms=(form,), back=back, focus=True)
