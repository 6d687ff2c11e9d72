"""The demonstration of logins to other programs: a page behind nginx, a shell, and an end that leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.host.command_runner import Command
from tests.host.gateway.pam import MODULE, PAMTESTER, WRAPPER
from tests.host.gateway.web_servers import NGINX, To

from dsc_host.cli import gateway_demo

SECONDS = 60


@pytest.mark.long
@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt install nginx-light")
def test_the_demonstration_leads_to_the_login_asks_a_shell_for_the_card_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from dsc_host.cli.main import main; main()", "gateway-demo", "--port", "0"]
    own = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=own) as running:
        assert running.stderr
        told = ""
        while "Ctrl-C stops everything." not in told:
            line = running.stderr.readline()
            assert line, told
            told += line
        page, port = re.findall(r"(https://wiki\.card\.localhost:(\d+)/)", told)[0]
        with httpx.Client(transport=To(int(port), verify=False)) as client:
            login = client.get(page).headers["location"]
            assert login == f"https://login.card.localhost:{port}/ticket?to={page}"
            assert client.get(login).headers["location"] == "/login"
        if None not in (MODULE, WRAPPER, PAMTESTER):
            (script,) = re.findall(r"sh (\S+) anna", told)
            shell = subprocess.run(
                ["sh", script, "anna"], input="open sesame, please\n00000000\n", capture_output=True, text=True, timeout=SECONDS
            )  # fmt: skip
            assert "Challenge: " in shell.stdout + shell.stderr
            assert shell.returncode != 0
        running.send_signal(signal.SIGINT)
        assert running.wait(SECONDS) == 0
    with pytest.raises(httpx.ConnectError), httpx.Client(transport=To(int(port), verify=False)) as client:
        client.get(page)
    assert not [*tmp_path.glob("dscplus-gateway-*")]


@pytest.mark.skipif(os.name != "posix", reason="has no root")
def test_nginx_runs_as_root_if_root_starts_it_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "anna")
    monkeypatch.setattr("dsc_host.cli.gateway_demo._nginx", lambda: "true")
    with ExitStack() as cleanup:
        servers = gateway_demo._Demo(tmp_path, 0, cleanup)
        servers._start_nginx("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert (tmp_path / "nginx.conf").read_text().startswith("user root;")


def test_it_says_what_is_missing(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert dscplus.refused("gateway-demo", code=1).startswith("needs nginx")
