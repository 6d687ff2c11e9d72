"""The result of a check: what was found, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"  # the check could not be made


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `remedy` says what to do. It is empty if there is nothing to do."""

    check: str
    state: State
    summary: str
    remedy: str = ""


Findings = Iterator[Finding]


def ok(check: str, summary: str) -> Finding:
    """Return a finding for a check that found no problem."""
    return Finding(check, State.OK, summary)


def warning(check: str, summary: str, remedy: str) -> Finding:
    """Return a finding for a problem that should be solved, although the installation works."""
    return Finding(check, State.WARNING, summary, remedy)


def failed(check: str, summary: str, remedy: str) -> Finding:
    """Return a finding for a problem that keeps the installation from working, or makes it unsafe."""
    return Finding(check, State.FAILED, summary, remedy)


def of_error(check: str, error: Exception, remedy: str = "correct this value") -> Finding:
    """Return the finding for an error. If its message has a remedy after a semicolon, use this remedy instead of `remedy`."""
    problem, _, own = str(error).removeprefix(f"{check}: ").partition("; ")
    return failed(check, problem, own or remedy)


def skipped(check: str, summary: str) -> Finding:
    """Return a finding for a check that could not be made."""
    return Finding(check, State.SKIPPED, summary)
