"""The pages of a card's life: the request in four steps, and the way back."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from starlette.responses import Response

from dsc_host.errors import DscError, InputError
from dsc_host.login import NotFound
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, View, hidden


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the form was filled in with: all but the PIN."""

    address: str
    account: str
    name: str

    @classmethod
    def typed(cls, visit: Visit) -> Self:
        return cls(visit.value("address"), visit.value("account", 32), visit.value("name", 64))

    def hidden(self) -> tuple[Field, ...]:
        """To be found again by *back*."""
        return tuple(hidden(name, getattr(self, name)) for name in self.__slots__)


def request(visit: Visit) -> Response:
    visit.system.check_primary(visit.token)
    return visit.show(_request(visit, _Wanted(visit.system.address(visit.token), "", "")))


def drafted(visit: Visit) -> Response:
    """The summary."""
    _, wanted = visit._, _Wanted.typed(visit)
    try:
        if visit.value("pin", 4) != visit.value("again", 4):
            raise InputError("PIN", "must be the same both times")
        draft = visit.system.draft_request(
            visit.token,
            visit.value("pin", 4),
            address=wanted.address,
            account=wanted.account or None,
            name=wanted.name or None,
        )
    except DscError as error:
        visit.visitor()
        return visit.again(_request(visit, wanted), error)
    view = View(
        _("Is this right?"),
        facts=(
            (_("Device"), _("Digital Security Card+")),
            (_("For"), draft.user),
            (_("Goes to"), draft.address),
            (_("Expected about"), _.day(draft.estimate)),
            (_("Held on account {account}", account=draft.account), _.dollars(draft.hold)),
            (_("PIN"), _("as you typed it; it is not shown")),
        ),
        forms=(
            Form(
                "/request/confirm",
                _("Continue"),
                (hidden("request", draft.id), *wanted.hidden()),
                also=(("/request/back", _("Back")),),
            ),
        ),
    )
    return visit.show(view)


def back(visit: Visit) -> Response:
    """To the form again; what was drawn up goes with the next draft, or within a day."""
    visit.system.check_primary(visit.token)
    return visit.show(_request(visit, _Wanted.typed(visit)))


def confirmed(visit: Visit) -> Response:
    _ = visit._
    sent = visit.system.confirm_request(visit.token, visit.value("request", 32))
    days = visit.system.policy.activation.automatic_days
    view = View(
        _("Your card is requested"),
        words=(
            _(
                "Activate it by a response when it comes. For safety it activates itself {days} days after it was sent.",
                days=days,
            ),
            _("You are told when that is near, and again when it is about to happen."),
        ),
        facts=(
            (_("Goes to"), sent.address),
            (_("Expected about"), _.day(sent.estimate)),
            (_("Held"), _.dollars(sent.hold)),
        ),
        links=(Link("/devices", _("OK")),),
    )
    return visit.show(view)


def cancelled(visit: Visit) -> Response:
    visit.system.cancel_request(visit.token, visit.value("request", 32))
    return visit.go("/devices", said="cancelled")


def _request(visit: Visit, wanted: _Wanted) -> View:
    _, rules = visit._, visit.system.policy.request
    hint = _("No year, no birthday, no digits in a row, not one digit four times. You need it to activate and to use the card.")
    fields = (
        *_whose(visit, wanted.name),
        Field("address", _("Where the card goes"), hint=_("Change it here if it is not right."), value=wanted.address),
        *_held_on(visit, wanted.account),
        Field("pin", _("PIN of four digits"), "password", hint, autocomplete="new-password", longest=4),
        Field("again", _("PIN, again"), "password", autocomplete="new-password", longest=4),
    )
    held = _(
        "Card and delivery are free. {amount} are held until the card comes back, and kept if it does not.",
        amount=_cents(_, rules.hold_cents),
    )
    return View(_("Request a card"), words=(held,), forms=(Form("/request", _("Continue"), fields),))


def _whose(visit: Visit, chosen: str) -> tuple[Field, ...]:
    """For whom: if the account has more users than one."""
    _, names = visit._, [name for name, _protection in visit.system.account_users(visit.token)]
    if len(names) == 1:
        return ()
    hint = _("Tell the PIN to whoever gets the card: once it is activated, they can change it by themselves.")
    return (Field("name", _("For whom"), "radio", hint, chosen or names[0], choices=[Choice(each, each) for each in names]),)


def _held_on(visit: Visit, chosen: str) -> tuple[Field, ...]:
    """On which account the money is held: if there are more than one."""
    _, accounts = visit._, visit.system.deposit_accounts(visit.token)
    if len(accounts) == 1:
        return ()
    choices = [Choice(each, each) for each in accounts]
    return (Field("account", _("Account for the deposit"), "radio", value=chosen or accounts[0], choices=choices),)


def _cents(_: Language, cents: int) -> str:
    return _.dollars(Decimal(cents) / 100)


# ---- the way back ----


def send_back(visit: Visit) -> Response:
    return visit.show(_return(visit, visit.value("device", 32)))


def sent_back(visit: Visit) -> Response:
    device = visit.value("device", 32)
    try:
        visit.system.announce_return(visit.token, device, visit.value("tracking"))
    except DscError as error:
        return visit.again(_return(visit, device), error)
    return visit.go_on("/devices", said="returned")


def _return(visit: Visit, device: str) -> View:
    """What is to be printed and laid into the parcel, and the form that says that it was sent."""
    _, who, own = visit._, visit.visitor(), visit.system.devices(visit.token)
    card = next((each for each in own if each.id == device and each.own), None)
    if card is None:
        raise NotFound("you have no device of your own by this name")
    least, most = visit.system.policy.request.receipt_days
    words = [
        _("Print this page and lay it into the parcel, with the card. Use a padded envelope that can be tracked."),
        _("When you have sent it, the card opens nothing any more."),
        _("Its receipt is shown {least} to {most} business days later, and the deposit is free then.", least=least, most=most),
    ]
    if card.live and not any(each.live for each in own if each.id != device):
        words.append(_("It is your only device: to log in until you have another one, call support for a temporary code."))
    fields = (hidden("device", device), Field("tracking", _("Tracking number"), hint=_("Of the parcel."), longest=64))
    return View(
        _("Send a card back"),
        words=words,
        facts=(
            (_("Card"), card.label),
            (_("User name"), who.name),
            (_("Send it to"), visit.system.policy.contact.returns or _("Ask support for the address.")),
        ),
        forms=(Form("/return/sent", _("I have sent it"), fields, danger=True),),
        links=(Link("/devices", _("Back to the devices")),),
    )
