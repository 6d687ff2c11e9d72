"""Transactions of the login system, and their context.

An operation that changes what belongs to a user locks the user first (`locked_user`), several users in the order of their
ids; cards come after users, and the end of the log after cards. So no two transactions wait for each other.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.errors import NotFound
from dsc_host.login.passwords import Passwords
from dsc_host.login.policy.calendar import Calendar
from dsc_host.login.policy.model import Policy
from dsc_host.login.rows import Account, Device, User
from dsc_host.login.session_activity import SessionActivity
from dsc_host.records.audit import Event
from dsc_host.records.table_rows import is_key
from dsc_host.records.transaction import Refused
from dsc_host.verifier.transaction import CardContext, CardTransaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoginTransaction:
    """A transaction of the login system. Users are locked first, in the order of their ids; then cards; then the log's end."""

    context: "LoginContext"
    db: Connection

    @property
    def cards(self) -> CardTransaction:
        """Return the same transaction, for operations on cards and the vault."""
        return self.context.cards.transaction(self.db)

    @property
    def policy(self) -> Policy:
        """Return the policy of the login system."""
        return self.context.policy

    @property
    def calendar(self) -> Calendar:
        """Return the business days."""
        return self.context.calendar

    @property
    def passwords(self) -> Passwords:
        """Return what hashes passwords."""
        return self.context.passwords

    def now(self) -> float:
        """Return the time in Unix seconds. Ask for it after a row is locked: time passes while others hold it."""
        return self.context.now()

    def log(self, action: str, user: User | None, outcome: str, reason: str = "", **detail: str) -> None:
        """Log what was done, as the last thing that the transaction does."""
        whom = {"user": user.name} if user else {}
        self.cards.log(self.now(), Event(f"login.{action}", None, outcome, reason, {**whom, **detail}))


@dataclass(frozen=True, slots=True)
class LoginContext:
    """A login system, in the name of one actor: the cards and records that it uses, its policy, calendar and passwords."""

    cards: CardContext
    policy: Policy
    calendar: Calendar
    passwords: Passwords
    activity: SessionActivity = field(default_factory=SessionActivity, repr=False, compare=False)

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self.cards.now()

    def change(self, work: Callable[[LoginTransaction], T | Refused]) -> T:
        """Do `work` in a transaction that may write; see `Context.change`."""
        return self.cards.change(lambda cards: work(LoginTransaction(self, cards.db)))

    def read(self, work: Callable[[LoginTransaction], T]) -> T:
        """Do `work` in a transaction that only reads: it takes no lock."""
        return self.cards.read(lambda cards: work(LoginTransaction(self, cards.db)))


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
