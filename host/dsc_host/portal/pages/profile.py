"""The pages of a user's profile, and the forms that change it without support."""

from collections.abc import Sequence

from starlette.responses import Response

from dsc_host.login import Profile, SentCode
from dsc_host.portal.components import INFO, WARNING, Actions, Alert, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.pages.contact import call_links
from dsc_host.portal.pages.postal_addresses import address_field, entered_address
from dsc_host.portal.pages.protection import change_refusal
from dsc_host.portal.pages.sent_codes import CodeFlow
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, View

_IBAN, _US = "iban", "us"
"""The kinds of bank accounts, as the form's radio buttons name them."""


def profile(visit: Visit) -> Response:
    """Show the profile, with links to what its user may change."""
    _, known = visit._, visit.system.profile(visit.token)
    return visit.show(
        View(
            _("Profile"),
            blocks=(
                *_who_changes(visit, known),
                Listing(_("Your details"), _details(visit, known), dense=True),
                Actions(_("Security"), _security(_, known)),
                *_closing(visit, known),
            ),
        )
    )


def _who_changes(visit: Visit, known: Profile) -> tuple[Alert, ...]:
    """Return the alert that says why the visitor may not change the details. Return nothing if the visitor may do so."""
    _ = visit._
    if known.temporary:
        words = _("To change your details, log in with another device.")
        return (Alert(INFO, _("You have logged in with a temporary device"), (words,)),)
    if not known.opted_out:
        return ()
    words = _(
        "Your email address, postal address and bank instructions are changed only through support. Call support, who will"
        " ask who you are. Once you have opted back in, you can change them here."
    )
    refusal = change_refusal(visit)
    links = (() if refusal else (Link("/opt-in", _("Opt back in"), primary=True),)) + call_links(visit)
    title = _("You have opted out of the protection")
    return (Alert(WARNING, title, (words, refusal) if refusal else (words,), links, "shield-off"),)


def _details(visit: Visit, known: Profile) -> Sequence[Item]:
    """Return a row for each detail. If the user may change the detail here, the row has the link for that."""
    _, changeable = visit._, known.changeable
    rows = (
        ("person", _("Full name"), known.person, "", False),
        ("mail", _("Email address"), known.email, "/profile/email", changeable),
        *_numbers(visit, known),
        ("parcel", _("Postal address"), known.address, "/profile/address", changeable),
        ("money", _("Bank instructions"), known.bank, "/profile/bank", known.primary and changeable),
    )
    return [
        Item(
            name,
            icon,
            details=(value or _("There are none yet."),),
            links=(Link(path, _("Change") if value else _("Add")),) if may else (),
        )
        for icon, name, value, path, may in rows
    ]


def _numbers(visit: Visit, known: Profile) -> tuple[tuple[str, str, str, str, bool], ...]:
    """Return the row of the confirmed phone numbers, masked. A user who has opted out changes them here as well."""
    if not is_for(visit.visitor(), "/phones"):
        return ()
    numbers = ", ".join(visit.system.phone_numbers(visit.token).values())
    return (("phone", visit._("Phone numbers"), numbers, "/phones", not known.temporary),)


def _closing(visit: Visit, known: Profile) -> Sequence[Actions]:
    """Return the panel with the link that closes the account. Return nothing for a visitor who may not close it."""
    _ = visit._
    if not (known.primary and is_for(visit.visitor(), "/close")):
        return ()
    return (Actions(_("Account"), (("none", Link("/close", _("Close the account"), _("for good"))),)),)


def _security(_: Language, known: Profile) -> Sequence[tuple[str, Link]]:
    protection = (("shield-off", Link("/protection", _("Protection and limits"), _("what is restricted now"))),)
    return (
        *(protection if known.opted_out else ()),
        ("key", Link("/password", _("Change the password"), _("all other sessions end"))),
        ("window", Link("/sessions", _("Sessions"), _("where you are logged in"))),
        ("list", Link("/events", _("Security events"), _("logins and changes of your protection"))),
    )


def _profile(_: Language) -> Link:
    return Link("/profile", _("Back to the profile"))


# ---- the email address ----


def email(visit: Visit) -> Response:
    """Show the form for a new email address."""
    return visit.show(_email(visit)) if visit.system.profile(visit.token).changeable else visit.redirect("/profile")


def send_email_code(visit: Visit) -> Response:
    """Send a code to a new email address."""
    with visit.showing_errors(lambda: _email(visit)):
        visit.system.ask_to_change_email(visit.token, visit.value("email").strip())
    return visit.redirect("/profile/email/answer")


class _EmailFlow(CodeFlow):
    """The confirmation of an email address."""

    start, template = "/profile/email", "email_code"

    def words(self, _: Language) -> tuple[str, str, str]:
        return _("Confirm the email address"), _("Address"), _("Use another address")

    def form(self, visit: Visit) -> View:
        return _email(visit)

    def sent(self, visit: Visit) -> SentCode | None:
        return visit.system.sent_email_code(visit.token)

    def resend(self, visit: Visit) -> None:
        visit.system.resend_email_code(visit.token)

    def confirm(self, visit: Visit, code: str) -> bool:
        return visit.system.confirm_email(visit.token, code)

    def confirmed(self, visit: Visit, to: str) -> Response:
        return visit.redirect("/profile", notice="own_email", token=visit.system.rotate(visit.token), email=to)


EMAIL_FLOW = _EmailFlow()


def _email(visit: Visit) -> View:
    _, known = visit._, visit.system.profile(visit.token)
    hint = _("For example {address}", address="name@example.org")
    field = Field("email", _("New email address"), "email", hint, autocomplete="email")
    return View(
        _("Change the email address"),
        words=(
            _("Your email address is {email}.", email=known.email),
            _("A code is sent to the new address. When you enter it correctly, your messages go there."),
            _("Both addresses are notified of the change."),
        ),
        blocks=EMAIL_FLOW.waiting(visit),
        forms=(Form("/profile/email", _("Send a code"), (field,)),),
        back=_profile(_),
        steps=EMAIL_FLOW.steps(_, 1),
    )


# ---- the postal address ----


def address(visit: Visit) -> Response:
    """Show the form for a new postal address."""
    return visit.show(_address(visit)) if visit.system.profile(visit.token).changeable else visit.redirect("/profile")


def change_address(visit: Visit) -> Response:
    """Change the postal address."""
    with visit.showing_errors(lambda: _address(visit)):
        visit.system.change_address(visit.token, entered_address(visit))
    return visit.redirect("/profile", notice="own_address", token=visit.system.rotate(visit.token))


def _address(visit: Visit) -> View:
    _, known = visit._, visit.system.profile(visit.token)
    field = address_field(_, _("New postal address"), known.address)
    return View(
        _("Change the postal address"),
        words=(_("A card that you have already requested still goes to the old address."),),
        forms=(Form("/profile/address", _("Change the address"), (field,)),),
        back=_profile(_),
    )


# ---- the bank instructions of the account ----


def bank(visit: Visit) -> Response:
    """Show the form for other bank instructions."""
    known = visit.system.profile(visit.token)
    if not known.changeable:
        return visit.redirect("/profile")
    visit.system.check_primary(visit.token)
    return visit.show(_bank(visit))


def change_bank(visit: Visit) -> Response:
    """Change the bank instructions."""
    # After an error, the fields for numbers are empty, because no page may contain a whole bank number.
    with visit.showing_errors(lambda: _bank(visit)):
        visit.system.change_bank(visit.token, **entered_bank(visit))
    return visit.redirect("/profile", notice="own_bank", token=visit.system.rotate(visit.token))


def bank_fields(_: Language, kind: str = _IBAN) -> tuple[Field, ...]:
    """Return the fields for bank instructions. The page shows only the fields for the chosen kind of account."""
    kinds = (
        Choice(_IBAN, _("Account with an IBAN"), _("Most accounts outside the US. Your statement shows the IBAN.")),
        Choice(_US, _("Account in the US"), _("It has a routing number and an account number, as your checks show.")),
    )
    masked = _("Afterwards only the last digits are shown.")
    iban, routing = f"{_('For example DE89 3704 0044 0532 0130 00.')} {masked}", _("9 digits, for example 111000025")
    number = f"{_('4 to 17 digits, for example 000123456789.')} {masked}"
    return (
        Field("kind", _("Which account do you have?"), "radio", value=kind, choices=kinds),
        Field("iban", "IBAN", hint=iban, longest=64, optional=True, secret=True, shown_for=_IBAN),
        Field("routing", _("Routing number"), "code", routing, longest=64, optional=True, shown_for=_US),
        Field("account_number", _("Account number"), "code", number, longest=64, optional=True, shown_for=_US),
    )


def entered_bank(visit: Visit) -> dict[str, str]:
    """Return the bank instructions from the form. If a kind of account is chosen, return only the fields for this kind."""
    names = {_IBAN: ("iban",), _US: ("routing", "account_number")}
    chosen = names.get(visit.value("kind", 8), ("iban", "routing", "account_number"))
    return {name: visit.value(name, 64) for name in chosen}


def _bank(visit: Visit) -> View:
    _, known = visit._, visit.system.profile(visit.token)
    title, submit = _("Change the bank instructions"), _("Change")
    if not known.bank:
        title, submit = _("Add bank instructions"), _("Add")
    return View(
        title,
        words=(_("The money that you withdraw goes to this bank account."),),
        facts=((_("Current bank account"), known.bank),) if known.bank else (),
        forms=(Form("/profile/bank", submit, bank_fields(_)),),
        back=_profile(_),
    )
