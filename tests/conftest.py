"""What all tests share: the option `--card`, and at the end the count of the contract tests on each engine."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings

from dsc_simulator import ENGINES

BOARD = "board"
_OUTCOMES = ("passed", "failed", "error", "skipped")

# The two cores of a build machine are shared with everything else: how long one example takes says nothing.
settings.register_profile("dscplus", deadline=None)
settings.load_profile("dscplus")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--card",
        metavar="URL",
        help="run the contract tests on this card too: serial:PORT, or any address that pyserial takes. "
        "It is wiped and personalised again and again, so it must be blank, or left over from such a run",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Made of the reports alone: with xdist, those are all that the controller has.
    counts = {engine: Counter(_outcomes(terminalreporter, engine)) for engine in (*ENGINES, BOARD)}
    parts = [_summary(engine, count) for engine, count in counts.items() if count]
    if parts:
        terminalreporter.write_line("contract tests: " + ", ".join(parts))


def _outcomes(terminalreporter: pytest.TerminalReporter, engine: str) -> Iterator[str]:
    for outcome in _OUTCOMES:
        for report in terminalreporter.stats.get(outcome, ()):
            ran = outcome != "passed" or report.when == "call"
            if ran and "contract/" in report.nodeid and engine in re.split(r"[\[\]-]", report.nodeid):
                yield outcome


def _summary(engine: str, count: Counter[str]) -> str:
    shown = [outcome for outcome in _OUTCOMES if count[outcome] or outcome == "passed"]
    return f"{engine} " + " ".join(f"{count[outcome]} {outcome}" for outcome in shown)
