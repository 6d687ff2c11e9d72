"""The command that serves the login system's pages: its requirements, errors in one line each, and the service itself."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from tests.benchmarks.bench_service import server_process
from tests.host.command_runner import Command

from dsc_host.cli.portal import PORT, mail_sender
from dsc_host.errors import InputError
from dsc_host.login.messages.senders import Mail
from dsc_host.portal.app import LOOPBACK
from dsc_host.portal.security import check_hosts

COMMAND = "from dsc_host.cli.main import main; main()"


@pytest.mark.parametrize(
    ("server", "host"), [("[::1]:25", "::1"), ("::1:25", "::1"), ("localhost:25", "localhost"), ("192.0.2.1:25", "192.0.2.1")]
)
def test_a_mail_server_may_have_any_kind_of_address(server: str, host: str) -> None:
    assert mail_sender(server, "desk@example.com") == Mail(host, 25, "desk@example.com")


def test_a_mistake_is_one_line(dscplus: Command) -> None:
    dscplus.with_cards("IB1")
    for arguments, told in (
        (("--spool", "nowhere"), "spool: nowhere is not a folder"),
        (("--mail", "localhost"), "mail: must be HOST:PORT"),
        (("--mail", "localhost:0", "--mail-from", "a@example.com"), "mail: must be HOST:PORT"),
        (("--public", "https://login.example.com"), "public: must be a host name without https://"),
        (("--mail", "localhost:25"), "mail-from: must be the sender's email address"),
        (("--mail-from", "a@example.com"), "mail: must be HOST:PORT"),
        (("--policy", "nowhere.toml"), "policy: nowhere.toml cannot be read"),
        (("--port", "70000"), "port: must be 0 to 65535"),
        (("--host", "0.0.0.0"), "host: other machines can reach this address"),
        (("--host", "example.com"), "host: must be an IP address"),
        (("--workers", "0"), "workers: must be 1 to 64"),
        (("--log", "/dev/null/log"), "log: /dev/null/log cannot be written"),
        (("--demo", "--issuer", "https://login.example.com"), "issuer: has no effect in a demonstration"),
        (("--demo", "--spool", "."), "spool: has no effect in a demonstration"),
        (("--demo", "--workers", "2"), "workers: has no effect in a demonstration"),
        (("--demo", "--proxy", "192.0.2.1"), "proxy: has no effect in a demonstration"),
    ):
        assert dscplus.refused("portal", *arguments).startswith(told)


@pytest.mark.parametrize(
    "name", ["", "https://a.example", "a.example:443", "a.example\x1b", "b\u00fccher.example", "a b", "::1"]
)
def test_a_name_that_no_request_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="public: must be a host name without https:// and without a port"):
        check_hosts(["login.example.com", name])


def test_names_that_requests_have() -> None:
    check_hosts([*LOOPBACK, "Login.example.com", "192.0.2.1", "[2001:db8::1]", "login"])


def test_no_option_is_proposed_that_the_portal_lacks(dscplus: Command) -> None:
    assert dscplus.refused("portal", "--demo", "--host", "0.0.0.0").endswith("listen on 127.0.0.1")


def test_without_records_it_does_not_begin(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("portal").error


def test_it_serves_and_ends(dscplus: Command, tmp_path: Path) -> None:
    dscplus.with_cards("IB1")
    with server_process(("-c", COMMAND, "portal", "--port", "0"), {}, tmp_path / "log") as (port, process):
        page = httpx.get(f"http://127.0.0.1:{port}/login", timeout=60)
    assert process.returncode == 0
    assert page.headers["set-cookie"].startswith("__Host-session=")
    assert ("Secure" in page.headers["set-cookie"], "Demonstration" in page.text) == (True, False)


def test_a_demonstration_says_one_line_and_takes_the_next_free_port(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with taken_port() as port:
        arguments = [sys.executable, "-c", COMMAND, "portal", "--demo", "--log", str(log)]
        with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.fullmatch(rf"Open (http://127.0.0.1:(\d+)/) \(Ctrl-C stops it; its log is {log}\)\n", line)
            assert found, line
            page = httpx.get(found[1], follow_redirects=True, timeout=60)
            process.terminate()
            assert process.stderr.read() == ""
    assert process.returncode == 0
    assert port < int(found[2]) < port + 20
    assert page.headers["set-cookie"].startswith("session=")
    assert page.url.path == "/demonstration"
    assert any("url" in json.loads(line) for line in log.read_text().splitlines())


def test_a_port_that_is_named_must_be_free(dscplus: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = dscplus.refused("portal", "--demo", "--port", str(port))
    assert told.startswith(f"port: cannot listen on 127.0.0.1 port {port}")


@contextmanager
def taken_port() -> Iterator[int]:
    """Take the port that a demonstration tries first, unless another program has it."""
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", PORT)))
        yield PORT
