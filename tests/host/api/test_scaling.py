"""The plan of docs/explanation/scaling.md: nginx before two services, and pgbouncer between them and PostgreSQL."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.host.databases import new_postgresql, server
from tests.host.gateway.web_servers import NGINX, nginx_with
from tests.host.pgbouncer import PROGRAM, pgbouncer
from tests.host.portal.portal_server import served
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE

from dsc_host.api import Scope, Tokens, add_token, application
from dsc_host.ocra import Suite
from dsc_host.verifier import Verifier

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(NGINX is None, reason="needs nginx: apt install nginx-light"),
    pytest.mark.skipif(PROGRAM is None, reason="needs pgbouncer: apt install pgbouncer"),
]
PAGE = ROOT / "docs" / "explanation" / "scaling.md"
LOGINS = 6


def configuration(language: str, changes: Mapping[str, str]) -> str:
    """Return the page's configuration in this language, with these patterns replaced."""
    (text,) = blocks(PAGE, language)
    for pattern, replacement in changes.items():
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count, f"{pattern} is not in the configuration"
    return text


@pytest.fixture
def pooled() -> Iterator[str]:
    """Provide the URL of a database through the page's pgbouncer. It has no network and no passwords here."""
    changes = {
        "host=10.0.0.21": "host={server} user={user}",
        "^dscplus =": "* =",
        "^listen_addr = .*": "unix_socket_dir = {folder}",
        "scram-sha-256": "any",
        "^(auth_file|server_tls_sslmode) = .*\n": "",
    }
    folder, user = Path(str(server().url.query["host"])), str(server().url.username)
    with new_postgresql() as url, pgbouncer(folder, user, configuration("ini", changes)) as pooler:
        yield pooler.url(str(make_url(url).database))


def test_logins_are_shared_out_and_go_on_without_one_service(pooled: str, tmp_path: Path) -> None:
    token = add_token(tmp_path / "tokens", "website", [Scope.LOGIN])
    with ExitStack() as both, ExitStack() as first:
        verifiers = [both.enter_context(Verifier.open(pooled, master_key=MASTER)) for _ in range(2)]
        verifiers[0].enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        calls = Counter[int]()
        apps = [counted(v, calls, number, Tokens.from_file(tmp_path / "tokens")) for number, v in enumerate(verifiers)]
        addresses = [stack.enter_context(served(app)) for stack, app in zip((first, both), apps, strict=True)]
        changes = {f"10.0.0.1{number}:8470": address.removeprefix("http://") for number, address in enumerate(addresses, 1)} | {
            "443 ssl": f"unix:{tmp_path}/socket",
            "^ *ssl_.*": "",
        }
        client = both.enter_context(nginx_with(tmp_path, configuration("nginx", changes)))
        client.headers["Authorization"] = f"Bearer {token}"
        for counter in range(LOGINS):
            if counter == LOGINS // 2:
                assert min(calls[0], calls[1]) > 0, "both services are called"
                first.close()
            log_in(client, counter)
        assert verifiers[1].card("A-1").counter == LOGINS


def counted(verifier: Verifier, calls: Counter[int], number: int, tokens: Tokens) -> ASGIApp:
    """Return a service that counts its calls under this number."""
    app = application(lambda: verifier, tokens)

    async def service(scope: ASGIScope, receive: Receive, send: Send) -> None:
        calls[number] += scope["type"] == "http"
        await app(scope, receive, send)

    return service


def log_in(client: httpx.Client, counter: int) -> None:
    site = "http://cards.example.com"
    challenge = client.post(f"{site}/challenge", json={"serial": "A-1"}).json()
    response = Suite.parse(SUITE).response(KEY, challenge["question"], counter=counter, pin=PIN)
    answers = [client.post(f"{site}/verify", json={"id": challenge["id"], "response": response}) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"accepted": True}, {"accepted": False}]
