"""The grants: logins of users at clients. Each grant belongs to a session at the portal, and ends with this session.

There is one exception: if a user logs in again in the same browser, the grants move to the new session (see `move`).

Five promises:

1. A code can be used once. A second use revokes the grant, with all its tokens.
2. A refresh token can be used once. Its use returns the next refresh token. A second use revokes the grant.
3. Codes and tokens are sealed, and name the grant. The row of the grant says for which client they are valid, and whether they
   still are.
4. An access token gives only scopes that the grant has and that the session can give.
5. When the session has ended, all codes and tokens are invalid.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from dsc_host.gateway.openid import logins, sealed_texts
from dsc_host.gateway.openid.errors import ProtocolError, invalid_grant
from dsc_host.gateway.openid.logins import Login
from dsc_host.login import json_column, rows
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records.table_rows import Rows
from dsc_host.records.transaction import Refused
from dsc_host.schema import login_tables

_ID_BYTES = 16
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


class State(StrEnum):
    """The state of a grant."""

    CODE = "code"  # the client has not used the code yet
    OPEN = "open"
    REVOKED = "revoked"  # no code or token is valid, but the client is still notified when the session ends
    ENDED = "ended"  # the session has ended, and the client must be notified


class Grant(NamedTuple):
    """A login of a user at a client. `data` is a `GrantData` in JSON."""

    id: str
    user_id: str
    client: str
    session: str
    sid: str
    state: str
    generation: int
    made_at: float
    due_at: float | None
    tries: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantData:
    """The data of a grant that never changes."""

    redirect: str
    challenge: str
    """The PKCE challenge of the authorization request, or empty text if it had none."""
    nonce: str
    scope: tuple[str, ...]
    acr: str
    amr: tuple[str, ...]
    auth_time: int

    @classmethod
    def of(cls, grant: Grant) -> Self:
        """Return the data in the row of a grant."""
        return json_column.read(cls, grant.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The content of a code, an access token or a refresh token, before it is sealed."""

    grant: str
    generation: int = 0
    until: float
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A grant that was found by a valid code or token."""

    grant: Grant
    data: GrantData
    login: Login
    scope: tuple[str, ...]
    until: float = 0.0
    """The Unix time until which the token is valid, or 0 after a code or a refresh token was used."""


grants = Rows(login_tables.grants, Grant)


def issue(tx: LoginTransaction, login: Login, client: str, data: GrantData) -> str:
    """Add a grant and return its code. The caller has locked the user."""
    now = tx.now()
    made, sid = secrets.token_hex(_ID_BYTES), secrets.token_hex(_ID_BYTES)
    grant = Grant(made, login.user.id, client, login.id, sid, State.CODE, 0, now, None, 0, json_column.write(data))
    grants.add(tx.db, grant)
    tx.log("openid.grant", login.user, "done", data.acr, client=client)
    return _sealed(tx, "code", Token(grant=grant.id, until=now + tx.policy.openid.code_validity))


def redeem(tx: LoginTransaction, client: str, token: Token, redirect: str, verifier: str) -> Opened | Refused:
    """Use a code. Return its grant, or a refusal if the code was used before, or the address or verifier is wrong.

    Raises `ProtocolError`.
    """
    grant = _locked(tx, client, token)
    data = GrantData.of(grant)
    if grant.state != State.CODE:
        return _revoke(tx, grant, "code used again")
    login = _login(tx, grant)
    if login is None or tx.now() >= token.until:
        raise invalid_grant()
    if redirect != data.redirect or not _is_verified(data.challenge, verifier):
        return _revoke(tx, grant, "wrong proof")
    grants.change(tx.db, grant.id, state=State.OPEN, generation=1)
    return Opened(grant._replace(state=State.OPEN, generation=1), data, login, login.gives(data.scope))


def refresh(tx: LoginTransaction, client: str, token: Token, scope: tuple[str, ...] | None) -> Opened | Refused:
    """Use a refresh token. Return its grant, or a refusal if the token was used before.

    If `scope` is given, it must be a part of the grant's scope. Raises `ProtocolError`.
    """
    grant = _locked(tx, client, token)
    data, login = GrantData.of(grant), _login(tx, grant)
    if login is None or grant.state != State.OPEN:
        raise invalid_grant()
    if token.generation != grant.generation:
        return _revoke(tx, grant, "refresh token used again")
    if scope is not None and not set(scope) <= set(data.scope):
        raise ProtocolError("invalid_scope", "the scope contains more than was granted")
    grants.change(tx.db, grant.id, generation=grant.generation + 1)
    given = login.gives(scope if scope is not None else data.scope)
    return Opened(grant._replace(generation=grant.generation + 1), data, login, given)


def tokens(tx: LoginTransaction, opened: Opened) -> tuple[str, str]:
    """Return a new access token, and the refresh token of this generation, which is empty without `offline_access`."""
    until = tx.now() + tx.policy.openid.token_validity
    access = _sealed(tx, "access", Token(grant=opened.grant.id, until=until, scope=opened.scope))
    if "offline_access" not in opened.data.scope:
        return access, ""
    lasting = Token(grant=opened.grant.id, generation=opened.grant.generation, until=opened.login.session.expires_at)
    return access, _sealed(tx, "refresh", lasting)


def by_access_token(tx: LoginTransaction, text: str) -> Opened | None:
    """Return the grant of a valid access token. Return None for any other text."""
    token = sealed_texts.unseal(tx.context, "access", Token, text)
    grant = grants.find(tx.db, token.grant) if token else None
    login = _login(tx, grant) if grant else None
    if token is None or grant is None or login is None or grant.state != State.OPEN or tx.now() >= token.until:
        return None
    return Opened(grant, GrantData.of(grant), login, login.gives(token.scope), token.until)


def by_refresh_token(tx: LoginTransaction, text: str) -> Opened | None:
    """Return the grant of a valid refresh token. Return None for any other text."""
    token = sealed_texts.unseal(tx.context, "refresh", Token, text)
    grant = grants.find(tx.db, token.grant) if token else None
    login = _login(tx, grant) if grant else None
    if token is None or grant is None or login is None or grant.state != State.OPEN or token.generation != grant.generation:
        return None
    return Opened(grant, GrantData.of(grant), login, login.gives(GrantData.of(grant).scope), token.until)


def revoke(tx: LoginTransaction, client: str, text: str) -> None:
    """Revoke the grant that a token names. Ignore any other text. Raises `ProtocolError` if another client has the grant."""
    for purpose in ("access", "refresh"):
        token = sealed_texts.unseal(tx.context, purpose, Token, text)
        found = grants.find(tx.db, token.grant) if token else None
        if found is None:
            continue
        if found.client != client:
            raise invalid_grant()
        if token is not None and _locked(tx, client, token).state in (State.CODE, State.OPEN):
            grants.change(tx.db, found.id, state=State.REVOKED)
            tx.log("openid.revoke", rows.users.find(tx.db, found.user_id), "done", client=client)


def covers(tx: LoginTransaction, login: Login, client: str, scope: tuple[str, ...]) -> bool:
    """Return whether the client already has a grant of this session with all these scopes."""
    mine = (grants.c.user_id == login.user.id) & (grants.c.client == client) & (grants.c.session == login.id)
    return any(set(scope) <= set(GrantData.of(each).scope) for each in grants.all(tx.db, mine, grants.c.state == State.OPEN))


def move(tx: LoginTransaction, login: Login, session: str) -> None:
    """Move the grants of a session to `login`, a newer session of the same user. The caller has locked the user."""
    mine = (grants.c.user_id == login.user.id) & (grants.c.session == session)
    for each in grants.all(tx.db, mine):
        grants.change(tx.db, each.id, session=login.id)


def _locked(tx: LoginTransaction, client: str, token: Token) -> Grant:
    """Lock the user and the grant that a token names, and return the grant. Raises `ProtocolError`."""
    found = grants.find(tx.db, token.grant)
    if found is None or rows.users.locked(tx.db, found.user_id) is None:
        raise invalid_grant()
    grant = grants.locked(tx.db, found.id)
    if grant is None or grant.client != client:
        raise invalid_grant()
    return grant


def _login(tx: LoginTransaction, grant: Grant) -> Login | None:
    return logins.of_session(tx, grant.user_id, grant.session)


def _revoke(tx: LoginTransaction, grant: Grant, reason: str) -> Refused:
    if grant.state in (State.CODE, State.OPEN):
        grants.change(tx.db, grant.id, state=State.REVOKED)
    tx.log("openid.grant", rows.users.find(tx.db, grant.user_id), "refused", reason, client=grant.client)
    return Refused(invalid_grant())


def _is_verified(challenge: str, verifier: str) -> bool:
    """Return whether the PKCE verifier belongs to the challenge. If the challenge is empty, the verifier must be empty too."""
    if not challenge:
        return not verifier
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    expected = urlsafe_b64encode(digest).decode().rstrip("=")
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(expected, challenge)


def _sealed(tx: LoginTransaction, purpose: str, token: Token) -> str:
    return sealed_texts.seal(tx.context, purpose, token)
