"""Entities, which are people and companies identified by their papers, and the accounts of entities.

Each account belongs to one entity and has one primary user. Only the primary user may change the account's security settings.
"""

import re
from decimal import Decimal

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import field_checks, money
from dsc_host.login.model import Identity
from dsc_host.login.rows import Account, Entity, User
from dsc_host.login.transaction import LoginTransaction, found, known
from dsc_host.records import table_rows


def add_entity(tx: LoginTransaction, name: str, identity: Identity, address: str) -> Entity:
    """Add a person or company. Raises an `InputError` that names the invalid field."""
    field_checks.check_identity(identity)
    entity = Entity(
        table_rows.new_id(),
        field_checks.check_line("name", name, 200),
        identity.birth_date,
        identity.citizenship,
        identity.residence,
        identity.document_type,
        identity.document_number,
        field_checks.check_line("address", address, 200),
        under_review=False,
    )
    return rows.entities.add(tx.db, entity)


def add_account(db: Connection, entity_id: str, equity: Decimal, currency: str) -> Account:
    """Add an account. Its first user becomes its primary user. Raises `InputError`."""
    known(rows.entities.find(db, entity_id), "person", entity_id)
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise InputError("currency", "must be a currency code of three capital letters, for example USD")
    return rows.accounts.add(db, Account(table_rows.new_id(), entity_id, "", money.cents("equity", equity), currency, None))


def account_name(db: Connection, account_id: str) -> str:
    """Return the name under which pages show an account: the owner's name.

    If the owner has several accounts, add the name of the primary user in parentheses. If the account has no users, add the end
    of its id instead, masked as bank accounts are, for example …60b8.
    """
    account = found(rows.accounts.find(db, account_id))
    owner = found(rows.entities.find(db, account.entity_id)).name
    if rows.accounts.count(db, rows.accounts.c.entity_id == account.entity_id) == 1:
        return owner
    primary = rows.users.find(db, account.primary_user) if account.primary_user else None
    return f"{owner} ({primary.name})" if primary else f"{owner} (…{account.id[-4:]})"


def set_equity(db: Connection, account_id: str, cents: int) -> None:
    """Set the equity of an account, in cents. Raises `InputError`."""
    account = known(rows.accounts.locked(db, account_id), "account", account_id)
    rows.accounts.change(db, account.id, equity=cents)


def identity_of(db: Connection, user: User) -> Identity:
    """Return the identity of the person whom the user belongs to."""
    entity = found(rows.entities.find(db, user.entity_id))
    return Identity(
        entity.birth_date, entity.citizenship, entity.residence, entity.document_type, entity.document_number
    )  # fmt: skip


def set_under_review(tx: LoginTransaction, entity_id: str, under_review: bool) -> None:
    """Put a person under review, or end the review. Raises `InputError`.

    The policy may say that compliance must agree before a person under review shares a device.
    """
    if not isinstance(under_review, bool):
        raise InputError("review", "must be one of {kinds}", kinds="True, False")
    known(rows.entities.locked(tx.db, entity_id), "person", entity_id)
    rows.entities.change(tx.db, entity_id, under_review=under_review)
    tx.log("person.review", None, "done", "on" if under_review else "off", person=entity_id)
