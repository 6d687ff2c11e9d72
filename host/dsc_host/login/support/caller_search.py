"""The search for the user who is calling.

Support sees only the names of users, the names of the people to whom they belong, and whether the account is closed. Support
sees no details that identify a caller. The number of searches is limited, so that staff cannot copy the list of customers.
"""

from sqlalchemy import ColumnElement, func, or_, select

from dsc_host.errors import InputError
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts.phone_numbers import without_signs
from dsc_host.login.rate_limits import RateLimit
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, account_of, found
from dsc_host.login.views import FoundUser
from dsc_host.records.table_rows import is_key
from dsc_host.records.transaction import Refused

LEAST_LETTERS, MOST_LETTERS = 3, 64
MOST_FOUND = 10
_SEARCHES, _SECONDS = 120, 3600
"""The maximum number of searches of one staff member, and the time in seconds to which it applies."""


def search(tx: LoginTransaction, staff: User, text: str) -> tuple[FoundUser, ...] | Refused:
    """Return the users who match a text, at most `MOST_FOUND` of them, in the order of their names.

    The text may be a part of the user name or of the person's name, or a whole email address, phone number or serial of a
    device. Returns a refusal after too many searches. Raises `InputError`.
    """
    text = text.strip() if is_key(text) else ""
    if not LEAST_LETTERS <= len(text) <= MOST_LETTERS:
        raise InputError("search", "must have {least} to {most} characters", least=LEAST_LETTERS, most=MOST_LETTERS)
    limit = RateLimit("searches", staff.name, _SEARCHES, _SECONDS, _SECONDS)
    if refusal := rate_limits.charge(tx, [limit]):
        return Refused(refusal)
    users = rows.users.all(tx.db, _matches(text), order=rows.users.c.name, most=MOST_FOUND)
    tx.log("desk.search", None, "done", "" if users else "none", by=staff.name)
    return tuple(_found(tx, each) for each in users)


def _matches(text: str) -> ColumnElement[bool]:
    """Return the SQL condition for the users who match this text."""
    users, people, phones, devices = rows.users.c, rows.entities.c, rows.phones.c, rows.devices.c
    named = select(people.id).where(people.name.icontains(text, autoescape=True))
    called = select(phones.user_id).where(phones.number == without_signs(text))
    owned = select(devices.owner_id).where(devices.serial == text.upper())
    return or_(
        users.name.icontains(text, autoescape=True),
        func.lower(users.email) == text.lower(),
        users.entity_id.in_(named),
        users.id.in_(called),
        users.id.in_(owned),
    )


def _found(tx: LoginTransaction, user: User) -> FoundUser:
    person = found(rows.entities.find(tx.db, user.entity_id))
    return FoundUser(user.name, person.name, account_of(tx.db, user).closed_at is not None)
