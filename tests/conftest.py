"""Shared by all tests: options, databases, and a summary of what ran on each engine and what was left out."""

import gc
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import settings
from tests import tiers
from tests.host import databases
from tests.host.databases import database_kind as database_kind

from dsc_simulator import ENGINES

BOARD = "board"
_OUTCOMES = ("passed", "failed", "error", "skipped")

# No deadlines: a build machine's cores are shared, so the time that one example takes means nothing.
# By default, every run makes the same examples; HYPOTHESIS_PROFILE=nightly makes many others, `dev` a few.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=2000, print_blob=True)
settings.register_profile("dev", deadline=None, max_examples=20, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def one_numbering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a host count its requests from 0 and use one nonce: by chance, either could contain four digits like a PIN."""
    monkeypatch.setattr("secrets.randbelow", lambda _: 0)
    monkeypatch.setattr("secrets.token_hex", lambda count: "ab" * count)


def pytest_configure() -> None:
    databases.refuse_locks_in_reads()
    databases.compile_statements_once()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    databases.parametrize(metafunc)


def pytest_collection_finish() -> None:
    """Exclude the objects that the collection has made from garbage collection, which would examine them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        tiers.remember(items[0].config, items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    tiers.send(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Called by pytest-xdist when a worker ends."""
    tiers.receive(node.config, getattr(node, "workeroutput", {}))


def _languages(text: str) -> tuple[str, ...]:
    # Imported here, because it imports the portal, which most runs of single tests do not need.
    from tests.host.portal.chromium import walk_languages

    return walk_languages.chosen(text)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--card",
        metavar="URL",
        help="run the contract tests on this card too: serial:PORT, or any address that pyserial takes. "
        "It is wiped and personalized again and again, so it must be blank, or left over from such a run",
    )
    parser.addoption(
        "--languages",
        metavar="CODES",
        type=_languages,
        help="walk the pages in Chromium in each of these languages, for example en,de,ru; otherwise each walk has one of them",
    )
    parser.addoption("--pictures", metavar="FOLDER", help="keep pictures of the pages that the tests in Chromium visit")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Use only the reports: with xdist, the controller has nothing else.
    counts = {engine: Counter(_outcomes(terminalreporter, engine)) for engine in (*ENGINES, BOARD)}
    parts = [_summary(engine, count) for engine, count in counts.items() if count]
    if parts:
        terminalreporter.write_line("contract tests: " + ", ".join(parts))
    if left_out := tiers.summary(terminalreporter.config):
        terminalreporter.write_line(left_out)


def _outcomes(terminalreporter: pytest.TerminalReporter, engine: str) -> Iterator[str]:
    for outcome in _OUTCOMES:
        for report in terminalreporter.stats.get(outcome, ()):
            ran = outcome != "passed" or report.when == "call"
            if ran and "contract/" in report.nodeid and engine in re.split(r"[\[\]-]", report.nodeid):
                yield outcome


def _summary(engine: str, count: Counter[str]) -> str:
    shown = [outcome for outcome in _OUTCOMES if count[outcome] or outcome == "passed"]
    return f"{engine} " + " ".join(f"{count[outcome]} {outcome}" for outcome in shown)
