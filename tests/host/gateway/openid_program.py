"""A program that logs its users in with OpenID Connect, with the browser of a user, both without a network."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browser, Page, browsers, enter

from dsc_host.gateway.openid import clients
from dsc_host.gateway.openid.clients import Client

ISSUER = "https://portal.example"
REDIRECT = "https://wiki.example.com/login"
WIKI = Client(name="wiki", title="The Wiki", redirects=(REDIRECT,), own=True)
VERIFIER = "a-verifier-with-forty-three-letters-or-more-of-them"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@dataclass
class Program:
    """A client of a scenario's portal, and the browser of a user."""

    scenario: Scenario
    browser: Browser
    client: Client
    secret: str

    # ---- in the browser ----

    def ask(self, **changed: str) -> Page:
        """Send the browser to the portal with a request. An empty value leaves a parameter out."""
        request = {
            "response_type": "code", "client_id": self.client.name, "redirect_uri": self.client.redirects[0],
            "scope": "openid", "state": "a state", "nonce": "a nonce",
        }  # fmt: skip
        values = {name: value for name, value in {**request, **changed}.items() if value}
        return self.go(f"/openid/authorize?{urlencode(values)}")

    def go(self, path: str) -> Page:
        """Open a page. Follow redirects, and pages that redirect by themselves."""
        return self.led(self.browser.open(path))

    def led(self, page: Page) -> Page:
        while found := re.search(r'http-equiv="refresh" content="0; url=([^"]*)"', page.html):
            page = self.browser.open(unescape(found[1]))
        return page

    def enter(self, name: str = "anna") -> "Program":
        """Log in here without the pages of the login."""
        enter(self.scenario, self.browser, name)
        return self

    def log_in(self, page: Page, name: str = "anna") -> Page:
        """Log in on the pages of the login, with a card."""
        assert page.path == "/login", page.text
        page = self.browser.press("Continue", name=name, password=PASSWORD)
        answer = self.scenario.respond(SERIALS[name], page.shown)
        return self.led(self.browser.press("Log in", answer=answer))

    def code(self, **changed: str) -> str:
        """Return the code of a user who is logged in here."""
        return returned(self.ask(**changed))["code"]

    # ---- without the browser ----

    def post(self, path: str, *, proof: bool = True, headers: Mapping[str, str] | None = None, **form: str) -> httpx.Response:
        """Call an endpoint. With `proof`, the client proves itself by its secret."""
        own = {"client_id": self.client.name, **({"client_secret": self.secret} if self.secret else {})} if proof else {}
        # The client has no cookies of the browser.
        self_headers = {"cookie": "", **(headers or {})}
        return self.browser.client.post(f"/openid/{path}", data={**own, **form}, headers=self_headers)

    def redeem(self, code: str, **changed: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.client.redirects[0], **changed}
        return self.post("token", **form)

    def refresh(self, token: str, **changed: str) -> httpx.Response:
        return self.post("token", grant_type="refresh_token", refresh_token=token, **changed)

    def tokens(self, **changed: str) -> dict[str, Any]:
        """Return the tokens for a user who is logged in here."""
        answer = self.redeem(self.code(**changed))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def userinfo(self, access_token: str) -> httpx.Response:
        return self.browser.client.get("/openid/userinfo", headers={"authorization": f"Bearer {access_token}"})

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token, whose signature is checked with the published keys."""
        keys = KeySet.import_key_set(self.browser.client.get("/openid/keys").json())
        return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)

    def beside(self, client: Client, *, secret: bool = True) -> "Program":
        """Return another client, with the same browser."""
        made, drawn = self.scenario.system.change(lambda tx: clients.add(tx, client, secret=secret))
        return replace(self, client=made, secret=drawn)


@contextmanager
def program(scenario: Scenario, client: Client = WIKI) -> Iterator[Program]:
    """Yield a new client of the scenario's portal, with a browser."""
    made, secret = scenario.system.change(lambda tx: clients.add(tx, client, secret=True))
    with browsers(scenario.system, issuer=ISSUER) as new_browser:
        yield Program(scenario, new_browser(), made, secret)


def returned(page: Page) -> dict[str, str]:
    """Return the parameters with which the portal redirected the browser to the client."""
    address = str(page.response.url)
    assert address.startswith("https://wiki.example.com/"), f"{address}: {page.text}"
    return dict(parse_qsl(page.response.url.query.decode()))


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an error. Check that the answer has the form that the RFC demands."""
    assert answer.headers["cache-control"] == "no-store"
    content = answer.json()
    assert set(content) == {"error", "error_description"}
    return answer.status_code, content["error"]
