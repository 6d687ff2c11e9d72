"""A small model of the login system's rules: people, their devices, their sessions, and the consequences of events.

It knows nothing about how the system works.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from tests.host.login.phone_app import App
from tests.host.login.scenario import DAY, PASSWORD
from tests.host.verifier_samples import PIN

from dsc_host.login import DeviceState, Identity, Kind, Loss, OrderState, Scope, ShareState
from dsc_host.login.model import HoldState
from dsc_simulator import SimulatedCard

OLD = (Kind.PLATINUM, Kind.GOLD, Kind.DIGITAL_CARD)
"""The kinds of cards that are no longer issued."""
CARDS = (Kind.DSC_PLUS, *OLD)
PHYSICAL = (*CARDS, Kind.CODE_CARD)
LASTING = (*PHYSICAL, Kind.PHONE_APP)
TEMPORARY = (Kind.TEMPORARY_CODE, Kind.ONLINE_CARD)
SENT = (Kind.SMS, Kind.VOICE)
ACTIVE, SHIPPED, MISPLACED = DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED
GONE = DeviceState.ENDED
"""The states in which a device is permanently out of use."""
OPEN = (OrderState.REQUESTED, OrderState.PERSONALIZED, OrderState.SHIPPED)
MESSAGES, NOTHING = (200_000, 600_000), (50_000, 100_000)
LIMITS = {
    Kind.DSC_PLUS: (inf, inf),
    Kind.PLATINUM: (inf, inf),
    Kind.GOLD: (inf, inf),
    Kind.DIGITAL_CARD: (1_000_000, 1_500_000),
    Kind.PHONE_APP: (1_000_000, 1_000_000),
    Kind.CODE_CARD: MESSAGES,
    Kind.ONLINE_CARD: MESSAGES,
    Kind.SMS: MESSAGES,
    Kind.VOICE: MESSAGES,
    Kind.TEMPORARY_CODE: NOTHING,
}
HOLIDAYS = {date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1), date(2027, 1, 18), date(2027, 2, 15)}
ZONE = ZoneInfo("America/New_York")
WAIT_SECONDS = 5 * DAY
"""The days for which changes wait that a temporary device or support has begun."""
PROOF_SECONDS = 300
"""The seconds for which a device's answer in a session counts."""
START = datetime(2026, 11, 20, 4, 30, tzinfo=UTC).timestamp()
"""Half an hour before midnight in New York, on a Thursday, a week before a holiday."""


@dataclass(eq=False)
class Item:
    """A device and its state."""

    kind: Kind
    owner: "Person"
    id: str
    state: DeviceState = ACTIVE
    until: float = inf
    made: float = 0.0
    since: float = 0.0
    """The time at which it was activated."""
    serial: str = ""
    number: str = ""
    codes: tuple[str, ...] = ()
    asked: str = ""
    """The index numbers that were asked for and not answered yet."""
    pin: str = PIN
    app: App | None = None
    card: SimulatedCard | None = None
    sent: float | None = None
    """The time when it was sent back, and whether it has arrived."""
    received: bool = False
    waits: float = -inf
    """The time before which it cannot be activated."""
    told: float = -inf
    """The time at which it activates itself, as its owner was notified a day before or earlier."""
    reminded: str = ""
    """The last reminder that codes by SMS and by call will open the account only."""
    ends: float = inf
    """The announced time from which they do."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The losses that support records."""
        return tuple(Loss) if self.kind in CARDS else (Loss.LOST,)

    def works(self, now: float) -> bool:
        return self.state is ACTIVE and now < self.until

    def gives(self, now: float) -> Scope:
        return Scope.ACCOUNT if now >= self.full_until() else Scope.FULL

    def full_until(self) -> float:
        return self.made + 2 * DAY if self.kind is Kind.TEMPORARY_CODE else self.ends


@dataclass(eq=False)
class Person:
    """A user with their devices and settings."""

    name: str
    who: Identity
    account: str
    uses: dict[Item, bool] = field(default_factory=dict)
    """The devices that the person may use. True means that a device is set aside while another device is shared."""
    numbers: set[str] = field(default_factory=set)
    email: str = ""
    password: str = PASSWORD
    opted_out: bool = False
    closed: bool = False
    wrong: Counter[Item] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.email = f"{self.name}@example.com"

    @property
    def primary(self) -> bool:
        return self.name == self.account

    def live(self, now: float) -> list[Item]:
        return [item for item, aside in self.uses.items() if not aside and item.works(now)]

    def temporary(self, now: float) -> list[Item]:
        """Return the temporary devices in use, and the online cards that are not activated yet."""
        return [item for item in self.own(*TEMPORARY) if item.state in (ACTIVE, SHIPPED) and now < item.until]

    def unprotected(self, now: float) -> bool:
        """Return whether the person has opted out, or has no device that opens everything."""
        strong = [item for item in self.live(now) if item.gives(now) is Scope.FULL]
        return self.opted_out or not strong

    def own(self, *kinds: Kind) -> list[Item]:
        return [item for item in self.uses if item.owner is self and item.kind in (kinds or tuple(Kind))]


@dataclass(eq=False)
class Opened:
    """A session or a login in progress, with its user and the device that opened it, if any."""

    token: str
    person: Person
    item: Item | None
    ended: bool = False
    """Whether the session must have ended."""
    goes_on: bool = False
    """Whether a change was made in the session. It then outlasts the device that opened it."""
    scope: Scope | None = None
    """The current scope; None if the session has ended."""
    proven: float = -inf
    """The time when a device last answered in it."""
    shows: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    app: Item | None = None
    """The app that opened it with a finger. Such a session lasts until `until` unless it was ended."""
    until: float = inf
    latest: float = inf
    """The time beyond which nothing extends it."""


def day(at: float) -> date:
    return datetime.fromtimestamp(at, ZONE).date()


def business(each: date) -> bool:
    return each.isoweekday() < 6 and each not in HOLIDAYS


def five_days_before(last: date) -> date:
    """Return the first day of the longest period that ends now and has five business days."""
    first, counted = last, int(business(last))
    while counted < 5 or not business(first - timedelta(days=1)):
        first -= timedelta(days=1)
        counted += business(first)
    return first


def business_days_between(first: date, last: date) -> int:
    """Return the number of business days between two days, without these."""
    return sum(business(first + timedelta(days=each)) for each in range(1, (last - first).days))


@dataclass(eq=False)
class Order:
    """A request for a card, with its deposit."""

    id: str
    owner: Person
    pin: str
    state: OrderState = OrderState.REQUESTED
    hold: HoldState = HoldState.HELD
    item: Item | None = None
    sent: float = 0.0
    waits: float = -inf
    """The time before which its card cannot be activated."""
    told: float = -inf
    """The time at which the card activates itself, as the owner was notified a day before or earlier."""
    spare: bool = False
    """Whether the deposit is held on the account that nobody uses."""


@dataclass(eq=False)
class Share:
    """A request of a user to use another user's device, or the use of it."""

    id: str
    user: Person
    item: Item
    within: Opened
    until: float
    state: ShareState = ShareState.PROVEN
    aside: list[Item] = field(default_factory=list)
