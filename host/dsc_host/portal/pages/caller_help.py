"""The pages with which support helps the identified caller: codes, devices, numbers, the profile, and waiting changes."""

from collections.abc import Callable
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import DeviceState, DeviceView, Kind, Loss, NotFound, WaitView
from dsc_host.portal import code_sheet_pdf
from dsc_host.portal.components import CodeSheet, Facts
from dsc_host.portal.languages import NONE
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.phones import NUMBER_LETTERS, number_hint
from dsc_host.portal.pages.postal_addresses import address_field, entered_address, in_lines
from dsc_host.portal.pages.profile import bank_fields, entered_bank
from dsc_host.portal.pages.support import is_of_earlier_call, may_be_taken_out
from dsc_host.portal.pages.waits import WAITS
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Shown, View, button, hidden
from dsc_host.portal.wording import KINDS, LOSS_HINTS, LOSSES, device_name


def temporary(visit: Visit) -> Response:
    """Show a new temporary code for the caller, after a confirmation."""
    _, rules = visit._, visit.system.policy.temporary
    access = (
        _("For {days} days, the code opens trading and the account.", days=rules.full_days),
        _("For {days} more days, it opens the account without trading.", days=rules.account_days),
    )
    if not confirmations.is_confirmed(visit):
        words = (_("An earlier temporary code or online card ends, and the owner is notified."), *access)
        name = visit.system.staff.caller(visit.token).name
        form = button("/desk/temporary", _("Give the code"), sure="yes", caller=name)
        return visit.show(confirmations.question(visit, _("Give a temporary code?"), words, ((_("User name"), name),), form))
    if is_of_earlier_call(visit):
        return visit.redirect("/desk", notice="earlier_call")
    code = visit.system.staff.give_temporary_code(visit.token)
    view = View(
        _("Temporary code"),
        words=(_("Read this code out or copy it before you leave this page: it is shown only once."),),
        shown=(Shown(_("Temporary code"), code, copied=True),),
        onward=_back(visit),
        below=(Facts(_("Caller and validity of the code"), _code_facts(visit), stacked=True),),
        script="copy.js",
    )
    return visit.show(view)


def _code_facts(visit: Visit) -> tuple[tuple[str, str], ...]:
    """Return the caller's name and, if a temporary code is in use, when its access ends."""
    _, (name, devices) = visit._, visit.system.staff.caller_devices(visit.token)
    code = next((each for each in devices if each.kind == Kind.TEMPORARY_CODE and each.state is DeviceState.ACTIVE), None)
    opens = (_("Opens trading until"), _("Opens the account until"))
    ends = () if code is None else zip(opens, (code.full_until, code.expires_at), strict=True)
    return ((_("User name"), name), *((label, _.moment(at)) for label, at in ends if at is not None))


def code_card(visit: Visit) -> Response:
    """Issue a security code card to the caller after a confirmation, and show its codes."""
    _, known = visit._, visit.system.staff.caller(visit.token)
    if not confirmations.is_confirmed(visit):
        words = (_("The card waits for some days before it can be activated. The owner is notified and can stop it."),)
        facts = ((_("User name"), known.name), (_("Postal address"), known.address))
        form = button("/desk/code-card", _("Issue the card"), sure="yes", caller=known.name)
        return visit.show(confirmations.question(visit, _("Issue a security code card?"), words, facts, form))
    if is_of_earlier_call(visit):
        return visit.redirect("/desk", notice="earlier_call")
    device, codes = visit.system.staff.issue_code_card(visit.token)
    view = View(
        _("Security code card {number}", number=device.label),
        words=(
            _("Print this page or save it as a PDF, and send it to the owner, who activates the card with two of its codes."),
        ),
        facts=((_("Send it to"), f"{known.person}\n{in_lines(known.address)}"), (_("User name"), known.name)),
        forms=(replace(button("/desk/code-card/pdf", _("Save as PDF"), device=device.id), printed=True),),
        back=_back(visit),
        below=(CodeSheet(codes),),
        script="print.js",
    )
    return visit.show(view)


def code_card_pdf(visit: Visit) -> Response:
    """Return the codes of the caller's new card as a PDF."""
    device, codes = visit.system.staff.sheet(visit.token, visit.value("device", 32))
    return code_sheet_pdf.download(visit._, device.label, codes)


def _back(visit: Visit) -> Link:
    return Link("/desk", visit._("Back to the call"))


# ---- devices out of use ----


def loss(visit: Visit) -> Response:
    """Take a device of the caller out of use. If the form does not say what has happened to the device, ask first."""
    device = _own_device(visit)
    why = visit.value("loss", 16)
    if why not in _possible(device):
        return visit.show(_what_happened(visit, device))
    visit.system.staff.report_loss(visit.token, device.id, Loss(why))
    return visit.redirect("/desk", notice="taken")


def _own_device(visit: Visit) -> DeviceView:
    named = visit.value("device", 32)
    devices = visit.system.staff.caller_devices(visit.token)[1]
    device = next((each for each in devices if each.id == named and may_be_taken_out(each)), None)
    if device is None:
        raise NotFound("the caller does not own such a device")
    return device


def _possible(device: DeviceView) -> list[Loss]:
    """Return the losses to choose from, without a loss that would leave the device's state unchanged."""
    return [each for each in device.losses if str(each) != str(device.state)]


def _what_happened(visit: Visit, device: DeviceView) -> View:
    _ = visit._
    choices = [Choice(each, _(LOSSES[each]), _(LOSS_HINTS[each]) if each in LOSS_HINTS else "") for each in _possible(device)]
    known = any(each in LOSS_HINTS for each in _possible(device))
    warning = _("Unless it is only misplaced, this cannot be undone.") if known else _("This cannot be undone.")
    field = Field("loss", _("What happened"), "radio", choices=choices)
    form = Form("/desk/loss", _("Take out of use"), (hidden("device", device.id), field), danger=True)
    words = [_("Nobody can then log in with this device. Its owner is notified.")]
    if device.kind in (Kind.PHONE_APP, Kind.SMS, Kind.VOICE):
        words.append(_("If the phone is lost or stolen, its numbers get no more codes."))
    words.append(warning)
    facts = ((_(KINDS[device.kind]), device_name(device)),)
    return confirmations.question(visit, _("Take the device out of use?"), words, facts, form)


# ---- numbers and the profile ----


def messages(visit: Visit) -> Response:
    """Enable codes by SMS and phone call for the caller."""
    _ = visit._
    words = _("A number that is new to us is used after some days. Its owner is notified and can stop it.")
    field = Field("number", _("Phone number"), "tel", number_hint(_), longest=NUMBER_LETTERS)
    form = Form("/desk/messages", _("Enable"), (field,))
    return _change_page(visit, _("Codes by SMS and call"), words, form, lambda: _enable(visit))


def _enable(visit: Visit) -> str:
    now = visit.system.staff.enable_messages(visit.token, visit.value("number", NUMBER_LETTERS))
    return "messages" if now else "waits"


def email(visit: Visit) -> Response:
    """Change the email address of the caller, who has opted out."""
    _ = visit._
    form = Form("/desk/email", _("Change"), (Field("email", _("New email address")),))
    words = _("Both addresses are notified.")
    return _change_page(visit, _("Change the email address"), words, form, lambda: _set_email(visit))


def _set_email(visit: Visit) -> str:
    visit.system.staff.set_email(visit.token, visit.value("email").strip())
    return "email"


def address(visit: Visit) -> Response:
    """Change the postal address of the caller, who has opted out."""
    _ = visit._
    form = Form("/desk/address", _("Change"), (address_field(_, _("New postal address"), own=False),))
    words = _("A card is sent to this address, unless its request names another one.")
    return _change_page(visit, _("Change the postal address"), words, form, lambda: _set_address(visit))


def _set_address(visit: Visit) -> str:
    visit.system.staff.set_address(visit.token, entered_address(visit))
    return "address"


def bank(visit: Visit) -> Response:
    """Change the bank instructions of the account of the caller, who has opted out."""
    _ = visit._
    form = Form("/desk/bank", _("Change"), bank_fields(_))
    words = _("Enter an IBAN, or the routing number and the account number of an account in the US.")
    return _change_page(visit, _("Change the bank instructions"), words, form, lambda: _set_bank(visit))


def _set_bank(visit: Visit) -> str:
    visit.system.staff.set_bank(visit.token, **entered_bank(visit))
    return "bank"


def _change_page(visit: Visit, title: str, words: str, form: Form, change: Callable[[], str]) -> Response:
    """Show the form for a change or, if the form was filled in, make the change. `change` returns the key of the notice."""

    def view() -> View:
        known = visit.system.staff.caller(visit.token)
        facts = ((visit._("User name"), known.name), (visit._("Full name"), known.person))
        whole = replace(form, fields=(*form.fields, hidden("caller", known.name)))
        return View(title, words=(words,), facts=facts, forms=(whole,), back=_back(visit), focus=True)

    if not any(each.name in visit.form for each in form.fields):
        return visit.show(view())
    if is_of_earlier_call(visit):
        return visit.redirect("/desk", notice="earlier_call")
    with visit.showing_errors(view):
        return visit.redirect("/desk", notice=change())


# ---- waiting changes ----


def confirm_wait(visit: Visit) -> Response:
    """Confirm a waiting change of the caller, after a question."""
    _ = visit._
    if not confirmations.is_confirmed(visit):
        words = _("The change takes effect immediately, without waiting any longer. The owner is notified.")
        return _ask_about_wait(visit, _("Confirm the change?"), words, _("Confirm"), danger=False)
    visit.system.staff.confirm_wait(visit.token, visit.value("wait", 32))
    return visit.redirect("/desk", notice="counts")


def stop_wait(visit: Visit) -> Response:
    """Stop a waiting change of the caller, after a question."""
    _ = visit._
    if not confirmations.is_confirmed(visit):
        words = _("The change never takes effect. The owner is notified.")
        return _ask_about_wait(visit, _("Stop the change?"), words, _("Stop it"), danger=True)
    visit.system.staff.stop_wait(visit.token, visit.value("wait", 32))
    return visit.redirect("/desk", notice="stopped")


def _ask_about_wait(visit: Visit, title: str, words: str, submit: str, *, danger: bool) -> Response:
    _, wait = visit._, _wait(visit)
    facts = ((_(WAITS[wait.kind]), wait.what or NONE), (_("Takes effect"), _.moment(wait.due_at)))
    return confirmations.ask(visit, title, (words,), facts, submit, "wait", danger=danger)


def _wait(visit: Visit) -> WaitView:
    named = visit.value("wait", 32)
    found = next((each for each in visit.system.staff.caller_waits(visit.token) if each.id == named), None)
    if found is None:
        raise NotFound("no such change is waiting")
    return found
