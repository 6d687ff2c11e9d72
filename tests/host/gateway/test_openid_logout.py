"""The end of a login at a client: when the client asks for it in the browser, and when the session here ends in any way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import SimpleQueue
from threading import Thread
from urllib.parse import parse_qs, urlencode

import anyio
import httpx
import pytest
from tests.host.gateway.openid_program import ISSUER, WIKI, Program, program
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browser, come_with
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.gateway.openid import backchannel, grants
from dsc_host.gateway.openid.backchannel import MOST_TRIES, Notice
from dsc_host.gateway.openid.provider import Provider
from dsc_host.login import rows
from dsc_host.portal import app as portal_app
from dsc_host.portal import application
from dsc_host.portal.pages.openid import OpenIdPages

AFTER = "https://wiki.example.com/bye"
TOLD = replace(WIKI, logout_redirects=(AFTER,), backchannel="http://127.0.0.1:9/told")


@pytest.fixture
def wiki(scenario: Scenario) -> Iterator[Program]:
    with program(scenario, TOLD) as made:
        yield made


def leave(wiki: Program, **request: str) -> str:
    """Send the browser to the logout. Return the address where it ends."""
    return str(wiki.go(f"/openid/logout?{urlencode(request)}").response.url)


def due(wiki: Program, users: list[str] | None = None) -> list[Notice]:
    return backchannel.due(Provider(wiki.scenario.system, ISSUER), users)


# ---- a client asks for it ----


def test_a_client_ends_the_session_of_its_own_token(wiki: Program) -> None:
    tokens = wiki.enter().tokens()
    cookie = wiki.browser.cookie
    wiki.scenario.clock.advance(400)
    address = leave(wiki, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER, state="a&b")
    assert address == f"{AFTER}?state=a%26b"
    assert wiki.browser.cookie == ""
    come_with(wiki.browser, cookie)
    assert wiki.go("/devices").path == "/login"
    assert leave(wiki, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER) == AFTER, "it is over already"
    assert wiki.scenario.events()[-1][:2] == ("login.openid.leave", "done")


def test_a_form_of_another_site_logs_out_too(wiki: Program) -> None:
    form = {"id_token_hint": wiki.enter().tokens()["id_token"], "post_logout_redirect_uri": AFTER}
    answer = wiki.browser.client.post("/openid/logout", data=form, headers={"origin": "https://wiki.example.com"})
    assert str(answer.url) == AFTER
    assert wiki.go("/devices").path == "/login"


@pytest.mark.parametrize("request_", [{}, {"client_id": "wiki", "post_logout_redirect_uri": AFTER}])
def test_without_a_token_the_visitor_is_asked(wiki: Program, request_: dict[str, str]) -> None:
    wiki.enter()
    page = wiki.go(f"/openid/logout?{urlencode(request_)}")
    assert page.title == "Log out?"
    page = wiki.led(wiki.browser.press("Log out", at=1))
    assert str(page.response.url) == (AFTER if request_ else "http://portal.example/login")
    assert wiki.go("/devices").path == "/login"


def test_a_token_of_another_session_asks(wiki: Program) -> None:
    old = wiki.enter("anna").tokens()["id_token"]
    wiki.enter("sue")
    assert wiki.go(f"/openid/logout?id_token_hint={old}").title == "Log out?"
    assert wiki.go("/").path == "/"


@pytest.mark.parametrize(
    "changed",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": AFTER + "/"},
        {"post_logout_redirect_uri": WIKI.redirects[0]},
        {"id_token_hint": "", "post_logout_redirect_uri": AFTER},
        {"id_token_hint": "x"},
        {"id_token_hint": "", "client_id": "nobody"},
        {"client_id": "other"},
        {"post_logout_redirect_uri": AFTER, "state": "a" * 1001},
    ],
)
def test_a_wrong_request_leads_nowhere_and_ends_nothing(wiki: Program, changed: dict[str, str]) -> None:
    request = {"id_token_hint": wiki.enter().tokens()["id_token"], **changed}
    wiki.beside(replace(TOLD, name="other"))
    page = wiki.go(f"/openid/logout?{urlencode(request)}")
    assert (page.status, page.response.url.host) == (400, "portal.example")
    assert wiki.go("/devices").path == "/devices"


# ---- the session here ends ----


def idle(wiki: Program) -> None:
    wiki.scenario.clock.advance(wiki.scenario.system.policy.sessions.idle)


def forget_sessions(wiki: Program) -> None:
    wiki.scenario.clock.advance(wiki.scenario.system.policy.sessions.longest)
    wiki.scenario.system.operator.run_due()


ENDS: dict[str, Callable[[Program], object]] = {
    "logout": lambda wiki: wiki.go("/") and wiki.browser.press("Log out"),
    "password": lambda wiki: wiki.scenario.system.operator.set_password("anna", "another harbour at dusk"),
    "idle": idle,
    "its time": forget_sessions,
    "another session": lambda wiki: wiki.scenario.system.end_other_sessions(wiki.scenario.session("anna")),
    "a lost device": lambda wiki: wiki.scenario.system.change(lambda tx: rows.sessions.remove(tx.db, rows.sessions.c.id != "")),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_client_is_told_however_the_session_ends(wiki: Program, end: str) -> None:
    tokens = wiki.enter("anna").tokens(scope="openid offline_access")
    assert due(wiki) == []
    ENDS[end](wiki)
    (notice,) = due(wiki)
    claims, hint = wiki.claims(notice.token), wiki.claims(tokens["id_token"])
    assert notice.url == TOLD.backchannel
    assert {name: claims[name] for name in ("iss", "sub", "aud", "sid")} == {
        name: hint[name] for name in ("iss", "sub", "aud", "sid")
    }
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["exp"] == claims["iat"] + 120
    assert "nonce" not in claims
    assert "jti" in claims
    assert wiki.go(f"/openid/logout?id_token_hint={notice.token}").status == 400, "a logout token is no ID token"
    assert wiki.refresh(tokens["refresh_token"]).status_code == 400


def test_a_client_is_told_of_its_own_session_alone(wiki: Program) -> None:
    wiki.enter("anna").tokens()
    first = wiki.browser.cookie
    wiki.enter("anna").tokens()
    wiki.enter("sue").tokens()
    wiki.scenario.system.leave(first)
    assert len(due(wiki)) == 1
    wiki.scenario.system.leave(wiki.browser.cookie)
    anna = wiki.scenario.system.operator.user("anna").id
    assert due(wiki, [anna]) == []
    assert len(due(wiki)) == 1


def test_a_session_with_a_new_token_has_not_ended(wiki: Program) -> None:
    access = wiki.enter().tokens()["access_token"]
    wiki.scenario.system.rotate(wiki.browser.cookie)
    assert due(wiki) == []
    assert wiki.userinfo(access).status_code == 200


def test_a_client_without_an_address_and_an_unused_code_leave_nothing(wiki: Program) -> None:
    quiet = wiki.beside(replace(TOLD, name="quiet", backchannel=""))
    quiet.enter().tokens()
    wiki.code()
    wiki.scenario.clock.advance(60)
    wiki.code()
    assert due(wiki) == []
    assert wiki.scenario.system.context.read(lambda tx: grants.grants.count(tx.db)) == 2, "the old code is gone"
    wiki.scenario.system.leave(wiki.browser.cookie)
    assert due(wiki) == []
    assert wiki.scenario.system.context.read(lambda tx: grants.grants.count(tx.db)) == 0


def test_a_client_that_does_not_answer_is_told_again_and_given_up_in_the_end(wiki: Program) -> None:
    wiki.enter().tokens()
    wiki.scenario.system.leave(wiki.browser.cookie)
    provider, waits = Provider(wiki.scenario.system, ISSUER), []
    for tries in range(1, MOST_TRIES + 1):
        (notice,) = due(wiki)
        assert notice.tries == tries
        provider.context.change(lambda tx, notice=notice: backchannel.finish(tx, notice, accepted=False))
        assert due(wiki) == [], "not at once"
        waits.append(30 * 2 ** (tries - 1))
        wiki.scenario.clock.advance(waits[-1] - 1)
        assert due(wiki) == []
        wiki.scenario.clock.advance(1)
    assert sum(waits[:-1]) == 30 * 255
    assert due(wiki) == []
    assert wiki.scenario.events()[-1] == ("login.openid.logout", "refused", "no answer")


# ---- over a network ----


class Told(BaseHTTPRequestHandler):
    """A client that is told of logouts. It refuses the first notice."""

    heard: SimpleQueue[str]

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        self.heard.put(parse_qs(text)["logout_token"][0])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def listening() -> Iterator[tuple[str, "SimpleQueue[str]"]]:
    heard: SimpleQueue[str] = SimpleQueue()
    handler = type("Handler", (Told,), {"heard": heard})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/told", heard
        server.shutdown()
        thread.join()


def test_a_client_is_told_at_once_after_a_logout(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setattr(portal_app, "_do_due", nothing_due)
    with listening() as (url, heard), program(scenario, replace(TOLD, backchannel=url)) as wiki:
        wiki.enter().tokens()
        with served(application(scenario.system, secure=False, issuer=ISSUER)) as portal:
            with httpx.Client(base_url=portal, follow_redirects=True) as client:
                client.cookies.set("session", wiki.browser.cookie, domain="127.0.0.1", path="/")
                browser = Browser(client)
                browser.open("/")
                browser.press("Log out")
            assert wiki.claims(heard.get(timeout=20))["aud"] == "wiki"
        assert scenario.events()[-1] == ("login.openid.logout", "done", "told")


def test_without_memory_a_visitor_is_told_to_come_back(wiki: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Provider, "log_out", fail)
    page = wiki.go("/openid/logout")
    assert (page.status, page.response.headers["retry-after"]) == (503, "5")


def test_a_user_who_is_noted_while_the_others_are_read_is_not_lost(wiki: Program) -> None:
    pages = OpenIdPages(Provider(wiki.scenario.system, ISSUER), 60.0)

    class Users(set[str]):
        def __iter__(self) -> Iterator[str]:
            yield from super().__iter__()
            other = Thread(target=pages.note, args=("ben",))
            other.start()
            other.join()

    async def read() -> list[Sequence[str] | None]:
        pages._loop, pages._users = asyncio.get_running_loop(), Users({"anna"})
        pages._due.set()
        return [await pages._next_users(pages._loop.time() + 60) for _ in range(2)]

    assert asyncio.run(read()) == [["anna"], ["ben"]]


def test_nobody_waits_for_a_client_that_is_gone(wiki: Program) -> None:
    wiki.enter().tokens()
    wiki.scenario.system.leave(wiki.browser.cookie)
    assert anyio.run(backchannel.notify_clients, Provider(wiki.scenario.system, ISSUER)) == 0
    assert wiki.scenario.system.context.read(lambda tx: grants.grants.count(tx.db)) == 1


def test_a_client_that_answers_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            await anyio.sleep(0)
            yield b"x"

    async def sent() -> bool:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
        async with httpx.AsyncClient(transport=transport) as http:
            with anyio.fail_after(20):
                return await backchannel._sent(http, Notice("", "https://wiki.example/ended", "token", 1))

    monkeypatch.setattr(backchannel, "_PATIENCE_SECONDS", 0.05)
    assert anyio.run(sent) is False
