"""The operator's assignment of an enrolled card to a user."""

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import users
from dsc_host.login.devices import kinds, registry
from dsc_host.login.messages import notices
from dsc_host.login.transaction import LoginTransaction, locked_user


def assign(tx: LoginTransaction, name: str, serial: str) -> str:
    """Assign an enrolled card to a user, as an active device. Return the id of the device. Raises `InputError`."""
    # Claim first: if two calls assign the same card, the second one gets the error below.
    tx.context.cards.store.claim(tx.db)
    user = locked_user(tx.db, users.user_by_name(tx.db, name).id)
    if rows.devices.count(tx.db, rows.devices.c.serial == serial):
        raise InputError("serial", "{serial} already belongs to somebody", serial=serial)
    told = notices.notify(tx, user, "activated", device=serial)
    device = registry.add(tx, user, kinds.DSC_CARD, told=told, serial=serial)
    users.settings_changed(tx.db, user)
    tx.log("card.assign", user, "done", card=serial)
    return device.id
