"""Sessions: who is in, how far a login is, and for how long.

Four promises:

1. A token is drawn anew at each step; the one before is worth nothing then. The database has only its hash.
2. A session's scope is what the device gave that opened it, and never grows.
3. It ends when it has been idle, when its time is over, and when password, PIN or devices of its user change.
4. A login that is half-way is no session: nothing but its next step can be done with it.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import users
from dsc_host.login.errors import NotAllowed, NotIn
from dsc_host.login.model import Role, Scope, Stage, Visitor
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginContext, LoginTransaction, as_data, data_of, locked_user

_TOKEN_BYTES = 32
_SEEN_EVERY = 60
"""Seconds after which it is written down again that somebody is there."""


def hashed(token: object) -> str:
    """Under what a token's session is kept."""
    text = token if isinstance(token, str) else ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def begin(
    tx: LoginTransaction,
    user: User,
    stage: Stage,
    *,
    scope: Scope = Scope.STATEMENTS,
    device: str = "",
    until: float,
    data: Mapping[str, Any] | None = None,
) -> str:
    """A new session, and the token for its cookie."""
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), tx.now()
    kept = as_data(data or {})
    session = Session(hashed(token), user.id, str(stage), str(scope), device, user.settings, now, now, until, kept)
    rows.sessions.add(tx.db, session)
    return token


def locked(tx: LoginTransaction, token: str, *stages: Stage) -> tuple[User, Session]:
    """The session of this token, and its user, locked. Raises `NotIn` if there is none that is at one of these stages."""
    session = rows.sessions.find(tx.db, hashed(token))
    if session is None:
        raise NotIn
    user = locked_user(tx.db, session.user_id)
    session = rows.sessions.locked(tx.db, session.id)
    if session is None or session.stage not in stages or not _lasts(tx.context, user, session):
        raise NotIn
    return user, session


def looked_up(tx: LoginTransaction, token: str, *stages: Stage) -> tuple[User, Session]:
    """The same, only to look: nothing is locked. Raises `NotIn`."""
    session = rows.sessions.find(tx.db, hashed(token))
    user = rows.users.find(tx.db, session.user_id) if session else None
    if session is None or user is None or session.stage not in stages or not _lasts(tx.context, user, session):
        raise NotIn
    return user, session


def check_scope(session: Session, *scopes: Scope) -> None:
    """Raises `NotIn` for a login that is half-way, `NotAllowed` for a session that is good for something else."""
    if session.stage != Stage.IN:
        raise NotIn
    if session.scope not in scopes:
        raise NotAllowed("log in with a device for this" if session.scope != Scope.STATEMENTS else "the account is closed")


def end(db: Connection, session: Session) -> None:
    rows.sessions.remove(db, rows.sessions.c.id == session.id)


def drop(db: Connection, token: str) -> None:
    """The same, by its token. No error if there is none."""
    rows.sessions.remove(db, rows.sessions.c.id == hashed(token))


def end_all(db: Connection, user: User, *, but: str = "") -> None:
    """All of a user's, except the one of this id, which goes on under the settings of now."""
    rows.sessions.remove(db, rows.sessions.c.user_id == user.id, rows.sessions.c.id != but)
    if but:
        fresh = rows.users.find(db, user.id)
        rows.sessions.change(db, but, settings=fresh.settings if fresh else user.settings)


def visitor(context: LoginContext, token: str) -> Visitor:
    """Who is in. Raises `NotIn`."""
    session_id = hashed(token)

    def look(tx: LoginTransaction) -> tuple[Visitor, bool]:
        user, session = looked_up(tx, token, Stage.IN)
        return _visitor(tx.db, user, session), context.now() >= session.seen_at + _SEEN_EVERY

    found, stale = context.read(look)
    if stale:
        context.change(lambda tx: rows.sessions.change(tx.db, session_id, seen_at=context.now()))
    return found


def rotate(tx: LoginTransaction, token: str) -> str:
    """The same session under a new token. Raises `NotIn`."""
    session = locked(tx, token, *Stage)[1]
    new = secrets.token_urlsafe(_TOKEN_BYTES)
    end(tx.db, session)
    rows.sessions.add(tx.db, session._replace(id=hashed(new)))
    return new


def forget_old(tx: LoginTransaction) -> None:
    """Those whose time is over."""
    rows.sessions.remove(tx.db, rows.sessions.c.expires_at < tx.now())


def _lasts(context: LoginContext, user: User, session: Session) -> bool:
    now = context.now()
    if now >= session.expires_at or session.settings != user.settings:
        return False
    return bool(data_of(session).get("idle_is_fine")) or now < session.seen_at + context.policy.sessions.idle


def _visitor(db: Connection, user: User, session: Session) -> Visitor:
    return Visitor(
        session=session.id,
        user=user.id,
        name=user.name,
        role=Role(user.role),
        scope=Scope(session.scope),
        primary=users.is_primary(db, user),
        device=session.device_id,
        language=user.language,
        since=session.made_at,
        until=session.expires_at,
    )
