"""The logout that a client begins in the browser (OpenID Connect RP-Initiated Logout).

Two promises:

1. A session ends without a question only if the client sends an ID token of this session, and the browser has no other session.
   If the browser has any other session, a page asks the visitor.
2. A browser is redirected only to an address that is registered for the client's logouts, character for character.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from dsc_host.gateway.openid import clients, id_tokens, logins, sealed_texts
from dsc_host.gateway.openid.errors import UnsafeRequest
from dsc_host.gateway.openid.grants import grants
from dsc_host.gateway.openid.id_tokens import Hint
from dsc_host.gateway.openid.logins import Login
from dsc_host.login.transaction import LoginContext, LoginTransaction

_MOST_STATE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """A checked request. It may name a client, and an address to which the browser is redirected."""

    client: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class LogoutOutcome:
    """The outcome of a request. If `ask` is set, ask the visitor. Otherwise no session is left: redirect the browser."""

    request: LogoutRequest
    ask: bool
    user: str = ""
    """The id of the user whose session has ended, or empty text if no session has ended."""


def seal(context: LoginContext, request: LogoutRequest) -> str:
    """Return the request as a text that a form can carry."""
    return sealed_texts.seal(context, "logout", request)


def unseal(context: LoginContext, text: str) -> LogoutRequest | None:
    """Return the request in a text that `seal` has returned, or None if the text is invalid."""
    return sealed_texts.unseal(context, "logout", LogoutRequest, text)


def log_out(tx: LoginTransaction, issuer: str, given: Mapping[str, Sequence[str]], here: Login | None) -> LogoutOutcome:
    """End the session that a request names, or ask the visitor. `here` is the login of the browser. Raises `UnsafeRequest`."""
    if any(len(values) > 1 for values in given.values()):
        raise UnsafeRequest("a parameter is given twice")
    parameters = {name: values[0] for name, values in given.items()}
    hint = id_tokens.read(tx, issuer, parameters.get("id_token_hint", ""))
    if "id_token_hint" in parameters and hint is None:
        raise UnsafeRequest("id_token_hint is not an ID token of this provider")
    request = _checked(tx, parameters, hint)
    named = _of_hint(tx, hint)
    if here is not None and (named is None or named.id != here.id):
        return LogoutOutcome(request, ask=True)
    if named is not None:
        logins.end(tx, named, request.client)
    return LogoutOutcome(request, ask=False, user=named.user.id if named else "")


def _checked(tx: LoginTransaction, parameters: Mapping[str, str], hint: Hint | None) -> LogoutRequest:
    name = parameters.get("client_id") or (hint.client if hint else "")
    client = clients.find(tx, name)
    if (name and client is None) or (hint is not None and name != hint.client):
        raise UnsafeRequest("the client is unknown, or differs from the client of the id_token_hint")
    url, state = parameters.get("post_logout_redirect_uri", ""), parameters.get("state", "")
    if not url:
        return LogoutRequest(client=name)
    if client is None or url not in client.logout_redirects:
        raise UnsafeRequest("the client does not have this post_logout_redirect_uri")
    if len(state) > _MOST_STATE:
        raise UnsafeRequest(f"state must be at most {_MOST_STATE} characters")
    query = f"{'&' if '?' in url else '?'}{urlencode({'state': state})}" if state else ""
    return LogoutRequest(client=name, address=url + query)


def _of_hint(tx: LoginTransaction, hint: Hint | None) -> Login | None:
    """Lock the user of an ID token. Return the login that the token belongs to, or None if that login has ended."""
    if hint is None:
        return None
    logins.lock(tx, hint.subject)
    mine = (grants.c.sid == hint.sid) & (grants.c.client == hint.client) & (grants.c.user_id == hint.subject)
    grant = grants.one(tx.db, mine)
    return logins.of_session(tx, grant.user_id, grant.session) if grant else None
