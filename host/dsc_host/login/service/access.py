"""Access control: each call checks again that its session is valid, and that the user may do the operation in this session.

An operation that concerns several users passes a function, `others`, that returns their ids. All these users are locked in the
order of their ids. Then the session is checked again, and the operation begins.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import Connection

from dsc_host.login.errors import NotAllowed
from dsc_host.login.model import Role, Scope, Stage
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions, step_up
from dsc_host.login.transaction import LoginContext, LoginTransaction, locked_users
from dsc_host.records.transaction import Refused

T = TypeVar("T")
May = Callable[[LoginTransaction, User, Session], None]
"""A check that raises an error unless the session may do the operation."""
Others = Callable[[Connection, User], Iterable[str]]
"""A function that returns the ids of further users whom the operation concerns."""
_STAGES = (Stage.IN, Stage.CHOOSING, Stage.ANSWERING)


def change(
    context: LoginContext,
    token: str,
    may: May,
    work: Callable[[LoginTransaction, User, Session], T | Refused],
    others: Others | None = None,
) -> T:
    """Run `work` in a transaction that has locked the user and the users that `others` returns.

    Raises `NotIn`, and the errors of `may`.
    """
    return context.change(lambda tx: work(tx, *_locked(tx, token, may, others)))


def look(context: LoginContext, token: str, may: May, work: Callable[[LoginTransaction, User, Session], T]) -> T:
    """Run `work` in a transaction that only reads and takes no lock. Raises as `change` does."""
    return context.read(lambda tx: work(tx, *_found(tx, token, may)))


def customer(operation: str, *scopes: Scope) -> May:
    """Return the check that a session has one of these scopes, and a recent step-up if the operation needs a step-up."""
    return lambda tx, _user, session: _check_customer(tx, session, operation, scopes)


def anyone(operation: str) -> May:
    """Return the check for an operation that is open to sessions of any scope, and to logins whose password was accepted.

    A recent step-up is still required, if the operation needs one.
    """
    return lambda tx, _user, session: step_up.check(tx.context, session, operation)


def staff(*roles: Role) -> May:
    """Return the check that a user has one of these roles and logged in with a device."""
    return lambda _tx, user, session: _check_role(user, session, roles)


def scoped(*scopes: Scope) -> May:
    """Return the check that a session has one of these scopes."""
    return lambda _tx, _user, session: sessions.check_scope(session, *scopes)


def _locked(tx: LoginTransaction, token: str, may: May, others: Others | None) -> tuple[User, Session]:
    if others is not None:
        user, _ = _found(tx, token, may)
        locked_users(tx.db, {user.id, *others(tx.db, user)})
    user, session = sessions.locked(tx, token, *_STAGES)
    may(tx, user, session)
    return user, session


def _found(tx: LoginTransaction, token: str, may: May) -> tuple[User, Session]:
    user, session = sessions.find(tx, token, *_STAGES)
    may(tx, user, session)
    return user, session


def _check_customer(tx: LoginTransaction, session: Session, operation: str, scopes: tuple[Scope, ...]) -> None:
    sessions.check_scope(session, *scopes)
    step_up.check(tx.context, session, operation)


def _check_role(user: User, session: Session, roles: tuple[Role, ...]) -> None:
    sessions.check_scope(session, Scope.FULL)
    if Role(user.role) not in roles:
        raise NotAllowed("only {role}, logged in with a device, may do this", role=" or ".join(roles))
