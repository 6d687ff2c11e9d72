"""Logs for the tests of segments and archives."""

from dsc_host.records.audit_writer import Event, record
from dsc_host.verifier import Verifier

SIZE = 1000
"""The number of entries in a segment."""


def add_entries(verifier: Verifier, count: int) -> None:
    """Add this many entries to a log at once."""
    context = verifier.context
    events = [Event("verify", f"A-{number % 7}", "refused", detail={"user": "ada"}) for number in range(count)]
    context.store.change(lambda db: record(db, context.keys, context.seals, context.now(), "Ada", events))
