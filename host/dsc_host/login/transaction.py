"""The context and the transactions of the login system.

All transactions take their locks in one order, so they never deadlock. An operation that enrolls or assigns a card begins with
the lock of all such operations (`claim`). Next, an operation locks the rows of the users that it changes (`locked_user`), in
the order of their ids. Then it locks the account, then cards, and finally the end of the audit log. If a docstring says that a
user is locked, the transaction has locked the user's row.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.errors import NotFound
from dsc_host.login.passwords import Passwords
from dsc_host.login.policy.calendar import Calendar
from dsc_host.login.policy.model import Policy
from dsc_host.login.rows import Account, User
from dsc_host.login.session_activity import SessionActivity
from dsc_host.records.audit_writer import Event
from dsc_host.records.table_rows import is_key
from dsc_host.records.transaction import Refused
from dsc_host.verifier.transaction import CardContext, CardTransaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoginTransaction:
    """A transaction of the login system. See the module for the order of its locks."""

    context: "LoginContext"
    cards: CardTransaction
    """The verifier's part of this transaction, for operations on cards and the vault."""

    @property
    def db(self) -> Connection:
        """Return the connection."""
        return self.cards.db

    @property
    def policy(self) -> Policy:
        """Return the policy of the login system."""
        return self.context.policy

    @property
    def calendar(self) -> Calendar:
        """Return the calendar of business days."""
        return self.context.calendar

    @property
    def passwords(self) -> Passwords:
        """Return the hasher of passwords."""
        return self.context.passwords

    def now(self) -> float:
        """Return the time in Unix seconds. Call it after locking a row: waiting for a lock takes time."""
        return self.context.now()

    def log(self, action: str, user: User | None, outcome: str, reason: str = "", **detail: str) -> None:
        """Write an entry to the audit log, with the details that are not empty."""
        details = {"user": user.name if user else "", **detail}
        event = Event(f"login.{action}", None, outcome, reason, {name: text for name, text in details.items() if text})
        self.cards.log(self.now(), event)


@dataclass(frozen=True, slots=True)
class LoginContext:
    """The context of login operations: the verifier's context, with the policy, the calendar and the hasher of passwords."""

    cards: CardContext
    policy: Policy
    calendar: Calendar
    passwords: Passwords
    activity: SessionActivity = field(default_factory=SessionActivity, repr=False, compare=False)

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self.cards.now()

    def change(self, work: Callable[[LoginTransaction], T | Refused]) -> T:
        """Run `work` in a transaction that may write. See `Context.change`."""
        return self.cards.change(lambda cards: work(LoginTransaction(self, cards)))

    def read(self, work: Callable[[LoginTransaction], T]) -> T:
        """Run `work` in a transaction that only reads and takes no lock."""
        return self.cards.read(lambda cards: work(LoginTransaction(self, cards)))


def detail_of(detail: str) -> dict[str, str]:
    """Return the detail of an entry of the audit log as names and texts.

    If the detail is malformed, somebody has tampered with the database. Then return nothing.
    """
    try:
        said = json.loads(detail)
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}


def locked_user(db: Connection, user_id: str) -> User:
    """Lock a user by id and return it. Raises `NotFound`."""
    user = rows.users.locked(db, user_id)
    if user is None:
        raise NotFound("there is no such user")
    return user


def locked_users(db: Connection, user_ids: Iterable[str]) -> dict[str, User]:
    """Lock users in the order of their ids and return them by id. Raises `NotFound`."""
    return {user_id: locked_user(db, user_id) for user_id in sorted(set(user_ids))}


def find_user(db: Connection, name: str) -> User | None:
    """Return the user of this name, or None. `name` may be any text."""
    return rows.users.one(db, rows.users.c.name == name) if is_key(name) else None


def user_named(db: Connection, name: str) -> User:
    """Return the user of this name. Raises `NotFound`."""
    user = find_user(db, name)
    if user is None:
        raise NotFound("there is no user with this name")
    return user


def account_of(db: Connection, user: User) -> Account:
    """Return the account of a user."""
    return found(rows.accounts.find(db, user.account_id))


def found(record: T | None) -> T:
    """Return `record`. Raise `NotFound` if it is None."""
    if record is None:
        raise NotFound("there is no such record")
    return record


def known(record: T | None, field: str, given: str) -> T:
    """Return `record`. If it is None, raise an `InputError` that names the field and the id."""
    if record is None:
        raise InputError(field, "there is none with the id {id}", id=str(given)[:64])
    return record
