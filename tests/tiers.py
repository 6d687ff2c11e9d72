"""The tiers of the test suite, and the line that says what a run left out.

`make test` leaves out tests that are marked with one of MARKERS; `make test-rest` runs only those; `make test-all` runs all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import pytest

MARKERS: Mapping[str, str] = {
    "postgresql": "on PostgreSQL",
    "chromium": "in Chromium",
    "attack": "attacks",
    "long": "long runs",
}
"""The reason why `make test` leaves a test out, by its marker."""
_LEFT_OUT = pytest.StashKey[Counter[str]]()


def remember(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Count the deselected tests, each by its first marker."""
    counts = config.stash.setdefault(_LEFT_OUT, Counter())
    counts.update(next((name for name in MARKERS if item.get_closest_marker(name)), "other") for item in items)


def send(config: pytest.Config) -> None:
    """Send a parallel worker's counts to the process that reports."""
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = dict(config.stash.get(_LEFT_OUT, Counter()))


def receive(config: pytest.Config, output: Mapping[str, Mapping[str, int]]) -> None:
    """Take a worker's counts. Each worker collects all tests, so the counts of any worker are those of the run."""
    config.stash[_LEFT_OUT] = Counter(output.get("left_out", {}))


def summary(config: pytest.Config) -> str | None:
    """Return the line that says what was left out and how to run it. None if nothing was."""
    counts = config.stash.get(_LEFT_OUT, Counter())
    parts = [f"{counts[name]} {what}" for name, what in MARKERS.items() if counts[name]]
    return f"left out: {', '.join(parts)}; `make test-rest` runs these, `make test-all` everything" if parts else None
