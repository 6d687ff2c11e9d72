"""Phone numbers and the devices that send codes to them: SMS and call-back.

A phone number is removed together with the devices that send codes to it. SMS and call-back use only one number of a user.
"""

from dsc_host.login import rows
from dsc_host.login.accounts import users
from dsc_host.login.devices import kinds, registry, waits
from dsc_host.login.devices.kinds import DeviceKind
from dsc_host.login.devices.kinds.sent_code import NumberData
from dsc_host.login.errors import NotNow
from dsc_host.login.messages.notices import Notified
from dsc_host.login.model import DeviceState, WaitState
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction


def forget_number(tx: LoginTransaction, user: User, number: str) -> None:
    """Remove a phone number of a user, and end the devices that send codes to it."""
    rows.phones.remove(tx.db, rows.phones.c.user_id == user.id, rows.phones.c.number == number)
    _end_codes_to(tx, user, number)


def suspend_number(tx: LoginTransaction, user: User, number: str) -> None:
    """Take a phone number out of use until it is confirmed again, and end the devices that send codes to it."""
    known = rows.phones.one(tx.db, rows.phones.c.user_id == user.id, rows.phones.c.number == number)
    if known is not None:
        rows.phones.change(tx.db, known.id, confirmed_at=None)
    _end_codes_to(tx, user, number)


def _end_codes_to(tx: LoginTransaction, user: User, number: str) -> None:
    waits.end(tx, user, waits.NewNumber(number), WaitState.STOPPED)
    for device, _ in registry.live_of(tx, user):
        if kinds.of(device).number(device) == number:
            registry.move(tx, device, DeviceState.ENDED)


def enable_messages(
    tx: LoginTransaction, user: User, number: str, notified: Notified, *, anew: bool = False, by: str = ""
) -> None:
    """Give the user the devices SMS and call-back for a confirmed number, and end such devices for other numbers.

    SMS and call-back give full access for a number of days. A new number continues the days of the earlier number, even if that
    number was removed. The days start again only if `anew` is true and the user has no such device now.

    If the policy no longer issues a kind, only users who already have a device of this kind get one for the new number. `by` is
    the name of the support member who enables the codes, or `BY_OPERATOR`. Raises `NotNow` if the user has the phone app, which
    replaces SMS and call-back.
    """
    check_no_app(tx, user)
    has, replaced = set(), {}
    for device, _ in registry.live_of(tx, user):
        earlier = kinds.of(device).number(device)
        if earlier == number:
            has.add(device.kind)
        elif earlier:
            replaced[device.kind] = registry.move(tx, device, DeviceState.ENDED)
    for kind in (kinds.SMS, kinds.VOICE):
        if kind.name not in has and (kind.name in replaced or registry.is_issued(tx, kind)):
            continued = replaced.get(kind.name) or (None if anew else _last_ended(tx, user, kind))
            _add_number(tx, user, kind, number, notified, continued)
    users.invalidate_sessions(tx.db, user)
    tx.log("messages.enable", user, "done", by=by)


def _last_ended(tx: LoginTransaction, user: User, kind: DeviceKind) -> Device | None:
    """Return the newest ended device of this kind. Its days of full access continue, so removing a number gains no new days."""
    column = rows.devices.c
    ended = rows.devices.all(tx.db, column.owner_id == user.id, column.kind == kind.name, column.state == DeviceState.ENDED)
    return max(ended, key=lambda device: device.made_at, default=None)


def _add_number(
    tx: LoginTransaction, user: User, kind: DeviceKind, number: str, notified: Notified, continued: Device | None
) -> None:
    if continued is None:
        registry.add(tx, user, kind, notified=notified, data=NumberData(number))
        return
    data = NumberData(number, NumberData.of(continued).ends_at)
    added = registry.add(tx, user, kind, notified=notified, data=data)
    rows.devices.change(tx.db, added.id, made_at=continued.made_at, told=continued.told)


def check_no_app(tx: LoginTransaction, user: User) -> None:
    """Raise `NotNow` if the user has the phone app, which replaces SMS and call-back."""
    if has_app(tx, user):
        raise NotNow("the phone app replaces SMS and call-back")


def has_app(tx: LoginTransaction, user: User) -> bool:
    """Return whether the user has the phone app, which replaces SMS and call-back."""
    return any(kinds.of(device).replaces_messages for device, _ in registry.live_of(tx, user))
