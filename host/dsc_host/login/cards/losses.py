"""Losses of devices: the new state of the device, and the keys and numbers that are disabled with it.

A misplaced card can be found and activated again. The loss or theft of a phone disables its app and its numbers. A user's own
report needs only a name and a password. Therefore it only suspends a lasting device, which the owner can activate again.
"""

from dsc_host.login import rows
from dsc_host.login.cards import requests
from dsc_host.login.devices import kinds, registry
from dsc_host.login.devices import lifecycle as device_lifecycle
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState, Loss
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction, found


def take_out(tx: LoginTransaction, user: User, device: Device, loss: Loss) -> None:
    """Take a device out of use for all its users, with the consequences of this loss. `user` is its owner.

    If the device is misplaced, notify all its users. Otherwise its other users are notified that the sharing ends. The caller
    has locked these users. Raises `NotNow` if the device is already permanently out of use.
    """
    if device.state not in (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED):
        raise NotNow("this device is already out of use")
    kind = kinds.of(device)
    after = kind.state_after(loss)
    for each in _all_users(tx, user, device) if after is DeviceState.MISPLACED else [user]:
        notices.notify(tx, each, "out_of_use", device=registry.label(device))
    if loss in (Loss.LOST, Loss.STOLEN):
        # Somebody who found or stole the phone could receive codes, or activate another app.
        for number in kind.numbers_with(tx.db, user, device):
            device_lifecycle.forget_number(tx, user, number)
    kind.disable(tx, device, str(loss))
    registry.move(tx, device, after)
    requests.end_of_card(tx, user, device)
    if after is not DeviceState.MISPLACED:
        sharing.end_of_device(tx, device)


def suspend(tx: LoginTransaction, user: User, device: Device) -> None:
    """Suspend a lasting device until it is activated again, or end a device of any other kind. Notify all its users.

    The caller has locked these users. The numbers of a phone are out of use until they are confirmed again, because somebody
    who found or stole the phone could receive codes.
    """
    for each in _all_users(tx, user, device):
        notices.notify(tx, each, "suspended", device=registry.label(device))
    kind = kinds.of(device)
    for number in kind.numbers_with(tx.db, user, device):
        device_lifecycle.suspend_number(tx, user, number)
    kind.disable(tx, device, str(Loss.MISPLACED))
    registry.move(tx, device, kind.state_when_suspended())


def _all_users(tx: LoginTransaction, user: User, device: Device) -> list[User]:
    """Return all users of a device, `user` first."""
    others = (each for each in registry.users_of(tx.db, device) if each != user.id)
    return [user, *(found(rows.users.find(tx.db, each)) for each in others)]
