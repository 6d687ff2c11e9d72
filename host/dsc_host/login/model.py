"""The values that the login system takes and returns.

All are immutable. Times are in Unix seconds and amounts of money are `Decimal` numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
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
    TRADING = "trading"  # trading without the account's settings: for a login without a device after opting out
    STATEMENTS = "statements"  # only the statements of a closed account


class Role(StrEnum):
    """The role of a user. Staff log in as customers do."""

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

    CHOOSING = "choosing"  # the name and password were correct
    ANSWERING = "answering"  # the page shows the device's challenge
    ACTIVATING = "activating"  # not a login: an app that is being activated waits for its token
    IN = "in"


class Status(StrEnum):
    """The result of an answer."""

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
    """The reason why a device can no longer be used."""

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


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as its user sees it."""

    id: str
    kind: Kind
    label: str
    """A text that distinguishes the device from others: a serial, the end of a phone number, or the number of a code card."""
    state: DeviceState
    use: UseState
    shared: bool
    """Whether two or more users may use the device."""
    own: bool
    live: bool
    """Whether the user can log in with the device now."""
    expires_at: float | None
    activates_at: float | None
    """The Unix time at which the device is activated automatically. None if it is not, or if a `Request` has the time."""
    full_until: float | None
    """The Unix time at which the full access of the device ends; None if it never does."""
    level: int
    """The position in the policy's table of levels: 0 is the highest."""
    returnable: bool
    """Whether the issuer takes the device back."""
    issued: bool
    """Whether devices of this kind are still issued."""
    lasting: bool
    """Whether the device is meant for permanent use. A user with such a device gets no online card."""
    has_sheet: bool
    """Whether the device is a sheet of codes, which are shown until it is activated."""
    changes_pin: bool
    """Whether the user can change the PIN on the device."""
    losses: tuple[Loss, ...]
    """The losses to choose from when the device is reported as lost."""
    removable: bool
    """Whether the owner can remove the device from the account, and can add it again without support."""
    name: str
    """The name that the user has given to the device; empty if there is none."""
    added_at: float
    used_at: float | None
    """The Unix time of the user's last login or proof with the device; None if it is not known."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The challenge of a device, as a page shows it."""

    kind: Kind
    device: str
    label: str
    shows: Mapping[str, str]
    """A mapping with some of the keys `challenge`, `indexes`, `number` and `sent_to`, depending on the kind."""
    digits: bool
    """Whether the answer consists of digits."""
    again_at: float | None = None
    """The Unix time from which a new code may be sent; None if no code is sent, or outside a login."""


@dataclass(frozen=True, slots=True)
class Step:
    """The state of a login after the name and password were accepted."""

    token: str = field(repr=False)
    """The token for the cookie. Each step draws a new token and makes the previous one invalid."""
    stage: Stage
    user: str
    choices: tuple[DeviceView, ...] = ()
    may_skip: bool = False
    """Whether the user has opted out and may continue without a device, with `Scope.TRADING`."""
    offer: Offer | None = None
    scope: Scope | None = None
    """The scope of the session; None before `Stage.IN`."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of an answer.

    After an accepted answer, `step` is the open session. After a wrong answer, it is None while the challenge accepts further
    answers, and otherwise the choice of a device.
    """

    status: Status
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user who is logged in, with the session."""

    session: str = field(repr=False)
    """The id of the session's row. It is not the token in the cookie."""
    user: str
    name: str
    role: Role
    scope: Scope
    primary: bool
    device: str
    language: str
    since: float
    until: float
    extendable_until: float | None
    """The Unix time up to which answers with a finger or a face can extend the session; None if they cannot."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """An open session as its user sees it."""

    id: str
    """The id with which the user ends the session."""
    current: bool
    """Whether this is the current session."""
    scope: Scope
    kind: Kind | None
    """The kind of the device that opened the session; None if the session was opened without a device."""
    label: str
    """A text that distinguishes the device from others of its kind."""
    name: str
    """The user's own name for the device; empty if there is none."""
    began_at: float
    used_at: float
    until: float
    """The Unix time at which the session ends at the latest."""
    extendable_until: float | None
    """The Unix time up to which answers with a finger or a face can extend the session; None if they cannot."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a card, as its user sees it."""

    id: str
    user: str
    state: OrderState
    address: str
    at: float
    estimate: str
    """A date in the form 2026-12-31."""
    shipped_at: float | None
    activates_at: float | None
    hold: Decimal
    held: HoldState | None
    """The state of the deposit; None until the request is confirmed."""
    account: str
    account_name: str
    """The name under which pages show the account, from `people.account_name`."""
    serial: str


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money that was held for a card and then released or kept, or that was charged for a device."""

    id: str
    user: str
    device: str
    """A text that distinguishes the device; empty until the card is made."""
    account_name: str
    """The name under which pages show the account, from `people.account_name`."""
    amount: Decimal
    """The amount that was held; 0 for a charge without a deposit."""
    held_at: float
    state: HoldState
    kept: Decimal
    settled_at: float | None
    """The time at which the money was released or kept; None while it is held, or if an earlier version settled it."""


@dataclass(frozen=True, slots=True)
class WaitView:
    """A change that waits, as its owner and support see it."""

    id: str
    user: str
    kind: WaitKind
    what: str
    """A masked phone number, or a text that distinguishes the card."""
    at: float
    due_at: float | None
    """The time when the change takes effect; None if a second person must confirm it."""
    asked_by: str
    """The name of the support member who asked for the change; empty if the user did."""


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user whom support has found by a search, before the caller is identified."""

    name: str
    person: str
    """The name of the person or company that the user belongs to."""
    closed: bool
    """Whether the account is closed."""


@dataclass(frozen=True, slots=True)
class CallerView:
    """The identified caller, as support sees them."""

    name: str
    person: str
    """The name of the person or company that the user belongs to."""
    language: str
    """The code of the language in which the user gets messages."""
    address: str
    """The postal address, to which a card is sent."""
    opted_out: bool
    closed: bool
    """Whether the account is closed."""
    until: float
    """The Unix time until which the identification is valid."""


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note of support about a user."""

    at: float
    by: str
    """The name of the staff member."""
    text: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The data about themselves that users see and may change."""

    email: str
    asked_email: str
    """The new address to which a code was sent in this session; empty if there is none."""
    address: str
    """The postal address, to which a card is sent."""
    bank: str
    """The masked bank instructions of the account; empty if there are none."""
    primary: bool
    """Whether the user is the account's primary user. Only the primary user may change the bank instructions."""
    opted_out: bool
    """Whether only support may change the profile."""


@dataclass(frozen=True, slots=True)
class ShareView:
    """A request to share a device."""

    id: str
    user: str
    owner: str
    device: str
    kind: Kind
    state: ShareState
    at: float
    offer: Offer | None = None
