"""Every example in docs/examples runs as its reader would run it, and so does every test file in docs/how-to/testing.md."""

import os
import runpy
import shutil
import sys
import unittest
from pathlib import Path

# Imported here, because pytester forgets what a run inside this one imports.
import flask  # noqa: F401
import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.simulator.plugin_runs import FLAGS

import dsc_simulator.testing  # noqa: F401
from dsc_host import Suite
from dsc_simulator.engines import available
from dsc_simulator.pytest_plugin.fixtures import SUITE

pytest_plugins = "pytester"

EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "how-to" / "testing.md"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the tests in pytester's folder, with no settings but their own."""
    place = ("-c", os.devnull, "--rootdir", str(pytester.path))
    return pytester.runpytest_inprocess(*FLAGS, *place, "-W", "error", "-q", *arguments)


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copy(EXAMPLES / name, folder))


ENGINES = [
    "cpython",
    pytest.param("micropython", marks=pytest.mark.skipif(not available("micropython"), reason="micropython is not installed")),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_login_endpoint_passes_its_tests(pytester: pytest.Pytester, engine: str) -> None:
    copied("login_app.py", pytester.path)
    copied("test_login_app.py", pytester.path)
    run(pytester, "--dsc-engine", engine).assert_outcomes(passed=6)


@pytest.mark.long
@pytest.mark.parametrize(
    ("careful", "careless"),
    [
        ("if not verifier.verify(", "if False and not verifier.verify("),
        ("if user is None or not check_password_hash(", "if user is None or not str("),
        ('session.get("challenge", "")', 'verifier.challenge("PYTEST-1").id'),
    ],
)
def test_its_tests_find_out_an_endpoint_that_is_careless(pytester: pytest.Pytester, careful: str, careless: str) -> None:
    app = copied("login_app.py", pytester.path)
    copied("test_login_app.py", pytester.path)
    program = app.read_text(encoding="utf-8")
    assert careful in program
    app.write_text(program.replace(careful, careless), encoding="utf-8")
    assert run(pytester, "-x").ret == pytest.ExitCode.TESTS_FAILED


def test_the_pyserial_program_prints_the_response(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["serial_login.py", "482913"])
    runpy.run_path(str(EXAMPLES / "serial_login.py"), run_name="__main__")
    expected = Suite.parse(SUITE).response(bytes(range(32)), "482913", counter=0, pin="1234")
    assert capsys.readouterr().out.strip() == expected


def test_the_unittest_case_passes_without_pytest_and_with_it(pytester: pytest.Pytester) -> None:
    example = copied("test_with_unittest.py", pytester.path)
    cases = [each for each in runpy.run_path(str(example)).values() if is_case(each)]
    result = unittest.TestResult()
    unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, cases)).run(result)
    assert (result.testsRun, result.wasSuccessful()) == (2, True), result
    run(pytester).assert_outcomes(passed=2)


def is_case(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, unittest.TestCase) and value is not unittest.TestCase


def test_every_example_is_run_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in tested for path in EXAMPLES.glob("*.py"))


def files_of_the_page() -> list[str]:
    """Return the blocks of the page that hold tests."""
    return [block for block in blocks(PAGE, "python") if "def test_" in block]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_test_files_of_the_page_pass(pytester: pytest.Pytester, engine: str) -> None:
    files = files_of_the_page()
    for number, file in enumerate(files):
        (pytester.path / f"test_{number}.py").write_text(file, encoding="utf-8")
    assert sum(file.count("def test_") for file in files) == 7
    run(pytester, "--dsc-engine", engine).assert_outcomes(passed=7)


def test_the_first_file_is_of_ten_lines() -> None:
    lines = [line for line in files_of_the_page()[0].splitlines() if line]
    assert len(lines) <= 10
