"""The verifier: issues challenges, verifies responses exactly once, and keeps the records of the cards."""

from dsc_host.verifier.keys import MasterKey
from dsc_host.verifier.model import Card, Challenge, Policy, Reason, Verdict
from dsc_host.verifier.verifier import Verifier

__all__ = ["Card", "Challenge", "MasterKey", "Policy", "Reason", "Verdict", "Verifier"]
