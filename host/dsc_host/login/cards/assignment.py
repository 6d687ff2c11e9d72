"""The operator's assignment of an enrolled card to a user."""

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import users
from dsc_host.login.devices import kinds, registry
from dsc_host.login.devices.kinds import phone_app
from dsc_host.login.messages import notices
from dsc_host.login.transaction import LoginTransaction, account_of, locked_user
from dsc_host.verifier import card_lookup
from dsc_host.verifier.model import State


def assign(tx: LoginTransaction, name: str, serial: str, kind: str) -> str:
    """Assign an enrolled card of this kind to a user, as an active device. Return the id of the device.

    Raises `UnknownCard`, and `InputError`, for example if the card is suspended, lost or retired.

    This also works for kinds that are no longer issued, because users keep the cards that they have.
    """
    card = next((each for each in kinds.CARDS if each.name == kind), None)
    if card is None:
        raise InputError("kind", "must be one of {kinds}", kinds=", ".join(each.name for each in kinds.CARDS))
    # Claim the database first: if two calls assign the same card, the second call gets the error below.
    tx.context.cards.store.claim(tx.db)
    user = locked_user(tx.db, users.user_by_name(tx.db, name).id)
    if account_of(tx.db, user).closed_at is not None:
        raise InputError("name", "the account of {name} is closed", name=user.name)
    state = card_lookup.locked_card(tx.cards, serial).state
    if rows.devices.count(tx.db, rows.devices.c.serial.in_([serial, phone_app.app_of_key(serial)])):
        raise InputError("serial", "{serial} already belongs to somebody", serial=serial)
    if state not in (State.ENROLLED, State.ACTIVE):
        raise InputError("serial", "{serial} is {state}, so nobody could log in with it", serial=serial, state=state)
    notified = notices.notify(tx, user, "activated", device=serial)
    device = registry.add(tx, user, card, notified=notified, serial=serial)
    users.invalidate_sessions(tx.db, user)
    tx.log("card.assign", user, "done", card=serial, by=users.BY_OPERATOR)
    return device.id
