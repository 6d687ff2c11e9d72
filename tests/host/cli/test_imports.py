"""Each command imports what it needs and nothing else, because imports are most of the time of a short command."""

import json
import subprocess
import sys

import pytest

DATABASE = ("sqlalchemy", "cryptography", "dsc_host.verifier")
LOGIN = ("dsc_host.login", "phonenumbers", "holidays")
SERVICE = ("starlette", "uvicorn", "jinja2")
OTHERS = ("rich", "alembic", "serial", "textual", "wasmtime", "importlib.metadata", "asyncio")
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
    (["--version"], ()),
    (["--help"], ("importlib.metadata",)),
    (["card", "--help"], ("importlib.metadata",)),  # Typer's own: it reads arguments by pydantic
])  # fmt: skip
def test_a_command_imports_no_more_than_it_may(arguments: list[str], may: tuple[str, ...]) -> None:
    program = [sys.executable, "-c", _PROGRAM.format(arguments=arguments)]
    loaded = json.loads(subprocess.run(program, capture_output=True, check=True).stdout)
    assert "dsc_host.cli.main" in loaded
    assert [name for name in (*DATABASE, *LOGIN, *SERVICE, *OTHERS) if name in loaded and name not in may] == []
