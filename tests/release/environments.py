"""Installs the wheel into empty environments, with each single extra and with all extras, and uses the extras' features."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

Trial = tuple[str, ...]
"""The arguments of a Python in the environment."""

BARE: tuple[Trial, ...] = (
    ("-m", "dsc_host", "--version"),
    ("-m", "dsc_host", "demo", "--engine", "cpython", "--json"),
    ("-m", "dsc_host", "info", "--card", "sim://"),
)
TRIALS: Mapping[str, tuple[Trial, ...]] = {
    "fast": (("-c", "import httptools, sys; sys.platform == 'win32' or __import__('uvloop')"),),
    "flash": (("-m", "dsc_host", "image", "--out", "image"),),
    "micropython": (("-m", "dsc_host", "demo", "--engine", "micropython", "--json"),),
    "phone": (("-m", "dsc_host", "phone", "users"),),
    "portal": (("-c", "import dsc_host.portal.app, dsc_host.portal.demo, dsc_host.portal.code_sheet_pdf"),),
    "postgresql": (("-c", "import psycopg, psycopg_binary"),),
    "pskc": (("-c", "import dsc_host.exchange.pskc_reader, dsc_host.exchange.pskc_writer"),),
    "serve": (("-m", "dsc_host", "token", "new", "web", "--scope", "login", "--tokens", "tokens"),),
    "sim": (("-m", "dsc_host", "sim", "--screenshot", "card.svg"),),
    "swagger": (("-c", "import flask_swagger_ui"),),
    "testing": (("-c", "import dsc_simulator.testing.machine, dsc_simulator.testing.strategies"),),
    "web": (("-c", "import dsc_simulator.desktop.web"),),
}
NOT_TRIED = {
    "dev": "make setup installs it",
    "docs": "make docs-site uses it, in a checkout",
    "fuzz": "make reliability uses it, in a checkout",
}
NEEDING = {"serve": "serve", "portal": "portal"}
"""Commands that need an extra, with its name. Without the extra they say how to install it."""
WRONG = "from dsc_host import Suite\n\nSuite.parse(5)\n"
_SECONDS = 300


def try_all(wheel: Path, folder: Path) -> Iterator[str]:
    """Yield the problems of each environment, and say on stdout which one is tried."""
    environments = {"": BARE, **TRIALS, ",".join(TRIALS): tuple(trial for each in TRIALS.values() for trial in each)}
    for number, (extras, trials) in enumerate(environments.items()):
        print(f"dscplus[{extras}]" if extras else "dscplus", flush=True)
        python = _install(wheel, extras, folder / str(number))
        yield from (problem for trial in trials for problem in _try(python, trial, extras))
        if not extras:
            yield from _say_what_is_missing(python)
            yield from _types(python)


def _install(wheel: Path, extras: str, folder: Path) -> Path:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    wanted = f"{wheel}[{extras}]" if extras else str(wheel)
    subprocess.run([*uv, "pip", "install", "--quiet", "--no-config", "--python", str(python), wanted], check=True)
    return python


def _run(python: Path, arguments: Trial) -> "subprocess.CompletedProcess[str]":
    """Run a Python in an empty folder that is its home, away from the checkout."""
    home = python.parent.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR")}
    environment = {**kept, "HOME": str(home), "USERPROFILE": str(home), "PYTHONWARNINGS": "error::SyntaxWarning"}
    command = [str(python), *arguments]
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL
    )  # fmt: skip


def _try(python: Path, trial: Trial, extras: str) -> Iterator[str]:
    done = _run(python, trial)
    if done.returncode:
        yield f"dscplus[{extras}]: {' '.join(trial)}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"


def _say_what_is_missing(python: Path) -> Iterator[str]:
    for command, extra in NEEDING.items():
        if f"pip install 'dscplus[{extra}]'" not in _run(python, ("-m", "dsc_host", command)).stderr:
            yield f"dscplus: {command} does not say that it needs the extra {extra}"


def _types(python: Path) -> Iterator[str]:
    """Yield a problem unless a type checker reads the types of the installed packages."""
    program = python.parent.parent / "wrong.py"
    program.write_text(WRONG, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), str(program)]
    checked = subprocess.run(command, cwd=program.parent, capture_output=True, text=True)
    if "arg-type" not in checked.stdout:
        yield f"types: mypy does not read them: {checked.stdout.strip()}"
