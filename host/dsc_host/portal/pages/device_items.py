"""A device as a row of a list: its name, state and dates, for the pages that list devices."""

from collections.abc import Sequence
from dataclasses import replace

from dsc_host.login import DeviceState, DeviceView, UseState
from dsc_host.portal.components import DANGER, ICONS, INFO, NEUTRAL, SUCCESS, WARNING, Badge, Item
from dsc_host.portal.languages import Language
from dsc_host.portal.views import Form, Link
from dsc_host.portal.wording import STATES, device_name, kind_name

_BADGES = {
    DeviceState.SHIPPED: INFO,
    DeviceState.ACTIVE: SUCCESS,
    DeviceState.MISPLACED: WARNING,
    DeviceState.LOST: DANGER,
    DeviceState.STOLEN: DANGER,
    DeviceState.DAMAGED: DANGER,
}
"""The kinds of the badges, by state. A device in any other state is no longer in use."""


def device_item(_: Language, device: DeviceView, actions: Sequence[Form] = (), links: Sequence[Link] = ()) -> Item:
    """Return the row of a device. The title is the name that the user has given to the device, or else its kind."""
    kind = kind_name(_, device.kind, issued=device.issued)
    known = f"{kind} {device.label}".strip() if device.name else numbered(_, device)
    dates = _dates(_, device)
    undated = replace(device, waits_until=None, activates_at=None) if dates else device
    return Item(
        title(_, device),
        ICONS[device.kind],
        badge(_, device),
        tuple(text for text in (known, *lines(_, undated), _last_use(_, device)) if text),
        actions,
        links,
        facts=dates,
        about=about(_, device),
    )


def numbered(_: Language, device: DeviceView) -> str:
    """Return the label of a device. A label that has only digits is named a number, because nothing else says so."""
    return _("No. {number}", number=device.label) if device.label.isdigit() else device.label


def short_item(_: Language, device: DeviceView) -> Item:
    """Return the row of a device with one line of details and no actions, for a page about more than devices."""
    item = device_item(_, device)
    known = item.details[:1] if device.label or device.name else ()
    return replace(item, facts=(), details=tuple(filter(None, (", ".join((*known, *changes(_, device))),))))


def about(_: Language, device: DeviceView) -> str:
    """Return the kind, the name and the label of a device. Pages and screen readers use this text to name the device."""
    return f"{kind_name(_, device.kind, issued=device.issued)} {device_name(device)}".strip()


def title(_: Language, device: DeviceView) -> str:
    """Return the name that the user has given to the device, or else its kind."""
    return device.name or kind_name(_, device.kind, issued=device.issued)


def badge(_: Language, device: DeviceView) -> Badge:
    """Return the badge with the state of a device."""
    if device.use is UseState.PARKED:
        return Badge(_("set aside while you use a shared device"), WARNING)
    return Badge(_(STATES[device.state]), _BADGES.get(device.state, NEUTRAL))


def _dates(_: Language, device: DeviceView) -> tuple[tuple[str, str], ...]:
    """Return when a device that waits can be activated, and when it is activated automatically, in this order."""
    if device.waits_until is None:
        return ()
    later = () if device.activates_at is None else ((_("Automatic activation"), _.date(device.activates_at)),)
    return ((_("Can be activated from"), _.moment(device.waits_until)), *later)


def _last_use(_: Language, device: DeviceView) -> str:
    return "" if device.used_at is None else _("Last used: {moment}", moment=_.moment(device.used_at))


def lines(_: Language, device: DeviceView) -> tuple[str, ...]:
    """Return the phrases of `changes`, each with a capital letter at its beginning, for lines of their own."""
    return tuple(capitalized(each) for each in changes(_, device))


def capitalized(phrase: str) -> str:
    """Return a phrase with a capital letter at its beginning."""
    return phrase[:1].upper() + phrase[1:]


def changes(_: Language, device: DeviceView) -> list[str]:
    """Return phrases about coming changes of the device, mostly with their times, and about whether the device is shared."""
    words = []
    if device.state is DeviceState.MISPLACED:
        words.append(_("can be activated again once it is found"))
    if device.waits_until is not None:
        words.append(_("can be activated from {moment}", moment=_.moment(device.waits_until)))
    if device.shared:
        words.append(_("shared"))
    if device.activates_at is not None:
        words.append(_("automatic activation: {moment}", moment=_.date(device.activates_at)))
    if device.expires_at is not None and device.state is DeviceState.ACTIVE:
        words.append(_("until {moment}", moment=_.moment(device.expires_at)))
    if device.full_until is not None and device.state is DeviceState.ACTIVE:
        words.append(_("full access until {moment}", moment=_.moment(device.full_until)))
    return words
