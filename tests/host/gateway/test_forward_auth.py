"""Forward authentication: the facts that a web server gets about a visitor, and the address that a login returns to."""

import asyncio
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette
from tests.host.login.scenario import SERIALS, Scenario
from tests.host.portal.browser import browsers

from dsc_host.errors import InputError
from dsc_host.gateway.forward_auth.tickets import COOKIE, Tickets
from dsc_host.login import Kind
from dsc_host.login.signin.sessions import hashed
from dsc_host.portal import application
from dsc_host.records.keys import Secret

HOST = "login.example.com"
WIKI = "https://wiki.example.com/a%20page?q=1&r=2"
SESSION = "__Host-session"
NOTHING: Mapping[str, str] = {}
TOLD = {"x-forwarded-proto": "https", "x-forwarded-host": "wiki.example.com", "x-forwarded-uri": "/a%20page?q=1&r=2"}
"""The headers that Traefik and Caddy send."""


@pytest.fixture
def app(scenario: Scenario) -> Starlette:
    return application(scenario.system, hosts=(HOST,), ticket_domain="example.com")


class Visitor:
    """A visitor with some cookies. Each request sends just these."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def get(self, path: str, headers: Mapping[str, str] = NOTHING, /, **cookies: str) -> httpx.Response:
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return asyncio.run(self._got(path, {**headers, "cookie": sent} if sent else dict(headers)))

    async def _got(self, path: str, headers: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=f"https://{HOST}") as client:
            return await client.get(path, headers=headers)

    def ticket(self, token: str) -> str:
        answer = self.get(f"/ticket?to={quote(WIKI, safe='')}", **{SESSION: token})
        assert (answer.status_code, answer.headers["location"]) == (303, WIKI)
        return cookies(answer)[COOKIE]


def cookies(answer: httpx.Response) -> dict[str, str]:
    read = [SimpleCookie(each) for each in answer.headers.get_list("set-cookie")]
    return {name: morsel.value for each in read for name, morsel in each.items()}


@pytest.fixture
def visitor(app: Starlette) -> Iterator[Visitor]:
    return Visitor(app)


def test_a_visitor_who_is_logged_in_is_named(scenario: Scenario, visitor: Visitor) -> None:
    ticket = visitor.ticket(scenario.session("anna"))
    answer = visitor.get("/auth", **{COOKIE: ticket})
    told = {name: answer.headers[f"x-auth-{name}"] for name in ("user", "scope", "device")}
    assert (answer.status_code, told) == (204, {"user": "anna", "scope": "full", "device": str(Kind.DSC_PLUS)})
    assert answer.headers["cache-control"] == "no-store"


def test_an_address_is_read_as_nginx_sends_it(scenario: Scenario, visitor: Visitor) -> None:
    answer = visitor.get(f"/ticket?to={WIKI}", **{SESSION: scenario.session("anna")})
    assert (answer.status_code, answer.headers["location"]) == (303, WIKI)


def test_the_cookie_is_for_the_domain_over_https_and_out_of_reach_of_scripts(scenario: Scenario, visitor: Visitor) -> None:
    answer = visitor.get(f"/ticket?to={quote(WIKI, safe='')}", **{SESSION: scenario.session("anna")})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.endswith("; Domain=example.com; HttpOnly; Path=/; SameSite=lax; Secure")


def test_a_ticket_opens_no_page_and_ends_with_the_session(scenario: Scenario, visitor: Visitor) -> None:
    token = scenario.session("anna")
    ticket = visitor.ticket(token)
    assert visitor.get("/devices", **{SESSION: ticket}).status_code == 303
    scenario.system.leave(token)
    assert visitor.get("/auth", **{COOKIE: ticket}).status_code == 401


def test_asking_keeps_the_session_in_use(scenario: Scenario, visitor: Visitor) -> None:
    ticket, idle = visitor.ticket(scenario.session("anna")), scenario.system.policy.sessions.idle
    for _ in range(3):
        scenario.clock.now += idle - 1
        assert visitor.get("/auth", **{COOKIE: ticket}).status_code == 204
    scenario.clock.now += idle
    assert visitor.get("/auth", **{COOKIE: ticket}).status_code == 401


def test_a_scope_that_does_not_suffice_is_refused(scenario: Scenario, visitor: Visitor) -> None:
    scenario.system.opt_out(scenario.session("anna"))
    trading = scenario.system.skip(scenario.system.begin("anna", "a quiet harbour at dawn").token).token
    ticket = visitor.ticket(trading)
    statuses = {query: visitor.get(f"/auth{query}", **{COOKIE: ticket}).status_code for query in (
        "", "?scope=full", "?scope=trading", "?scope=full&scope=trading", "?scope=", "?scope=everything", "?scop=trading",
    )}  # fmt: skip
    assert statuses == {
        "": 403, "?scope=full": 403, "?scope=trading": 204, "?scope=full&scope=trading": 204, "?scope=": 403,
        "?scope=everything": 403, "?scop=trading": 403,
    }  # fmt: skip
    assert "x-auth-user" not in visitor.get("/auth", **{COOKIE: ticket}).headers
    told = visitor.get("/auth?scope=trading", **{COOKIE: ticket}).headers
    assert told["x-auth-device"] == "none", "no empty header leaves a forged one in place"


def test_traefik_and_caddy_lead_a_visitor_to_the_login_and_back(scenario: Scenario, visitor: Visitor) -> None:
    answer = visitor.get("/auth?redirect=yes", TOLD)
    assert (answer.status_code, answer.headers["location"]) == (302, f"https://{HOST}/ticket?to={quote(WIKI, safe='')}")
    path = answer.headers["location"].removeprefix(f"https://{HOST}")
    assert visitor.get(path, **{SESSION: scenario.session("anna")}).headers["location"] == WIKI
    assert visitor.get("/auth", TOLD).status_code == 401, "nginx takes no redirect"
    ticket = visitor.ticket(scenario.session("anna"))
    assert visitor.get("/auth?redirect=yes", TOLD, **{COOKIE: ticket}).status_code == 204
    assert visitor.get("/auth?redirect=yes&scope=trading", TOLD, **{COOKIE: ticket}).status_code == 403


@pytest.mark.parametrize(
    "changed",
    [
        {"x-forwarded-host": "evil.example"}, {"x-forwarded-host": ""}, {"x-forwarded-host": "example.com.evil.example"},
        {"x-forwarded-host": "evil.example/x.example.com"}, {"x-forwarded-host": "wiki.example.com@evil.example"},
        {"x-forwarded-uri": "@evil.example/"}, {"x-forwarded-uri": ".evil.example/"}, {"x-forwarded-uri": "/\\evil.example"},
        {"x-forwarded-uri": "/" + "a" * 1000}, {"x-forwarded-method": "POST"},
    ],
)  # fmt: skip
def test_no_header_leads_a_visitor_elsewhere(visitor: Visitor, changed: dict[str, str]) -> None:
    assert visitor.get("/auth?redirect=yes", {**TOLD, **changed}).status_code == 401


def test_a_portal_outside_the_domain_leads_nobody_to_it(scenario: Scenario) -> None:
    visitor = Visitor(application(scenario.system, hosts=(HOST,), ticket_domain="wiki.example.com"))
    assert visitor.get("/auth?redirect=yes", {**TOLD, "x-forwarded-host": "a.wiki.example.com"}).status_code == 401


def test_no_other_text_is_a_ticket(scenario: Scenario, visitor: Visitor) -> None:
    token = scenario.session("anna")
    ticket, session = visitor.ticket(token), scenario.system.visitor(token).session
    other = scenario.system.context.cards.keys.current.seal(session.encode(), "form of x", Secret.VAULT).hex()
    begun = scenario.system.begin("sue", "a quiet harbour at dawn").token
    in_progress = Tickets.of(scenario.system, "example.com").seal(hashed(begun))
    for text in ("", "x", "=", token, session, other, in_progress, ticket[:-4], ticket[4:], "A" * 100, "%ff", begun):
        assert visitor.get("/auth", **{COOKIE: text}).status_code == 401
    assert visitor.get("/auth", **{SESSION: token}).status_code == 401, "the session's own cookie is for the pages alone"


@pytest.mark.parametrize(
    "url",
    [
        "", "/", "//evil.example", "http://wiki.example.com/", "https://evil.example/", "https://example.com.evil.example/",
        "https://evilexample.com/", "https://example.com/", "https://wiki.example.com@evil.example/",
        "https://wiki.example.com:x@evil.example/", "https://evil.example/.example.com", "https://evil.example\\.example.com/",
        "https://evil.example?.example.com", "https://evil.example#.example.com", "https://wiki.example.com/\\",
        "https://wiki.example.com/\r\nset-cookie: a=b", "https://wiki.example.com/ä", "https://wiki.example.com/ x",
        "javascript:alert(1)//.example.com", "https://wiki.example.com/" + "a" * 1000, "https:/wiki.example.com/",
        "HTTPS://WIKI.EXAMPLE.COM/", "https://.example.com/",
    ],
)  # fmt: skip
def test_a_login_never_leads_to_another_site(scenario: Scenario, visitor: Visitor, url: str) -> None:
    answer = visitor.get(f"/ticket?to={quote(url, safe='')}", **{SESSION: scenario.session("anna")})
    assert answer.status_code == 400
    assert COOKIE not in cookies(answer)


def test_a_login_in_between_leads_back(scenario: Scenario, visitor: Visitor) -> None:
    first = visitor.get(f"/ticket?to={quote(WIKI, safe='')}")
    assert (first.status_code, first.headers["location"]) == (303, "/login")
    # The first page of the login leads on as the login itself does.
    kept = {"back": f'"{cookies(first)["back"]}"', SESSION: scenario.session("anna")}
    second = visitor.get("/login", **kept)
    assert second.status_code == 303
    third = visitor.get(second.headers["location"], **{SESSION: cookies(second)[SESSION]})
    assert (third.status_code, third.headers["location"]) == (303, WIKI)


def test_a_login_leads_back_over_a_page_because_chromium_follows_no_redirect_from_a_form(scenario: Scenario) -> None:
    with browsers(scenario.system, ticket_domain="example.com") as new_browser:
        visitor = new_browser()
        visitor.open(f"/ticket?to={quote(WIKI, safe='')}")
        page = visitor.press("Continue", name="anna", password="a quiet harbour at dawn")
        page = visitor.press("Log in", answer=scenario.respond(SERIALS["anna"], page.shown))
        assert (page.path, page.status, page.response.history) == ("/login/answer", 200, [])
        assert 'http-equiv="refresh" content="0; url=/ticket?back=' in page.html


@pytest.mark.parametrize(
    "back", ["/ticket?back=%2e", "/ticket?to=https://evil.example", "/ticket?back=a&to=b", "//evil.example"]
)
def test_a_login_leads_back_to_no_address_that_was_put_into_the_cookie(scenario: Scenario, visitor: Visitor, back: str) -> None:
    answer = visitor.get("/login", back=f'"{back}"', **{SESSION: scenario.session("anna")})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("back", ["", "x", "=", "gA==", "aHR0cHM6Ly9ldmlsLmV4YW1wbGUv"])
def test_a_packed_address_is_checked_too(scenario: Scenario, visitor: Visitor, back: str) -> None:
    assert visitor.get(f"/ticket?back={back}", **{SESSION: scenario.session("anna")}).status_code == 400


def test_a_portal_without_a_domain_gives_no_tickets_and_tells_nothing(scenario: Scenario) -> None:
    visitor = Visitor(application(scenario.system, hosts=(HOST,)))
    assert visitor.get(f"/ticket?to={quote(WIKI, safe='')}").status_code == 404
    assert visitor.get("/auth").status_code == 404
    answer = visitor.get("/login", back='"/ticket?back=YQ=="', **{SESSION: scenario.session("anna")})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "domain", ["com", "", ".example.com", "Example.com", "example..com", "example.com/", "-a.com", "a" * 201 + ".com"]
)
def test_a_domain_that_is_none_is_refused(scenario: Scenario, domain: str) -> None:
    with pytest.raises(InputError, match=r"^ticket-domain: "):
        Tickets.of(scenario.system, domain)
