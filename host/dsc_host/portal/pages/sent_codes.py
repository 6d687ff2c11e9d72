"""The form for a code that was sent to a phone number or an email address, with the time until a new one can be sent."""

from dataclasses import replace

from dsc_host.login import SentCode
from dsc_host.portal.components import INFO, Alert
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Steps, View

WRONG_CODE = "The code is not correct. Try again, or request a new one."
TOO_MANY_CODES = "There were too many wrong codes. Request a new one."


def code_page(visit: Visit, title: str, sent: SentCode, action: str, steps: Steps, back: Link) -> View:
    """Return the page that asks for a sent code. Its form goes to `action`, and a new code comes from `resend` beside it."""
    _, rules = visit._, visit.system.policy.login
    hint = _("{digits} digits, within {minutes} minutes.", digits=rules.code_digits, minutes=rules.code_validity // 60)
    field = Field("answer", _("Code"), "code", hint, autocomplete="one-time-code", longest=64)
    resend = action.rpartition("/")[0] + "/resend"
    form = Form(action, _("Confirm"), (field,), also=((resend, _("Send a new code")),))
    view = View(title, words=(_("A code is on its way to {number}.", number=sent.to),), forms=(form,), steps=steps, back=back)
    return with_resend(visit, replace(view, focus=True), sent.again_at)


def with_resend(visit: Visit, view: View, again_at: float) -> View:
    """Return the page with the time until a new code can be sent, which a script counts down."""
    left = max(0, round(again_at - visit.system.context.now()))
    return replace(view, script="resend.js", fragment="resend.html" if left else "", extra={**view.extra, "seconds": left})


def waiting_code(visit: Visit, sent: SentCode | None, href: str) -> tuple[Alert, ...]:
    """Return the way back to the form for a code that was sent; nothing if none was."""
    _ = visit._
    if sent is None:
        return ()
    return (Alert(INFO, _("A code is on its way to {number}.", number=sent.to), links=(Link(href, _("Enter the code")),)),)
