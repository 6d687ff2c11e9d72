"""The command that serves the login system's pages: its requirements, errors in one line each, and the service itself."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.benchmarks.bench_service import wait_for_port
from tests.host.command_runner import Command

COMMAND = "from dsc_host.cli.main import main; main()"


def test_a_mistake_is_one_line(dscplus: Command) -> None:
    dscplus.with_cards("IB1")
    for arguments, told in (
        (("--spool", "nowhere"), "spool: nowhere is not a folder"),
        (("--mail", "localhost"), "mail: must be HOST:PORT"),
        (("--mail", "localhost:0", "--mail-from", "a@example.com"), "mail: must be HOST:PORT"),
        (("--mail", "localhost:25"), "mail-from: must be the sender's email address"),
        (("--mail-from", "a@example.com"), "mail: must be HOST:PORT"),
        (("--policy", "nowhere.toml"), "policy: nowhere.toml cannot be read"),
        (("--port", "70000"), "port: must be 0 to 65535"),
        (("--host", "0.0.0.0"), "host: others can reach this address"),
        (("--host", "example.com"), "host: must be an IP address"),
        (("--workers", "0"), "workers: must be 1 to 64"),
    ):
        assert dscplus.refused("portal", *arguments).startswith(told)


def test_without_records_it_does_not_begin(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("portal").error


@pytest.mark.parametrize(("options", "cookie"), [(["--demo"], "session"), ([], "__Host-session")], ids=["demo", "real"])
def test_it_serves_and_ends(dscplus: Command, tmp_path: Path, options: list[str], cookie: str) -> None:
    dscplus.with_cards("IB1")
    log = tmp_path / "log"
    with log.open("w") as errors:
        arguments = [sys.executable, "-c", COMMAND, "portal", "--port", "0", *options]
        with subprocess.Popen(arguments, stderr=errors) as process:
            try:
                page = httpx.get(f"http://127.0.0.1:{wait_for_port(log, process)}/login", timeout=60)
            finally:
                process.terminate()
    assert process.returncode == 0
    assert page.status_code == 200
    assert page.headers["set-cookie"].startswith(f"{cookie}=")
    assert ("Secure" in page.headers["set-cookie"]) == (cookie != "session")
    assert ("Demonstration" in page.text) == bool(options)
    told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert any("url" in line for line in told)
