"""The page of a user's phone numbers: the confirmed ones, and the steps that confirm another one."""

from starlette.responses import Response

from dsc_host.login import NotFound, SentCode, WaitKind
from dsc_host.portal.components import Empty, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.due import wait_items
from dsc_host.portal.pages.sent_codes import TOO_MANY_CODES, WRONG_CODE, code_page, waiting_code
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Steps, View, button


def phones(visit: Visit) -> Response:
    """Show the user's phone numbers."""
    return visit.show(_numbers(visit))


def asked(visit: Visit) -> Response:
    """Send a code to a new number, and ask for it."""
    number = visit.value("number", 32).replace(" ", "")
    with visit.again(lambda: _numbers(visit, number)):
        visit.system.ask_to_confirm_phone(visit.token, number)
    return visit.go("/phones/answer")


def code(visit: Visit) -> Response:
    """Show the form for the code, or the numbers if no code was sent."""
    sent = visit.system.sent_phone_code(visit.token)
    return visit.go("/phones") if sent is None else visit.show(_code(visit, sent))


def resent(visit: Visit) -> Response:
    """Send a new code to the same number, unless the last one was sent just now."""
    sent = visit.system.sent_phone_code(visit.token)
    if sent is None:
        return visit.go("/phones")
    with visit.again(lambda: _code(visit, sent)):
        visit.system.resend_phone_code(visit.token)
    return visit.go("/phones/answer", notice="code_sent")


def answered(visit: Visit) -> Response:
    """Confirm the number if the code is correct."""
    before = visit.system.sent_phone_code(visit.token)
    with visit.again(lambda: _numbers(visit)):
        confirmed = visit.system.confirm_phone(visit.token, visit.value("answer"))
    if not confirmed:
        sent = visit.system.sent_phone_code(visit.token)
        if sent is None:
            return visit.wrong(_numbers(visit), visit._(TOO_MANY_CODES), 409)
        return visit.wrong(_code(visit, sent), visit._(WRONG_CODE), 401, "answer")
    waits = any(each.kind is WaitKind.NUMBER for each in visit.system.waiting(visit.token))
    number = before.to if before is not None else ""
    token = visit.system.rotate(visit.token)
    if waits:
        return visit.go("/phones", notice="waits", token=token)
    return visit.go("/phones", notice="phone", token=token, number=number)


def removed(visit: Visit) -> Response:
    """Remove a phone number, after a confirmation."""
    if not confirmations.is_confirmed(visit):
        return _ask_about_removal(visit)
    phone = visit.value("phone", 32)
    masked = visit.system.phone_numbers(visit.token).get(phone, "")
    visit.system.forget_phone(visit.token, phone)
    return visit.go_on("/phones", notice="removed", number=masked)


def _ask_about_removal(visit: Visit) -> Response:
    _, masked = visit._, visit.system.phone_numbers(visit.token).get(visit.value("phone", 32))
    if masked is None:
        raise NotFound("you have no such phone number")
    words = (
        _("This number gets no more codes and notices, and can no longer be used to activate an app."),
        _("All your other sessions end, and you are notified."),
    )
    facts = ((_("Phone number"), masked),)
    return confirmations.ask(visit, _("Remove the number?"), words, facts, _("Remove"), "phone")


def _numbers(visit: Visit, number: str = "") -> View:
    _ = visit._
    rows = [
        Item(masked, "phone", actions=(button("/phones/remove", _("Remove"), phone=phone, danger=True),))
        for phone, masked in visit.system.phone_numbers(visit.token).items()
    ]
    waits = wait_items(visit, WaitKind.NUMBER)
    hint = _(
        "Start with the country code: +41 79 123 45 67. We send a code by SMS. When you enter it, all your other sessions"
        " end, and you are notified."
    )
    field = Field("number", _("Phone number"), hint=hint, value=number, autocomplete="tel", longest=20)
    return View(
        _("Phone numbers"),
        words=(
            _(
                "Codes by SMS and phone call go to the number that you confirmed last. You can activate an app"
                " with any of your numbers."
            ),
        ),
        blocks=(
            *waiting_code(visit, visit.system.sent_phone_code(visit.token), "/phones/answer"),
            Listing(_("Confirmed numbers"), rows, Empty(_("You have none."), "phone")),
            *((Listing(_("Waiting changes"), waits),) if waits else ()),
        ),
        forms=(Form("/phones", _("Send a code"), (field,), _("Add a number")),),
        back=Link("/devices", _("Back to devices")),
    )


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("Phone number"), _("Code")), current)


def _code(visit: Visit, sent: SentCode) -> View:
    _, back = visit._, Link("/phones", visit._("Use another number"))
    return code_page(visit, _("Confirm the phone number"), sent, "/phones/answer", _steps(_, 2), back)
