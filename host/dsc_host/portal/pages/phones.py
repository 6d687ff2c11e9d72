"""The page of a user's phone numbers: the confirmed ones, and the steps that confirm another one."""

from starlette.responses import Response

from dsc_host.login import NotFound, WaitKind
from dsc_host.portal.components import Empty, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.due import wait_items
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Steps, View, button, hidden


def phones(visit: Visit) -> Response:
    """Show the user's phone numbers."""
    return visit.show(_numbers(visit))


def asked(visit: Visit) -> Response:
    """Send a code to a new number, and ask for it."""
    number = visit.value("number", 32).replace(" ", "")
    with visit.again(lambda: _numbers(visit, number)):
        masked = visit.system.ask_to_confirm_phone(visit.token, number)
    return visit.show(_code(visit._, masked))


def answered(visit: Visit) -> Response:
    """Confirm the number if the code is correct."""
    if not visit.system.confirm_phone(visit.token, visit.value("answer")):
        view = visit.as_sent(_code(visit._, visit.value("sent_to", 32)), "answer")
        return visit.wrong(view, visit._("The code is not correct. Try again, or request a new one."), 401)
    waits = any(each.kind is WaitKind.NUMBER for each in visit.system.waiting(visit.token))
    return visit.go("/phones", notice="waits" if waits else "phone", token=visit.system.rotate(visit.token))


def removed(visit: Visit) -> Response:
    """Remove a phone number, after a confirmation."""
    if not confirmations.is_confirmed(visit):
        return _ask_about_removal(visit)
    visit.system.forget_phone(visit.token, visit.value("phone", 32))
    return visit.go_on("/phones", notice="removed")


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
    hint = _("Start with the country code, without spaces: +41791234567.")
    field = Field("number", _("Phone number"), hint=hint, value=number, autocomplete="tel", longest=20)
    return View(
        _("Phone numbers"),
        words=(
            _(
                "Codes by SMS and phone call go to the number that you confirmed last. You can activate an app"
                " with any of your numbers."
            ),
            _(
                "The code comes by SMS. When you enter it correctly, all your other sessions end, and you get"
                " a notice by email and SMS."
            ),
        ),
        blocks=(
            Listing(_("Confirmed numbers"), rows, Empty(_("You have none."), "phone")),
            *((Listing(_("Waiting changes"), waits),) if waits else ()),
        ),
        forms=(Form("/phones", _("Send a code"), (field,)),),
        back=Link("/devices", _("Back to devices")),
        steps=_steps(_, 1),
    )


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("Number"), _("Code")), current)


def _code(_: Language, masked: str) -> View:
    field = Field("answer", _("Code"), "code", autocomplete="one-time-code", longest=64)
    return View(
        _("Confirm the phone number"),
        words=(_("A code is on its way to {number}.", number=masked),),
        forms=(Form("/phones/answer", _("Confirm"), (hidden("sent_to", masked), field)),),
        back=Link("/phones", _("Start again")),
        steps=_steps(_, 2),
    )
