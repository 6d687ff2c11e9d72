"""A login to a program with OpenID Connect, as a browser does it: from another site, through the forms, and back."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page
from tests.host.gateway.openid_program import WIKI
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.gateway.openid import clients
from dsc_host.portal import app as portal_app
from dsc_host.portal import application


class Site(BaseHTTPRequestHandler):
    """A program that says where the browser has arrived."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"arrived")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def wiki() -> Iterator[str]:
    """Yield the address of the program, which has another origin than the portal."""
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/login"
        server.shutdown()
        thread.join()


@pytest.fixture
def issuer(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, wiki: str) -> Iterator[str]:
    """Serve the portal with a client of the company's own and a foreign one, and yield its address."""
    monkeypatch.setattr(portal_app, "_do_due", nothing_due)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for client in (WIKI, replace(WIKI, name="foreign", own=False)):
        scenario.system.change(partial(clients.add, client=replace(client, redirects=(wiki,)), secret=True))
    with served(application(scenario.system, secure=False, issuer=f"http://127.0.0.1:{port}"), port=port) as address:
        yield address


def arrived(page: Page, wiki: str) -> dict[str, list[str]]:
    """Wait until the browser is at the program. Return what it has brought."""
    page.wait_for_url(f"{wiki}?**")
    return parse_qs(urlsplit(page.url).query)


def test_a_login_leads_through_the_forms_and_back(scenario: Scenario, chromium: Browser, issuer: str, wiki: str) -> None:
    query = {"response_type": "code", "redirect_uri": wiki, "scope": "openid email", "state": "a b"}
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        for client in ("wiki", "foreign"):
            page.goto("about:blank")
            page.set_content(
                f'<a href="{issuer}/openid/authorize?{urlencode({**query, "client_id": client})}">out</a>'.replace("&", "&amp;")
            )
            page.get_by_text("out").click()
            if client == "wiki":
                page.get_by_label("User name").fill("anna")
                page.get_by_label("Password", exact=True).fill(PASSWORD)
                page.get_by_role("button", name="Continue").click()
                challenge = page.locator("output").first.inner_text()
                page.get_by_label("Response").fill(scenario.respond(SERIALS["anna"], challenge.replace(" ", "")))
                page.get_by_role("button", name="Log in", exact=True).click()
            else:
                page.get_by_role("button", name="Allow", exact=True).click()
            brought = arrived(page, wiki)
            assert (brought["state"], brought["iss"]) == (["a b"], [issuer])
            assert "code" in brought
