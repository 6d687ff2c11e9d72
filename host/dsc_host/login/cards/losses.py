"""Losses: what ends together with a lost device, and the state that it gets.

A misplaced card can be found and activated again. The loss or theft of a phone ends its app and its numbers.
"""

from sqlalchemy import Connection

from dsc_host.login.accounts import contacts
from dsc_host.login.cards import requests
from dsc_host.login.devices import lifecycle as device_lifecycle
from dsc_host.login.devices import registry
from dsc_host.login.devices.lifecycle import opens_for_good
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import LOSSES, DeviceState, Kind, Loss
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction, data_of
from dsc_host.verifier import lifecycle
from dsc_host.verifier.model import State


def take_out(tx: LoginTransaction, user: User, device: Device, loss: Loss) -> None:
    """Take a device out of use for all its users. Raises `NotNow` if it is out of use for good already."""
    if device.state not in (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED):
        raise NotNow("this device is already out of use")
    notices.notify(tx, user, "out_of_use", device=registry.label(device))
    if device.serial and device.kind == Kind.DSC_PLUS:
        lifecycle.settle(tx.cards, device.serial, State.SUSPENDED if loss is Loss.MISPLACED else State.LOST, str(loss))
    if loss in (Loss.LOST, Loss.STOLEN):
        # The finder or thief of the phone could receive codes, or activate another app.
        for number in _numbers_of(tx.db, user, device):
            device_lifecycle.forget_number(tx, user, number)
    for serial in data_of(device).get("serials", {}).values():
        lifecycle.settle(tx.cards, serial, State.RETIRED, str(loss))
    lasting = device.kind == Kind.DSC_PLUS or loss is not Loss.MISPLACED
    after = LOSSES[loss] if lasting and opens_for_good(device) else DeviceState.ENDED
    registry.move(tx, device, after)
    requests.end_of_card(tx.db, device.id)
    if after is not DeviceState.MISPLACED:
        sharing.end_of_device(tx, device)


def _numbers_of(db: Connection, user: User, device: Device) -> list[str]:
    """Return the phone numbers that belong, or may belong, to this phone."""
    if device.kind == Kind.PHONE_APP:
        return [known.number for known in contacts.phones_of(db, user)]
    return [data_of(device)["number"]] if "number" in data_of(device) else []
