"""The authentication of a client by a secret or a signed assertion. A public client only names itself."""

import base64
import binascii
import json
from collections.abc import Mapping
from urllib.parse import unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError

from dsc_host.gateway.openid import client_keys, clients
from dsc_host.gateway.openid.clients import Client, Method
from dsc_host.gateway.openid.errors import ProtocolError, invalid_client
from dsc_host.login import rate_limits
from dsc_host.login.rate_limits import RateLimit
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.records.transaction import Refused

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 10 * 60
"""The longest validity of an assertion in seconds. Its id is remembered for longer, so nobody can use an assertion twice."""
_SKEW_SECONDS = 60
"""The seconds by which a client's clock may differ from ours."""
_MOST_LETTERS = 4000


def authenticate(context: LoginContext, audiences: frozenset[str], header: str, form: Mapping[str, str]) -> Client:
    """Return the client that a request authenticates. `header` is its header Authorization. Raises `ProtocolError`."""
    basic = header.lower().startswith("basic ")
    ways = [basic, "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise ProtocolError("invalid_request", "the client authenticates in more than one way")
    if ways[2]:
        return _by_assertion(context, audiences, form)
    name, secret = _basic(header) if basic else (form.get("client_id", ""), form.get("client_secret"))
    if not basic and "client_id" not in form:
        raise invalid_client()
    client = context.read(lambda tx: clients.find(tx, name))
    if client is None or form.get("client_id", name) != name:
        raise invalid_client()
    if secret is None:
        if client.method is not Method.NONE:
            raise invalid_client()
    elif not client.has_secret(secret):
        raise invalid_client()
    return client


def _basic(header: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(header[6:].strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise invalid_client() from None
    if not colon:
        raise invalid_client()
    return unquote_plus(name), unquote_plus(secret)


def _by_assertion(context: LoginContext, audiences: frozenset[str], form: Mapping[str, str]) -> Client:
    text = form["client_assertion"][:_MOST_LETTERS]
    if form.get("client_assertion_type") != ASSERTION:
        raise ProtocolError("invalid_request", f"client_assertion_type must be {ASSERTION}")
    name = _subject(text)
    client = context.read(lambda tx: clients.find(tx, name))
    if client is None or client.method is not Method.KEY or form.get("client_id", name) != name:
        raise invalid_client()
    try:
        claims = jwt.decode(text, client_keys.load(client.keys), algorithms=list(client_keys.ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise invalid_client() from None
    context.change(lambda tx: _use(tx, audiences, name, claims))
    return client


def _subject(text: str) -> str:
    """Return the name of the client in an assertion that is not checked yet, or empty text."""
    try:
        payload = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return ""


def _use(tx: LoginTransaction, audiences: frozenset[str], name: str, claims: Mapping[str, object]) -> Refused | None:
    """Check the claims of an assertion, and record that it was used."""
    now, until, number = tx.now(), claims.get("exp"), claims.get("jti")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    is_meant = any(isinstance(each, str) and each in audiences for each in named)
    if claims.get("iss") != name or claims.get("sub") != name or not is_meant:
        raise invalid_client()
    if (
        isinstance(until, bool)
        or not isinstance(until, int | float)
        or not now - _SKEW_SECONDS < until <= now + _ASSERTION_SECONDS + _SKEW_SECONDS
    ):
        raise invalid_client()
    if not isinstance(number, str) or not 0 < len(number) <= 255:
        raise invalid_client()
    once = RateLimit("openid assertion", f"{name}\n{number}", 1, 2 * _ASSERTION_SECONDS)
    return Refused(invalid_client()) if rate_limits.charge(tx, [once]) else None
