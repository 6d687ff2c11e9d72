"""The change of a postal address, to which a card is sent unless its request names another one.

A request keeps the address that it was confirmed with. All users of the person are told of a change.
"""

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import field_checks, permissions
from dsc_host.login.messages import notices
from dsc_host.login.profile import permission
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginTransaction, account_of, found


def change(tx: LoginTransaction, session: Session, user: User, address: str) -> None:
    """Change the user's own postal address. Raises `InputError`, `NotAllowed`, `NotNow`."""
    permission.check(tx, session, user)
    replace(tx, user, address)


def replace(tx: LoginTransaction, user: User, address: str, *, by: str = "") -> None:
    """Replace the postal address of the user's person. `by` is the name of the support member who does it.

    The address of the account's owner is the one for the cards of several users, so only the primary user changes it.
    Raises `InputError`, `NotAllowed`.
    """
    address = field_checks.check_line("address", address, 200)
    person = found(rows.entities.locked(tx.db, user.entity_id))
    if account_of(tx.db, user).entity_id == person.id:
        permissions.check_primary(tx.db, user)
    if address == person.address:
        raise InputError("address", "is your address already; enter another one")
    rows.entities.change(tx.db, person.id, address=address)
    for each in rows.users.all(tx.db, rows.users.c.entity_id == person.id, order=rows.users.c.id):
        notices.notify(tx, each, "address_changed")
    tx.log("user.address", user, "done", **({"by": by} if by else {}))
