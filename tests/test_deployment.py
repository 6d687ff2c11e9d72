"""The units, the container, the compose file and the hosted tests fit the command, and the tools that read them accept them."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.checkout import ROOT
from tests.lock import PLATFORMS, PYTHONS

from dsc_host.cli.main import command as built_command

FILES = ROOT / "docs" / "deployment"
UNITS = sorted((FILES / "systemd").iterdir())
COMMAND = "/opt/dscplus/bin/dscplus"
PUBLIC = {"PUBLIC_NAME": "login.example.com", "MAIL": "localhost:25", "MAIL_FROM": "desk@example.com"}
COMPOSE: dict[str, Any] = yaml.safe_load((FILES / "container" / "compose.yaml").read_text(encoding="utf-8"))


def needing(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def check_words(words: list[str]) -> None:
    """Parse the words as arguments of `dscplus`. Raises for a command or an option that it does not have."""
    command: Any = built_command()
    context = command.make_context("dscplus", words)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*getattr(context, "_protected_args", ()), *context.args])
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_commands_of_the_units(unit: Path) -> None:
    for words in re.findall(rf"{COMMAND} (.*?)'?$", unit.read_text(encoding="utf-8"), re.MULTILINE):
        check_words([word for word in shlex.split(words) if not word.endswith("_OPTIONS")])


def test_the_log_is_sealed_before_it_is_archived_where_the_unit_may_write() -> None:
    text = (FILES / "systemd" / "dscplus-audit.service").read_text(encoding="utf-8")
    assert re.findall(rf"^ExecStart={COMMAND} audit (\w+)", text, re.MULTILINE) == ["seal", "archive"]
    (folder,) = re.findall(r"audit archive --yes /var/lib/(\S+)$", text, re.MULTILINE)
    (own,) = re.findall(r"^StateDirectory=(.*)$", text, re.MULTILINE)
    assert folder in own.split()


def test_the_command_of_the_container() -> None:
    words = COMPOSE["services"]["portal"]["command"]
    check_words([re.sub(r"\$\{(\w+):[^}]*\}", lambda found: PUBLIC[found[1]], word) for word in words])


def test_the_portals_container_has_no_rights() -> None:
    portal = COMPOSE["services"]["portal"]
    assert (portal["read_only"], portal["cap_drop"], portal["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert "ports" not in portal
    text = (FILES / "container" / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    (health,) = re.findall(r'"-c", "(.*)"\]$', text, re.MULTILINE)
    compile(health, "health", "exec")


def test_the_hosted_tests_run_our_targets_on_all_systems_and_pythons() -> None:
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    matrix = yaml.safe_load(text)["jobs"]["test"]["strategy"]["matrix"]
    assert tuple(matrix["python"]) == PYTHONS
    assert [name.partition("-")[0].replace("ubuntu", "linux") for name in matrix["system"]] == list(PLATFORMS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"run: make ([a-z-]+)", text)) <= targets


@needing("systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(COMMAND, sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    copies = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needing("systemd-analyze")
def test_the_servers_may_do_little(tmp_path: Path) -> None:
    services = [str(unit) for unit in UNITS if unit.suffix == ".service"]
    limit = "--threshold=15"  # in tenths, of 10
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", limit, *services], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-200:]


@needing("docker-compose")
def test_compose_accepts_the_file() -> None:
    done = subprocess.run(
        ["docker-compose", "--file", "compose.yaml", "config"],
        cwd=FILES / "container",
        env=PUBLIC,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
