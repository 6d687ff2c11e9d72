"""The authorization request: the check of its parameters, and the steps before the client gets a code.

Three promises:

1. A browser is redirected only to an address that is registered for the client, character for character. If the client or the
   address is unknown, a page explains the error.
2. A request is checked completely before the user logs in. It is sealed while the browser carries it through the login.
3. A client that requires a fresh login or a certain kind of device gets such a login, or an error.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from urllib.parse import urlencode

from dsc_host.gateway.openid import clients, grants, id_tokens, logins, sealed_texts
from dsc_host.gateway.openid.clients import Client, Method
from dsc_host.gateway.openid.errors import ProtocolError, UnsafeRequest
from dsc_host.gateway.openid.grants import GrantData
from dsc_host.gateway.openid.logins import SCOPES, Login
from dsc_host.login.signin import sessions
from dsc_host.login.transaction import LoginContext, LoginTransaction

REQUEST_SECONDS = 30 * 60
"""The seconds in which the user must log in and consent. Then the request is too old."""
_PROMPTS = ("none", "login", "consent", "select_account")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)
_LOCALE = re.compile(r"[A-Za-z0-9-]{1,35}", re.ASCII)
_TEXT = re.compile(r"[ -~]*", re.ASCII)
_MOST_STATE = 1000
_MOST_NONCE = 255
_MOST_VALUES = 10
_UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectTarget:
    """The address to which a browser is redirected with a code or with an error, and the state to send with it."""

    client: str
    redirect: str
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that was checked."""

    client: str
    redirect: str
    state: str = ""
    scope: tuple[str, ...]
    nonce: str = ""
    challenge: str = ""
    prompts: tuple[str, ...] = ()
    max_age: int | None = None
    contexts: tuple[str, ...] = ()
    """The values of `acr` that the client accepts."""
    subject: str = ""
    """The id of the expected user."""
    hint: str = ""
    """The name of the expected user, for the login page."""
    locales: tuple[str, ...] = ()
    at: float
    before: str = ""
    """The id of the session that the browser had before the login: `-` for no session, empty until the login page is shown."""
    before_user: str = ""
    """The id of the user of the session `before`."""

    @property
    def back(self) -> RedirectTarget:
        """The address to which the browser is redirected at the end of the authorization."""
        return RedirectTarget(client=self.client, redirect=self.redirect, state=self.state)


class Step(Enum):
    """The next event that must happen before a client gets a code."""

    LOGIN = auto()
    CONSENT = auto()
    NOTHING = auto()


def seal(context: LoginContext, request: AuthorizationRequest) -> str:
    """Return the request as a text that a browser can carry."""
    return sealed_texts.seal(context, "request", request)


def unseal(context: LoginContext, text: str) -> AuthorizationRequest | None:
    """Return the request in a text that `seal` has returned, or None if the text is invalid or too old."""
    request = sealed_texts.unseal(context, "request", AuthorizationRequest, text)
    return request if request is not None and context.now() < request.at + REQUEST_SECONDS else None


def for_login(request: AuthorizationRequest, login: Login | None) -> AuthorizationRequest:
    """Return a copy of the request that names the session which the browser has before the login."""
    return replace(request, before=login.id if login else "-", before_user=login.user.id if login else "")


def redirect_url(issuer: str, back: RedirectTarget, **values: str) -> str:
    """Return the URL to redirect a browser to, with these values. The parameter `iss` names the provider."""
    query = {**values, **({"state": back.state} if back.state else {}), "iss": issuer}
    return f"{back.redirect}{'&' if '?' in back.redirect else '?'}{urlencode(query)}"


def error_redirect_url(issuer: str, back: RedirectTarget, error: ProtocolError) -> str:
    """Return the URL to redirect a browser to, with an error."""
    return redirect_url(issuer, back, error=error.code, error_description=error.description)


# ---- the check of a request ----


def find_redirect_target(tx: LoginTransaction, given: Mapping[str, Sequence[str]]) -> tuple[Client, RedirectTarget]:
    """Return the client, and the address to redirect the browser to. Raises `UnsafeRequest`."""
    client = clients.find(tx, _only(given, "client_id"))
    redirect = _only(given, "redirect_uri")
    if client is None or redirect not in client.redirects:
        raise UnsafeRequest("the client is unknown, or does not have this redirect_uri")
    # If `state` is given twice, leave it out. Then `check` raises an error, which is sent to this address.
    states = given.get("state", ())
    return client, RedirectTarget(client=client.name, redirect=redirect, state=states[0] if len(states) == 1 else "")


def check(
    tx: LoginTransaction, issuer: str, client: Client, back: RedirectTarget, given: Mapping[str, Sequence[str]]
) -> AuthorizationRequest:
    """Return the request that a client has sent. Raises `ProtocolError`, which the client gets in a redirect."""
    for name, code in _UNSUPPORTED.items():
        if name in given:
            raise ProtocolError(code, f"{name} is not supported")
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise ProtocolError("invalid_request", f"{_plain(twice[0])} is given twice")
    parameters = {name: values[0] for name, values in given.items()}
    _check_response(parameters)
    scope = tuple(dict.fromkeys(each for each in parameters.get("scope", "").split() if each in SCOPES))
    if "openid" not in scope:
        raise ProtocolError("invalid_scope", "the scope must contain openid")
    if len(back.state) > _MOST_STATE or not _TEXT.fullmatch(back.state):
        raise ProtocolError("invalid_request", f"state must be at most {_MOST_STATE} printable ASCII characters")
    nonce = parameters.get("nonce", "")
    if len(nonce) > _MOST_NONCE or not _TEXT.fullmatch(nonce):
        raise ProtocolError("invalid_request", f"nonce must be at most {_MOST_NONCE} printable ASCII characters")
    hint = parameters.get("login_hint", "")
    return AuthorizationRequest(
        client=back.client,
        redirect=back.redirect,
        state=back.state,
        scope=scope,
        nonce=nonce,
        challenge=_challenge(client, parameters),
        prompts=_prompts(parameters),
        max_age=_max_age(parameters),
        contexts=tuple(each for each in _values(parameters, "acr_values") if tx.policy.openid.is_known(each)),
        subject=_subject(tx, issuer, parameters.get("id_token_hint", "")),
        hint=hint if _NAME.fullmatch(hint) else "",
        locales=tuple(each for each in _values(parameters, "ui_locales") if _LOCALE.fullmatch(each)),
        at=tx.now(),
    )


def _check_response(parameters: Mapping[str, str]) -> None:
    kind = parameters.get("response_type")
    if kind is None:
        raise ProtocolError("invalid_request", "response_type is missing")
    if kind != "code":
        raise ProtocolError("unsupported_response_type", "response_type must be code")
    if parameters.get("response_mode", "query") != "query":
        raise ProtocolError("invalid_request", "response_mode must be query")


def _challenge(client: Client, parameters: Mapping[str, str]) -> str:
    challenge, method = parameters.get("code_challenge", ""), parameters.get("code_challenge_method", "")
    if not challenge and not method:
        if client.method is Method.NONE:
            raise ProtocolError("invalid_request", "code_challenge is missing")
        return ""
    if method != "S256":
        raise ProtocolError("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise ProtocolError("invalid_request", "code_challenge must be a SHA-256 in base64url, 43 characters")
    return challenge


def _prompts(parameters: Mapping[str, str]) -> tuple[str, ...]:
    prompts = tuple(dict.fromkeys(parameters.get("prompt", "").split()))
    if unknown := [each for each in prompts if each not in _PROMPTS]:
        raise ProtocolError("invalid_request", f"prompt {_plain(unknown[0])} is not known")
    if "none" in prompts and len(prompts) > 1:
        raise ProtocolError("invalid_request", "prompt none must be the only value of prompt")
    return prompts


def _max_age(parameters: Mapping[str, str]) -> int | None:
    text = parameters.get("max_age")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise ProtocolError("invalid_request", "max_age must be a number of seconds")
    return int(text)


def _subject(tx: LoginTransaction, issuer: str, hint: str) -> str:
    if not hint:
        return ""
    claims = id_tokens.read(tx, issuer, hint)
    if claims is None:
        raise ProtocolError("invalid_request", "id_token_hint is not an ID token of this provider")
    return claims.subject


def _values(parameters: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parameters.get(name, "").split()))[:_MOST_VALUES]


def _only(given: Mapping[str, Sequence[str]], name: str) -> str:
    values = given.get(name, ())
    if len(values) != 1:
        raise UnsafeRequest(f"{name} is missing, or is given twice")
    return values[0]


def _plain(text: str) -> str:
    """Return the start of a text in characters that an error may quote (RFC 6749, section 4.1.2.1)."""
    return re.sub(r"[^A-Za-z0-9_-]", "?", text[:30])


# ---- the steps before a client gets a code ----


def next_step(
    tx: LoginTransaction, request: AuthorizationRequest, client: Client, login: Login | None, *, consented: bool = False
) -> Step:
    """Return the next step before the client gets a code. Raises `ProtocolError`, which the client gets in a redirect."""
    silent = "none" in request.prompts
    # The login is fresh if the browser has got this session since the request was made.
    fresh = login is not None and request.before not in ("", login.id) and login.at >= request.at
    if login is None or (not fresh and _needs_fresh(tx, request, login)):
        if silent:
            raise ProtocolError("login_required", "the user must log in")
        return Step.LOGIN
    if request.subject not in ("", login.user.id):
        # The login is fresh, but another user has logged in.
        raise ProtocolError("login_required", "another user is logged in")
    if login.session.scope not in client.admits:
        raise ProtocolError("access_denied", "the scope of the session does not suffice for this client")
    if request.contexts and tx.policy.openid.met(login.kind, request.contexts) is None:
        raise ProtocolError(
            "unmet_authentication_requirements", "the user has logged in with a kind of device that does not meet acr_values"
        )
    if client.own or consented or _has_agreed(tx, request, login):
        return Step.NOTHING
    if silent:
        raise ProtocolError("consent_required", "the user must agree")
    return Step.CONSENT


def grant(tx: LoginTransaction, issuer: str, request: AuthorizationRequest, login: Login) -> str:
    """Add a grant. Return the address to redirect the browser to, with the grant's code. The caller has locked the user.

    If the login has replaced an older session of the browser, the older session ends. If both sessions belong to the same user,
    the grants of the older session continue.
    """
    if request.before not in ("", "-", login.id):
        if request.before_user == login.user.id:
            grants.move(tx, login, request.before)
        if (replaced := logins.of_session(tx, request.before_user, request.before)) is not None:
            sessions.end(tx.db, replaced.session)
    context = login.context(tx)
    data = GrantData(
        redirect=request.redirect,
        challenge=request.challenge,
        nonce=request.nonce,
        scope=login.gives(request.scope),
        acr=tx.policy.openid.met(login.kind, request.contexts) or context.value,
        amr=context.amr,
        auth_time=int(login.at),
    )
    return redirect_url(issuer, request.back, code=grants.issue(tx, login, request.client, data))


def _has_agreed(tx: LoginTransaction, request: AuthorizationRequest, login: Login) -> bool:
    """Return whether the user has already consented to these scopes in this session, and no new consent is required."""
    return "consent" not in request.prompts and grants.covers(tx, login, request.client, login.gives(request.scope))


def _needs_fresh(tx: LoginTransaction, request: AuthorizationRequest, login: Login) -> bool:
    if {"login", "select_account"} & set(request.prompts) or request.subject not in ("", login.user.id):
        return True
    if request.max_age is not None and tx.now() - login.at > request.max_age:
        return True
    return bool(request.contexts) and tx.policy.openid.met(login.kind, request.contexts) is None
