"""Everything that is due for a user, as rows of a list: requested cards, waiting changes, and cards that were sent back."""

from collections.abc import Sequence

from dsc_host.login import DeviceState, DeviceView, OrderState, Request, WaitKind
from dsc_host.portal.components import INFO, NEUTRAL, SUCCESS, WARNING, Badge, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.device_items import changes
from dsc_host.portal.pages.waits import WAITS
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, button
from dsc_host.portal.wording import HOLDS, KINDS, ORDERS, in_sentence

_BADGES = {OrderState.DRAFT: WARNING, OrderState.DONE: SUCCESS, OrderState.CANCELLED: NEUTRAL, OrderState.ENDED: NEUTRAL}
_OVER = (OrderState.DRAFT, OrderState.DONE, OrderState.CANCELLED, OrderState.ENDED)


def request_items(visit: Visit, *, open_only: bool = False) -> list[Item]:
    """Return the rows of the requested cards. With `open_only`, leave out drafts and requests that have ended."""
    _ = visit._
    asked = visit.system.requests(visit.token)
    return [_request_item(_, each) for each in asked if not open_only or each.state not in _OVER]


def requests_listing(visit: Visit) -> tuple[Listing, ...]:
    """Return the list of requested cards; nothing if there are none."""
    rows = request_items(visit)
    return (Listing(visit._("Cards you requested"), rows),) if rows else ()


def parcel_items(visit: Visit, *, open_only: bool = False) -> list[Item]:
    """Return the rows of the cards that the user has sent back. With `open_only`, leave out cards that were received."""
    _ = visit._
    rows = []
    for each, (first, last) in visit.system.parcels(visit.token):
        if each.received_at is None:
            state = Badge(_("on its way"), INFO)
            expected = _("Receipt expected: {first} to {last}", first=_.day(first), last=_.day(last))
        elif open_only:
            continue
        else:
            state, expected = Badge(_("received"), SUCCESS), _("Received: {moment}", moment=_.moment(each.received_at))
        details = (_("Sent: {moment}", moment=_.moment(each.sent_at)), expected)
        rows.append(Item(_("Tracking number {number}", number=each.tracking), "parcel", state, details))
    return rows


def parcels_listing(visit: Visit) -> tuple[Listing, ...]:
    """Return the list of the cards that the user has sent back; nothing if there are none."""
    rows = parcel_items(visit)
    return (Listing(visit._("Cards you are returning"), rows),) if rows else ()


def wait_items(visit: Visit, *kinds: WaitKind) -> list[Item]:
    """Return the rows of the changes that wait before they take effect; with `kinds`, only of these kinds."""
    _ = visit._
    rows = []
    for each in visit.system.waiting(visit.token):
        if kinds and each.kind not in kinds:
            continue
        effect = _("Takes effect: {moment}", moment=_.moment(each.due_at))
        if each.due_at is None:
            effect = _("Takes effect when a second person agrees.")
        details = (*((each.what,) if each.what else ()), effect)
        stop = Link("/stop", _("Stop it"))
        rows.append(Item(_(WAITS[each.kind]), "code", Badge(_("waiting"), WARNING), details, links=(stop,)))
    return rows


def activation_items(_: Language, devices: Sequence[DeviceView]) -> list[Item]:
    """Return the rows of the user's devices that are not activated yet. A device whose wait is not over has no button."""
    return [
        Item(
            _("Activate {device}", device=in_sentence(_, each.kind)),
            "key",
            details=tuple(filter(None, (each.label, ", ".join(changes(_, each))))),
            actions=(button("/activate", _("Activate"), device=each.id),) if each.waits_until is None else (),
            about=f"{_(KINDS[each.kind])} {each.label}",
        )
        for each in devices
        if each.own and each.state is DeviceState.SHIPPED
    ]


def _automatic(_: Language, at: float | None) -> tuple[str, ...]:
    return () if at is None else (_("automatic activation: {moment}", moment=_.moment(at)),)


def _request_item(_: Language, asked: Request) -> Item:
    state = _(ORDERS[asked.state])
    expected = (_("Expected around {day}", day=_.day(asked.estimate)),) if asked.state not in _OVER else ()
    held = _("Deposit: {amount}, {state}", amount=_.dollars(asked.hold), state=_(HOLDS[asked.held])) if asked.held else ""
    return Item(
        _("Digital Security Card+ for {name}", name=asked.user),
        "parcel",
        Badge(state, _BADGES.get(asked.state, INFO)),
        (*expected, *_automatic(_, asked.activates_at), asked.address, *((held,) if held else ())),
        (button("/request/cancel", _("Cancel"), request=asked.id),) if asked.state is OrderState.REQUESTED else (),
        about=f"{asked.user} {state}",
    )
