"""What every piece of the login system's work has at hand: the verifier's office, the policy, the calendar, the passwords.

Work is done in one transaction of the store's. Whoever changes what is a user's locks the user first (`locked_user`), several
in the order of their ids; cards come after users, and the log's end after cards. So nobody waits in a circle.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.errors import NotFound
from dsc_host.login.passwords import Passwords
from dsc_host.login.policy.calendar import Calendar
from dsc_host.login.policy.model import Policy
from dsc_host.login.rows import Account, Device, User
from dsc_host.records.audit import Event
from dsc_host.records.context import Refused
from dsc_host.records.table_rows import is_key
from dsc_host.verifier.context import Office

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reception:
    """One login system's, in the name of one actor."""

    office: Office
    policy: Policy
    calendar: Calendar
    passwords: Passwords

    def now(self) -> float:
        """In Unix seconds."""
        return self.office.now()

    def change(self, work: Callable[[Connection], T | Refused]) -> T:
        """As `Office.change`: it may be done again from its beginning, so it must change nothing else."""
        return self.office.change(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self.office.store.read() as db:
            return work(db)

    def log(self, db: Connection, action: str, user: User | None, outcome: str, reason: str = "", **detail: str) -> None:
        """To be the last thing that a transaction does."""
        whom = {"user": user.name} if user else {}
        self.office.log(db, self.now(), Event(f"login.{action}", None, outcome, reason, {**whom, **detail}))


def locked_user(db: Connection, user_id: str) -> User:
    """Raises `NotFound`."""
    user = rows.users.locked(db, user_id)
    if user is None:
        raise NotFound("there is no such user")
    return user


def locked_users(db: Connection, user_ids: Iterable[str]) -> dict[str, User]:
    """Each of them, locked in the order of their ids. Raises `NotFound`."""
    return {user_id: locked_user(db, user_id) for user_id in sorted(set(user_ids))}


def find_user(db: Connection, name: str) -> User | None:
    """The user of this name, if there is one; whatever `name` is."""
    return rows.users.one(db, rows.users.c.name == name) if is_key(name) else None


def user_named(db: Connection, name: str) -> User:
    """Raises `NotFound`."""
    user = find_user(db, name)
    if user is None:
        raise NotFound("there is no user of this name")
    return user


def account_of(db: Connection, user: User) -> Account:
    return found(rows.accounts.find(db, user.account_id))


def found(record: T | None) -> T:
    """What must be there, because something points to it. Raises `NotFound`."""
    if record is None:
        raise NotFound("there is none of that")
    return record


def known(record: T | None, field: str, given: str) -> T:
    """What somebody named by its id. Raises `InputError` that names it."""
    if record is None:
        raise InputError(field, "there is none with the id {id}", id=str(given)[:64])
    return record


def data_of(record: Device | rows.Session | rows.Share | rows.Wait) -> dict[str, Any]:
    """What stands in its column `data`."""
    return dict(json.loads(record.data))


def as_data(values: Mapping[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"), sort_keys=True)
