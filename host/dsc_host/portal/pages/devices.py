"""The pages of a user's devices: the list, the activation, the removal of an app, and the codes of a security code card."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import DeviceState, DeviceView, NotFound, NotNow, Offer, Visitor
from dsc_host.portal import code_sheet_pdf
from dsc_host.portal.components import Actions, CodeSheet, Empty, Item, Listing, Outcome, PageForms
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.pages import due
from dsc_host.portal.pages.cards import request_link
from dsc_host.portal.pages.device_items import device_item
from dsc_host.portal.pages.losses import loss_report_link
from dsc_host.portal.pages.next_devices import may_share, online_card_items
from dsc_host.portal.pages.offers import digits_error, read_answer, with_answer_form, wrong_answer
from dsc_host.portal.pages.own_device import device_forms, device_link
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View, button, hidden
from dsc_host.portal.wording import KINDS, device_name, in_sentence


def devices(visit: Visit) -> Response:
    """Show the user's devices, waiting changes, requested cards and returned cards."""
    _, visitor = visit._, visit.visitor()
    own = visit.system.devices(visit.token)
    online = online_card_items(_, own)
    here, gone = [each for each in own if not _is_past(each)], [each for each in own if _is_past(each)]
    rows = due.add_to_cards(visit, here, _rows(_, here, visitor, pressing=bool(online)))
    past = due.add_to_cards(
        visit, gone, [device_item(_, each, tuple(device_forms(_, each, visitor).values())) for each in gone]
    )
    waits = due.wait_items(visit, without=here)
    view = View(
        _("Security devices"),
        blocks=(
            *((Listing(_("What is due"), online),) if online else ()),
            Listing(_("Your devices"), rows, Empty(_("You have none."), "none")),
            *((Listing(_("Waiting changes"), waits),) if waits else ()),
            *due.requests_listing(visit, due.labels(own)),
            *((Listing(_("Devices no longer in use"), past),) if past else ()),
            _further(visit, own),
        ),
    )
    return visit.show(view)


def _rows(_: Language, devices: Sequence[DeviceView], visitor: Visitor, *, pressing: bool) -> list[Item]:
    """Return the rows of devices that are in use or can be used again, each with a link to the page of the device.

    The first device that can be activated has the primary button, unless `pressing` says that the page has one already.
    """
    rows = []
    for each in devices:
        activate = device_forms(_, each, visitor).get("/activate")
        actions = () if activate is None else (replace(activate, primary=not pressing),)
        pressing = pressing or bool(actions)
        rows.append(device_item(_, each, actions, (device_link(_, each),)))
    return rows


def _is_past(device: DeviceView) -> bool:
    """Return whether the device can never be used again."""
    return device.state in (DeviceState.LOST, DeviceState.STOLEN, DeviceState.DAMAGED, DeviceState.RETURNED, DeviceState.ENDED)


def _further(visit: Visit, own: Sequence[DeviceView]) -> Actions:
    """Return the links to further actions with devices."""
    _ = visit._
    links = [("parcel", request_link(visit))]
    if may_share(visit, own):
        links.append(("people", Link("/share", _("Share a device"), _("between user names of the same person"))))
    if is_for(visit.visitor(), "/phones"):
        links.append(("phone", Link("/phones", _("Phone numbers"), _("the numbers that receive codes"))))
    if any(each.live for each in own):
        links.append(("shield-off", loss_report_link(_)))
    return Actions(_("What you can do"), links)


def ask_to_remove(visit: Visit) -> Response:
    """Ask whether to remove an app. Warn if no other device is left to log in with."""
    _, device = visit._, visit.value("device", 32)
    own = visit.system.devices(visit.token)
    app = next((each for each in own if each.id == device and each.removable), None)
    if app is None:
        raise NotFound("you have no such app")
    words = [_("The app can then no longer be used to log in, wherever the phone is. You will be notified by email and SMS.")]
    fields = [hidden("device", device)]
    if not any(each.live and each.id != device for each in own):
        words.append(_("It is the last device that you can log in with. Without another one, only support can help you."))
        fields.append(Field("last", _("I know that no other device is left."), "checkbox"))
    form = Form("/devices/remove/confirm", _("Remove the app"), fields, danger=True)
    facts = ((_("Device"), device_name(app)),)
    blocks = (Outcome(_("What will happen"), words),)
    return visit.show(View(_("Remove the app?"), facts=facts, blocks=blocks, forms=(form,), back=_back(_)))


def remove(visit: Visit) -> Response:
    """Remove an app."""
    visit.system.remove_app(visit.token, visit.value("device", 32), last=visit.form.get("last") == "yes")
    return visit.redirect_after_change("/devices", notice="app_removed")


def online_card(visit: Visit) -> Response:
    """Issue an online security code card, and show its codes."""
    return _sheet(visit, visit.system.request_online_card(visit.token).id)


def sheet(visit: Visit) -> Response:
    """Show the codes of a card that is not activated yet."""
    return _sheet(visit, visit.value("device", 32))


def _sheet(visit: Visit, device: str) -> Response:
    _, codes = visit._, visit.system.sheet(visit.token, device)
    card = next((each for each in visit.system.devices(visit.token) if each.id == device), None)
    waits = card.waits_until if card is not None else None
    named = (hidden("device", device),)
    # The button that saves the codes is primary: after the activation, the codes cannot be saved any more.
    saving = Form("/sheet/pdf", _("Save as PDF"), named, primary=True, printed=True)
    activating = (Form("/activate", _("Activate the card"), named, secondary=True),) if waits is None else ()
    later = () if waits is None else (_("It can be activated from {moment}.", moment=_.moment(waits)),)
    view = View(
        _("Your security code card"),
        words=(
            _(
                "Save or print the codes first: after activation, they cannot be shown again."
                " Keep them separate from your password."
            ),
            *later,
        ),
        facts=((_("User name"), visit.visitor().name), (_("Card"), "" if card is None else card.label)),
        # Below the codes are the next step, with the way back beside it.
        blocks=(PageForms(len(activating)), CodeSheet(codes), PageForms(0, len(activating))),
        forms=(*activating, saving),
        placed=True,
        back=_back(_),
        script="print.js",
    )
    return visit.show(view)


def sheet_pdf(visit: Visit) -> Response:
    """Return the codes of a card as a PDF."""
    device = visit.value("device", 32)
    codes = visit.system.sheet(visit.token, device)
    label = next((each.label for each in visit.system.devices(visit.token) if each.id == device), "")
    return code_sheet_pdf.download(visit._, label, codes)


# ---- activation ----


def ask_to_activate(visit: Visit) -> Response:
    """Ask for the response that activates a device."""
    return visit.show(_activating(visit, visit.system.ask_to_activate(visit.token, visit.value("device", 32))))


def _activating(visit: Visit, offer: Offer) -> View:
    _ = visit._
    view = View(_("Activate {device}", device=in_sentence(_, offer.kind)), back=_back(_), focus=True)
    view = with_answer_form(visit, offer, view, Form("/activate/answer", _("Activate")))
    return replace(view, forms=(*view.forms, *_codes_of(visit, offer.device)))


def _codes_of(visit: Visit, device: str) -> tuple[Form, ...]:
    """Return the button that shows the codes of a card, or nothing if the device has no codes to show."""
    found = next((each for each in visit.system.devices(visit.token) if each.id == device), None)
    if found is None or not found.has_sheet or found.state is not DeviceState.SHIPPED:
        return ()
    return (button("/sheet", visit._("Show my code card"), device=device),)


def activate(visit: Visit) -> Response:
    """Activate the device if its response is correct."""
    offer = visit.system.activation_offer(visit.token)
    if words := digits_error(visit, offer):
        return visit.wrong(_activating(visit, offer), words, 400, "answer")
    if not visit.system.activate(visit.token, read_answer(visit, offer)):
        try:
            offer = visit.system.activation_offer(visit.token)
        except NotNow:
            return visit.redirect("/devices", notice="not_activated")
        return visit.wrong(_activating(visit, offer), wrong_answer(visit._, offer), 401, "answer")
    now_in_use = next(each for each in visit.system.devices(visit.token) if each.id == visit.visitor().device)
    bridges = now_in_use.has_sheet and not now_in_use.lasting
    name = f"{visit._(KINDS[now_in_use.kind])} {device_name(now_in_use)}".strip()
    return visit.redirect("/devices/next" if bridges else "/devices", notice="device_activated", device=name)


def _back(_: Language) -> Link:
    return Link("/devices", _("Back to devices"))
