"""Changes of a user's devices that need no proof: numbers that are removed, and messages that begin."""

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import users
from dsc_host.login.context import Reception, data_of
from dsc_host.login.devices import registry
from dsc_host.login.errors import NotNow
from dsc_host.login.messages.notices import Told
from dsc_host.login.model import PHYSICAL, DeviceState, Kind
from dsc_host.login.rows import Device, User


def forget_number(at: Reception, db: Connection, user: User, number: str) -> None:
    """A phone number is not this user's any more: nothing that goes there opens the door."""
    rows.phones.remove(db, rows.phones.c.user_id == user.id, rows.phones.c.number == number)
    for device, _ in registry.live_of(at, db, user):
        if data_of(device).get("number") == number:
            registry.move(at, db, device, DeviceState.ENDED)


def enable_messages(at: Reception, db: Connection, user: User, number: str, told: Told) -> None:
    """Send codes by SMS and call-back to a confirmed number, and to no other one.

    Raises `NotNow` if the phone app has taken their place.
    """
    check_no_app(at, db, user)
    has = set()
    for device, _ in registry.live_of(at, db, user):
        if data_of(device).get("number") == number:
            has.add(device.kind)
        elif device.kind in (Kind.SMS, Kind.VOICE):
            registry.move(at, db, device, DeviceState.ENDED)
    for kind in (Kind.SMS, Kind.VOICE):
        if kind not in has:
            registry.add(at, db, user, kind, told=told, data={"number": number})
    users.settings_changed(db, user)
    at.log(db, "messages.enable", user, "done")


def check_no_app(at: Reception, db: Connection, user: User) -> None:
    """Raise `NotNow` if the phone app has taken the place of SMS and call-back."""
    if any(device.kind == Kind.PHONE_APP for device, _ in registry.live_of(at, db, user)):
        raise NotNow("the phone app has taken the place of SMS and call-back")


def opens_for_good(device: Device) -> bool:
    """Whether it is a device that lasts."""
    return Kind(device.kind) in (*PHYSICAL, Kind.PHONE_APP)
