"""The programs with Flask, Django and Authlib in the docs: another implementation of the protocol logs in here."""

import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import httpx
import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks, run
from tests.host.gateway.openid_program import WIKI, Program
from tests.host.login.scenario import SERIALS, Scenario
from tests.host.portal.browser import Browser
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.gateway.openid import backchannel, clients
from dsc_host.gateway.openid.provider import Provider
from dsc_host.portal import app as portal_app
from dsc_host.portal import application
from dsc_host.portal.pages import openid

SITE = "https://wiki.example.com/"


FRAMEWORKS = {"flask": ("FLASK_", "app"), "django": ("", "application")}
"""The beginning of the names of a program's variables in the environment, and the name of its WSGI application."""


def program(monkeypatch: pytest.MonkeyPatch, framework: str, issuer: str, secret: str) -> Any:
    """Return the application of the docs for this framework, with this provider and this secret."""
    begins, name = FRAMEWORKS[framework]
    monkeypatch.setenv(f"{framework.upper()}_SECRET_KEY", "a key for the cookies of this test")
    monkeypatch.setenv(f"{begins}LOGIN_CLIENT_SECRET", secret)
    monkeypatch.setenv(f"{begins}LOGIN_SERVER_METADATA_URL", f"{issuer}/.well-known/openid-configuration")
    (text,) = [text for text in blocks(ROOT / "docs" / "how-to" / "openid.md", "python") if f"from {framework}" in text]
    # Django finds the pages of a program by the name of its module.
    wiki = ModuleType(f"wiki_with_{framework}")
    monkeypatch.setitem(sys.modules, wiki.__name__, wiki)
    run(text, "openid.md", wiki.__dict__)
    return getattr(wiki, name)


@pytest.fixture(params=FRAMEWORKS)
def visitor(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Program]:
    """Yield a browser that reaches the portal by its port, and the application of the docs at its address."""
    pytest.importorskip(request.param)
    monkeypatch.setattr(portal_app, "_do_due", nothing_due)
    monkeypatch.setattr(openid.OpenIdPages, "run", nothing_due)
    # Authlib compares the times in tokens with its own clock.
    scenario.clock.now = time.time()
    client = replace(WIKI, backchannel=f"{SITE}ended")
    made, secret = scenario.system.change(lambda tx: clients.add(tx, client, secret=True))
    with served_provider(scenario) as issuer:
        mounts = {SITE: httpx.WSGITransport(app=program(monkeypatch, request.param, issuer, secret))}
        with httpx.Client(base_url=issuer, follow_redirects=True, trust_env=False, mounts=mounts) as http:
            yield Program(scenario, Browser(http), made, secret)


def served_provider(scenario: Scenario) -> Any:
    """Serve the portal under an issuer with its own port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return served(application(scenario.system, secure=False, issuer=f"http://127.0.0.1:{port}"), port=port)


def test_a_card_logs_in_to_a_program_of_the_docs_until_the_session_ends(visitor: Program) -> None:
    browser, issuer = visitor.browser, str(visitor.browser.client.base_url).rstrip("/")
    assert browser.open(SITE).path == "/login"
    wrong = browser.press("Continue", name="anna", password="a quiet harbour at dawn")
    assert browser.press("Log in", answer="00000000").status == 401
    page = visitor.led(browser.press("Log in", answer=visitor.scenario.respond(SERIALS["anna"], wrong.shown)))
    assert (page.html, str(page.response.url)) == ("Hello anna, by device", SITE)
    visitor.scenario.system.leave(browser.client.cookies.get("session", domain="127.0.0.1") or "")
    (notice,) = backchannel.due(Provider(visitor.scenario.system, issuer))
    assert browser.client.post(notice.url, data={"logout_token": notice.token}).status_code == 200
    assert browser.open(SITE).path == "/login"
