"""Everything that is due for a user, as rows of a list: requested cards, waiting changes, and cards that were sent back."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from dsc_host.login import DeviceState, DeviceView, HoldState, OrderState, Request, WaitKind
from dsc_host.portal.components import INFO, NEUTRAL, SUCCESS, WARNING, Badge, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.device_items import device_item, lines, numbered
from dsc_host.portal.pages.postal_addresses import in_lines
from dsc_host.portal.pages.waits import STOPS, WAITS
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, button
from dsc_host.portal.wording import HOLDS, KINDS, ORDERS, in_sentence

_BADGES = {OrderState.DRAFT: WARNING, OrderState.DONE: SUCCESS, OrderState.CANCELLED: NEUTRAL, OrderState.ENDED: NEUTRAL}
_OVER = (OrderState.DRAFT, OrderState.DONE, OrderState.CANCELLED, OrderState.ENDED)


def add_to_cards(visit: Visit, devices: Sequence[DeviceView], rows: Sequence[Item]) -> list[Item]:
    """Return the rows of devices with everything about each card: its request, its return, and the link that stops its wait.

    The page's other lists leave these cards out, if they get the `labels` of the devices.
    """
    requests = visit.system.requests(visit.token)
    waits = {each.due_at for each in visit.system.waiting(visit.token) if each.kind is WaitKind.CARD} - {None}
    shown = []
    for device, row in zip(devices, rows, strict=True):
        asked = (fact for each in requests if _is_for(each, device) for fact in _request_facts(visit, each, device))
        sent = _parcel_facts(visit, device)
        stop = (Link("/stop", visit._(STOPS[WaitKind.CARD])),) if device.waits_until in waits else ()
        shown.append(replace(row, facts=(*row.facts, *asked, *sent), links=(*stop, *row.links)))
    return shown


def labels(devices: Sequence[DeviceView]) -> frozenset[str]:
    """Return the labels of the user's own devices."""
    return frozenset(each.label for each in devices if each.own and each.label)


def _is_for(asked: Request, device: DeviceView) -> bool:
    return device.own and bool(asked.serial) and asked.serial == device.label


def _request_facts(visit: Visit, asked: Request, device: DeviceView) -> Iterator[tuple[str, str]]:
    """Yield the facts about the request of a card. Only a card that was never activated is still expected."""
    _ = visit._
    if device.state is DeviceState.SHIPPED:
        yield from _delivery(_, asked)
    parcels = [each for each, _days in visit.system.parcels(visit.token) if each.device_id == device.id]
    yield from _deposit(_, asked, on_its_way=any(each.received_at is None for each in parcels))


def _delivery(_: Language, asked: Request) -> Iterator[tuple[str, str]]:
    """Yield the dates of a request that is not over, and the address to which the card is sent."""
    if asked.state not in _OVER:
        yield _("Expected around"), _.short_day(asked.estimate)
        if asked.activates_at is not None:
            yield _("Automatic activation"), _.date(asked.activates_at)
    yield _("Delivery address"), in_lines(asked.address)


def _deposit(_: Language, asked: Request, *, on_its_way: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the deposit of a card, if it has one. `on_its_way` says whether the card was sent back and has not arrived."""
    if asked.held:
        held = on_its_way and asked.held is HoldState.HELD
        state = _("held until the card arrives") if held else _(HOLDS[asked.held])
        yield _("Deposit"), f"{_.dollars(asked.hold)}, {state}"


def _parcel_facts(visit: Visit, device: DeviceView) -> Iterator[tuple[str, str]]:
    """Yield the facts about the parcel in which a card was sent back."""
    _ = visit._
    for each, (first, last) in visit.system.parcels(visit.token):
        if each.device_id == device.id:
            yield _("Tracking number"), _whole(each.tracking)
            yield _("Sent"), _.date(each.sent_at)
            if each.received_at is None:
                yield _("Receipt expected"), _("{first} to {last}", first=_.short_day(first), last=_.short_day(last))
            else:
                yield _("Received"), _.date(each.received_at)


def _whole(number: str) -> str:
    """Return a number without spaces at which a line may break."""
    return number.replace(" ", "\N{NO-BREAK SPACE}")


def request_items(visit: Visit, *, open_only: bool = False, without: Collection[str] = ()) -> list[Item]:
    """Return the rows of the requested cards. Leave out the serials in `without`, which have rows elsewhere on the page.

    With `open_only`, leave out drafts and requests that have ended.
    """
    _ = visit._
    asked = [each for each in visit.system.requests(visit.token) if each.serial not in without]
    return [_request_item(_, each) for each in asked if not open_only or each.state not in _OVER]


def requests_listing(visit: Visit, without: Collection[str]) -> tuple[Listing, ...]:
    """Return the list of requested cards, or nothing if there are none. Leave out the serials in `without`."""
    rows = request_items(visit, without=without)
    return (Listing(visit._("Cards you requested"), rows),) if rows else ()


def parcel_items(visit: Visit, *, open_only: bool = False) -> list[Item]:
    """Return the rows of the cards that the user has sent back. With `open_only`, leave out cards that were received."""
    _ = visit._
    rows = []
    for each, (first, last) in visit.system.parcels(visit.token):
        if each.received_at is None:
            state = Badge(_("on its way"), INFO)
            expected = _("Receipt expected: {first} to {last}", first=_.short_day(first), last=_.short_day(last))
        elif open_only:
            continue
        else:
            state, expected = Badge(_("received"), SUCCESS), _("Received: {moment}", moment=_.moment(each.received_at))
        details = (_("Sent: {moment}", moment=_.moment(each.sent_at)), expected)
        rows.append(Item(_("Tracking number {number}", number=_whole(each.tracking)), "parcel", state, details))
    return rows


def wait_items(visit: Visit, *kinds: WaitKind, without: Sequence[DeviceView] = ()) -> list[Item]:
    """Return the rows of the changes that wait before they take effect. If `kinds` are given, return only these kinds.

    Leave out the changes of the cards in `without`, which have rows elsewhere. The end of the wait tells which card is meant.
    """
    _, elsewhere = visit._, {each.waits_until for each in without} - {None}
    rows = []
    for each in visit.system.waiting(visit.token):
        if (kinds and each.kind not in kinds) or (each.kind is WaitKind.CARD and each.due_at in elsewhere):
            continue
        effect = _("Takes effect: {moment}", moment=_.moment(each.due_at))
        if each.due_at is None:
            effect = _("Takes effect when a second person agrees.")
        details = (*((each.what,) if each.what else ()), effect)
        stop = Link("/stop", _(STOPS[each.kind]))
        rows.append(Item(_(WAITS[each.kind]), "code", Badge(_("waiting"), WARNING), details, links=(stop,)))
    return rows


def activation_items(visit: Visit, devices: Sequence[DeviceView]) -> list[Item]:
    """Return the rows of the user's devices that are not activated yet. A device that still waits has no button for that."""
    new = [each for each in devices if each.own and each.state is DeviceState.SHIPPED]
    return add_to_cards(visit, new, [_activation_item(visit._, each) for each in new])


def _activation_item(_: Language, device: DeviceView) -> Item:
    if device.waits_until is not None:
        codes = (button("/sheet", _("Show my code card"), device=device.id),) if device.has_sheet else ()
        return device_item(_, device, codes)
    return Item(
        _("Activate {device}", device=in_sentence(_, device.kind)),
        "key",
        details=tuple(filter(None, (numbered(_, device), *lines(_, device)))),
        actions=(button("/activate", _("Activate"), device=device.id),),
        about=f"{_(KINDS[device.kind])} {device.label}",
    )


def _request_item(_: Language, asked: Request) -> Item:
    state = _(ORDERS[asked.state])
    return Item(
        _("Digital Security Card+ for {name}", name=asked.user),
        "parcel",
        Badge(state, _BADGES.get(asked.state, INFO)),
        actions=(button("/request/cancel", _("Cancel the request"), request=asked.id),)
        if asked.state is OrderState.REQUESTED
        else (),
        facts=(*_delivery(_, asked), *_deposit(_, asked)),
        about=f"{asked.user} {state}",
    )
