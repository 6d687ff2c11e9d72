"""The examples in docs/examples, each run as its reader would; and every test file that stands in docs/testing.md."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.simulator.plugging import FLAGS

from dsc_host import Suite
from dsc_simulator.engines import available
from dsc_simulator.fixtures import SUITE

EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "testing.md"
_SECONDS = 60


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)


def pytest_in(folder: Path, *arguments: str) -> str:
    """Runs pytest's tests there, with no settings but their own; returns what it says at its end."""
    done = run(folder, "-m", "pytest", *FLAGS, "-c", os.devnull, "--rootdir", str(folder), "-q", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copy(EXAMPLES / name, folder))


ENGINES = [
    "cpython",
    pytest.param("micropython", marks=pytest.mark.skipif(not available("micropython"), reason="micropython is not installed")),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_login_endpoint_passes_its_tests(tmp_path: Path, engine: str) -> None:
    copied("login_app.py", tmp_path)
    copied("test_login_app.py", tmp_path)
    assert pytest_in(tmp_path, "--dsc-engine", engine).startswith("6 passed")


@pytest.mark.long
@pytest.mark.parametrize(
    ("careful", "careless"),
    [
        ("if not verifier.verify(", "if False and not verifier.verify("),
        ("if user is None or not check_password_hash(", "if user is None or not str("),
        ('session.get("challenge", "")', 'verifier.challenge("PYTEST-1").id'),
    ],
)
def test_its_tests_find_out_an_endpoint_that_is_careless(tmp_path: Path, careful: str, careless: str) -> None:
    app = copied("login_app.py", tmp_path)
    copied("test_login_app.py", tmp_path)
    program = app.read_text(encoding="utf-8")
    assert careful in program
    app.write_text(program.replace(careful, careless), encoding="utf-8")
    done = run(tmp_path, "-m", "pytest", *FLAGS, "-c", os.devnull, "--rootdir", str(tmp_path), "-q", "-x")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED


def test_the_pyserial_program_prints_the_response(tmp_path: Path) -> None:
    done = run(tmp_path, str(EXAMPLES / "serial_login.py"), "482913")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == Suite.parse(SUITE).response(bytes(range(32)), "482913", counter=0, pin="1234")


def test_the_unittest_case_passes_without_pytest_and_with_it(tmp_path: Path) -> None:
    example = copied("test_with_unittest.py", tmp_path)
    done = run(tmp_path, "-m", "unittest", example.name)
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr
    assert pytest_in(tmp_path).startswith("2 passed")


def test_every_example_is_run_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in tested for path in EXAMPLES.glob("*.py"))


def files_of_the_page() -> list[str]:
    """The blocks of the page that hold tests."""
    return [block for block in blocks(PAGE, "python") if "def test_" in block]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_test_files_of_the_page_pass(tmp_path: Path, engine: str) -> None:
    files = files_of_the_page()
    for number, file in enumerate(files):
        (tmp_path / f"test_{number}.py").write_text(file, encoding="utf-8")
    tests = sum(file.count("def test_") for file in files)
    assert tests == 7
    assert pytest_in(tmp_path, "--dsc-engine", engine).startswith(f"{tests} passed")


def test_the_first_file_is_of_ten_lines() -> None:
    lines = [line for line in files_of_the_page()[0].splitlines() if line]
    assert len(lines) <= 10
