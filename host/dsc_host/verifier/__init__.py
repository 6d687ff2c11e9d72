"""The verifier: it issues challenges, judges each response once, and keeps the records of the cards."""

from dsc_host.records.audit_check import AuditReport
from dsc_host.records.audit_entries import Checkpoint, Entry
from dsc_host.records.keys import Keyring, MasterKey
from dsc_host.verifier.async_service import AsyncVerifier
from dsc_host.verifier.backup import backup, restore
from dsc_host.verifier.model import Card, Challenge, Enrollment, Policy, Reason, State, Verdict
from dsc_host.verifier.service import Verifier

__all__ = [
    "AsyncVerifier",
    "AuditReport",
    "Card",
    "Challenge",
    "Checkpoint",
    "Enrollment",
    "Entry",
    "Keyring",
    "MasterKey",
    "Policy",
    "Reason",
    "State",
    "Verdict",
    "Verifier",
    "backup",
    "restore",
]
