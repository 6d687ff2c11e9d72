"""Logs for the tests of segments and archives."""

from dsc_host.records.audit_writer import Event, record
from dsc_host.verifier import Verifier

SIZE = 1000
"""The number of entries in a segment."""


DAY = 24 * 60 * 60


def add_entries(verifier: Verifier, count: int, *, days_ago: int = 0) -> None:
    """Add this many entries to a log at once, as if it were some days ago."""
    context = verifier.context
    events = [Event("verify", f"A-{number % 7}", "refused", detail={"user": "ada"}) for number in range(count)]
    context.store.change(lambda db: record(db, context.keys, context.seals, context.now() - days_ago * DAY, "Ada", events))
