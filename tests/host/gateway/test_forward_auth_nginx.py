"""The configuration of nginx in the docs, with nginx itself: who gets through, and what the program behind it is told."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.host.login.scenario import Scenario
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.gateway.forward_auth.tickets import COOKIE, Tickets
from dsc_host.portal import app as portal_app
from dsc_host.portal import application

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PAGE = "https://wiki.example.com/a%20page?q=1&r=2"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Wiki(BaseHTTPRequestHandler):
    """A program that shows who it was told the visitor is."""

    def do_GET(self) -> None:
        told = [self.path, *(self.headers.get(f"X-Auth-{name}", "") for name in ("User", "Scope", "Device"))]
        self.send_response(200)
        self.end_headers()
        self.wfile.write("\n".join(told).encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def wiki() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Wiki) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def nginx(folder: Path, locations: str) -> Iterator[httpx.Client]:
    """Run nginx on a socket in this folder."""
    assert NGINX
    own = "".join(f"{name}_temp_path {folder}/{name};\n" for name in _TEMPORARY)
    server = f"server {{ listen unix:{folder}/socket; server_name wiki.example.com; {locations} }}"
    conf = folder / "nginx.conf"
    conf.write_text(f"pid {folder}/pid; error_log {folder}/log; events {{}}\nhttp {{ access_log off; {own} {server} }}\n")
    # It returns when it listens, and goes on in the background.
    subprocess.run([NGINX, "-c", conf, "-e", f"{folder}/log"], check=True, timeout=30)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=f"{folder}/socket")) as client:
            yield client
    finally:
        subprocess.run([NGINX, "-c", conf, "-e", f"{folder}/log", "-s", "stop"], check=True, timeout=30)


@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt install nginx-light")
def test_nginx_asks_the_portal_and_tells_the_program(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_app, "_do_due", nothing_due)
    (locations,) = [text for text in blocks(ROOT / "docs" / "how-to" / "gateway.md", "text") if "auth_request" in text]
    app = application(scenario.system, hosts=("login.example.com",), ticket_domain="example.com")
    token = scenario.session("anna")
    ticket = Tickets.of(scenario.system, "example.com").seal(scenario.system.visitor(token).session)
    with served(app) as portal, wiki() as behind:
        for shown, real in (("http://127.0.0.1:8480", portal), ("http://127.0.0.1:8000", behind)):
            assert shown in locations
            locations = locations.replace(shown, real)
        with nginx(tmp_path, locations) as client:
            page = PAGE.replace("https:", "http:")
            first = client.get(page)
            assert (first.status_code, first.headers["location"]) == (302, f"https://login.example.com/ticket?to={PAGE}")
            forged = {"x-auth-user": "sue", "cookie": f"{COOKIE}={ticket}"}
            told = client.get(page, headers=forged).text.split("\n")
            assert told == ["/a%20page?q=1&r=2", "anna", "full", "dsc_plus"]
            assert client.get("http://wiki.example.com/auth").status_code == 404
            scenario.system.leave(token)
            assert client.get(page, headers=forged).status_code == 302
