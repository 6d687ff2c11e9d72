"""Who may do what, asked anew by every call: whether the session lasts, what it is good for, and whose it is.

Whoever works on several users names them: all are locked in the one order before anything is looked at twice.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import Connection

from dsc_host.login.context import Reception, locked_users
from dsc_host.login.model import Scope, Stage
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions, step_up
from dsc_host.records.context import Refused

T = TypeVar("T")
May = Callable[[Reception, Connection, User, Session], None]
"""Raises unless this session may do something."""
Work = Callable[[Connection, User, Session], T | Refused]
"""What is done for whoever is in."""
Others = Callable[[Connection, User], Iterable[str]]
"""The ids of the users who are worked on beside the one who asks."""
_STAGES = (Stage.IN, Stage.CHOOSING)


def change(at: Reception, token: str, may: May, work: Work[T], others: Others | None = None) -> T:
    """Do `work` in a transaction that has locked who asks, and the others. Raises `NotIn`, and what `may` raises."""

    def done(db: Connection) -> T | Refused:
        if others is not None:
            who, session = sessions.looked_up(at, db, token, *_STAGES)
            may(at, db, who, session)
            locked_users(db, {who.id, *others(db, who)})
        user, session = sessions.locked(at, db, token, *_STAGES)
        may(at, db, user, session)
        return work(db, user, session)

    return at.change(done)


def look(at: Reception, token: str, may: May, work: Callable[[Connection, User, Session], T]) -> T:
    """The same, only to look: nothing is locked, nobody waits."""

    def seen(db: Connection) -> T:
        user, session = sessions.looked_up(at, db, token, *_STAGES)
        may(at, db, user, session)
        return work(db, user, session)

    return at.read(seen)


def operation(name: str, *scopes: Scope) -> May:
    """For an operation of a customer's: with one of these scopes, and a fresh proof if the operation wants one."""

    def may(at: Reception, _db: Connection, _user: User, session: Session) -> None:
        sessions.check_scope(session, *scopes)
        step_up.check(at, session, name)

    return may


def scoped(*scopes: Scope) -> May:
    """For whoever is in, with one of these scopes."""
    return lambda _at, _db, _user, session: sessions.check_scope(session, *scopes)
