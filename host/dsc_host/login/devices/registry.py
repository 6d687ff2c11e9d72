"""Devices, and who may use them: whether one opens the door now, how it is shown, and how its life goes on.

Whenever what opens a user's door changes, that user's sessions from before end.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import contacts, users
from dsc_host.login.errors import NotFound
from dsc_host.login.messages.notices import Told
from dsc_host.login.model import TEMPORARY, DeviceState, DeviceView, Kind, UseState
from dsc_host.login.policy.serials import is_of
from dsc_host.login.rows import Device, Use, User
from dsc_host.login.transaction import LoginContext, LoginTransaction, as_data, data_of, found
from dsc_host.records import table_rows, vault

Held = tuple[Device, Use]
"""A device, and one user's use of it."""


def add(
    tx: LoginTransaction,
    owner: User,
    kind: Kind,
    *,
    told: Told,
    serial: str | None = None,
    state: DeviceState = DeviceState.ACTIVE,
    expires_at: float | None = None,
    data: Mapping[str, Any] | None = None,
) -> Device:
    """Add a device of a user, which they may use as soon as it is active. `told` proves that the user was told of it."""
    now = tx.now()
    device = Device(
        table_rows.new_id(), str(kind), owner.id, serial, str(state), now, now, expires_at, as_data(data or {})
    )  # fmt: skip
    rows.devices.add(tx.db, device)
    rows.uses.add(tx.db, Use(table_rows.new_id(), owner.id, device.id, str(UseState.ACTIVE), 0, None))
    return device


def held_by(db: Connection, user: User) -> list[Held]:
    """All that a user has or had, own and shared ones, the oldest first."""
    uses = {use.device_id: use for use in rows.uses.all(db, rows.uses.c.user_id == user.id)}
    wanted = rows.devices.c.id.in_(list(uses))
    return [(device, uses[device.id]) for device in rows.devices.all(db, wanted, order=rows.devices.c.made_at)]


def held(db: Connection, user: User, device_id: str, *, lock: bool = True) -> Held:
    """Raises `NotFound` for what is not this user's to use. Without `lock`, only to look."""
    # The device before its use: whoever else answers with it may be changing both.
    device = (rows.devices.locked if lock else rows.devices.find)(db, device_id)
    mine = (rows.uses.c.user_id == user.id) & (rows.uses.c.device_id == device_id)
    use = rows.uses.one(db, mine) if device else None
    if use is None or device is None:
        raise NotFound("you have no such device")
    return device, use


def is_live(device: Device, use: Use, now: float) -> bool:
    """Whether it opens the door now."""
    in_time = device.expires_at is None or now < device.expires_at
    return device.state == DeviceState.ACTIVE and use.state == UseState.ACTIVE and in_time


def live_of(tx: LoginTransaction, user: User) -> list[Held]:
    now = tx.now()
    return [(device, use) for device, use in held_by(tx.db, user) if is_live(device, use, now)]


def kinds_of(tx: LoginTransaction, user: User) -> set[str]:
    """The kinds of what opens this user's door now."""
    return {device.kind for device, _ in live_of(tx, user)}


def view(tx: LoginTransaction, user: User, device: Device, use: Use) -> DeviceView:
    others = rows.uses.count(tx.db, rows.uses.c.device_id == device.id)
    return DeviceView(
        id=device.id,
        kind=Kind(device.kind),
        label=label(device),
        state=DeviceState(device.state),
        use=UseState(use.state),
        shared=others > 1,
        own=device.owner_id == user.id,
        live=is_live(device, use, tx.now()),
        expires_at=device.expires_at,
        level=tx.policy.level(device.kind),
        returnable=is_returnable(tx.context, device),
    )


def is_returnable(context: LoginContext, device: Device) -> bool:
    """Whether it is one of those that are taken back."""
    return device.kind == Kind.DSC_PLUS and is_of(device.serial or "", context.policy.request.returnable)


def views(tx: LoginTransaction, user: User) -> tuple[DeviceView, ...]:
    """Of all but those whose life has ended, the highest level first."""
    kept = [(device, use) for device, use in held_by(tx.db, user) if device.state != DeviceState.ENDED]
    return tuple(sorted((view(tx, user, *each) for each in kept), key=lambda shown: (shown.level, shown.id)))


def label(device: Device) -> str:
    """What tells a device from another of its kind."""
    data = data_of(device)
    return str(data.get("label") or (contacts.masked(data["number"]) if "number" in data else device.serial or ""))


def move(tx: LoginTransaction, device: Device, state: DeviceState, **changes: Any) -> Device:
    """Bring a device into another state; if it opened doors or does now, every session of everybody who uses it ends."""
    rows.devices.change(tx.db, device.id, state=str(state), since=tx.now(), **changes)
    if DeviceState.ACTIVE in (device.state, state):
        for use in rows.uses.all(tx.db, rows.uses.c.device_id == device.id):
            users.settings_changed(tx.db, found(rows.users.find(tx.db, use.user_id)))
    if state not in (DeviceState.SHIPPED, DeviceState.ACTIVE, DeviceState.MISPLACED):
        vault.forget(tx.db, secret(device.id))
    return found(rows.devices.find(tx.db, device.id))


def end_temporary(tx: LoginTransaction, user: User, *, but: str = "") -> None:
    """What bridged the time until there was something better again has done its work."""
    for device, _ in held_by(tx.db, user):
        if Kind(device.kind) in TEMPORARY and device.state == DeviceState.ACTIVE and device.id != but:
            move(tx, device, DeviceState.ENDED)


def users_of(db: Connection, device: Device) -> list[str]:
    """The ids of all who may use it."""
    return [use.user_id for use in rows.uses.all(db, rows.uses.c.device_id == device.id)]


def with_data(db: Connection, device: Device, **changes: Any) -> None:
    """Change some of what is known of a device."""
    rows.devices.change(db, device.id, data=as_data({**data_of(device), **changes}))


def secret(device_id: str) -> str:
    """Under what name the vault keeps what a device's codes come from."""
    return f"device:{device_id}"
