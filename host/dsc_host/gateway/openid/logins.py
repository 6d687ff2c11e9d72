"""The logins of users at the portal: the user, the session and the kind of the device.

The id of a session does not change when the session gets a new token.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from dsc_host.login import Scope, Stage, rows
from dsc_host.login.policy.contexts import AuthenticationContext
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions
from dsc_host.login.signin.session_data import OpenData
from dsc_host.login.transaction import LoginTransaction

SCOPES = ("openid", "profile", "email", "offline_access")
"""The scopes that a client may request."""
_GIVEN = {
    Scope.FULL: frozenset(SCOPES),
    Scope.ACCOUNT: frozenset(SCOPES),
    Scope.TRADING: frozenset({"openid", "profile"}),
    Scope.STATEMENTS: frozenset({"openid", "profile"}),
}
"""The scopes that a session can give to a client. A session that cannot open the profile pages does not give their contents."""
_MOST_IDS = 500


def given_in(session: Scope, scope: tuple[str, ...]) -> tuple[str, ...]:
    """Return the part of `scope` that a session with the scope `session` can give to a client."""
    return tuple(each for each in scope if each in _GIVEN[session])


@dataclass(frozen=True, slots=True)
class Login:
    """A user who is logged in at the portal."""

    user: User
    session: Session
    kind: str
    """The kind of the device that opened the session, or `none`."""

    @property
    def id(self) -> str:
        """The id of the session. It never changes."""
        return _id(self.session)

    @property
    def at(self) -> float:
        """The Unix time of the login."""
        return self.session.made_at

    def gives(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """Return the part of `scope` that the session can give."""
        return given_in(Scope(self.session.scope), scope)

    def context(self, tx: LoginTransaction) -> AuthenticationContext:
        """Return the authentication context of the login."""
        return tx.policy.openid.context(self.kind)


def find(tx: LoginTransaction, token: str) -> Login:
    """Return the login whose session has this token. Raises `NotIn`."""
    return _login(tx, *sessions.find(tx, token, Stage.IN))


def locked(tx: LoginTransaction, token: str) -> Login:
    """Lock the user and the session with this token, and return the login. Raises `NotIn`."""
    return _login(tx, *sessions.locked(tx, token, Stage.IN))


def lock(tx: LoginTransaction, user_id: str) -> None:
    """Lock the user with this id, if there is such a user."""
    rows.users.locked(tx.db, user_id)


def of_session(tx: LoginTransaction, user_id: str, session_id: str) -> Login | None:
    """Return the login of a user whose session has this id, or None if the session has ended."""
    user = rows.users.find(tx.db, user_id)
    found = (each for each in rows.sessions.all(tx.db, *_open([user_id])) if _id(each) == session_id)
    session = next(found, None) if user else None
    if user is None or session is None or not sessions.lasts(tx.context, user, session):
        return None
    return _login(tx, user, session)


def open_ids(tx: LoginTransaction, user_ids: Set[str]) -> frozenset[str]:
    """Return the ids of the sessions of these users that have not ended."""
    users = {user.id: user for part in _parts(user_ids) for user in rows.users.all(tx.db, rows.users.c.id.in_(part))}
    found = (session for part in _parts(user_ids) for session in rows.sessions.all(tx.db, *_open(part)))
    return frozenset(_id(each) for each in found if sessions.lasts(tx.context, users[each.user_id], each))


def end(tx: LoginTransaction, login: Login, client: str) -> None:
    """End a session at the request of a client. The caller has locked the user."""
    sessions.end(tx.db, login.session)
    tx.log("openid.leave", login.user, "done", client=client)


def userinfo(tx: LoginTransaction, user: User, scope: tuple[str, ...]) -> dict[str, object]:
    """Return the claims about a user to which these scopes give access."""
    claims: dict[str, object] = {"sub": user.id}
    if "profile" in scope:
        person = rows.entities.find(tx.db, user.entity_id)
        claims |= {"preferred_username": user.name, "name": person.name if person else user.name, "locale": user.language}
    if "email" in scope:
        claims["email"] = user.email
    return claims


def _login(tx: LoginTransaction, user: User, session: Session) -> Login:
    device = rows.devices.find(tx.db, session.device_id) if session.device_id else None
    return Login(user, session, device.kind if device else "none")


def _open(user_ids: Sequence[str]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions of the open sessions of these users."""
    return rows.sessions.c.user_id.in_(user_ids), rows.sessions.c.stage == Stage.IN


def _parts(user_ids: Set[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in parts that fit into one query."""
    ordered = sorted(user_ids)
    yield from (ordered[at : at + _MOST_IDS] for at in range(0, len(ordered), _MOST_IDS))


def _id(session: Session) -> str:
    return OpenData.of(session).public_id or session.id
