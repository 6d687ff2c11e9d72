"""The change of a person's postal address. A card is sent to this address unless its request names another address.

A confirmed request keeps its address. All users of the person are notified of a change.
"""

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import field_checks, permissions
from dsc_host.login.messages import notices
from dsc_host.login.profile import self_service
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginTransaction, account_of, found


def change(tx: LoginTransaction, session: Session, user: User, address: str) -> None:
    """Change the user's own postal address. Raises `InputError`, `NotAllowed`, `NotNow`."""
    self_service.check(tx, session, user)
    replace(tx, user, address)


def replace(tx: LoginTransaction, user: User, address: str, *, by: str = "") -> None:
    """Replace the postal address of the person to whom the user belongs.

    `by` names the support member who makes the change, or is `BY_OPERATOR`. It is empty if the user makes the change. Only the
    primary user can change the address of the account's owner, because cards for several users may be sent there. Raises
    `InputError`, `NotAllowed`.
    """
    address = field_checks.check_line("address", address, 200)
    person = found(rows.entities.locked(tx.db, user.entity_id))
    if account_of(tx.db, user).entity_id == person.id:
        permissions.check_primary(tx.db, user)
    if address == person.address:
        raise InputError("address", "must differ from your current address")
    rows.entities.change(tx.db, person.id, address=address)
    for each in rows.users.all(tx.db, rows.users.c.entity_id == person.id, order=rows.users.c.id):
        notices.notify(tx, each, "address_changed")
    tx.log("user.address", user, "done", by=by)
