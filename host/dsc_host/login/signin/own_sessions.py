"""The open sessions of a user: listing them, and ending them.

No operation here needs a step-up: ending a session does no harm, and a user who suspects a thief must be quick.
"""

from dsc_host.login import rows
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import NotFound
from dsc_host.login.model import Scope, Stage
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import extension, sessions
from dsc_host.login.signin.session_data import OpenData
from dsc_host.login.transaction import LoginTransaction
from dsc_host.login.views import SessionView


def views(tx: LoginTransaction, user: User, session: Session) -> tuple[SessionView, ...]:
    """Return the user's open sessions: first `session`, then the others, the most recently used first."""
    shown = (_view(tx, user, each, current=each.id == session.id) for each in _open(tx, user))
    return tuple(sorted(shown, key=lambda each: (not each.current, -each.used_at, each.id)))


def end(tx: LoginTransaction, user: User, session_id: str) -> None:
    """End one of the user's open sessions by the id of its `SessionView`. Raises `NotFound`."""
    ended = next((each for each in _open(tx, user) if _id(each) == session_id), None)
    if ended is None:
        raise NotFound("you have no such session; it may have ended already")
    sessions.end(tx.db, ended)
    tx.log("session.end", user, "done", "one")


def end_others(tx: LoginTransaction, user: User, session: Session) -> None:
    """End all sessions and logins in progress of the user except `session`."""
    sessions.end_all(tx.db, user, except_id=session.id)
    tx.log("session.end", user, "done", "others")


def _open(tx: LoginTransaction, user: User) -> list[Session]:
    mine = rows.sessions.all(tx.db, rows.sessions.c.user_id == user.id, rows.sessions.c.stage == Stage.IN)
    return [each for each in mine if sessions.lasts(tx.context, user, each)]


def _id(session: Session) -> str:
    """Return the id that the user sees. Unlike the row's id, it stays the same when the session gets another token."""
    return OpenData.of(session).public_id or session.id


def _view(tx: LoginTransaction, user: User, session: Session, *, current: bool) -> SessionView:
    device = rows.devices.find(tx.db, session.device_id)
    mine = (rows.uses.c.user_id == user.id) & (rows.uses.c.device_id == session.device_id)
    use, data = rows.uses.one(tx.db, mine) if device else None, OpenData.of(session)
    return SessionView(
        id=_id(session),
        current=current,
        scope=Scope(session.scope),
        kind=kinds.of(device).name if device else None,
        label=registry.label(device) if device else "",
        name=use.name if use else "",
        began_at=session.made_at,
        used_at=tx.context.activity.last(session.id, session.seen_at),
        until=session.expires_at,
        extendable_until=extension.latest(tx.policy, session),
        address=data.address,
        browser=data.browser,
    )
