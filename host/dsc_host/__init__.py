"""The other half of the login: talk to a card, issue challenges, verify responses, keep the records.

What is listed here may be imported; nothing else. Everything raises `DscError` or one of its children.
"""

from dsc_host.errors import (
    AlreadyEnrolled,
    CardError,
    CardNotFound,
    DscError,
    InputError,
    LinkClosed,
    LinkError,
    LinkTimeout,
    NoUnlockKey,
    ProtocolError,
    StoreError,
    TooManyChallenges,
    TooManyUnlockCodes,
    UnknownCard,
    VerifierError,
)
from dsc_host.link import CardClient, CardInfo, Event, Greeting, Profile, derive_key
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Challenge, MasterKey, Policy, Reason, Verdict, Verifier

__all__ = [
    "AlreadyEnrolled",
    "Card",
    "CardClient",
    "CardError",
    "CardInfo",
    "CardNotFound",
    "Challenge",
    "DscError",
    "Event",
    "Greeting",
    "InputError",
    "LinkClosed",
    "LinkError",
    "LinkTimeout",
    "MasterKey",
    "NoUnlockKey",
    "Policy",
    "Profile",
    "ProtocolError",
    "Reason",
    "StoreError",
    "Suite",
    "TooManyChallenges",
    "TooManyUnlockCodes",
    "UnknownCard",
    "Verdict",
    "Verifier",
    "VerifierError",
    "derive_key",
]
