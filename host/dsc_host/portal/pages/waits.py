"""The page that stops a change that waits, for whoever has the code from its message, and what other pages say of waiting.

The code stops and can do nothing else; opening the page does nothing: its button does.
"""

from collections.abc import Sequence

from starlette.responses import Response

from dsc_host.errors import DscError
from dsc_host.login import WaitKind, WaitView
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Table, View, hidden

WAITS = {
    WaitKind.NUMBER: "Codes to a new phone number",
    WaitKind.CARD: "A new card",
    WaitKind.OPT_OUT: "Opting out",
    WaitKind.IDENTITY: "Corrected details",
}


def stopping(visit: Visit) -> Response:
    return visit.show(_stop(visit._))


def stopped(visit: Visit) -> Response:
    _ = visit._
    try:
        done = visit.system.stop_change(visit.value("code", 64), visit.address)
    except DscError as error:
        return visit.again(_stop(_), error)
    if not done:
        return visit.wrong(_stop(_), _("Nothing that waits has this code. It may have been stopped already."), 404)
    words = _("It is stopped, and will not happen. If you did not ask for it, change your password, and call support.")
    return visit.show(View(_("Stop a change"), words=(words,), links=(Link("/login", _("Log in")),)))


def _stop(_: Language) -> View:
    words = _("When a change was begun without a lasting device, or by support, you were sent a code. It stops the change.")
    form = Form("/stop", _("Stop it"), (Field("code", _("Code"), longest=64),), danger=True)
    return View(_("Stop a change"), words=(words,), forms=(form,), links=(Link("/login", _("Log in")),))


def waiting(visit: Visit, waits: Sequence[WaitView], *, desk: bool = False) -> tuple[Table, ...]:
    """The table of what waits; at the support desk, with what may be done about it."""
    _ = visit._
    if not waits:
        return ()
    rows = [
        Row(
            (_(WAITS[each.kind]), each.what or NONE, _.moment(each.due_at)),
            (
                *((Form("/desk/waits/confirm", _("Confirm"), (hidden("wait", each.id),)),) if each.due_at is not None else ()),
                Form("/desk/waits/stop", _("Stop it"), (hidden("wait", each.id),), danger=True),
            )
            if desk
            else (),
        )
        for each in waits
    ]
    heads = (_("Change"), _("Which"), _("Counts from"), *((_("What you can do"),) if desk else ()))
    return (Table(_("Changes that wait"), heads, rows),)
