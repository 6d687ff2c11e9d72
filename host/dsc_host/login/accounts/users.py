"""Users: the names that people log in with. The module `permissions` defines what users may see and change."""

from sqlalchemy import Connection, func, select

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import email_addresses, field_checks
from dsc_host.login.messages import notices
from dsc_host.login.model import Role
from dsc_host.login.passwords import SUFFIX_LETTERS
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, found, known, locked_user, locked_users
from dsc_host.records import table_rows

BY_OPERATOR = "operator's command"
"""The text that the audit log has in place of a user name for a change by an operator's command. No user can have this name."""


def add_user(
    tx: LoginTransaction,
    account_id: str,
    name: str,
    password_hash: str,
    email: str,
    language: str,
    role: Role,
    entity_id: str | None = None,
) -> User:
    """Add a user to an account. Without `entity_id`, the user belongs to the account's owner.

    Raises `InputError`, for example if the name is taken.
    """
    if role not in tuple(Role):
        raise InputError("role", "must be one of {kinds}", kinds=", ".join(Role))
    account = known(rows.accounts.locked(tx.db, account_id), "account", account_id)
    check_new_user(tx.db, account_id, name, email, language, entity_id)
    user = User(
        table_rows.new_id(), name, entity_id or account.entity_id, account_id, password_hash,
        email_addresses.normalized(email), language, str(role), opted_out=False, settings=0, made_at=tx.now(),
    )  # fmt: skip
    rows.users.add(tx.db, user)
    if not account.primary_user:
        rows.accounts.change(tx.db, account_id, primary_user=user.id)
    tx.log("user.add", user, "done", by=BY_OPERATOR)
    return user


def check_new_user(db: Connection, account_id: str, name: str, email: str, language: str, entity_id: str | None = None) -> None:
    """Raise `InputError` if this user cannot be added to the account, for example because the name is taken."""
    field_checks.check_name(name)
    field_checks.check_language(language)
    email_addresses.normalized(email)
    if known(rows.accounts.find(db, account_id), "account", account_id).closed_at is not None:
        raise InputError("account", "is closed; add the user to another account")
    if entity_id is not None:
        known(rows.entities.find(db, entity_id), "person", entity_id)
    if rows.users.one(db, rows.users.c.name == name):
        raise InputError("name", "{name} is taken; choose another one", name=name)


def user_by_name(db: Connection, name: str) -> User:
    """Return the user whom the operator named. Raises `InputError`."""
    field_checks.check_name(name)
    user = rows.users.one(db, rows.users.c.name == name)
    if user is None:
        raise InputError("name", "there is no user {name}; look the name up in the list of users", name=name)
    return user


def password_costs(db: Connection) -> list[str]:
    """Return the texts before the salt in all password hashes, each text once. They name the algorithm and the cost."""
    kept = rows.users.c.password
    before_salt = func.substr(kept, 1, func.length(kept) - SUFFIX_LETTERS)
    return list(db.scalars(select(before_salt).where(func.length(kept) > SUFFIX_LETTERS).distinct()))


def set_language(tx: LoginTransaction, name: str, language: str) -> None:
    """Set the language of a user's messages. Raises `InputError`."""
    field_checks.check_language(language)
    user = locked_user(tx.db, user_by_name(tx.db, name).id)
    rows.users.change(tx.db, user.id, language=language)
    tx.log("user.language", user, "done", language=language, by=BY_OPERATOR)


def set_primary(tx: LoginTransaction, account_id: str, name: str) -> None:
    """Make one of an account's users its primary user. Notify this user and the previous primary user. Raises `InputError`."""
    account = known(rows.accounts.find(tx.db, account_id), "account", account_id)
    user = user_by_name(tx.db, name)
    if user.account_id != account.id:
        raise InputError("name", "{name} is not a user of this account; add a user to it first", name=name)
    locked_users(tx.db, {user.id, account.primary_user})
    account = found(rows.accounts.locked(tx.db, account.id))
    if account.primary_user == user.id:
        return
    rows.accounts.change(tx.db, account.id, primary_user=user.id)
    # Another transaction may have changed the primary user before the account was locked: notify the user who was replaced.
    for user_id in (account.primary_user, user.id):
        notices.notify(tx, found(rows.users.find(tx.db, user_id)), "primary_changed", primary=user.name)
    tx.log("account.primary", user, "done", account=account.id, by=BY_OPERATOR)


def invalidate_sessions(db: Connection, user: User, **changes: object) -> None:
    """Change a user and make all existing sessions of the user invalid."""
    rows.users.change(db, user.id, settings=rows.users.c.settings + 1, **changes)
