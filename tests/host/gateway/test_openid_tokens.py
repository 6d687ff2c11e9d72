"""The endpoints that a client calls itself: tokens, userinfo, revocation, introspection, and the proof of the client."""

import base64
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.host.gateway.openid_program import ISSUER, PKCE, REDIRECT, VERIFIER, WIKI, Program, program, refused
from tests.host.login.scenario import new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.errors import DscError
from dsc_host.gateway.openid import client_keys
from dsc_host.gateway.openid.client_authentication import ASSERTION
from dsc_host.gateway.openid.provider import Provider
from dsc_host.verifier import Keyring, MasterKey

LASTING = "openid email offline_access"


def basic(name: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


# ---- the code ----


def test_a_code_opens_one_login_and_a_second_use_ends_it(wiki: Program) -> None:
    code = wiki.enter().code(scope=LASTING)
    tokens = wiki.redeem(code).json()
    assert refused(wiki.redeem(code)) == (400, "invalid_grant")
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert refused(wiki.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert ("login.openid.grant", "refused", "code used again") in wiki.scenario.events()


def test_a_code_is_good_for_a_minute(wiki: Program) -> None:
    first, second = wiki.enter().code(), wiki.code()
    wiki.scenario.clock.advance(59)
    assert wiki.redeem(first).status_code == 200
    wiki.scenario.clock.advance(1)
    assert refused(wiki.redeem(second)) == (400, "invalid_grant")


@pytest.mark.parametrize("changed", [{"redirect_uri": REDIRECT + "/"}, {"code_verifier": VERIFIER}])
def test_a_code_with_another_address_or_a_verifier_that_was_not_announced_is_void(
    wiki: Program, changed: dict[str, str]
) -> None:
    code = wiki.enter().code()
    assert refused(wiki.redeem(code, **changed)) == (400, "invalid_grant")
    assert refused(wiki.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize("verifier", ["", VERIFIER[:-1], VERIFIER + "x", "short", "\xe4" * 43, PKCE["code_challenge"]])
def test_a_code_with_a_challenge_needs_the_verifier(wiki: Program, verifier: str) -> None:
    code = wiki.enter().code(**PKCE)
    assert refused(wiki.redeem(code, **({"code_verifier": verifier} if verifier else {}))) == (400, "invalid_grant")
    assert wiki.redeem(wiki.code(**PKCE), code_verifier=VERIFIER).status_code == 200


def test_a_code_of_another_client_opens_nothing_and_stays_good(wiki: Program) -> None:
    code, other = wiki.enter().code(), wiki.beside(replace(WIKI, name="other"))
    assert refused(other.redeem(code)) == (400, "invalid_grant")
    assert wiki.redeem(code).status_code == 200


def test_a_code_opens_nothing_after_the_session(wiki: Program) -> None:
    code = wiki.enter().code()
    wiki.scenario.system.leave(wiki.browser.cookie)
    assert refused(wiki.redeem(code)) == (400, "invalid_grant")


@pytest.mark.every_database
def test_of_many_uses_at_once_one_wins(database_kind: str, clock: Clock) -> None:
    with new_scenario(clock, database_kind) as scenario, program(scenario) as wiki:
        provider, code = Provider.of(scenario.system, ISSUER), wiki.enter().code(scope=LASTING)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        assert sorted(at_once(partial(provider.tokens, wiki.client, form))) == ["invalid_grant"] * 3 + ["tokens"]
        again = {"grant_type": "refresh_token", "refresh_token": wiki.tokens(scope=LASTING)["refresh_token"]}
        assert sorted(at_once(partial(provider.tokens, wiki.client, again))) == ["invalid_grant"] * 3 + ["tokens"]


def at_once(call: Callable[[], object]) -> list[str]:
    def outcome(_: int) -> str:
        try:
            call()
        except DscError as error:
            return str(error).partition(":")[0]
        return "tokens"

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(outcome, range(4)))


# ---- refresh tokens ----


def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_login(wiki: Program) -> None:
    first = wiki.enter().tokens(scope=LASTING)
    second = wiki.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert wiki.userinfo(first["access_token"]).status_code == 200
    assert refused(wiki.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert refused(wiki.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert [wiki.userinfo(each["access_token"]).status_code for each in (first, second)] == [401, 401]
    assert ("login.openid.grant", "refused", "refresh token used again") in wiki.scenario.events()


def test_a_refresh_may_ask_for_less_and_not_for_more(wiki: Program) -> None:
    tokens = wiki.enter().tokens(scope=LASTING)
    assert refused(wiki.refresh(tokens["refresh_token"], scope="openid profile")) == (400, "invalid_scope")
    less = wiki.refresh(tokens["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    assert "email" not in wiki.userinfo(less["access_token"]).json()
    assert wiki.refresh(less["refresh_token"]).json()["scope"] == LASTING, "the next may have all again"


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(wiki: Program) -> None:
    code = wiki.enter().code(scope=LASTING)
    tokens = wiki.redeem(code).json()
    for text in (tokens["access_token"], tokens["id_token"], code):
        assert refused(wiki.refresh(text)) == (400, "invalid_grant")
        assert text == tokens["access_token"] or wiki.userinfo(text).status_code == 401
    assert wiki.userinfo(tokens["refresh_token"]).status_code == 401
    assert refused(wiki.redeem(tokens["refresh_token"])) == (400, "invalid_grant")
    assert wiki.refresh(tokens["refresh_token"]).status_code == 200


def test_refreshing_keeps_the_session_in_use_until_its_end(wiki: Program) -> None:
    policy, token = wiki.scenario.system.policy.sessions, wiki.enter().tokens(scope=LASTING)["refresh_token"]
    for _ in range(policy.longest // (policy.idle - 1)):
        wiki.scenario.clock.advance(policy.idle - 1)
        answer = wiki.refresh(token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    wiki.scenario.clock.advance(policy.idle - 1)
    assert refused(wiki.refresh(token)) == (400, "invalid_grant")


# ---- the access token ----


def test_an_access_token_is_good_for_some_minutes_and_within_the_session(wiki: Program) -> None:
    access = wiki.enter().tokens()["access_token"]
    wiki.scenario.clock.advance(299)
    assert wiki.userinfo(access).status_code == 200
    wiki.scenario.clock.advance(1)
    answer = wiki.userinfo(access)
    assert refused(answer) == (401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="openid", error="invalid_token"')
    other = wiki.tokens()["access_token"]
    wiki.scenario.system.leave(wiki.browser.cookie)
    assert wiki.userinfo(other).status_code == 401


def test_userinfo_takes_the_token_in_a_header_or_in_a_form(wiki: Program) -> None:
    access = wiki.enter().tokens()["access_token"]
    header = {"authorization": f"Bearer {access}"}
    get, post = wiki.browser.client.get, partial(wiki.browser.client.post, "/openid/userinfo")
    answers = [get("/openid/userinfo", headers=header), post(headers=header), post(data={"access_token": access})]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert refused(post(data={"access_token": access}, headers=header)) == (400, "invalid_request")
    bare = get("/openid/userinfo")
    assert (bare.status_code, bare.headers["www-authenticate"], bare.content) == (401, 'Bearer realm="openid"', b"")
    assert get(f"/openid/userinfo?access_token={access}").status_code == 401, "no token in a URL"
    for text in ("", "x", "a.b", "\xff".encode().decode("latin-1"), "A" * 5000):
        assert get("/openid/userinfo", headers={"authorization": f"Bearer {text}".encode("latin-1")}).status_code == 401


# ---- revocation and introspection ----


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revoked_login_is_over(wiki: Program, kind: str) -> None:
    tokens = wiki.enter().tokens(scope=LASTING)
    assert wiki.post("revoke", token=tokens[kind]).status_code == 200
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert refused(wiki.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    for text in (tokens[kind], "x", tokens["id_token"]):
        assert wiki.post("revoke", token=text).status_code == 200, "a token that is void is none"
    assert "code" in str(wiki.ask().response.url), "the session here goes on"


def test_nobody_revokes_the_login_of_another_client(wiki: Program) -> None:
    tokens, other = wiki.enter().tokens(), wiki.beside(replace(WIKI, name="other"))
    assert refused(other.post("revoke", token=tokens["access_token"])) == (400, "invalid_grant")
    assert wiki.userinfo(tokens["access_token"]).status_code == 200


def test_a_token_is_introspected_by_its_client_and_by_the_companys_own(wiki: Program) -> None:
    foreign = wiki.beside(replace(WIKI, name="foreign", own=False))
    tokens = wiki.enter().tokens(scope=LASTING)
    told = wiki.post("introspect", token=tokens["access_token"]).json()
    user, now = wiki.scenario.system.operator.user("anna").id, int(wiki.scenario.clock.now)
    assert {**told, "auth_time": now} == {
        "active": True, "iss": ISSUER, "client_id": "wiki", "aud": "wiki", "sub": user, "username": "anna", "scope": LASTING,
        "token_type": "Bearer", "exp": now + 300, "acr": "card", "auth_time": now, "session_scope": "full",
    }  # fmt: skip
    assert wiki.post("introspect", token=tokens["refresh_token"]).json()["active"]
    own = wiki.beside(replace(WIKI, name="api"))
    assert own.post("introspect", token=tokens["access_token"]).json()["username"] == "anna"
    nothing = [(foreign, tokens["access_token"]), (wiki, "x"), (wiki, tokens["id_token"])]
    assert [each.post("introspect", token=text).json() for each, text in nothing] == [{"active": False}] * 3
    public = wiki.beside(replace(WIKI, name="app"), secret=False)
    assert refused(public.post("introspect", token=tokens["access_token"])) == (403, "unauthorized_client")
    wiki.scenario.system.leave(wiki.browser.cookie)
    assert wiki.post("introspect", token=tokens["access_token"]).json() == {"active": False}


# ---- the proof of a client ----


def test_a_client_proves_itself_by_header_or_form_and_not_by_both(wiki: Program) -> None:
    wiki.enter()
    call = partial(wiki.post, "token", proof=False, grant_type="authorization_code", redirect_uri=REDIRECT)
    assert call(headers=basic("wiki", wiki.secret), code=wiki.code()).status_code == 200
    assert call(client_id="wiki", client_secret=wiki.secret, code=wiki.code()).status_code == 200
    both = call(headers=basic("wiki", wiki.secret), client_id="wiki", client_secret=wiki.secret, code="x")
    assert refused(both) == (400, "invalid_request")
    assert call(headers=basic("wiki", wiki.secret), client_id="other", code="x").status_code == 401


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, {}),
        ({}, {"client_id": "wiki"}),
        ({}, {"client_id": "wiki", "client_secret": "x"}),
        ({}, {"client_id": "nobody", "client_secret": "x"}),
        ({}, {"client_secret": "x"}),
        (basic("wiki", "x"), {}),
        (basic("nobody", "x"), {}),
        (basic("wiki", ""), {}),
        ({"authorization": "Basic"}, {"client_id": "wiki"}),
        ({"authorization": "Basic !"}, {}),
        ({"authorization": "Basic eA=="}, {}),
        ({"authorization": "Basic /w=="}, {}),
        ({"authorization": "Bearer x"}, {"client_id": "wiki"}),
    ],
)
def test_who_does_not_prove_to_be_a_client_gets_nothing(wiki: Program, headers: dict[str, str], form: dict[str, str]) -> None:
    for path in ("token", "revoke", "introspect"):
        answer = wiki.post(path, proof=False, headers=headers, token="x", **form)
        assert refused(answer) == (401, "invalid_client")
        asked = headers.get("authorization", "").startswith("Basic ")
        assert answer.headers.get("www-authenticate") == ('Basic realm="openid"' if asked else None)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "anna", "password": "x"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x", "redirect_uri": REDIRECT}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x.y"}, "invalid_grant"),
    ],
)
def test_a_malformed_request_for_tokens_is_an_error(wiki: Program, form: dict[str, str], error: str) -> None:
    assert refused(wiki.post("token", **form)) == (400, error)


@pytest.mark.parametrize("path", ["token", "userinfo", "revoke", "introspect"])
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=b&a=c", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=b" % each for each in range(60)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"b" * 40_000, "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 400),
    ],
)
def test_what_is_no_form_is_an_error(wiki: Program, path: str, body: bytes, kind: str, status: int) -> None:
    answer = wiki.browser.client.post(f"/openid/{path}", content=body, headers={"content-type": kind})
    assert refused(answer) == (status, "invalid_request")


def test_the_endpoints_have_their_methods(wiki: Program) -> None:
    for path in ("token", "revoke", "introspect"):
        assert wiki.browser.client.get(f"/openid/{path}").status_code == 405


class ByKey:
    """A client that proves itself by its key."""

    def __init__(self, wiki: Program) -> None:
        self.key = ECKey.generate_key("P-256", private=True)
        keys = client_keys.checked(json.dumps(self.key.as_dict(private=False)).encode())
        self.program = wiki.beside(replace(WIKI, name="api", keys=keys), secret=False)
        self.now = int(wiki.scenario.clock.now)

    def assertion(self, *, header: dict[str, str] | None = None, key: ECKey | None = None, **changed: object) -> str:
        claims = {"iss": "api", "sub": "api", "aud": ISSUER, "exp": self.now + 60, "jti": "1", **changed}
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", **(header or {})}, kept, key or self.key)

    def call(self, assertion: str, **form: str) -> httpx.Response:
        proof = {"client_assertion_type": ASSERTION, "client_assertion": assertion, **form}
        return self.program.post("introspect", proof=False, token="x", **proof)


@pytest.fixture
def by_key(wiki: Program) -> ByKey:
    return ByKey(wiki)


def test_a_client_proves_itself_by_its_key_with_each_assertion_once(by_key: ByKey) -> None:
    for changed in ({}, {"jti": "2", "aud": [ISSUER + "/openid/token", "x"]}):
        text = by_key.assertion(**changed)
        assert by_key.call(text, client_id="api").status_code == 200
        assert refused(by_key.call(text)) == (401, "invalid_client")
    assert refused(by_key.program.post("introspect", proof=False, client_id="api", token="x")) == (401, "invalid_client")


@pytest.mark.parametrize(("seconds", "status"), [(600, 200), (660, 200), (661, 401), (-59, 200), (-60, 401)])
def test_an_assertion_is_valid_for_ten_minutes_at_most(by_key: ByKey, seconds: int, status: int) -> None:
    """The clocks may differ by a minute."""
    assert by_key.call(by_key.assertion(exp=by_key.now + seconds)).status_code == status


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "wiki"}, {"sub": "wiki"}, {"sub": None}, {"aud": "https://other.example"}, {"aud": None}, {"aud": [1]},
        {"aud": {}}, {"exp": None}, {"exp": 1}, {"exp": 2**62}, {"exp": "9"}, {"exp": True}, {"jti": None}, {"jti": ""},
        {"exp": 10**400},
        {"jti": 1}, {"jti": "a" * 256}, {"key": ECKey.generate_key("P-256", private=True)}, {"header": {"kid": "other"}},
    ],
    ids=range(19),
)  # fmt: skip
def test_a_wrong_assertion_proves_nothing(by_key: ByKey, changed: dict[str, Any]) -> None:
    assert refused(by_key.call(by_key.assertion(**changed))) == (401, "invalid_client")


def test_a_forged_assertion_proves_nothing(by_key: ByKey) -> None:
    good = by_key.assertion()
    header, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    mac = jwt_by_public_key(by_key)
    for text in ("", "x", "a.b.c", f"{none}.{payload}.", f"{none}.{payload}.{signature}", f"{header}.{payload}.", mac):
        assert refused(by_key.call(text)) == (401, "invalid_client")
    assert refused(by_key.call(good, client_assertion_type="x")) == (400, "invalid_request")
    assert by_key.call(good).status_code == 200


def jwt_by_public_key(by_key: ByKey) -> str:
    """Return an assertion whose MAC has the public key as its key."""
    claims = {"iss": "api", "sub": "api", "aud": ISSUER, "exp": by_key.now + 60, "jti": "9"}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "HS256"}, claims)]
    text = ".".join(parts)
    digest = hmac.new(by_key.key.as_pem(private=False), text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


# ---- keys and the description ----


def test_the_description_says_what_is_there(wiki: Program) -> None:
    answer = wiki.browser.client.get("/.well-known/openid-configuration")
    told = answer.json()
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert (told["issuer"], told["acr_values_supported"]) == (ISSUER, ["card", "device", "temporary", "password"])
    for endpoint in ("token", "revocation", "introspection"):
        # RFC 8414, section 2: where clients sign assertions, the algorithms must be listed.
        assert "private_key_jwt" in told[f"{endpoint}_endpoint_auth_methods_supported"]
        assert told[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] == ["ES256", "RS256", "PS256"]
    for name, url in told.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            path = url.removeprefix(ISSUER)
            assert wiki.browser.client.get(path).status_code in (200, 302, 303, 400, 401, 405), path


def test_tokens_stay_good_while_the_master_key_changes(wiki: Program) -> None:
    """Codes and tokens name the master key that sealed them."""
    context = wiki.scenario.system.context
    tokens = wiki.enter().tokens(scope=LASTING)
    new = Keyring(MasterKey(b"\x5a" * 32), context.cards.keys.current)
    provider = Provider(wiki.scenario.system, ISSUER)
    changed = replace(wiki.scenario.system, context=replace(context, cards=replace(context.cards, keys=new)))
    assert replace(provider, system=changed).userinfo(tokens["access_token"])["email"] == "anna@example.com"
