"""The bank instructions of an account. The vault keeps them sealed, and users see only their masked text.

Only the primary user of the account can change them, and is notified of each change. The notice contains no account number.
"""

from dsc_host.errors import InputError
from dsc_host.login import json_column, rows
from dsc_host.login.accounts import permissions
from dsc_host.login.accounts.bank_numbers import BankInstructions
from dsc_host.login.messages import notices
from dsc_host.login.profile import self_service
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.records import vault


def change(tx: LoginTransaction, session: Session, user: User, given: BankInstructions) -> None:
    """Change the bank instructions of the user's account. Raises `InputError`, `NotAllowed`, `NotNow`."""
    self_service.check(tx, session, user)
    replace(tx, user, given)


def replace(tx: LoginTransaction, user: User, given: BankInstructions, *, by: str = "") -> None:
    """Replace the bank instructions of the user's account. `by` is the name of the support member who makes the change.

    Raises `InputError`, and `NotAllowed` unless the user is the primary user.
    """
    permissions.check_primary(tx.db, user)
    account = found(rows.accounts.locked(tx.db, user.account_id))
    if given == _kept(tx, account.id):
        raise InputError("bank", "must differ from the account's current ones")
    notices.notify(tx, user, "bank_changed")
    keep(tx, account.id, given)
    tx.log("account.bank", user, "done", account=account.id, by=by)


def keep(tx: LoginTransaction, account_id: str, given: BankInstructions) -> None:
    """Put the bank instructions of an account into the vault."""
    vault.put(tx.cards, _secret(account_id), json_column.write(given).encode())


def masked(tx: LoginTransaction, user: User) -> str:
    """Return the masked bank instructions of the user's account; empty if there are none."""
    kept = _kept(tx, user.account_id)
    return kept.masked if kept else ""


def _kept(tx: LoginTransaction, account_id: str) -> BankInstructions | None:
    kept = vault.get(tx.cards, _secret(account_id))
    return json_column.read(BankInstructions, kept.decode()) if kept else None


def _secret(account_id: str) -> str:
    return f"bank:{account_id}"
