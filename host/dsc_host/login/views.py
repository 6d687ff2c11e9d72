"""The values that the login system returns to its callers.

All are immutable. Times are in Unix seconds and amounts of money are `Decimal` numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from dsc_host.login.model import (
    DeviceState,
    HoldState,
    Identity,
    Kind,
    Loss,
    OrderState,
    Role,
    Scope,
    ShareState,
    Stage,
    Status,
    UseState,
    WaitKind,
)


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as its user sees it."""

    id: str
    kind: Kind
    label: str
    """A text that distinguishes the device from others: a serial, a masked phone number, or the number of a code card."""
    state: DeviceState
    use: UseState
    shared: bool
    """Whether two or more users may use the device."""
    own: bool
    """Whether the user owns the device."""
    live: bool
    """Whether the user can log in with the device now."""
    expires_at: float | None
    activates_at: float | None
    """The Unix time at which a code card is activated automatically; None for other kinds. For cards, see `Request`."""
    waits_until: float | None
    """The Unix time before which the device cannot be activated; None if it does not wait."""
    full_until: float | None
    """The Unix time at which the full access of the device ends; None if it never ends, or its end is not known yet."""
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
    """The losses of the device that a caller can report to support."""
    removable: bool
    """Whether the owner can remove the device without support, and later add it again without support."""
    name: str
    """The name that the user has given to the device; empty if there is none."""
    added_at: float
    used_at: float | None
    """The Unix time of the user's last login or step-up with the device; None if it is not known."""


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
    """The Unix time from which a new code may be sent. Only `LoginSystem.step` sets it, for devices to which codes are sent."""
    sent_at: float | None = None
    """The Unix time at which a code was sent; None for devices to which no code is sent."""
    left: int = 1
    """The number of answers that are still accepted, the next one included."""
    letters: int | None = None
    """The number of characters of each code of a code card; None for other kinds."""


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code that was sent in a session to confirm a phone number or an email address."""

    to: str
    """The masked number, or the address."""
    again_at: float
    """The Unix time from which a new code may be sent."""
    sent_at: float
    """The Unix time at which the code was sent."""
    left: int
    """The number of codes that may still be entered, the next one included."""


@dataclass(frozen=True, slots=True)
class Step:
    """The state of a login after the name and password were accepted."""

    token: str = field(repr=False)
    """The token for the cookie. Each step draws a new token and makes the previous token invalid."""
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

    After an accepted answer, `step` is the open session. After a wrong answer, `step` is None while the challenge accepts
    further answers. After the last wrong answer, `step` is the choice of a device. While a push is unanswered, `step` is None.
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
    """The name that the user has given to the device; empty if there is none."""
    began_at: float
    used_at: float
    until: float
    """The Unix time at which the session ends at the latest."""
    extendable_until: float | None
    """The Unix time up to which answers with a finger or a face can extend the session; None if they cannot."""
    address: str
    """The IP address from which the user logged in; empty if it is not known."""
    browser: str
    """The name of the browser with which the user logged in; empty if it is not known."""


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
    kind: Kind | None = None
    """The kind of the device; None until the card is made."""
    device_state: DeviceState | None = None
    """The state of the device; None until the card is made."""
    device_since: float | None = None
    """The time since which the device is in this state, for example lost; None until the card is made."""
    received_at: float | None = None
    """The time at which the issuer received the card back; None if it did not."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The amount that the issuer would keep or charge for a device, with the device's owner."""

    user: str
    """The user name of the device's owner."""
    account_name: str
    """The name of the account that holds the deposit, or that would be charged."""
    device: str
    """A text that distinguishes the device."""
    state: DeviceState
    amount: Decimal


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

    person: str
    """The name of the person or company that the user belongs to."""
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
    temporary: bool = False
    """Whether a temporary device opened the session, in which the profile cannot be changed."""

    @property
    def changeable(self) -> bool:
        """Whether the user may change the profile in this session."""
        return not self.opted_out and not self.temporary


@dataclass(frozen=True, slots=True)
class Payout:
    """The account from which money is withdrawn, and where the money goes."""

    owner: str
    """The name of the person or company that the account belongs to."""
    bank: str
    """The masked bank instructions; empty if there are none."""
    arrives: str
    """The day on which money that is withdrawn now arrives at the latest, in the form 2026-12-31."""


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


@dataclass(frozen=True, slots=True)
class CheckedPerson:
    """A person about whom compliance decides."""

    name: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of staff about a request to share a device, or about the correction of an identity."""

    user: str
    owner: str
    """The user name of the device's owner; empty for a correction."""
    device: str
    kind: Kind | None
    """The kind of the device; None for a correction."""
    agreed: bool
    by: str
    at: float | None
    """The time of the decision; None if an earlier version recorded it."""
    why: str
    """The reason that was given; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Return:
    """The return of a card to the issuer."""

    serial: str
    user: str
    tracking: str
    sent_at: float
    expected: tuple[str, str]
    """The first and the last business day on which the card is expected, in the form 2026-12-31."""
    received_at: float | None
    """The time when the issuer received the card; None while the card is on its way."""
