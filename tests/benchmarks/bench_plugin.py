"""The cost of the pytest plugin: for every run of pytest, for a test that asks for a card, and for many logins."""

import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.benchmarks.measure import Figure

MOST_IMPORT_MS = 5
MOST_SETUP_MS = 10
MOST_LOGINS_S = 2
STARTS = 7

_IMPORT = (
    "import pytest, time; start = time.perf_counter(); import dsc_simulator.pytest_plugin.plugin; "
    "print(time.perf_counter() - start)"
)
_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(30))
def test_setup(dsc_card, number): ...

@pytest.mark.parametrize("number", range(2))
def test_thousand_logins(dsc_card, number):
    for challenge in range(1000):
        assert len(dsc_card.login(f"{challenge:06}")) == 8
"""


class _Times:
    """A plugin that records how long the phases of tests took, in seconds."""

    def __init__(self) -> None:
        self.setups: list[float] = []
        self.logins: list[float] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup":
            self.setups.append(report.duration)
        elif report.when == "call" and "logins" in report.nodeid:
            self.logins.append(report.duration)


def _run() -> _Times:
    times = _Times()
    installed = entry_points(group="pytest11", name="dscplus")
    plugin = () if installed else ("-p", "dsc_simulator.pytest_plugin.plugin")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_cost_of_a_card.py"
        file.write_text(_TESTS, encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        quiet = ("-p", "no:terminal", "-p", "no:cacheprovider")
        code = pytest.main([*plugin, *quiet, "--rootdir", folder, "-c", f"{folder}/pytest.ini", str(file)], plugins=[times])
    assert code == 0, "the tests that are timed have failed"
    return times


def _import_s() -> float:
    """Return the best of several starts: the first has no compiled files yet, and the machine does other work."""
    command = [sys.executable, "-c", _IMPORT]
    starts = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(STARTS))
    return min(map(float, starts))


def measure() -> list[Figure]:
    """Return the times of one run. This takes a few seconds."""
    times = _run()
    return [
        Figure("importing the plugin, beyond pytest", _import_s() * 1000, "ms", at_most=MOST_IMPORT_MS),
        Figure("setting up dsc_card, cpython", min(times.setups) * 1000, "ms", at_most=MOST_SETUP_MS),
        Figure("the first card of a run, which loads the firmware", times.setups[0] * 1000, "ms"),
        Figure("1,000 logins in one test, cpython", min(times.logins), "s", at_most=MOST_LOGINS_S),
    ]
