"""The registry of devices: who may use them, whether they are valid now, how pages show them, and how their state changes.

If the set of devices that a user can log in with changes, the user's sessions end. Only the session that made the change may
continue.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from dsc_host.login import json_column, rows
from dsc_host.login.accounts import field_checks, users
from dsc_host.login.devices import kinds, waits
from dsc_host.login.devices.kinds import DeviceData, DeviceKind
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages.notices import Notified
from dsc_host.login.model import DeviceState, UseState, WaitState
from dsc_host.login.rows import Device, Use, User
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.login.views import DeviceView, Offer
from dsc_host.records import table_rows, vault
from dsc_host.schema.login_tables import NAME_LETTERS

Held = tuple[Device, Use]
"""A device, and the `Use` that grants it to a user."""
_KEPT = (DeviceState.ACTIVE, DeviceState.MISPLACED)


def add(
    tx: LoginTransaction,
    owner: User,
    kind: DeviceKind,
    *,
    notified: Notified,
    serial: str | None = None,
    state: DeviceState = DeviceState.ACTIVE,
    expires_at: float | None = None,
    data: DeviceData | None = None,
) -> Device:
    """Add a device of a user, who may use the device as soon as it is active.

    `notified` proves that the user was notified.
    """
    now = tx.now()
    kept = json_column.write(data or DeviceData())
    device = Device(table_rows.new_id(), str(kind.name), owner.id, serial, str(state), now, now, expires_at, kept)
    rows.devices.add(tx.db, device)
    rows.uses.add(tx.db, Use(table_rows.new_id(), owner.id, device.id, str(UseState.ACTIVE), 0, None))
    return device


def held_by(db: Connection, user: User) -> list[Held]:
    """Return all devices that a user has or had, including shared devices, the oldest first."""
    uses = {use.device_id: use for use in rows.uses.all(db, rows.uses.c.user_id == user.id)}
    wanted = rows.devices.c.id.in_(list(uses))
    return [(device, uses[device.id]) for device in rows.devices.all(db, wanted, order=rows.devices.c.made_at)]


def held(db: Connection, user: User, device_id: str, *, lock: bool = True) -> Held:
    """Return a device and the user's `Use` of it. Lock the device unless `lock` is false.

    Raises `NotFound` if the user has no such device.
    """
    # Lock the row of the device before the row of its use: another user of the device may be changing both.
    device = (rows.devices.locked if lock else rows.devices.find)(db, device_id)
    mine = (rows.uses.c.user_id == user.id) & (rows.uses.c.device_id == device_id)
    use = rows.uses.one(db, mine) if device else None
    if use is None or device is None:
        raise NotFound("you have no such device")
    return device, use


def is_live(device: Device, use: Use, now: float) -> bool:
    """Return whether the user can log in with the device at the time `now`."""
    return device.state == DeviceState.ACTIVE and use.state == UseState.ACTIVE and not is_over(device, now)


def is_over(device: Device, now: float) -> bool:
    """Return whether the device has expired at the time `now`, even if the maintenance has not ended it yet."""
    return device.expires_at is not None and device.expires_at <= now


def live_of(tx: LoginTransaction, user: User) -> list[Held]:
    """Return the devices that a user can log in with now."""
    now = tx.now()
    return [(device, use) for device, use in held_by(tx.db, user) if is_live(device, use, now)]


def kinds_of(tx: LoginTransaction, user: User) -> set[str]:
    """Return the kinds of the devices with which a user now gets full access."""
    return {device.kind for device, _ in live_of(tx, user) if opens_all(tx, device)}


def opens_all(tx: LoginTransaction, device: Device) -> bool:
    """Return whether a login with this device now gives full access, not only access to the account's pages."""
    until = kinds.of(device).full_until(tx.policy, device)
    return until is None or tx.now() < until


def is_issued(tx: LoginTransaction, kind: DeviceKind) -> bool:
    """Return whether devices of this kind are still issued."""
    return tx.policy.levels[tx.policy.level(kind.name)].issued


def check_issued(tx: LoginTransaction, *wanted: DeviceKind) -> None:
    """Raise `NotNow` unless devices of one of these kinds are still issued. Call this before a user gets a new device."""
    if not any(is_issued(tx, kind) for kind in wanted):
        raise NotNow("devices of this kind are no longer issued; choose another kind")


def view(tx: LoginTransaction, user: User, device: Device, use: Use) -> DeviceView:
    """Return a device as its user sees it."""
    kind = kinds.of(device)
    activates_at = kind.activates_at(device) if kind.has_sheet else None
    return DeviceView(
        id=device.id,
        kind=kind.name,
        label=kind.label(device),
        state=DeviceState(device.state),
        use=UseState(use.state),
        shared=len(users_of(tx.db, device)) > 1,
        own=device.owner_id == user.id,
        live=is_live(device, use, tx.now()),
        expires_at=device.expires_at,
        activates_at=None if activates_at is None else waits.after_wait(tx, user, device, activates_at),
        waits_until=_waits_until(tx, user, device),
        full_until=kind.full_until(tx.policy, device),
        level=tx.policy.level(device.kind),
        returnable=kind.is_returnable(tx.policy, device),
        issued=is_issued(tx, kind),
        lasting=kind.lasting,
        has_sheet=kind.has_sheet,
        changes_pin=kind.changes_pin,
        losses=kind.losses,
        removable=kind.replaces_messages and device.owner_id == user.id and device.state in _KEPT,
        name=use.name,
        added_at=device.made_at,
        used_at=use.used_at,
    )


def _waits_until(tx: LoginTransaction, user: User, device: Device) -> float | None:
    """Return the Unix time before which a device cannot be activated; None if there is no wait for it."""
    wait = waits.card_wait(tx, user, device) if device.state in (DeviceState.SHIPPED, DeviceState.MISPLACED) else None
    return None if wait is None else wait.due_at


def offer(tx: LoginTransaction, device: Device, shows: Mapping[str, str], keeps: Mapping[str, Any], left: int) -> Offer:
    """Return the challenge of a device as a page shows it.

    `keeps` are the values that are stored until the answer comes. `left` is the number of answers that are still accepted.
    """
    kind = kinds.of(device)
    return Offer(
        kind.name,
        device.id,
        kind.label(device),
        dict(shows),
        kind.digits,
        sent_at=kind.sent_at(tx.policy, keeps),
        left=left,
        letters=kind.code_letters(tx.policy, device),
    )


def views(tx: LoginTransaction, user: User) -> tuple[DeviceView, ...]:
    """Return a user's devices that have not ended, the highest level first."""
    kept = [(device, use) for device, use in held_by(tx.db, user) if device.state != DeviceState.ENDED]
    return tuple(sorted((view(tx, user, *each) for each in kept), key=lambda shown: (shown.level, shown.id)))


def label(device: Device) -> str:
    """Return a text that distinguishes a device from others of its kind."""
    return kinds.of(device).label(device)


def rename(tx: LoginTransaction, user: User, device_id: str, name: str) -> None:
    """Set the name that a user gives to a device. An empty text removes the name. Raises `NotFound`, `InputError`."""
    _, use = held(tx.db, user, device_id)
    given = field_checks.check_line("device name", name, NAME_LETTERS) if name != "" else ""
    rows.uses.change(tx.db, use.id, name=given)
    tx.log("device.name", user, "done", device=device_id)


def record_use(tx: LoginTransaction, use: Use) -> None:
    """Record a correct answer: reset the number of failures, and set the time of the last use."""
    rows.uses.change(tx.db, use.id, failures=0, locked_until=None, used_at=tx.now())


def move(tx: LoginTransaction, device: Device, state: DeviceState, **changes: Any) -> Device:
    """Change the state of a device. If it can never become active again, forget its secret, and end the wait for it.

    If the device was active or becomes active, end all sessions of its users. The caller may then let its own session continue,
    with `sessions.end_all`.
    """
    rows.devices.change(tx.db, device.id, state=str(state), since=tx.now(), **changes)
    if DeviceState.ACTIVE in (device.state, state):
        for use in rows.uses.all(tx.db, rows.uses.c.device_id == device.id):
            users.invalidate_sessions(tx.db, found(rows.users.find(tx.db, use.user_id)))
    if state not in (DeviceState.SHIPPED, DeviceState.ACTIVE, DeviceState.MISPLACED):
        vault.forget(tx.db, kinds.secret_of(device))
        waits.end_of_card(tx, found(rows.users.find(tx.db, device.owner_id)), device, WaitState.STOPPED)
    return found(rows.devices.find(tx.db, device.id))


def end_temporary(tx: LoginTransaction, user: User, *, except_id: str = "") -> None:
    """End the temporary devices of a user, because another device replaces them. Keep the device with the id `except_id`."""
    for device in temporary_of(tx, user):
        if device.id != except_id:
            move(tx, device, DeviceState.ENDED)


def temporary_of(tx: LoginTransaction, user: User) -> list[Device]:
    """Return the temporary devices of a user that are active or not activated yet, and have not expired."""
    given = (DeviceState.ACTIVE, DeviceState.SHIPPED)
    held = [device for device, _ in held_by(tx.db, user) if kinds.of(device).temporary and device.state in given]
    return [device for device in held if not is_over(device, tx.now())]


def users_of(db: Connection, device: Device) -> list[str]:
    """Return the ids of all users of a device."""
    return [use.user_id for use in rows.uses.all(db, rows.uses.c.device_id == device.id)]
