"""Who may do what, asked anew by every call: whether the session lasts, what it is good for, and whose it is.

Whoever works on several users names them: all are locked in the one order before anything is looked at twice.
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
"""Raises unless this session may do something."""
Work = Callable[[LoginTransaction, User, Session], T | Refused]
"""What is done for whoever is in."""
Others = Callable[[Connection, User], Iterable[str]]
"""The ids of the users who are worked on beside the one who asks."""
_STAGES = (Stage.IN, Stage.CHOOSING)


def change(context: LoginContext, token: str, may: May, work: Work[T], others: Others | None = None) -> T:
    """Do `work` in a transaction that has locked who asks, and the others. Raises `NotIn`, and what `may` raises."""

    def done(tx: LoginTransaction) -> T | Refused:
        if others is not None:
            who, session = sessions.looked_up(tx, token, *_STAGES)
            may(tx, who, session)
            locked_users(tx.db, {who.id, *others(tx.db, who)})
        user, session = sessions.locked(tx, token, *_STAGES)
        may(tx, user, session)
        return work(tx, user, session)

    return context.change(done)


def look(context: LoginContext, token: str, may: May, work: Callable[[LoginTransaction, User, Session], T]) -> T:
    """The same, only to look: nothing is locked, nobody waits."""

    def seen(tx: LoginTransaction) -> T:
        user, session = sessions.looked_up(tx, token, *_STAGES)
        may(tx, user, session)
        return work(tx, user, session)

    return context.read(seen)


def operation(name: str, *scopes: Scope) -> May:
    """For an operation of a customer's: with one of these scopes, and a fresh proof if the operation wants one."""

    def may(tx: LoginTransaction, _user: User, session: Session) -> None:
        sessions.check_scope(session, *scopes)
        step_up.check(tx.context, session, name)

    return may


def scoped(*scopes: Scope) -> May:
    """For whoever is in, with one of these scopes."""
    return lambda _tx, _user, session: sessions.check_scope(session, *scopes)
