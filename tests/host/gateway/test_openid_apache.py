"""The configuration of Apache in the docs, with mod_auth_openidc itself: who gets through, and until when."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.host.gateway.openid_program import WIKI, Program
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browser
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.gateway.openid import backchannel, clients
from dsc_host.gateway.openid.provider import Provider
from dsc_host.portal import app as portal_app
from dsc_host.portal import application
from dsc_host.portal.pages import openid

APACHE = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")
_NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "dir", "auth_openidc")
BASE = """
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog /dev/stderr
DocumentRoot {folder}/pages
DirectoryIndex page
Header always set X-User "expr=%{{REMOTE_USER}}"
Header always set X-Acr "expr=%{{reqenv:OIDC_CLAIM_acr}}"
"""


@contextmanager
def apache(port: int, configuration: str) -> Iterator[None]:
    """Run Apache on a port with this configuration and one page."""
    assert APACHE
    with tempfile.TemporaryDirectory() as folder:
        # Root starts Apache, and somebody else serves the pages.
        Path(folder).chmod(0o755)
        (Path(folder) / "pages").mkdir()
        (Path(folder) / "pages" / "page").write_text("the page behind the login")
        modules = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in _NEEDED)
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        conf = Path(folder) / "apache.conf"
        conf.write_text(modules + user + BASE.format(port=port, folder=folder) + configuration)
        command = [APACHE, "-f", conf, "-D", "FOREGROUND"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if "resuming normal operations" in line:
                    break
            try:
                assert process.poll() is None, lines
                yield
            finally:
                process.terminate()


@contextmanager
def site(scenario: Scenario) -> Iterator[tuple[Program, str]]:
    """Serve the portal, and a page behind Apache. Yield a browser, and the address of the page."""
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
        ports = free.getsockname()[1], other.getsockname()[1]
    issuer, wiki = f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}"
    client = replace(WIKI, redirects=(f"{wiki}/login",), backchannel=f"{wiki}/login?logout=backchannel")
    made, secret = scenario.system.change(lambda tx: clients.add(tx, client, secret=True))
    (configuration,) = [text for text in blocks(ROOT / "docs/how-to/openid.md", "text") if "OIDCClientID" in text]
    for shown, real in (
        ("https://login.example.com", issuer), ("https://wiki.example.com", wiki), ("SECRET", secret),
    ):  # fmt: skip
        assert shown in configuration
        configuration = configuration.replace(shown, real)
    app = application(scenario.system, secure=False, issuer=issuer)
    http = httpx.Client(base_url=issuer, follow_redirects=True, trust_env=False)
    with served(app, port=ports[0]), apache(ports[1], configuration), http as browser:
        yield Program(scenario, Browser(browser), made, secret), f"{wiki}/"


@pytest.mark.skipif(
    APACHE is None or not (MODULES / "mod_auth_openidc.so").exists(), reason="needs apt install libapache2-mod-auth-openidc"
)
def test_apache_lets_a_card_in_until_the_session_ends(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_app, "_do_due", nothing_due)
    monkeypatch.setattr(openid.OpenIdPages, "run", nothing_due)
    # Apache compares the times in tokens with its own clock.
    scenario.clock.now = time.time()
    with site(scenario) as (visitor, page):
        browser = visitor.browser
        assert browser.open(page).path == "/login"
        scenario.verifier.lock(SERIALS["anna"])
        locked = browser.press("Continue", name="anna", password=PASSWORD)
        assert browser.press("Log in", answer=scenario.respond(SERIALS["anna"], locked.shown)).status == 401
        scenario.verifier.unlock(SERIALS["anna"])
        wrong = browser.press("Log in", answer="00000000")
        assert wrong.status == 401
        inside = visitor.led(browser.press("Log in", answer=scenario.respond(SERIALS["anna"], wrong.shown)))
        assert (inside.html, str(inside.response.url)) == ("the page behind the login", page)
        assert [inside.response.headers[name] for name in ("x-user", "x-acr")] == ["anna", "card"]
        used = next(each.url for each in inside.response.history if "code=" in str(each.url))
        assert httpx.get(used, trust_env=False).status_code == 400, "the same address in another browser"
        assert visitor.redeem(used.params["code"]).json()["error"] == "invalid_grant"
        assert browser.open(page).html == "the page behind the login"
        browser.open("/")
        browser.press("Log out")
        told = anyio.run(backchannel.notify_clients, Provider(scenario.system, str(browser.client.base_url).rstrip("/")))
        assert told == 1
        assert browser.open(page).path == "/login", "the session at Apache has ended too"
