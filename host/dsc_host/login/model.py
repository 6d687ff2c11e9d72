"""What the login system takes and gives. All are frozen; times are Unix seconds, amounts of money `Decimal`s."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a user may hold to log in with. Their levels, and what they allow, are in the policy."""

    DSC_PLUS = "dsc_plus"
    CODE_CARD = "code_card"
    ONLINE_CARD = "online_card"
    TEMPORARY_CODE = "temporary_code"
    PHONE_APP = "phone_app"
    SMS = "sms"
    VOICE = "voice"


PHYSICAL = (Kind.DSC_PLUS, Kind.CODE_CARD)
"""What can be laid into a hand, and shared."""
TEMPORARY = (Kind.ONLINE_CARD, Kind.TEMPORARY_CODE)
"""What bridges the time until there is something better again."""


class Scope(StrEnum):
    """What a session may do."""

    FULL = "full"
    ACCOUNT = "account"  # the account's pages, and no trading
    TRADING = "trading"  # trading, and none of the account's settings: without a device, after opting out
    STATEMENTS = "statements"  # reading the statements of a closed account


class Role(StrEnum):
    """What a user is to the system. Staff log in as everybody does."""

    CUSTOMER = "customer"
    SUPPORT = "support"  # checks identities, gives temporary codes, takes devices out of use
    ISSUER = "issuer"  # personalises, ships, and takes parcels in
    COMPLIANCE = "compliance"  # decides on sharing


class DeviceState(StrEnum):
    """Where a device is in its life."""

    SHIPPED = "shipped"  # on its way: not to be used before it is activated
    ACTIVE = "active"
    MISPLACED = "misplaced"  # may be found and reactivated
    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    RETURNED = "returned"
    ENDED = "ended"


class UseState(StrEnum):
    """Whether one user may use a device now."""

    ACTIVE = "active"
    PARKED = "parked"  # put aside while another one is shared


class Stage(StrEnum):
    """How far a login is."""

    CHOOSING = "choosing"  # name and password were right
    ANSWERING = "answering"  # the device's element is shown
    ACTIVATING = "activating"  # no login: an app waits for its token
    IN = "in"


class Status(StrEnum):
    """What became of an answer."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WAITING = "waiting"  # nobody has answered on the phone yet


class OrderState(StrEnum):
    """Where a request for a card is."""

    DRAFT = "draft"  # shown as a summary, and not confirmed
    REQUESTED = "requested"
    PERSONALISED = "personalised"
    SHIPPED = "shipped"
    DONE = "done"
    CANCELLED = "cancelled"
    ENDED = "ended"  # its card was lost or sent back before it was activated


class HoldState(StrEnum):
    """What became of money that was held."""

    HELD = "held"
    RELEASED = "released"
    KEPT = "kept"


class ShareState(StrEnum):
    """Where a request to share a device is."""

    DRAFT = "draft"  # the device has not answered yet
    PROVEN = "proven"  # it has; not confirmed
    PENDING = "pending"  # compliance has to decide
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class WaitKind(StrEnum):
    """What waits until it counts."""

    NUMBER = "number"
    CARD = "card"
    OPT_OUT = "opt_out"
    IDENTITY = "identity"


class WaitState(StrEnum):
    """What became of what waits."""

    WAITING = "waiting"
    DONE = "done"
    STOPPED = "stopped"


class Loss(StrEnum):
    """Why a device cannot be used."""

    MISPLACED = "misplaced"
    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"


def is_address(text: object) -> bool:
    """Whether it is one email address, as anna@example.com: one, and with nothing that a mail server takes for more."""
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,128}", text) is not None


LOSSES: Mapping[Loss, DeviceState] = {loss: DeviceState(loss.value) for loss in Loss}


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a person is known: two with the same are the same person."""

    birth_date: str
    """As 1980-12-31."""
    citizenship: str
    """Two letters, as CH."""
    residence: str
    document_type: str
    """passport, id, licence, or ssn for citizens and residents of the US."""
    document_number: str


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device, as its user sees it."""

    id: str
    kind: Kind
    label: str
    """A serial, the end of a phone number, the number of a card: what tells it from another."""
    state: DeviceState
    use: UseState
    shared: bool
    """Whether it belongs to somebody else, or somebody else may use it too."""
    own: bool
    live: bool
    """Whether it opens the door now."""
    expires_at: float | None
    level: int
    """0 is the highest."""
    returnable: bool
    """Whether it is one of those that are to be sent back."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the page shows for a device, and asks for."""

    kind: Kind
    device: str
    label: str
    shows: Mapping[str, str]
    """`challenge`, `indexes`, `number`, `sent_to`: what the kind has of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A login that has begun: name and password were right."""

    token: str = field(repr=False)
    """For the cookie. A new one at each step; the one before is worth nothing then."""
    stage: Stage
    user: str
    choices: tuple[DeviceView, ...] = ()
    may_skip: bool = False
    """Whether the user has opted out, and may go on without a device, to `Scope.TRADING`."""
    offer: Offer | None = None
    scope: Scope | None = None
    """If it is `Stage.IN`."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. If it was accepted, `step` is the way in; if the offer is used up, there is none."""

    status: Status
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is logged in."""

    session: str = field(repr=False)
    """The session's record, not what its cookie holds."""
    user: str
    name: str
    role: Role
    scope: Scope
    primary: bool
    device: str
    language: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Request:
    """A card that was asked for, as its user sees it."""

    id: str
    user: str
    state: OrderState
    address: str
    at: float
    estimate: str
    """A day, as 2026-12-31."""
    shipped_at: float | None
    activates_at: float | None
    hold: Decimal
    held: HoldState | None
    """What became of the money; None until the request is confirmed."""
    account: str
    serial: str


@dataclass(frozen=True, slots=True)
class WaitView:
    """A change that waits, as its owner and support see it."""

    id: str
    user: str
    kind: WaitKind
    what: str
    """A number, masked, or what tells a card from another."""
    at: float
    due_at: float | None
    """When it counts by itself; None if a second person has to confirm it."""
    asked_by: str
    """The member of support who asked for it; empty if the user did."""


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
