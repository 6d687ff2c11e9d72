"""The directory of people, accounts and users, for the operator. It shows no password and no document number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select

from dsc_host.login import rows
from dsc_host.login.accounts import money
from dsc_host.login.model import Role
from dsc_host.login.rows import User


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person or company."""

    id: str
    name: str
    birth_date: str
    """A date in the form 1980-12-31."""
    citizenship: str
    residence: str
    address: str
    under_review: bool
    """Whether the person is under review: the policy may then require that compliance agrees before a device is shared."""
    accounts: tuple[str, ...]
    """The ids of the person's accounts."""
    users: tuple[str, ...]
    """The names of the person's users, on any account."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its owner and users."""

    id: str
    person: str
    """The id of the owner."""
    person_name: str
    equity: Decimal
    currency: str
    primary: str | None
    """The name of the primary user, who may change the security settings; None while the account has no users."""
    users: tuple[str, ...]
    closed_at: float | None


@dataclass(frozen=True, slots=True)
class UserView:
    """A user, with the account and the person to which the user belongs."""

    id: str
    name: str
    account: str
    person: str
    """The id of the person who logs in by this name: the account's owner or another person."""
    person_name: str
    role: Role
    email: str
    language: str
    primary: bool
    opted_out: bool
    closed: bool
    """Whether the account is closed."""


def persons(db: Connection, name: str = "") -> list[PersonView]:
    """Return the people whose names contain `name`, sorted by name. The case of letters does not matter."""
    accounts = _group((each.entity_id, each.id) for each in rows.accounts.all(db))
    users = _group((each.entity_id, each.name) for each in rows.users.all(db, order=rows.users.c.name))
    return [
        PersonView(
            id=each.id,
            name=each.name,
            birth_date=each.birth_date,
            citizenship=each.citizenship,
            residence=each.residence,
            address=each.address,
            under_review=bool(each.under_review),
            accounts=accounts.get(each.id, ()),
            users=users.get(each.id, ()),
        )
        for each in rows.entities.all(db, order=rows.entities.c.name)
        # Compare in Python: SQL ignores the case of A to Z only.
        if isinstance(name, str) and name.casefold() in each.name.casefold()
    ]


def accounts(db: Connection) -> list[AccountView]:
    """Return all accounts, sorted by the names of their owners."""
    owners = {each.id: each.name for each in rows.entities.all(db)}
    users = rows.users.all(db, order=rows.users.c.name)
    names = {each.id: each.name for each in users}
    of_account = _group((each.account_id, each.name) for each in users)
    found = [
        AccountView(
            id=each.id,
            person=each.entity_id,
            person_name=owners[each.entity_id],
            equity=money.money(each.equity),
            currency=each.currency,
            primary=names.get(each.primary_user),
            users=of_account.get(each.id, ()),
            closed_at=each.closed_at,
        )
        for each in rows.accounts.all(db)
    ]
    return sorted(found, key=lambda account: (account.person_name, account.id))


def users(db: Connection, name: str = "") -> list[UserView]:
    """Return the users whose names contain `name`, sorted by name. The case of letters does not matter."""
    user, entity, account = rows.users.c, rows.entities.c, rows.accounts.c
    wanted = (
        select(rows.users.table, entity.name, account.primary_user, account.closed_at)
        .join(rows.entities.table, user.entity_id == entity.id)
        .join(rows.accounts.table, user.account_id == account.id)
        .order_by(user.name)
    )
    found = [_user(User(*row[:-3]), *row[-3:]) for row in db.execute(wanted)]
    return [each for each in found if isinstance(name, str) and name.lower() in each.name]


def _user(user: User, person_name: str, primary_user: str, closed_at: float | None) -> UserView:
    return UserView(
        id=user.id,
        name=user.name,
        account=user.account_id,
        person=user.entity_id,
        person_name=person_name,
        role=Role(user.role),
        email=user.email,
        language=user.language,
        primary=user.id == primary_user,
        opted_out=bool(user.opted_out),
        closed=closed_at is not None,
    )


def _group(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Group pairs by their first items. Map each first item to its second items, in the order of the pairs."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        found[key] = (*found.get(key, ()), value)
    return found
