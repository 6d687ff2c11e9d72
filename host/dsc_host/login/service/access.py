"""Access: each call checks again that its session is valid, what it may do, and for whom.

An operation on several users names them first. All are locked in one order before anything is read again.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import Connection

from dsc_host.login.model import Scope, Stage
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions, step_up
from dsc_host.login.transaction import LoginContext, LoginTransaction, locked_users
from dsc_host.records.transaction import Refused

T = TypeVar("T")
May = Callable[[LoginTransaction, User, Session], None]
"""A check that raises unless a session may do something."""
Work = Callable[[LoginTransaction, User, Session], T | Refused]
"""The work of an operation for the user who is logged in."""
Others = Callable[[Connection, User], Iterable[str]]
"""A function that returns the ids of further users whom the operation concerns."""
_STAGES = (Stage.IN, Stage.CHOOSING)


def change(context: LoginContext, token: str, may: May, work: Work[T], others: Others | None = None) -> T:
    """Run `work` in a transaction that has locked the user and the others. Raises `NotIn`, and what `may` raises."""

    def done(tx: LoginTransaction) -> T | Refused:
        if others is not None:
            who, session = sessions.find(tx, token, *_STAGES)
            may(tx, who, session)
            locked_users(tx.db, {who.id, *others(tx.db, who)})
        user, session = sessions.locked(tx, token, *_STAGES)
        may(tx, user, session)
        return work(tx, user, session)

    return context.change(done)


def look(context: LoginContext, token: str, may: May, work: Callable[[LoginTransaction, User, Session], T]) -> T:
    """Run `work` in a transaction that only reads and takes no lock. Raises as `change` does."""

    def seen(tx: LoginTransaction) -> T:
        user, session = sessions.find(tx, token, *_STAGES)
        may(tx, user, session)
        return work(tx, user, session)

    return context.read(seen)


def operation(name: str, *scopes: Scope) -> May:
    """Return the check for a customer's operation: the session has one of these scopes, and a step-up if it needs one."""

    def may(tx: LoginTransaction, _user: User, session: Session) -> None:
        sessions.check_scope(session, *scopes)
        step_up.check(tx.context, session, name)

    return may


def scoped(*scopes: Scope) -> May:
    """Return the check that a session has one of these scopes."""
    return lambda _tx, _user, session: sessions.check_scope(session, *scopes)
