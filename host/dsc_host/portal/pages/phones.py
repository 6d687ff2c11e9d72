"""The page of a user's phone numbers: the confirmed numbers, and the steps that confirm another number."""

from starlette.responses import Response

from dsc_host.login import NotFound, SentCode, WaitKind
from dsc_host.portal.components import Empty, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.due import wait_items
from dsc_host.portal.pages.sent_codes import CodeFlow
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View, button

NUMBER_LETTERS = 32
"""The maximum number of characters in the field for a phone number, with the spaces and signs that people write."""


def phones(visit: Visit) -> Response:
    """Show the user's phone numbers."""
    return visit.show(_numbers(visit))


def send_code(visit: Visit) -> Response:
    """Send a code to a new number, and ask for the code."""
    with visit.showing_errors(lambda: _numbers(visit)):
        visit.system.ask_to_confirm_phone(visit.token, visit.value("number", NUMBER_LETTERS))
    return visit.redirect("/phones/answer")


class _PhoneFlow(CodeFlow):
    """The confirmation of a phone number."""

    start, template = "/phones", "phone_code"

    def words(self, _: Language) -> tuple[str, str, str]:
        return _("Confirm the phone number"), _("Phone number"), _("Use another number")

    def form(self, visit: Visit) -> View:
        return _numbers(visit)

    def sent(self, visit: Visit) -> SentCode | None:
        return visit.system.sent_phone_code(visit.token)

    def resend(self, visit: Visit) -> None:
        visit.system.resend_phone_code(visit.token)

    def confirm(self, visit: Visit, code: str) -> bool:
        return visit.system.confirm_phone(visit.token, code)

    def confirmed(self, visit: Visit, to: str) -> Response:
        waits = any(each.kind is WaitKind.NUMBER and each.what == to for each in visit.system.waiting(visit.token))
        token = visit.system.rotate(visit.token)
        if waits:
            return visit.redirect("/phones", notice="phone_waits", token=token, number=to)
        return visit.redirect("/phones", notice="phone", token=token, number=to)


FLOW = _PhoneFlow()


def remove(visit: Visit) -> Response:
    """Remove a phone number, after a confirmation."""
    if not confirmations.is_confirmed(visit):
        return _ask_about_removal(visit)
    phone = visit.value("phone", 32)
    masked = visit.system.phone_numbers(visit.token).get(phone, "")
    visit.system.forget_phone(visit.token, phone)
    return visit.redirect_after_change("/phones", notice="removed", number=masked)


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


def number_hint(_: Language) -> str:
    """Return the hint at a field for a phone number."""
    return _(
        "With the country code, for example {number}. Spaces, dashes and parentheses do not matter.",
        number="+41 79 123 45 67".replace(" ", "\N{NO-BREAK SPACE}"),
    )


def _use(_: Language) -> str:
    return _(
        "Codes by SMS and phone call go to the number that you confirmed last. You can activate an app with any of your"
        " numbers."
    )


def _numbers(visit: Visit) -> View:
    _ = visit._
    rows = [
        Item(masked, "phone", actions=(button("/phones/remove", _("Remove"), phone=phone, danger=True),))
        for phone, masked in visit.system.phone_numbers(visit.token).items()
    ]
    none = Empty(_("No number is confirmed yet."), "phone")
    waits = wait_items(visit, WaitKind.NUMBER)
    field = Field("number", _("Phone number"), "tel", number_hint(_), autocomplete="tel", longest=NUMBER_LETTERS)
    return View(
        _("Phone numbers"),
        words=(
            _("To add a number, enter the code that we send to it. All your other sessions then end, and you are notified."),
        ),
        blocks=(
            *FLOW.waiting(visit),
            Listing(_("Confirmed numbers"), rows, none, words=(_use(_),) if rows else (), dense=True),
            *((Listing(_("Waiting changes"), waits),) if waits else ()),
        ),
        forms=(Form("/phones", _("Send a code"), (field,), _("Add a number")),),
        back=Link("/devices", _("Back to devices")),
    )
