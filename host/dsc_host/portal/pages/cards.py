"""The pages for requesting a card, in three steps, and for returning a card."""

from decimal import Decimal

from starlette.responses import Response

from dsc_host.errors import DscError, InputError
from dsc_host.login import NotFound, NotNow
from dsc_host.portal.components import INFO, SUCCESS, WARNING, Alert, Facts, Instructions, Outcome
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.contact import addresses, office_of
from dsc_host.portal.pages.pin_change import pin_rules
from dsc_host.portal.pages.postal_addresses import address_field, entered_address, in_lines
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Steps, View, hidden


def request(visit: Visit) -> Response:
    """Show the form that requests a card, or the reason why no card can be requested now."""
    _ = visit._
    try:
        visit.system.card_candidates(visit.token)
    except NotNow as refusal:
        reason = Alert(INFO, visit.explain(refusal))
        return visit.show(View(_("Request a card"), blocks=(reason,), onward=Link("/devices", _("Back to devices"))))
    return visit.show(_request(visit, visit.system.address(visit.token)))


def request_link(visit: Visit) -> Link:
    """Return the link to the request of a card. If no card can be requested now, its address is empty and its hint says why."""
    _, label = visit._, visit._("Request a card")
    try:
        names = visit.system.card_candidates(visit.token)
    except DscError as refusal:
        return Link("", label, visit.explain(refusal))
    if visit.visitor().name in names:
        return Link("/request", label, _("it is sent to your address"))
    return Link("/request", label, _("for {names}", names=", ".join(names)))


def draft(visit: Visit) -> Response:
    """Draft the request, and show its summary."""
    _, typed = visit._, _typed(visit)
    with visit.showing_errors(lambda: _request(visit, **typed)):
        if visit.value("pin", 4) != visit.value("again", 4):
            raise InputError("again", "must be the PIN of the field above; enter the same PIN in both fields")
        draft = visit.system.draft_request(
            visit.token,
            visit.value("pin", 4),
            address=typed["address"],
            account=typed["account"] or None,
            name=typed["name"] or None,
        )
    view = View(
        _("Is this correct?"),
        steps=_steps(_, 2),
        crumb=_("Request a card"),
        facts=(
            (_("Device"), _("Digital Security Card+")),
            (_("For"), draft.user),
            (_("Delivery address"), in_lines(draft.address)),
            (_("Way of delivery"), _delivery(visit)),
            (_("Expected around"), _.day(draft.estimate)),
            (_("Card and delivery"), _("free")),
            (
                _("Deposit"),
                _("{amount}, held on the account of {owner}", amount=_.dollars(draft.hold), owner=draft.account_name),
            ),
        ),
        forms=(
            Form(
                "/request/confirm",
                _("Request the card"),
                # Keep the visitor's input in hidden fields, so that the button Back can show the filled-in form.
                (hidden("request", draft.id), *(hidden(name, value) for name, value in typed.items())),
                also=(("/request/back", _("Back")),),
            ),
        ),
    )
    return visit.show(view)


def back(visit: Visit) -> Response:
    """Show the filled-in form again. The draft of the request remains until another draft replaces it or it expires."""
    visit.system.check_primary(visit.token)
    return visit.show(_request(visit, **_typed(visit)))


def confirm(visit: Visit) -> Response:
    """Confirm the request, and show what happens next."""
    _ = visit._
    sent = visit.system.confirm_request(visit.token, visit.value("request", 32))
    days = visit.system.policy.activation.automatic_days
    view = View(
        _("Your card was requested"),
        steps=_steps(_, 3),
        crumb=_("Request a card"),
        blocks=(Alert(SUCCESS, _("Expected around {day}", day=_.day(sent.estimate))),),
        words=(
            _(
                "Activate the card when it arrives. If you do not, it activates itself {days} days after it was sent.",
                days=days,
            ),
            _("You will be notified when that day is near, and again shortly before it."),
        ),
        facts=(
            (_("Device"), _("Digital Security Card+")),
            (_("Delivery address"), in_lines(sent.address)),
            (_("Way of delivery"), _delivery(visit)),
            (_("Deposit"), _.dollars(sent.hold)),
        ),
        onward=Link("/devices", _("Go to your devices")),
    )
    return visit.show(view)


def _delivery(visit: Visit) -> str:
    """Return the way of delivery: the policy's text, or the default text."""
    return visit.system.policy.request.delivery or visit._("By mail")


def cancel(visit: Visit) -> Response:
    """Cancel a request, after a question."""
    if not confirmations.is_confirmed(visit):
        return _ask_to_cancel(visit)
    visit.system.cancel_request(visit.token, visit.value("request", 32))
    return visit.redirect("/devices", notice="cancelled")


def _ask_to_cancel(visit: Visit) -> Response:
    _, named = visit._, visit.value("request", 32)
    asked = next((each for each in visit.system.requests(visit.token) if each.id == named), None)
    if asked is None:
        raise NotFound("you have no such request")
    words = (_("The card is not made, and its deposit is released."), _("You can request another card at any time."))
    facts = ((_("For"), asked.user), (_("Address"), in_lines(asked.address)))
    return confirmations.ask(visit, _("Cancel the request?"), words, facts, _("Cancel the request"), "request")


def _typed(visit: Visit) -> dict[str, str]:
    """Return the visitor's input in the request form, except the PIN."""
    return {"address": entered_address(visit), "account": visit.value("account", 32), "name": visit.value("name", 64)}


def _request(visit: Visit, address: str, account: str = "", name: str = "") -> View:
    _, rules = visit._, visit.system.policy.request
    names, title = visit.system.card_candidates(visit.token), _("Request a card")
    needed = _("You need the PIN to activate and to use the card.")
    if len(names) == 1 and names != [visit.visitor().name]:
        title = _("Request a card for {name}", name=names[0])
        needed = _(
            "Tell {name} this PIN, and nobody else. {name} needs it to activate the card, and then chooses a new one.",
            name=names[0],
        )
    elif len(names) > 1:
        needed = _("The PIN is needed to activate and to use the card.")
    hint = f"{pin_rules(_)} {needed}"
    fields = (
        *_user_field(visit, name),
        address_field(_, _("Address for the card"), address),
        *_account_field(visit, account),
        Field("pin", _("PIN"), "password", hint, autocomplete="new-password", longest=4),
        Field("again", _("Repeat the PIN"), "password", autocomplete="new-password", longest=4),
    )
    held = _(
        "The card and its delivery are free. We hold {amount} until the card comes back, and keep it if it does not.",
        amount=_cents(_, rules.hold_cents),
    )
    form = Form("/request", _("Continue"), fields)
    return View(title, words=(held,), forms=(form,), steps=_steps(_, 1), back=Link("/devices", _("Cancel")))


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("Address and PIN"), _("Check"), _("Done")), current)


def _user_field(visit: Visit, chosen: str) -> tuple[Field, ...]:
    """Return the field for the user who gets the card. Return nothing if this can only be the visitor."""
    _, names = visit._, visit.system.card_candidates(visit.token)
    if names == [visit.visitor().name]:
        return ()
    if len(names) == 1:
        return (hidden("name", names[0]),)
    hint = _("Tell this user the PIN below, and nobody else. They choose a new one after the activation.")
    choices = [Choice(each, each, "" if each == visit.visitor().name else hint) for each in names]
    return (Field("name", _("User who gets the card"), "radio", value=chosen or names[0], choices=choices),)


def _account_field(visit: Visit, chosen: str) -> tuple[Field, ...]:
    """Return the field for the account on which the deposit is held. Return nothing if there is only one account."""
    _, accounts = visit._, visit.system.deposit_accounts(visit.token)
    if len(accounts) == 1:
        return ()
    own, *_others = accounts
    choices = [_account(_, each, name, own=each == own) for each, name in accounts.items()]
    return (Field("account", _("Account for the deposit"), "radio", value=chosen or choices[0].value, choices=choices),)


def _account(_: Language, account: str, name: str, *, own: bool) -> Choice:
    """Return the choice of an account, with the end of its number. `own` says whether it is the visitor's own account."""
    number = f"…{account[-4:]}"
    # If the account has no user, its name ends with the number, which is shown only once.
    owner = name.removesuffix(f" ({number})")
    owner = _("Account of {owner}", owner=name) if owner == name else _("Account of {owner}, without a user name", owner=owner)
    if own:
        return Choice(account, _("Your own account {number}", number=number), owner)
    label = _("Your other account {number}", number=number)
    return Choice(account, label, f"{owner}. {_('The number is on its statements.')}")


def _cents(_: Language, cents: int) -> str:
    return _.dollars(Decimal(cents) / 100)


# ---- the return ----


def return_form(visit: Visit) -> Response:
    """Show the page that returns a card."""
    return visit.show(_return(visit, visit.value("device", 32)))


def announce_return(visit: Visit) -> Response:
    """Record that the user has sent the card."""
    device = visit.value("device", 32)
    with visit.showing_errors(lambda: _return(visit, device)):
        visit.system.announce_return(visit.token, device, visit.value("tracking", 64))
    return visit.redirect_after_change("/devices", notice="returned")


def _return(visit: Visit, device: str) -> View:
    """Return the page that the user prints for the parcel, with the form that confirms that the card was sent."""
    _, visitor, own = visit._, visit.visitor(), visit.system.devices(visit.token)
    card = next((each for each in own if each.id == device and each.own), None)
    if card is None:
        raise NotFound("you do not own such a device")
    least, most = visit.system.policy.request.receipt_days
    office = office_of(visit)
    words = [
        _("This card can no longer be used to log in. If you have logged in with it, you are logged out."),
        _(
            "We record the card's arrival {least} to {most} business days after you send it, and then release the deposit.",
            least=least,
            most=most,
        ),
    ]
    if card.live and not any(each.live for each in own if each.id != device):
        words.append(_("This is your only device. To log in before you have another one, call support for a temporary code."))
    fields = (
        hidden("device", device),
        Field("tracking", _("Tracking number"), hint=_("The number of the parcel."), longest=64),
    )
    steps = (
        _("Print this page. If you have no printer, write the card's number and your user name on a sheet of paper."),
        _("Put the page and the card into a padded envelope with tracking, and send it."),
        _("Enter the tracking number below, and confirm that you have sent it."),
    )
    slip = [
        (_("Card"), card.label),
        (_("User name"), visitor.name),
        (_("Send it to"), "\n\n".join(addresses(_, office)) or _("Ask support for the address.")),
    ]
    # The carrier needs one telephone number. A number that is free of charge often works in one country only.
    if office.telephones:
        slip.append((_("Telephone"), min(office.telephones, key=lambda each: each.free).number))
    return View(
        _("Send a card back"),
        crumb=_("Send a card back"),
        blocks=(
            Instructions(steps, printed=True),
            Facts(_("For the parcel"), tuple(slip)),
            Outcome(_("Once you confirm"), words, WARNING),
        ),
        forms=(Form("/return/sent", _("I have sent it"), fields),),
        back=Link("/devices", _("Back to devices")),
        script="print.js",
    )
