"""The pages of support: identification of a caller, and help for the identified caller."""

from collections.abc import Callable

from starlette.responses import Response

from dsc_host.login import DeviceState, DeviceView, Identity, Loss, NotAllowed, NotFound, Role
from dsc_host.portal import code_sheet_pdf
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.profile import bank_fields, entered_bank
from dsc_host.portal.pages.waits import waiting
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Row, Shown, Table, View, button, hidden
from dsc_host.portal.wording import KINDS, LOSSES, STATES, kind_name


def support(visit: Visit) -> Response:
    """Show the form that identifies a caller or, once the caller is identified, the ways to help."""
    visit.system.staff.check_support(visit.token)
    try:
        name, devices = visit.system.staff.caller_devices(visit.token)
    except NotAllowed:
        return visit.show(_identify(visit))
    return visit.show(_caller(visit, name, devices))


def identify(visit: Visit) -> Response:
    """Identify the caller by the details that were filled in."""
    with visit.again(lambda: _identify(visit)):
        known = visit.system.staff.identify(visit.token, *_stated(visit))
    if known:
        return visit.go("/desk", notice="identified")
    words = visit._("These details do not match this user. Give nothing to this caller.")
    return visit.wrong(_identify(visit), words, 403)


def _stated(visit: Visit) -> tuple[str, Identity]:
    """Return the user name and the details that were filled in."""
    return visit.value("user", 64).strip(), Identity(*(visit.value(name, 64).strip() for name in Identity.__slots__))


def _identify(visit: Visit) -> View:
    _ = visit._
    fields = _identity_fields(_)
    form = Form("/desk/identify", _("Check"), fields)
    correct = Form("/desk/correct", _("Correct"), fields, legend=_("Correct the details after you have seen the papers"))
    words = _("Ask the caller for all of these details before you help. Never read the details out.")
    return View(_("Who is calling?"), words=(words,), forms=(form, correct), tables=corrections(visit))


def _identity_fields(_: Language) -> tuple[Field, ...]:
    country = _("The country's two letters, for example CH.")
    documents = [Choice(each, _(label)) for each, label in _DOCUMENT_LABELS.items()]
    return (
        Field("user", _("User name"), longest=64),
        Field("birth_date", _("Date of birth"), "date", longest=10),
        Field("citizenship", _("Citizenship"), hint=country, longest=2),
        Field("residence", _("Country of residence"), hint=country, longest=2),
        Field("document_type", _("Document type"), "radio", value="passport", choices=documents),
        Field("document_number", _("Document number"), longest=32),
    )


_DOCUMENT_LABELS = {
    "passport": "Passport",
    "id": "Identity card",
    "licence": "Driver's license",
    "ssn": "Social security number",
}


def _caller(visit: Visit, name: str, devices: tuple[DeviceView, ...]) -> View:
    _, waits = visit._, visit.system.staff.caller_waits(visit.token)
    usable = (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED)
    rows = [
        Row(
            (kind_name(_, each.kind, issued=each.issued), each.label, _(STATES[each.state])),
            _loss_forms(_, each) if each.state in usable else (),
        )
        for each in devices
    ]
    heads = (_("Device"), _("Which"), _("State"), _("Take out of use"))
    phone = Field("number", _("Phone number"), "tel", _("Start with the country code, for example +41791234567."), longest=16)
    return View(
        _("{name} is calling", name=name),
        tables=(Table(_("Devices"), heads, rows, _("None.")), *waiting(visit, waits, desk=True)),
        forms=(
            button("/desk/temporary", _("Give a temporary code")),
            button("/desk/code-card", _("Issue a security code card")),
            Form("/desk/messages", _("Enable"), (phone,), legend=_("Codes by SMS and call")),
            *_profile_forms(_),
        ),
    )


def _profile_forms(_: Language) -> tuple[Form, ...]:
    """Return the forms for the profile of a caller who has opted out of the protection."""
    hint = _("Only for a caller who has opted out of the protection.")
    email = Field("email", _("New email address"), hint=hint)
    address = Field("address", _("New postal address"), hint=hint)
    return (
        Form("/desk/email", _("Change the email address"), (email,), legend=_("Email address")),
        Form("/desk/address", _("Change the postal address"), (address,), legend=_("Postal address")),
        Form("/desk/bank", _("Change the bank instructions"), bank_fields(_, hint), legend=_("Bank instructions")),
    )


def _loss_forms(_: Language, device: DeviceView) -> tuple[Form, ...]:
    if not device.own:
        return ()
    return tuple(button("/desk/loss", _(LOSSES[loss]), device=device.id, loss=str(loss)) for loss in device.losses)


def temporary(visit: Visit) -> Response:
    """Show a new temporary code for the caller."""
    _, code = visit._, visit.system.staff.give_temporary_code(visit.token)
    rules = visit.system.policy.temporary
    words = _(
        "Read this code out now. It is not shown again. It gives full access for {full} days, and then access to the"
        " account only for {account} days.",
        full=rules.full_days,
        account=rules.account_days,
    )
    shown = (Shown(_("Temporary code"), code),)
    return visit.show(View(_("Temporary code"), words=(words,), shown=shown, links=(Link("/desk", _("OK")),)))


def loss(visit: Visit) -> Response:
    """Take a device of the caller out of use."""
    try:
        why = Loss(visit.value("loss", 16))
    except ValueError:
        return visit.go("/desk")
    device = visit.value("device", 32)
    if not confirmations.is_confirmed(visit):
        return _ask_about_loss(visit, device, why)
    visit.system.staff.report_loss(visit.token, device, why)
    return visit.go("/desk", notice="taken")


def _ask_about_loss(visit: Visit, device_id: str, why: Loss) -> Response:
    _, (_name, devices) = visit._, visit.system.staff.caller_devices(visit.token)
    device = next((each for each in devices if each.id == device_id and each.own), None)
    if device is None:
        raise NotFound("the caller does not own such a device")
    after = _("Once it is found, its owner can activate it again.") if why is Loss.MISPLACED else _("This cannot be undone.")
    words = (_("Nobody can then log in with this device. Its owner is notified."), after)
    facts = ((_(KINDS[device.kind]), device.label), (_("What happened"), _(LOSSES[why])))
    title, submit = _("Take the device out of use?"), _("Take out of use")
    return confirmations.ask(visit, title, words, facts, submit, "device", "loss")


def code_card(visit: Visit) -> Response:
    """Issue a security code card to the caller, and show its codes."""
    _ = visit._
    device, codes = visit.system.staff.issue_code_card(visit.token)
    words = _("Print this page or save it as a PDF, and send it to the owner, who activates the card with two of its codes.")
    view = View(
        _("Security code card {number}", number=device.label),
        words=(words,),
        fragment="sheet.html",
        extra={"codes": codes},
        forms=(button("/desk/code-card/pdf", _("Save as PDF"), device=device.id),),
        links=(Link("/desk", _("OK")),),
    )
    return visit.show(view)


def code_card_pdf(visit: Visit) -> Response:
    """Return the codes of the caller's new card as a PDF."""
    device, codes = visit.system.staff.sheet(visit.token, visit.value("device", 32))
    return code_sheet_pdf.download(visit._, device.label, codes)


def messages(visit: Visit) -> Response:
    """Enable codes by SMS and phone call for the caller."""
    now = visit.system.staff.enable_messages(visit.token, visit.value("number", 16).replace(" ", ""))
    return visit.go("/desk", notice="messages" if now else "waits")


def email(visit: Visit) -> Response:
    """Change the email address of the caller, who has opted out."""
    with visit.again(lambda: _caller(visit, *visit.system.staff.caller_devices(visit.token))):
        visit.system.staff.set_email(visit.token, visit.value("email").strip())
    return visit.go("/desk", notice="email")


def address(visit: Visit) -> Response:
    """Change the postal address of the caller, who has opted out."""
    with visit.again(lambda: _caller(visit, *visit.system.staff.caller_devices(visit.token))):
        visit.system.staff.set_address(visit.token, visit.value("address"))
    return visit.go("/desk", notice="address")


def bank(visit: Visit) -> Response:
    """Change the bank instructions of the caller's account, who has opted out."""
    with visit.again(lambda: _caller(visit, *visit.system.staff.caller_devices(visit.token))):
        visit.system.staff.set_bank(visit.token, **entered_bank(visit))
    return visit.go("/desk", notice="bank")


def correct(visit: Visit) -> Response:
    """Record a correction of a user's details, which waits for a second person."""
    with visit.again(lambda: _identify(visit)):
        visit.system.staff.correct_identity(visit.token, *_stated(visit))
    return visit.go("/desk", notice="corrected")


def confirm_wait(visit: Visit) -> Response:
    """Confirm a waiting change of the caller."""
    visit.system.staff.confirm_wait(visit.token, visit.value("wait", 32))
    return visit.go("/desk", notice="counts")


def stop_wait(visit: Visit) -> Response:
    """Stop a waiting change of the caller."""
    visit.system.staff.stop_wait(visit.token, visit.value("wait", 32))
    return visit.go("/desk", notice="stopped")


def decide_correction(visit: Visit) -> Response:
    """Approve or refuse a correction, as the second person."""
    page = "/compliance" if visit.visitor().role is Role.COMPLIANCE else "/desk"
    return decided(
        visit, page, lambda agreed: visit.system.staff.decide_correction(visit.token, visit.value("wait", 32), agreed)
    )


def corrections(visit: Visit) -> tuple[Table, ...]:
    """Return the table of corrections that wait for a second person; nothing if there are none."""
    _ = visit._
    rows = [
        Row(
            (wait.user, ", ".join(getattr(identity, each) for each in Identity.__slots__), wait.asked_by),
            decision(_, "/desk/corrections", hidden("wait", wait.id)),
        )
        for wait, identity in visit.system.staff.corrections(visit.token)
    ]
    heads = (_("User name"), _("Corrected details"), _("Requested by"), _("Decision"))
    return (Table(_("Corrections that wait for a second person"), heads, rows),) if rows else ()


def decision(_: Language, action: str, subject: Field) -> tuple[Form, ...]:
    """Return the two buttons that approve or refuse `subject`, which is a hidden field."""
    return (
        Form(action, _("Agree"), (subject, hidden("agreed", "yes"))),
        Form(action, _("Refuse"), (subject, hidden("agreed", "no")), danger=True),
    )


def decided(visit: Visit, page: str, decide: Callable[[bool], object]) -> Response:
    """Call `decide` with the decision of the pressed button, and go to the page. Without a decision, do not call it."""
    agreed = visit.value("agreed", 8)
    if agreed not in ("yes", "no"):
        return visit.go(page)
    decide(agreed == "yes")
    return visit.go(page, notice="decided")
