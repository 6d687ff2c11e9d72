"""Runs the pytest plugin on a test file that a test writes."""

from importlib.metadata import entry_points

import pytest

# Imported here, because pytester forgets what a run inside this one imports, and cryptography cannot be imported twice.
import dsc_host  # noqa: F401
import dsc_simulator.pytest_plugin.fixtures
from dsc_simulator.engines import available

if available("micropython"):
    import dsc_simulator.engines.micropython  # noqa: F401

INSTALLED = bool(entry_points(group="pytest11", name="dscplus"))
# Where the plugin's entry point is installed, the plugin is loaded already and cannot be loaded twice.
# The tests run in the order in which they are written: some check what the previous one left. Schemathesis takes half a second.
FLAGS = (
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-p",
    "no:schemathesis",
    *(() if INSTALLED else ("-p", "dsc_simulator.pytest_plugin.plugin")),
)
SECONDS = 60


def run(pytester: pytest.Pytester, test: str, *flags: str) -> pytest.RunResult:
    """Run a test file in this process."""
    pytester.makepyfile(test)
    return pytester.runpytest_inprocess(*FLAGS, *flags)


def passes(pytester: pytest.Pytester, test: str, *flags: str, passed: int = 1) -> None:
    run(pytester, test, *flags).assert_outcomes(passed=passed)
