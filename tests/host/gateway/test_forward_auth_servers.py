"""The configurations in the docs, with nginx and Caddy themselves: who gets through, and which facts the program gets."""

from pathlib import Path
from urllib.parse import quote

import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.host.gateway.web_servers import CADDY, NGINX, caddy, nginx, wiki
from tests.host.login.scenario import Scenario
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.gateway.forward_auth.tickets import COOKIE, Tickets
from dsc_host.portal import app as portal_app
from dsc_host.portal import application

PAGE = "https://wiki.example.com/a%20page?q=1&r=2"

needs = {
    "nginx": pytest.mark.skipif(NGINX is None, reason="needs nginx: apt install nginx-light"),
    "caddy": pytest.mark.skipif(CADDY is None, reason="needs caddy: apt install caddy"),
}
SERVERS = {"nginx": (nginx, "auth_request"), "caddy": (caddy, "forward_auth")}


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs[name]) for name in SERVERS])
def test_a_web_server_asks_the_portal_and_tells_the_program(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(portal_app, "_do_due", nothing_due)
    run, word = SERVERS[name]
    (configuration,) = [text for text in blocks(ROOT / "docs" / "how-to" / "web-servers.md", "text") if word in text]
    app = application(scenario.system, hosts=("login.example.com",), ticket_domain="example.com")
    token = scenario.session("anna")
    ticket = Tickets.of(scenario.system, "example.com").seal(scenario.system.visitor(token).session)
    with served(app) as portal, wiki() as behind:
        for shown, real in (("127.0.0.1:8480", portal), ("127.0.0.1:8000", behind)):
            assert shown in configuration
            configuration = configuration.replace(shown, real.removeprefix("http://"))
        with run(tmp_path, configuration) as client:
            page = PAGE.replace("https:", "http:")
            forged = {"x-auth-user": "sue", "x-auth-scope": "full", "x-auth-device": "gold"}
            first = client.get(page, headers=forged)
            ways = [f"https://login.example.com/ticket?to={to}" for to in (PAGE, quote(PAGE, safe=""))]
            assert first.status_code == 302
            assert first.headers["location"] in ways
            known = {**forged, "cookie": f"{COOKIE}={ticket}"}
            told = client.get(page, headers=known).text.split("\n")
            assert told == ["/a%20page?q=1&r=2", "anna", "full", "dsc_plus"]
            assert client.get("http://wiki.example.com/auth").status_code in (302, 404), "nobody else asks the portal"
            scenario.system.leave(token)
            assert client.get(page, headers=known).status_code == 302
