"""The page of one device: its state, everything that its user can do with it, and its name."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import DeviceState, DeviceView, Kind, NotFound, Scope, ShareState, Visitor
from dsc_host.portal.components import Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.pages.cards import request_link
from dsc_host.portal.pages.contact import office_of, telephones
from dsc_host.portal.pages.device_items import about, badge, lines, title
from dsc_host.portal.pages.next_devices import may_add_app, may_request
from dsc_host.portal.security import MOST_BYTES
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View, button, hidden
from dsc_host.portal.wording import kind_name

_CARDS = (Kind.DSC_PLUS, Kind.PLATINUM, Kind.GOLD, Kind.DIGITAL_CARD)
_MESSAGES = (Kind.SMS, Kind.VOICE)
_WAITING = (DeviceState.SHIPPED, DeviceState.MISPLACED)
_GONE = (DeviceState.MISPLACED, DeviceState.LOST, DeviceState.STOLEN, DeviceState.RETURNED)
"""The states of a card that its owner does not have, and so cannot send back."""


def device(visit: Visit) -> Response:
    """Show one of the user's devices. If the user has no such device, redirect to the list of devices."""
    shown = _find(visit, visit.request.query_params.get("device", ""))
    return visit.redirect("/devices") if shown is None else visit.show(_page(visit, shown))


def rename(visit: Visit) -> Response:
    """Give a device a name."""
    shown = _find(visit, visit.value("device", 32))
    if shown is None:
        raise NotFound("you have no such device")
    with visit.showing_errors(lambda: _page(visit, shown)):
        # The login system checks the length, so that the error names this field: a field `name` is often a user name.
        visit.system.name_device(visit.token, shown.id, visit.value("name", MOST_BYTES))
    return visit.redirect(f"/devices/device?device={shown.id}", notice="named")


def device_link(_: Language, device: DeviceView) -> Link:
    """Return the link to the page of a device."""
    return Link(f"/devices/device?device={device.id}", _("Details"))


def loss_link(_: Language, device: DeviceView) -> tuple[Link, ...]:
    """Return the link that reports the device as lost, or nothing for a device that nobody can log in with."""
    return (Link(f"/lost/device?device={device.id}", _("Lost or stolen")),) if device.live else ()


def device_forms(_: Language, device: DeviceView, visitor: Visitor) -> Mapping[str, Form]:
    """Return the buttons for everything that a visitor can do with a device immediately, by the path of each button."""
    waits, full = device.own and device.state in _WAITING, visitor.scope is Scope.FULL
    may = {
        "/activate": (waits and device.waits_until is None, button("/activate", _("Activate"), device=device.id)),
        "/sheet": (
            waits and device.has_sheet and device.state is DeviceState.SHIPPED,
            button("/sheet", _("Show my code card"), device=device.id),
        ),
        "/pin": (
            device.own and device.changes_pin and device.live and full,
            button("/pin", _("Change the PIN"), device=device.id),
        ),
        "/return": (
            device.own and device.returnable and device.state not in _GONE,
            button("/return", _("Send it back"), device=device.id),
        ),
        "/devices/remove": (
            device.removable and full,
            button("/devices/remove", _("Remove"), device=device.id, danger=True),
        ),
    }
    return {path: form for path, (allowed, form) in may.items() if allowed}


def _find(visit: Visit, device: str) -> DeviceView | None:
    return next((each for each in visit.system.devices(visit.token) if each.id == device), None)


def _page(visit: Visit, device: DeviceView) -> View:
    _ = visit._
    hint = _("For example the phone that the app is on. Only you see it.")
    if device.kind is not Kind.PHONE_APP:
        hint = _("For example the place where you keep it. Only you see it.")
    field = Field("name", _("Name"), hint=hint, value=device.name, longest=32, optional=True)
    name = Form("/devices/name", _("Save the name"), (hidden("device", device.id), field), secondary=True)
    actions = [replace(each, about=f"{about(_, device)} {each.about}".strip()) for each in _actions(visit, device)]
    return View(
        title(_, device),
        words=_about_code_cards(visit, device),
        facts=tuple(_facts(visit, device)),
        blocks=(Listing(_("What you can do"), actions),) if actions else (),
        forms=(name,),
        back=Link("/devices", _("Back to devices")),
    )


def _about_code_cards(visit: Visit, device: DeviceView) -> tuple[str, ...]:
    """Return the sentences about a code card: how to dispose of it, and the advice to use the app if it can be added."""
    _ = visit._
    if not (device.own and device.kind is Kind.CODE_CARD):
        return ()
    disposal = _("A security code card need not be sent back. When you no longer use it, cut it up and throw it away.")
    if not may_add_app(visit, visit.system.devices(visit.token)):
        return (disposal,)
    return (
        disposal,
        _(
            "If you need another device, we recommend the app on your phone: confirm your number on the page “Phone numbers”,"
            " then activate the app on the phone."
        ),
    )


def _facts(visit: Visit, device: DeviceView) -> Iterator[tuple[str, str]]:
    _ = visit._
    yield _("Device"), f"{kind_name(_, device.kind, issued=device.issued)} {device.label}".strip()
    yield _("State"), "\n".join((badge(_, device).label, *lines(_, device)))
    yield _("Last used"), _("never") if device.used_at is None else _.moment(device.used_at)
    yield _("Added"), _.date(device.added_at)


def _actions(visit: Visit, device: DeviceView) -> Iterator[Item]:
    """Yield a row for each possible action on the device, including actions that only support can carry out."""
    forms = device_forms(visit._, device, visit.visitor())
    yield from _activation(visit._, device, forms)
    yield from _loss(visit, device)
    yield from _pin_and_sharing(visit, device, forms)
    yield from _end(visit, device, forms)
    yield from _replacement(visit, device)


def _activation(_: Language, device: DeviceView, forms: Mapping[str, Form]) -> Iterator[Item]:
    buttons = [form for path, form in forms.items() if path in ("/activate", "/sheet")]
    if device.own and device.waits_until is not None:
        words = _("It can be activated from {moment}.", moment=_.moment(device.waits_until))
        yield Item(_("Start to use it"), "code", details=(words,), actions=buttons)
    elif buttons and device.state is DeviceState.MISPLACED:
        words = _("If you have found it, activate it again by a response.")
        yield Item(_("It was found"), "success", details=(words,), actions=buttons)
    elif buttons:
        yield Item(_("Start to use it"), "key", details=(_("Activate it by a response."),), actions=buttons)


def _loss(visit: Visit, device: DeviceView) -> Iterator[Item]:
    _ = visit._
    if device.live:
        words = _("Suspend it immediately. Nobody can log in with it any more.")
        yield Item(_("It is lost or stolen"), "shield-off", details=(words,), links=loss_link(_, device))
    elif device.own and device.state in _WAITING:
        words = _("Call support. They take it out of use for good.")
        numbers = (number for _name, number in telephones(_, office_of(visit)))
        yield Item(_("It is lost or stolen"), "shield-off", details=(words, *numbers))


def _pin_and_sharing(visit: Visit, device: DeviceView, forms: Mapping[str, Form]) -> Iterator[Item]:
    _, system = visit._, visit.system
    if "/pin" in forms:
        words = _("Choose a new PIN, and confirm it with the card.")
        yield Item(_("PIN"), "key", details=(words,), actions=(forms["/pin"],))
    if not (device.live and is_for(visit.visitor(), "/share") and system.policy.levels[device.level].shareable):
        return
    for share in system.shares(visit.token):
        if (share.kind, share.device, share.state) == (device.kind, device.label, ShareState.DONE):
            stop = button("/share/cancel", _("Stop sharing"), share=share.id)
            words = _("Belongs to {owner}, shared with {user}.", owner=share.owner, user=share.user)
            yield Item(_("It is shared"), "people", details=(words,), actions=(stop,), about=f"{share.owner} {share.user}")
    if device.own:
        words = _("Log in with the other user name, and choose Share a device there.")
        yield Item(_("Use it with another user name of yours"), "people", details=(words,))


def _end(visit: Visit, device: DeviceView, forms: Mapping[str, Form]) -> Iterator[Item]:
    """Yield the rows for a user who no longer needs the device."""
    _, title = visit._, visit._("You no longer need it")
    if "/return" in forms:
        words = _("It is then out of use, and its deposit is released when it arrives.")
        yield Item(title, "parcel", details=(words,), actions=(forms["/return"],))
    if "/devices/remove" in forms:
        words = _("Remove the app from your user name. You can add it again.")
        yield Item(title, "none", details=(words,), actions=(forms["/devices/remove"],))
    if device.kind in _MESSAGES and device.live and is_for(visit.visitor(), "/phones"):
        words = _("Remove its number, or confirm another one.")
        yield Item(title, "none", details=(words,), links=(Link("/phones", _("Phone numbers")),))


def _replacement(visit: Visit, device: DeviceView) -> Iterator[Item]:
    """Yield the row about a new card. Only cards and devices that are not permanent have this row."""
    _, title, link = visit._, visit._("You need a new card"), request_link(visit)
    if not device.own or (device.lasting and device.kind not in _CARDS):
        return
    if may_request(visit):
        yield Item(title, "card", details=(_("It is sent to your address."),), links=(Link(link.href, link.label),))
    elif not link.href and device.kind in _CARDS:
        yield Item(title, "card", details=(link.hint,))
    elif device.live and device.kind is Kind.DSC_PLUS:
        yield Item(title, "card", details=(_("Report your card as lost first. Then you can request another one."),))
