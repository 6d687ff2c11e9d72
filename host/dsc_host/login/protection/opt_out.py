"""Opting out of the protection by devices, and opting in again.

After opting out, a user trades without a device, with the limits of the lowest level. The primary user of the account opts each
of its users out and in. This ends all sessions of that user, except the session in which a primary user opts themselves out or
in.
"""

from dsc_host.login.accounts import permissions, users
from dsc_host.login.devices import waits
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import WaitState
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions
from dsc_host.login.transaction import LoginTransaction, locked_user


def opt_user(tx: LoginTransaction, session: Session, primary: User, name: str | None, *, out: bool) -> None:
    """Opt the user called `name` out or in. None stands for `primary`. Raises `NotAllowed`, `NotFound`, `NotNow`.

    In a session that a temporary device opened, an opt-out takes effect only after some days.
    """
    user = permissions.changeable_user(tx.db, primary, name)
    if out and waits.is_temporary(tx.db, session):
        _opt_out_later(tx, session, primary, user.id)
        return
    opt(tx, primary if user.id == primary.id else locked_user(tx.db, user.id), out, primary.name)
    sessions.end_all(tx.db, user, except_id=session.id if user.id == primary.id else "")


def opt(tx: LoginTransaction, user: User, out: bool, by: str) -> None:
    """Opt a user out or in. The caller has locked this user. Raises `NotNow`.

    `by` is the name of the person who decided this: the account's primary user, or a member of support.
    """
    if user.opted_out == out:
        raise NotNow("the user {name} has already opted out" if out else "the user {name} has not opted out", name=user.name)
    notices.notify(tx, user, "opted_out" if out else "opted_in")
    users.invalidate_sessions(tx.db, user, opted_out=out)
    waits.end(tx, user, waits.OptOut(), WaitState.DONE if out else WaitState.STOPPED)
    tx.log("opt-out" if out else "opt-in", user, "done", by=by)


def _opt_out_later(tx: LoginTransaction, session: Session, primary: User, user_id: str) -> None:
    """Begin an opt-out that takes effect after some days, because a temporary device opened the session. Raises `NotNow`."""
    user = primary if user_id == primary.id else locked_user(tx.db, user_id)
    if user.opted_out:
        raise NotNow("the user {name} has already opted out", name=user.name)
    waits.begin(tx, user, waits.OptOut(), user.name, session=session)
    tx.log("opt-out", user, "waits", by=primary.name)
