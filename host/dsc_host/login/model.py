"""The kinds and states that the login system knows, and the identity of a person.

The values that the login system returns to its callers are in `views`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of device to log in with. The policy holds their levels and limits."""

    DSC_PLUS = "dsc_plus"
    PLATINUM = "platinum"
    GOLD = "gold"
    DIGITAL_CARD = "digital_card"
    CODE_CARD = "code_card"
    ONLINE_CARD = "online_card"
    TEMPORARY_CODE = "temporary_code"
    PHONE_APP = "phone_app"
    SMS = "sms"
    VOICE = "voice"


class Scope(StrEnum):
    """The part of the system that a session may use."""

    FULL = "full"
    ACCOUNT = "account"  # the pages of the account, without trading
    TRADING = "trading"  # trading, but no settings of the account: for users who opted out
    STATEMENTS = "statements"  # only the statements of a closed account


class Role(StrEnum):
    """The role of a user. Staff log in in the same way as customers."""

    CUSTOMER = "customer"
    SUPPORT = "support"  # checks identities, gives temporary codes, takes devices out of use
    ISSUER = "issuer"  # personalizes and ships cards, and receives returned ones
    COMPLIANCE = "compliance"  # decides on requests to share a device


class DeviceState(StrEnum):
    """The state of a device."""

    SHIPPED = "shipped"  # on its way to the user; must be activated before use
    ACTIVE = "active"
    MISPLACED = "misplaced"  # can be activated again if it is found
    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    RETURNED = "returned"
    ENDED = "ended"


class UseState(StrEnum):
    """The state of one user's use of a device."""

    ACTIVE = "active"
    PARKED = "parked"  # set aside while the user shares another device


class Stage(StrEnum):
    """The stage of a login."""

    CHOOSING = "choosing"  # the name and password were correct; the user chooses a device
    ANSWERING = "answering"  # the page shows the device's challenge
    ACTIVATING = "activating"  # not a login, but an activation: the app must send its token
    IN = "in"


class Status(StrEnum):
    """The result of an answer, or of asking whether the phone has answered."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WAITING = "waiting"  # nobody has answered on the phone yet


class OrderState(StrEnum):
    """The state of a request for a card."""

    DRAFT = "draft"  # shown as a summary, but not confirmed
    REQUESTED = "requested"
    PERSONALIZED = "personalized"
    SHIPPED = "shipped"
    DONE = "done"
    CANCELLED = "cancelled"
    ENDED = "ended"  # the card was lost or returned before it was activated


class HoldState(StrEnum):
    """The state of a deposit."""

    HELD = "held"
    RELEASED = "released"
    KEPT = "kept"


class FundingMethod(StrEnum):
    """The ways in which money comes into an account."""

    ACH = "ach"
    EFT = "eft"
    WIRE = "wire"


class ShareState(StrEnum):
    """The state of a request to share a device."""

    DRAFT = "draft"  # the device has not answered yet
    PROVEN = "proven"  # the device has answered, but the user has not confirmed
    PENDING = "pending"  # compliance must decide
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class WaitKind(StrEnum):
    """The kinds of change that wait before they take effect."""

    NUMBER = "number"
    CARD = "card"
    OPT_OUT = "opt_out"
    IDENTITY = "identity"


class WaitState(StrEnum):
    """The state of a wait."""

    WAITING = "waiting"
    DONE = "done"
    STOPPED = "stopped"


class Loss(StrEnum):
    """The kinds of loss that are reported about a device."""

    MISPLACED = "misplaced"
    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Identity:
    """The details that identify a person. Two users with the same details are the same person."""

    birth_date: str
    """A date in the form 1980-12-31."""
    citizenship: str
    """A country code of two letters, for example CH."""
    residence: str
    document_type: str
    """One of passport, id, licence, and ssn. The last is for citizens and residents of the US."""
    document_number: str
