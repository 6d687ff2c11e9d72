"""Each command imports what it needs and nothing else, because imports are most of the time of a short command."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "sqlalchemy", "sqlalchemy.dialects.postgresql", "alembic", "cryptography", "dsc_host.verifier", "dsc_host.login",
    "phonenumbers", "holidays", "starlette", "uvicorn", "jinja2", "rich", "serial", "textual", "wasmtime", "asyncio",
    "importlib.metadata",
}  # fmt: skip
"""Modules that take long to load."""
TYPER = {"importlib.metadata"}
"""Modules that Typer itself loads to read arguments."""
LINE = {*TYPER, "serial", "cryptography"}
RECORDS = {*TYPER, "sqlalchemy", "sqlalchemy.dialects.postgresql", "cryptography", "dsc_host.verifier", "asyncio"}
"""The tables declare an index for both kinds of databases, so both dialects are loaded."""
_PROGRAM = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from dsc_host.cli.main import run
with redirect_stdout(StringIO()):
    run({arguments!r})
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(("arguments", "may"), [
    ("--version", set()),
    ("--help", {"importlib.metadata"}),
    ("card --help", TYPER),
    ("help", TYPER),
    ("config show", TYPER),
    ("list", LINE),
    ("info --card socket://[::1]:1", LINE),
    ("respond --help", LINE),
    ("verify C1 12345678 --db sqlite:///nothing.db", RECORDS),
    ("card list --db sqlite:///nothing.db", RECORDS),
    ("key list --master-key nothing", RECORDS),
])  # fmt: skip
def test_a_command_imports_no_more_than_it_may(arguments: str, may: set[str]) -> None:
    program = [sys.executable, "-c", _PROGRAM.format(arguments=arguments.split())]
    loaded = json.loads(subprocess.run(program, capture_output=True, check=True).stdout)
    assert "dsc_host.cli.main" in loaded
    assert (HEAVY & set(loaded)) - may == set()
