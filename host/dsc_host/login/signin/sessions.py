"""Sessions and logins in progress: their users, stages and ends.

Four promises:

1. Each step of a login draws a new token and makes the previous token invalid. The database has only the hash of a token.
2. The scope of a session is set when it opens, by the device or by the login without a device. It never grows.
3. A session ends after some idle time (unless the phone app opened it), at the end of its duration, and when the user's
   password, PIN or devices are changed outside this session.
4. A login in progress is not a session. It permits only the next step of the login, a loss report, a look at the user's office
   and, to a user without a device, the sharing of a device.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from dsc_host.login import json_column, rows
from dsc_host.login.accounts import permissions
from dsc_host.login.errors import NotAllowed, NotIn
from dsc_host.login.model import Role, Scope, Stage
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import extension, session_data
from dsc_host.login.signin.session_data import OpenData, SessionData
from dsc_host.login.transaction import LoginContext, LoginTransaction, locked_user
from dsc_host.login.views import Visitor

_TOKEN_BYTES = 32


def hashed(token: object) -> str:
    """Return the hash of a token, which is the id of its session."""
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
    data: SessionData | None = None,
) -> str:
    """Add a session or a login in progress. Return the token for its cookie."""
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), tx.now()
    kept = json_column.write(data or SessionData())
    session = Session(hashed(token), user.id, str(stage), str(scope), device, user.settings, now, now, until, kept)
    rows.sessions.add(tx.db, session)
    return token


def locked(tx: LoginTransaction, token: str, *stages: Stage) -> tuple[User, Session]:
    """Lock and return the user and the session of this token.

    Raises `NotIn` unless the session is valid and at one of these stages.
    """
    session = rows.sessions.find(tx.db, hashed(token))
    if session is None:
        raise NotIn
    user = locked_user(tx.db, session.user_id)
    session = rows.sessions.locked(tx.db, session.id)
    if session is None or session.stage not in stages or not lasts(tx.context, user, session):
        raise NotIn
    return user, session


def find(tx: LoginTransaction, token: str, *stages: Stage) -> tuple[User, Session]:
    """Return the user and the session of this token without locking them. Raises `NotIn` as `locked` does."""
    return find_by_id(tx, hashed(token), *stages)


def find_by_id(tx: LoginTransaction, session_id: str, *stages: Stage) -> tuple[User, Session]:
    """Return the user and the session with this id without locking them. Raises `NotIn` as `locked` does."""
    session = rows.sessions.find(tx.db, session_id)
    user = rows.users.find(tx.db, session.user_id) if session else None
    if session is None or user is None or session.stage not in stages or not lasts(tx.context, user, session):
        raise NotIn
    return user, session


def check_scope(session: Session, *scopes: Scope) -> None:
    """Raise `NotIn` for a login in progress, and `NotAllowed` for a session whose scope is not one of these."""
    if session.stage != Stage.IN:
        raise NotIn
    if session.scope not in scopes:
        raise NotAllowed("log in with a device to do this" if session.scope != Scope.STATEMENTS else "the account is closed")


def end(db: Connection, session: Session) -> None:
    """End a session."""
    rows.sessions.remove(db, rows.sessions.c.id == session.id)


def drop(db: Connection, token: str) -> None:
    """End the session of this token, if it exists."""
    rows.sessions.remove(db, rows.sessions.c.id == hashed(token))


def end_all(db: Connection, user: User, *, except_id: str = "") -> None:
    """End all sessions of a user except the session with the id `except_id`, which stays valid."""
    rows.sessions.remove(db, rows.sessions.c.user_id == user.id, rows.sessions.c.id != except_id)
    if except_id:
        fresh = rows.users.find(db, user.id)
        rows.sessions.change(db, except_id, settings=fresh.settings if fresh else user.settings)


def visitor(tx: LoginTransaction, token: str) -> Visitor:
    """Return the user who is logged in. Raises `NotIn`."""
    return visitor_by_id(tx, hashed(token))


def visitor_by_id(tx: LoginTransaction, session_id: str) -> Visitor:
    """Return the user who is logged in, by the id of the session. Raises `NotIn`."""
    user, session = find_by_id(tx, session_id, Stage.IN)
    return Visitor(
        session=session.id,
        user=user.id,
        name=user.name,
        role=Role(user.role),
        scope=Scope(session.scope),
        primary=permissions.is_primary(tx.db, user),
        device=session.device_id,
        language=user.language,
        since=session.made_at,
        until=session.expires_at,
        extendable_until=extension.latest(tx.policy, session),
    )


def rotate(tx: LoginTransaction, token: str) -> str:
    """Give a session a new token and return it. Raises `NotIn`.

    Codes that were sent before become invalid, because their hashes are keyed with the old token.
    """
    session = locked(tx, token, *Stage)[1]
    new = secrets.token_urlsafe(_TOKEN_BYTES)
    end(tx.db, session)
    seen_at = tx.context.activity.last(session.id, session.seen_at)
    rows.sessions.add(tx.db, session._replace(id=hashed(new), seen_at=seen_at))
    if session.stage == Stage.IN:
        session_data.keep(tx.db, hashed(new), replace(OpenData.of(session), proof=None, phone=None, email=None))
    return new


def write_activity(tx: LoginTransaction, used: Mapping[str, float]) -> Mapping[str, float]:
    """Write the times of the last use of sessions. `used` maps their ids to Unix times.

    Return the part of `used` that need not be written any more. The rest is about sessions that other transactions have locked:
    waiting for several sessions, of several users, could be a deadlock.
    """
    done = dict[str, float]()
    for session, seen_at in used.items():
        if rows.sessions.find(tx.db, session) is not None:
            written = rows.sessions.locked_if_free(tx.db, session)
            if written is None:
                continue
            # Another process may have written a later use.
            if written.seen_at < seen_at:
                rows.sessions.change(tx.db, session, seen_at=seen_at)
        done[session] = seen_at
    return done


def forget_old(tx: LoginTransaction) -> None:
    """Remove the sessions that have reached the end of their duration."""
    rows.sessions.remove_free(tx.db, rows.sessions.c.expires_at < tx.now())


def lasts(context: LoginContext, user: User, session: Session) -> bool:
    """Return whether a session of this user is still valid. This only reads."""
    now = context.now()
    if now >= session.expires_at or session.settings != user.settings:
        return False
    seen_at = context.activity.last(session.id, session.seen_at)
    return OpenData.of(session).idle_is_fine or now < seen_at + context.policy.sessions.idle
