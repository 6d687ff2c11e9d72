"""The provider: the operations behind the endpoints, for one login system and one issuer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsc_host.gateway.openid import (
    authorization,
    client_authentication,
    client_keys,
    clients,
    grants,
    id_tokens,
    logins,
    logout,
    sealed_texts,
    signing_keys,
)
from dsc_host.gateway.openid.authorization import AuthorizationRequest, RedirectTarget, Step
from dsc_host.gateway.openid.clients import Client, Method
from dsc_host.gateway.openid.errors import ProtocolError, invalid_grant, invalid_token
from dsc_host.gateway.openid.grants import Opened, Token
from dsc_host.gateway.openid.logins import Login
from dsc_host.gateway.openid.logout import LogoutOutcome
from dsc_host.login import LoginSystem, NotIn, Stage
from dsc_host.login.signin import sessions
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.records.transaction import Refused

PATHS: Mapping[str, str] = {
    "authorization_endpoint": "/openid/authorize",
    "token_endpoint": "/openid/token",
    "userinfo_endpoint": "/openid/userinfo",
    "jwks_uri": "/openid/keys",
    "revocation_endpoint": "/openid/revoke",
    "introspection_endpoint": "/openid/introspect",
    "end_session_endpoint": "/openid/logout",
}
"""The paths of the endpoints, by their names in the discovery document."""
_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step of an authorization. If it is `NOTHING`, `address` is the address to redirect to, with a code or an error.

    If the client, or its registered redirect address, was removed in the meantime, `address` is empty and `client` is None.
    """

    step: Step
    request: AuthorizationRequest
    address: str = ""
    client: Client | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider. Threads may share it."""

    system: LoginSystem
    issuer: str

    @classmethod
    def of(cls, system: LoginSystem, issuer: str) -> "Provider":
        """Return the provider of a login system. Make the first signing key if there is none.

        `issuer` is the provider's address. Raises `InputError`.
        """
        clients.check_issuer(issuer)
        acting = system.by("openid")
        acting.context.change(signing_keys.ensure)
        return cls(acting, issuer)

    @property
    def context(self) -> LoginContext:
        """The context of the login system."""
        return self.system.context

    # ---- what clients read ----

    def description(self) -> dict[str, object]:
        """Return the discovery document (OpenID Connect Discovery, section 3)."""
        return {
            "issuer": self.issuer,
            **{name: self.issuer + path for name, path in PATHS.items()},
            "scopes_supported": list(logins.SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [id_tokens.ALGORITHM],
            "token_endpoint_auth_methods_supported": [*_METHODS, "none"],
            "token_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
            "revocation_endpoint_auth_methods_supported": [*_METHODS, "none"],
            "revocation_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
            "introspection_endpoint_auth_methods_supported": list(_METHODS),
            "introspection_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
            "code_challenge_methods_supported": ["S256"],
            "acr_values_supported": list(dict.fromkeys(each.value for each in self.system.policy.openid.contexts)),
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "session_scope", "name",
                "preferred_username", "locale", "email",
            ],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "ui_locales_supported": ["en", "de", "ru"],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }  # fmt: skip

    def keys(self) -> dict[str, object]:
        """Return the public keys as a JSON Web Key Set."""
        return {"keys": [key.public() for key in self.context.read(signing_keys.published)]}

    # ---- the login in the browser ----

    def ask(self, given: Mapping[str, Sequence[str]]) -> AuthorizationRequest | str:
        """Return the checked authorization request, or the address to redirect to with an error. Raises `UnsafeRequest`."""
        return self.context.read(lambda tx: self._ask(tx, given))

    def next(self, request: AuthorizationRequest, token: str, *, consented: bool = False) -> NextStep:
        """Return the next step in a browser whose cookie has this token. If nothing else must happen, make a code."""
        try:
            # Read first, so that a visitor who is not logged in causes no lock.
            self.context.read(lambda tx: sessions.find(tx, token, Stage.IN))
            # Check the request and make the code in one transaction. With two, the login could end between them, or the client
            # be removed.
            return self.context.change(lambda tx: self._granted(tx, request, token, consented=consented))
        except NotIn:
            return self.context.read(lambda tx: self._next(tx, request, None, consented=consented))

    def refusal(self, request: AuthorizationRequest) -> str:
        """Return the address to redirect to after a user has refused consent."""
        return authorization.error_redirect_url(
            self.issuer, request.back, ProtocolError("access_denied", "the user has refused")
        )

    # ---- the logout in the browser ----

    def log_out(self, given: Mapping[str, Sequence[str]], token: str) -> LogoutOutcome:
        """Process a request for a logout, from a browser whose cookie has this token. Raises `UnsafeRequest`."""
        # Only a request with an ID token can end a session. Other requests are answered without a lock.
        run = self.context.change if "id_token_hint" in given else self.context.read
        return run(lambda tx: logout.log_out(tx, self.issuer, given, _login(tx, token)))

    # ---- what clients call ----

    def authenticate(self, header: str, form: Mapping[str, str]) -> Client:
        """Return the client that a request authenticates. Raises `ProtocolError`."""
        audiences = frozenset({self.issuer, self.issuer + PATHS["token_endpoint"]})
        return client_authentication.authenticate(self.context, audiences, header, form)

    def tokens(self, client: Client, form: Mapping[str, str]) -> dict[str, object]:
        """Return the answer of the token endpoint. Raises `ProtocolError`."""
        kind = form.get("grant_type")
        if kind is None:
            raise ProtocolError("invalid_request", "grant_type is missing")
        if kind not in ("authorization_code", "refresh_token"):
            raise ProtocolError("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
        first = kind == "authorization_code"
        text = _required(form, "code" if first else "refresh_token")
        if first:
            _required(form, "redirect_uri")
        # Unseal the text before the transaction begins. Anybody can send an invalid text, which must not hold up other logins.
        token = sealed_texts.unseal(self.context, "code" if first else "refresh", Token, text)
        if token is None:
            raise invalid_grant()
        return self.context.change(lambda tx: self._tokens(tx, client, token, form, first=first))

    def userinfo(self, access_token: str) -> dict[str, object]:
        """Return the claims about the user of an access token. The call counts as a use of the session.

        Raises `ProtocolError`.
        """
        opened, claims = self.context.read(lambda tx: _userinfo(tx, access_token))
        self.context.activity.record(opened.login.session.id, self.context.now())
        return claims

    def revoke(self, client: Client, token: str) -> None:
        """Revoke the grant that a token belongs to (RFC 7009). Raises `ProtocolError`."""
        self.context.change(lambda tx: grants.revoke(tx, client.name, token))

    def introspect(self, client: Client, token: str) -> dict[str, object]:
        """Return whether a token is valid, with its scope and user (RFC 7662). Raises `ProtocolError`.

        The company's own clients may introspect every token, and other clients only tokens that they were given. A public
        client may introspect none.
        """
        if client.method is Method.NONE:
            raise ProtocolError("unauthorized_client", "a public client cannot introspect tokens", 403)
        return self.context.read(lambda tx: self._introspected(tx, client, token))

    # ---- in a transaction ----

    def _ask(self, tx: LoginTransaction, given: Mapping[str, Sequence[str]]) -> AuthorizationRequest | str:
        client, back = authorization.find_redirect_target(tx, given)
        try:
            return authorization.check(tx, self.issuer, client, back, given)
        except ProtocolError as error:
            return authorization.error_redirect_url(self.issuer, back, error)

    def _next(self, tx: LoginTransaction, request: AuthorizationRequest, login: Login | None, *, consented: bool) -> NextStep:
        client = clients.find(tx, request.client)
        if client is None or request.redirect not in client.redirects:
            return NextStep(Step.NOTHING, request)
        try:
            step = authorization.next_step(tx, request, client, login, consented=consented)
        except ProtocolError as error:
            return NextStep(Step.NOTHING, request, self._back(request.back, error), client)
        if step is Step.LOGIN:
            request = authorization.for_login(request, login)
        return NextStep(step, request, "", client)

    def _granted(self, tx: LoginTransaction, request: AuthorizationRequest, token: str, *, consented: bool) -> NextStep:
        login = logins.locked(tx, token)
        found = self._next(tx, request, login, consented=consented)
        if found.step is not Step.NOTHING or found.address or found.client is None:
            return found
        tx.context.activity.record(login.session.id, tx.now())
        return NextStep(Step.NOTHING, request, authorization.grant(tx, self.issuer, request, login), found.client)

    def _back(self, back: RedirectTarget, error: ProtocolError) -> str:
        return authorization.error_redirect_url(self.issuer, back, error)

    def _tokens(
        self, tx: LoginTransaction, client: Client, token: Token, form: Mapping[str, str], *, first: bool
    ) -> dict[str, object] | Refused:
        if first:
            opened = grants.redeem(tx, client.name, token, form["redirect_uri"], form.get("code_verifier", ""))
        else:
            scope = tuple(form["scope"].split()) if form.get("scope") else None
            opened = grants.refresh(tx, client.name, token, scope)
        if isinstance(opened, Refused):
            return opened
        tx.context.activity.record(opened.login.session.id, tx.now())
        access, refresh = grants.tokens(tx, opened)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": tx.policy.openid.token_validity,
            "scope": " ".join(opened.scope),
            "id_token": id_tokens.id_token(tx, self.issuer, opened, access, first=first),
            **({"refresh_token": refresh} if refresh else {}),
        }

    def _introspected(self, tx: LoginTransaction, client: Client, token: str) -> dict[str, object]:
        opened = grants.by_access_token(tx, token) or grants.by_refresh_token(tx, token)
        if opened is None or not (client.own or opened.grant.client == client.name):
            return {"active": False}
        return {
            "active": True,
            "iss": self.issuer,
            "client_id": opened.grant.client,
            "aud": opened.grant.client,
            "sub": opened.login.user.id,
            "username": opened.login.user.name,
            "scope": " ".join(opened.scope),
            "token_type": "Bearer",
            "exp": int(opened.until),
            "acr": opened.data.acr,
            "auth_time": opened.data.auth_time,
            "session_scope": opened.login.session.scope,
        }


def _userinfo(tx: LoginTransaction, access_token: str) -> tuple[Opened, dict[str, object]]:
    opened = grants.by_access_token(tx, access_token)
    if opened is None:
        raise invalid_token()
    claims = logins.userinfo(tx, opened.login.user, opened.scope)
    return opened, {**claims, "session_scope": opened.login.session.scope}


def _login(tx: LoginTransaction, token: str) -> Login | None:
    try:
        return logins.find(tx, token)
    except NotIn:
        return None


def _required(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise ProtocolError("invalid_request", f"{name} is missing")
    return form[name]
