"""`dscplus serve` and `dscplus token new` as processes: a login over a real port, and an end that loses nothing."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.host import verifier_samples
from tests.host.command_runner import Command
from tests.host.databases import Database
from tests.host.databases import database as database
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE

from dsc_host.api import Scope, add_token
from dsc_host.api.processes import Address
from dsc_host.errors import InputError
from dsc_host.server.implementations import Implementation, installed
from dsc_host.verifier import Challenge, Verifier

COMMAND = "from dsc_host.cli.main import main; main()"
SECONDS = 60
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")


def arguments(*given: str) -> list[str]:
    return [sys.executable, "-c", COMMAND, *given]


def environment(folder: Path, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DSCPLUS_", "XDG_"))}
    key = bytes(range(32)).hex()
    return {**kept, "DSCPLUS_DB": url, "DSCPLUS_MASTER_KEY": key, "DSCPLUS_TOKENS": str(folder / "tokens"), "HOME": str(folder)}


class Service:
    """A running service."""

    def __init__(self, process: "subprocess.Popen[str]", token: str) -> None:
        self.process = process
        self.token = token
        self.lines: list[dict[str, Any]] = []
        told = self.wait_for("listening")
        self.port = int(told["url"].rpartition(":")[2])
        assert Implementation(told["loop"], told["parser"]) == installed()

    def wait_for(self, event: str) -> dict[str, Any]:
        """Read its log up to a line that matches. Every line must be JSON."""
        assert self.process.stderr
        for text in self.process.stderr:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"].startswith(event):
                return self.lines[-1]
        raise AssertionError(f"no {event}: {self.lines}")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        assert self.process.stderr
        self.lines += [json.loads(text) for text in self.process.stderr]
        return self.process.wait(SECONDS)

    def ask(self, method: str, path: str, **body: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status < 300, data
        return json.loads(data) if answer.headers.get_content_type() == "application/json" else data.decode()

    def challenge(self) -> Challenge:
        given = self.ask("POST", "/challenge", serial="A-1")
        return Challenge(given["id"], "A-1", given["question"], given["expires_at"])


@contextmanager
def serving(database: Database, folder: Path, *given: str) -> Iterator[Service]:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    token = add_token(folder / "tokens", "website", list(Scope))
    process = subprocess.Popen(
        arguments("serve", "--port", "0", *given),
        env=environment(folder, database.url),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Service(process, token)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return Database("sqlite", f"sqlite:///{tmp_path / 'dsc.db'}")


@needs_signals
def test_a_signal_during_a_request_ends_it_after_the_answer(database: Database, tmp_path: Path) -> None:
    with serving(database, tmp_path) as service:
        challenge = service.challenge()
        body = json.dumps({"id": challenge.id, "response": verifier_samples.right(challenge)}).encode()
        with socket.create_connection(("127.0.0.1", service.port), timeout=SECONDS) as line, line.makefile("rb") as answers:
            head = (
                "POST /verify HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
                f"Authorization: Bearer {service.token}\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
            )
            line.sendall(head.encode())
            # The service asks for the body, so it has taken the request.
            assert answers.readline().startswith(b"HTTP/1.1 100 ")
            assert answers.readline() == b"\r\n"
            service.process.send_signal(signal.SIGTERM)
            service.wait_for("Shutting down")
            with pytest.raises(ConnectionError):
                _connect_until_it_fails(service.port)
            line.sendall(body)
            answer = answers.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b'{"accepted":true}')
        assert service.ended() == 0
        requests = [line for line in service.lines if line["event"] == "request"]
        assert [(line["route"], line["status"], line["token"]) for line in requests] == [
            ("/challenge", 201, "website"),
            ("/verify", 200, "website"),
        ]
        assert service.token not in str(service.lines)
        assert verifier_samples.right(challenge) not in str(service.lines)
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        assert verifier.card("A-1").counter == 1
        assert [entry.actor for entry in verifier.audit.entries() if entry.action == "verify"] == ["website"]


def _connect_until_it_fails(port: int) -> None:
    """Connect until it fails: some moments may pass between the service's saying that it ends and its ending."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS).close()


@needs_signals
@pytest.mark.skipif(signal.getsignal(getattr(signal, "SIGHUP", 1)) is signal.SIG_IGN, reason="inherits an ignored signal")
def test_a_closed_terminal_ends_the_service_in_order(sqlite: Database, tmp_path: Path) -> None:
    with serving(sqlite, tmp_path) as service:
        service.challenge()
        assert service.end(signal.SIGHUP) == 0
        assert not [line for line in service.lines if line["level"] == "error"], service.lines


@pytest.mark.long
@needs_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_several_workers_share_a_port_and_their_figures(sqlite: Database, tmp_path: Path, number: int) -> None:
    with serving(sqlite, tmp_path, "--workers", "2") as service:
        for counter in range(10):
            challenge = service.challenge()
            response = verifier_samples.right(challenge, counter)
            assert service.ask("POST", "/verify", id=challenge.id, response=response) == {"accepted": True}
        # Whichever process answers.
        for _ in range(5):
            figures = service.ask("GET", "/metrics")
            assert 'dscplus_verdicts_total{operation="verify",outcome="accepted"} 10.0' in figures
        assert service.end(number) == 0
        assert not [line for line in service.lines if line["level"] == "error"], service.lines


@pytest.fixture
def records(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make records with a card. Return the path for the file of tokens, beside them."""
    tokens = dscplus.with_cards("IB1").with_name("tokens")
    monkeypatch.setenv("DSCPLUS_TOKENS", str(tokens))
    return tokens


def test_what_is_wrong_is_said_before_anything_listens(dscplus: Command, records: Path) -> None:
    assert "tokens" in dscplus("serve", "--port", "0").error
    add_token(records, "website", [Scope.LOGIN])
    for words, given in {
        "there is no such database": ("--db", f"sqlite:///{records.with_name('none.db')}"),
        "--allow-remote": ("--host", "0.0.0.0"),
        "workers: must be 1 to 64": ("--workers", "0"),
    }.items():
        done = dscplus("serve", "--port", "0", *given)
        assert done.code != 0
        assert words in done.error


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="cannot listen"):
        Address("127.0.0.1", taken.getsockname()[1]).bind()


def test_only_loopback_needs_no_leave() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "2001:db8::1"):
        with pytest.raises(InputError, match="not encrypted"):
            Address.checked(host, 1, allow_remote=False)
        assert Address.checked(host, 1, allow_remote=True) == Address(host, 1)
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert Address.checked(host, 0, allow_remote=False).host == host.replace("localhost", "127.0.0.1")


def test_an_address_that_is_none_is_refused() -> None:
    for host, port in (("example.org", 1), ("", 1), ("127.1", 1), ("\0", 1), ("127.0.0.1", -1), ("::1", 65536)):
        with pytest.raises(InputError):
            Address.checked(host, port, allow_remote=True)


def test_what_it_listens_on_is_known_as_tcp() -> None:
    # asyncio sends small answers at once only if the socket looks like this.
    with Address.checked("127.0.0.1", 0, allow_remote=False).bind() as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_a_token_is_printed_once(dscplus: Command, records: Path) -> None:
    done = dscplus("token", "new", "desk", "--scope", "desk", "--scope", "login", "--json")
    made = json.loads(done.out)
    assert (done.code, made["name"]) == (0, "desk")
    assert made["token"] not in done.err
    text = records.read_text()
    assert text.startswith("desk login,desk ")
    assert made["token"] not in text
    assert dscplus("token", "new", "other", "--scope", "metrics").out.startswith("dsc_")
    for given in (("desk", "--scope", "login"), ("new",), ("new", "--scope", "admin"), ("a b", "--scope", "login")):
        refused = dscplus("token", "new", *given)
        assert refused.code != 0
        assert refused.out == ""
    assert len(records.read_text().splitlines()) == 2
