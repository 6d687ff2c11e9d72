"""ID tokens and logout tokens, signed with ES256, and the check of an ID token that a client sends back as a hint."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dsc_host.gateway.openid import signing_keys
from dsc_host.gateway.openid.grants import Grant, Opened
from dsc_host.login.transaction import LoginTransaction

ALGORITHM = "ES256"
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LOGOUT_SECONDS = 120
_MOST_LETTERS = 4000


@dataclass(frozen=True, slots=True)
class Hint:
    """The content of an ID token of this provider, which may have expired."""

    client: str
    subject: str
    sid: str


def id_token(tx: LoginTransaction, issuer: str, opened: Opened, access_token: str, *, first: bool) -> str:
    """Return an ID token. Only the first token of a grant, which the client gets for the code, has the nonce."""
    now, data = int(tx.now()), opened.data
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": opened.login.user.id,
        "aud": opened.grant.client,
        "iat": now,
        "exp": now + tx.policy.openid.token_validity,
        "auth_time": data.auth_time,
        "acr": data.acr,
        "amr": list(data.amr),
        "sid": opened.grant.sid,
        "session_scope": opened.login.session.scope,
        "at_hash": _half_hash(access_token),
    }
    if first and data.nonce:
        claims["nonce"] = data.nonce
    return _signed(tx, claims, "JWT")


def logout_token(tx: LoginTransaction, issuer: str, grant: Grant) -> str:
    """Return the token that tells a client that a session has ended (OpenID Connect Back-Channel Logout, section 2.4)."""
    now = int(tx.now())
    claims = {
        "iss": issuer,
        "sub": grant.user_id,
        "aud": grant.client,
        "iat": now,
        "exp": now + _LOGOUT_SECONDS,
        "jti": secrets.token_hex(16),
        "sid": grant.sid,
        "events": {_LOGOUT_EVENT: {}},
    }
    return _signed(tx, claims, "logout+jwt")


def read(tx: LoginTransaction, issuer: str, text: str) -> Hint | None:
    """Return the content of an ID token of this provider, even if it has expired.

    Return None for any other text, and for an ID token whose key is no longer published.
    """
    keys = KeySet([key.key for key in signing_keys.published(tx)])
    try:
        token = jwt.decode(text[:_MOST_LETTERS], keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    claims = {name: token.claims.get(name) for name in ("iss", "aud", "sub", "sid")}
    values = [value for value in claims.values() if isinstance(value, str)]
    if len(values) != len(claims) or claims["iss"] != issuer or token.header.get("typ") != "JWT":
        return None
    return Hint(values[1], values[2], values[3])


def _signed(tx: LoginTransaction, claims: dict[str, object], kind: str) -> str:
    signs = signing_keys.signing(tx)
    return jwt.encode({"alg": ALGORITHM, "kid": signs.id, "typ": kind}, claims, signs.key, algorithms=[ALGORITHM])


def _half_hash(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")
