"""Logins with OpenID Connect: the way through the portal's login, and what a client may ask of it."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from tests.host.gateway.openid_program import ISSUER, PKCE, REDIRECT, VERIFIER, WIKI, Program, refused, returned
from tests.host.portal.browser import come_with

from dsc_host.gateway.openid import clients
from dsc_host.login import Kind, rows


def test_a_card_logs_in(wiki: Program) -> None:
    page = wiki.ask(scope="openid profile email")
    back = returned(wiki.log_in(page))
    assert (back["state"], back["iss"]) == ("a state", ISSUER)
    tokens = wiki.redeem(back["code"]).json()
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 300, "openid profile email")
    assert "refresh_token" not in tokens
    claims, now = wiki.claims(tokens["id_token"]), int(wiki.scenario.clock.now)
    user = wiki.scenario.system.operator.user("anna").id
    assert {name: claims[name] for name in ("iss", "sub", "aud", "nonce", "iat", "exp", "acr", "amr", "session_scope")} == {
        "iss": ISSUER, "sub": user, "aud": "wiki", "nonce": "a nonce", "iat": now, "exp": now + 300, "acr": "card",
        "amr": ["pwd", "pin", "otp", "hwk", "mfa"], "session_scope": "full",
    }  # fmt: skip
    assert claims["auth_time"] <= now
    assert wiki.userinfo(tokens["access_token"]).json() == {
        "sub": user, "preferred_username": "anna", "name": "Anna", "locale": "en", "email": "anna@example.com",
        "session_scope": "full",
    }  # fmt: skip
    logged = list(wiki.scenario.verifier.audit.entries())
    assert [(entry.action, entry.actor) for entry in logged if "openid.grant" in entry.action] == [
        ("login.openid.grant", "openid")
    ]


def test_a_second_client_asks_nobody_again(wiki: Program) -> None:
    returned(wiki.log_in(wiki.ask()))
    other = wiki.beside(replace(WIKI, name="other"))
    first, second = wiki.claims(wiki.tokens()["id_token"]), other.claims(other.tokens()["id_token"])
    assert first["sub"] == second["sub"]
    assert first["auth_time"] == second["auth_time"]
    assert first["sid"] != second["sid"], "clients cannot compare their sessions"


def test_a_wrong_response_gives_no_code(wiki: Program) -> None:
    page = wiki.ask()
    page = wiki.browser.press("Continue", name="anna", password="a quiet harbour at dawn")
    page = wiki.led(wiki.browser.press("Log in", answer="00000000"))
    assert page.error.startswith("Wrong response.")
    assert page.path == "/login/answer"


# ---- where a browser is led ----


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": ""}, {"client_id": "nobody"}, {"client_id": "Wiki"}, {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/"}, {"redirect_uri": REDIRECT + "/"}, {"redirect_uri": REDIRECT + "?a=b"},
        {"redirect_uri": REDIRECT + "#a"}, {"redirect_uri": REDIRECT.upper()}, {"redirect_uri": "http" + REDIRECT[5:]},
        {"redirect_uri": REDIRECT.replace("com", "com:443")}, {"redirect_uri": REDIRECT.replace("/login", "/../login")},
        {"redirect_uri": REDIRECT.replace("wiki.example", "wiki.example.com@evil")}, {"redirect_uri": REDIRECT + "%00"},
        {"client_id": "x" * 5000}, {"redirect_uri": "javascript:alert(1)"},
    ],
)  # fmt: skip
def test_a_browser_is_led_only_to_an_address_that_the_client_has(wiki: Program, changed: dict[str, str]) -> None:
    page = wiki.enter().ask(**changed)
    assert (page.status, page.response.url.host) == (400, "portal.example")
    assert page.text.count("here is unknown, or its request is invalid") == 1


@pytest.mark.parametrize("twice", ["client_id", "redirect_uri"])
def test_a_client_or_an_address_that_is_given_twice_leads_nowhere(wiki: Program, twice: str) -> None:
    values = [("response_type", "code"), ("client_id", "wiki"), ("redirect_uri", REDIRECT), ("scope", "openid")]
    page = wiki.enter().go(f"/openid/authorize?{urlencode([*values, (twice, dict(values)[twice])])}")
    assert (page.status, page.response.url.host) == (400, "portal.example")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1e3"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://wiki.example.com/r"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"code_challenge": PKCE["code_challenge"]}, "invalid_request"),
        ({"code_challenge": PKCE["code_challenge"], "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"nonce": "a" * 256}, "invalid_request"),
        ({"nonce": "\xe4"}, "invalid_request"),
        ({"state": "a" * 1001}, "invalid_request"),
        ({"id_token_hint": "e30.e30.e30"}, "invalid_request"),
    ],
)
def test_an_error_goes_back_to_the_client(wiki: Program, changed: dict[str, str], error: str) -> None:
    back = returned(wiki.enter().ask(**changed))
    assert set(back) == {"error", "error_description", "state", "iss"}
    assert (back["error"], back["state"]) == (error, changed.get("state", "a state"))


def test_a_parameter_that_is_given_twice_is_an_error(wiki: Program) -> None:
    values = [("response_type", "code"), ("client_id", "wiki"), ("redirect_uri", REDIRECT), ("scope", "openid")]
    for name in ("scope", "state", "nonce", "response_type"):
        query = urlencode([*values, (name, "a"), (name, "b")])
        back = returned(wiki.enter().go(f"/openid/authorize?{query}"))
        assert back["error"] == "invalid_request"
        assert back.get("state") is None


@pytest.mark.parametrize(
    ("changed", "scope"),
    [
        ({"nonce": ""}, "openid"),
        ({"scope": "email openid"}, "email openid"),
        ({"scope": "openid address phone profile email unknown"}, "openid profile email"),
        ({"display": "popup"}, "openid"),
        ({"max_age": "10000"}, "openid"),
        ({"acr_values": "1 2"}, "openid"),
        ({"claims_locales": "de", "extra": "1"}, "openid"),
        ({"claims": '{"userinfo": {"name": {"essential": true}}}'}, "openid"),
    ],
)
def test_a_login_succeeds_with_less_and_with_what_is_not_known(wiki: Program, changed: dict[str, str], scope: str) -> None:
    tokens = wiki.enter().tokens(**changed)
    assert tokens["scope"] == scope
    assert ("nonce" in wiki.claims(tokens["id_token"])) == ("nonce" not in changed)


def test_a_state_and_an_address_with_a_query_come_back_as_they_were(wiki: Program) -> None:
    state, redirect = "a&b=c d%41+\"'<>", REDIRECT + "?tenant=1&x=%20"
    other = wiki.beside(replace(WIKI, name="other", redirects=(redirect,)))
    page = other.enter().ask(state=state)
    assert str(page.response.url).startswith(redirect + "&code=")
    assert returned(page)["state"] == state


def test_a_request_may_be_a_form_of_another_site(wiki: Program) -> None:
    form = {"response_type": "code", "client_id": "wiki", "redirect_uri": REDIRECT, "scope": "openid"}
    answer = wiki.enter().browser.client.post("/openid/authorize", data=form, headers={"origin": "https://wiki.example.com"})
    assert answer.url.host == "wiki.example.com"
    assert "code" in answer.url.params


@pytest.mark.parametrize("text", ["", "x", "x.y", "A" * 5000, "%ff"])
def test_a_request_that_was_not_sealed_here_goes_nowhere(wiki: Program, text: str) -> None:
    page = wiki.enter().go(f"/openid/continue?request={text}")
    assert (page.status, page.title) == (400, "That did not work")


def test_a_request_is_too_old_after_some_time(wiki: Program) -> None:
    wiki.ask()
    kept = wiki.browser.client.cookies["back"].strip('"')
    wiki.scenario.clock.advance(30 * 60 - 1)
    assert "code" in returned(wiki.enter().go(kept))
    wiki.scenario.clock.advance(1)
    assert wiki.enter().go(kept).status == 400


# ---- what a client may ask of a login ----


def test_nobody_is_asked_with_prompt_none(wiki: Program) -> None:
    assert returned(wiki.ask(prompt="none"))["error"] == "login_required"
    assert "code" in returned(wiki.enter().ask(prompt="none"))
    wiki.scenario.clock.advance(100)
    assert "code" in returned(wiki.ask(prompt="none", max_age="100"))
    assert returned(wiki.ask(prompt="none", max_age="99"))["error"] == "login_required"


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "10"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_a_fresh_login_takes_the_place_of_the_session(wiki: Program, asked: dict[str, str]) -> None:
    before = wiki.enter().tokens(scope="openid offline_access")
    old = wiki.browser.cookie
    wiki.scenario.clock.advance(11)
    back = returned(wiki.log_in(wiki.ask(**asked)))
    after = wiki.claims(wiki.redeem(back["code"]).json()["id_token"])
    first = wiki.claims(before["id_token"])
    assert after["auth_time"] >= first["auth_time"] + 11
    assert wiki.userinfo(before["access_token"]).status_code == 200, "the login at the client goes on in the new session"
    renewed = wiki.refresh(before["refresh_token"]).json()
    again = wiki.claims(renewed["id_token"])
    assert (again["sid"], again["auth_time"], again.get("nonce")) == (first["sid"], first["auth_time"], None)
    come_with(wiki.browser, old)
    assert wiki.go("/devices").path == "/login", "the session that was replaced is over"


def test_a_login_of_somebody_else_ends_the_session_before(wiki: Program) -> None:
    before = wiki.enter("anna").tokens()
    wiki.scenario.clock.advance(1)
    back = returned(wiki.log_in(wiki.ask(prompt="login"), "sue"))
    assert wiki.claims(wiki.redeem(back["code"]).json()["id_token"])["sub"] != wiki.claims(before["id_token"])["sub"]
    assert wiki.userinfo(before["access_token"]).status_code == 401


def test_an_earlier_login_is_no_fresh_one(wiki: Program) -> None:
    """A second session that is open in another tab does not answer a request for a fresh login."""
    other = wiki.scenario.session("anna")
    wiki.scenario.clock.advance(1)
    page = wiki.enter().ask(prompt="login")
    assert page.path == "/login"
    back = wiki.browser.client.cookies.get("back", "")
    come_with(wiki.browser, other)
    wiki.browser.client.cookies.set("back", back, domain="portal.example", path="/")
    assert wiki.go("/login").path == "/login"
    assert wiki.go("/devices").path == "/login"


def test_another_user_than_the_expected_one_gets_an_error(wiki: Program) -> None:
    hint = wiki.enter("anna").tokens()["id_token"]
    assert "code" in returned(wiki.ask(id_token_hint=hint, prompt="none"))
    wiki.scenario.clock.advance(1000)
    wiki.enter("sue")
    assert returned(wiki.ask(id_token_hint=hint, prompt="none"))["error"] == "login_required"
    assert returned(wiki.log_in(wiki.ask(id_token_hint=hint), "sue"))["error"] == "login_required"
    assert "code" in returned(wiki.log_in(wiki.ask(id_token_hint=hint, prompt="login"), "anna"))


def test_the_login_shows_the_name_and_the_language_that_the_client_tells(wiki: Program) -> None:
    page = wiki.ask(login_hint="anna", ui_locales="fr-CH de-CH en")
    assert 'value="anna"' in page.html
    assert '<html lang="de">' in page.html
    for hint in ('"><script>', "a b", "a" * 65):
        assert "<script>" not in wiki.ask(login_hint=hint).html


# ---- the device of a login ----


def test_a_client_gets_the_kind_of_device_that_it_asks_for(wiki: Program) -> None:
    wiki.enter("anna")
    for wanted, told in {"": "card", "card": "card", "device": "device", "1 2 password": "password"}.items():
        assert wiki.claims(wiki.tokens(acr_values=wanted)["id_token"])["acr"] == told
    wiki.enter("ben")
    token = wiki.claims(wiki.tokens()["id_token"])
    assert (token["acr"], token["amr"]) == ("device", ["pwd", "otp", "sms", "mfa"])
    assert returned(wiki.ask(acr_values="card", prompt="none"))["error"] == "login_required"
    wiki.scenario.clock.advance(1)
    page = wiki.ask(acr_values="card")
    assert page.path == "/login", "another device is asked for"
    wiki.browser.press("Continue", name="ben", password="a quiet harbour at dawn")
    wiki.browser.press("Continue", device=wiki.scenario.device(wiki.scenario.session("ben"), Kind.SMS))
    page = wiki.led(wiki.browser.press("Log in", answer=wiki.scenario.sent("sms")))
    assert returned(page)["error"] == "unmet_authentication_requirements"


def test_a_login_without_a_device_and_a_temporary_one_say_so(wiki: Program) -> None:
    patient = wiki.beside(replace(WIKI, name="patient", admits=("full", "account", "trading")))
    _, temporary = wiki.scenario.bridged("anna")
    come_with(wiki.browser, temporary)
    assert patient.claims(patient.tokens()["id_token"])["acr"] == "temporary"
    wiki.scenario.system.opt_out(wiki.scenario.session("anna"))
    trading = wiki.scenario.system.skip(wiki.scenario.system.begin("anna", "a quiet harbour at dawn").token).token
    come_with(wiki.browser, trading)
    tokens = patient.tokens(scope="openid profile email offline_access")
    claims = patient.claims(tokens["id_token"])
    assert (claims["acr"], claims["amr"], claims["session_scope"]) == ("password", ["pwd"], "trading")
    assert tokens["scope"] == "openid profile", "the session does not open the profile's pages"
    assert "refresh_token" not in tokens
    assert "email" not in patient.userinfo(tokens["access_token"]).json()
    assert returned(wiki.ask())["error"] == "access_denied", "the wiki admits full sessions only"


# ---- consent ----


def test_a_foreign_client_needs_consent_once_in_a_session(wiki: Program) -> None:
    foreign = wiki.enter().beside(replace(WIKI, name="foreign", title="<b>Foreign", own=False))
    assert returned(foreign.ask(prompt="none"))["error"] == "consent_required"
    page = foreign.ask(scope="openid email")
    assert page.title == "Log in at <b>Foreign"
    assert "your email address" in page.text
    back = returned(foreign.led(foreign.browser.press("Allow")))
    assert foreign.redeem(back["code"]).status_code == 200
    assert "code" in returned(foreign.ask(prompt="none")), "the same or less is asked for"
    assert returned(foreign.ask(prompt="none", scope="openid profile"))["error"] == "consent_required"
    assert foreign.ask(prompt="consent").path == "/openid/authorize"
    refused_back = returned(foreign.led(foreign.browser.press("Do not allow")))
    assert (refused_back["error"], refused_back["state"]) == ("access_denied", "a state")
    foreign.enter()
    assert foreign.ask().title == "Log in at <b>Foreign", "a new session is asked again"


def test_the_consent_names_only_what_the_session_gives(wiki: Program) -> None:
    admitted = wiki.beside(replace(WIKI, name="foreign", own=False, admits=("full", "trading")))
    wiki.scenario.system.opt_out(wiki.scenario.session("anna"))
    trading = wiki.scenario.system.skip(wiki.scenario.system.begin("anna", "a quiet harbour at dawn").token).token
    come_with(wiki.browser, trading)
    page = admitted.ask(scope="openid profile email offline_access")
    assert page.title.startswith("Log in at ")
    assert "your user name, your name and your language" in page.text
    assert "your email address" not in page.text
    assert "until you log out" not in page.text


def test_consent_is_a_form_of_ours(wiki: Program) -> None:
    foreign = wiki.enter().beside(replace(WIKI, name="foreign", own=False))
    page = foreign.ask()
    form = {**page.forms[0].fields, "csrf": "0" * 64}
    answer = foreign.browser.client.post("/openid/agree", data=form)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["agree", "refuse"])
def test_a_consent_without_a_request_goes_nowhere(wiki: Program, path: str) -> None:
    wiki.enter()
    assert wiki.browser.post(f"/openid/{path}", request="x.y").status == 400


def test_a_client_that_is_removed_meanwhile_gets_nothing(wiki: Program) -> None:
    foreign = wiki.enter().beside(replace(WIKI, name="foreign", own=False))
    tokens = wiki.tokens()
    foreign.ask()
    for name in ("foreign", "wiki"):
        wiki.scenario.system.change(lambda tx, name=name: clients.remove(tx, name))
    page = foreign.browser.press("Allow")
    assert page.status == 400
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert refused(wiki.redeem("x")) == (401, "invalid_client")


def test_a_session_that_ends_during_the_consent_leads_to_the_login(wiki: Program) -> None:
    foreign = wiki.enter().beside(replace(WIKI, name="foreign", own=False))
    foreign.ask()
    wiki.scenario.system.change(lambda tx: rows.sessions.remove(tx.db, rows.sessions.c.id != ""))
    assert foreign.led(foreign.browser.press("Allow")).path == "/login"


def test_pages_of_the_login_are_in_the_events(wiki: Program) -> None:
    wiki.enter().tokens()
    assert "Logged in at another program." in wiki.go("/events").text


def test_a_public_client_must_use_pkce(wiki: Program) -> None:
    app = wiki.enter().beside(replace(WIKI, name="app"), secret=False)
    assert returned(app.ask())["error"] == "invalid_request"
    assert app.redeem(app.code(**PKCE), code_verifier=VERIFIER).status_code == 200
