"""A small model of the login system's rules: people, their devices, their sessions, and the consequences of events.

It knows nothing about how the system works.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from tests.host.login.phone_app import App
from tests.host.login.scenario import ANNA, CARL, DAY, PASSWORD, PHONE, Scenario
from tests.host.verifier_samples import PIN, Clock

from dsc_host.login import DeviceState, Identity, Kind, Loss, OrderState, Scope, ShareState
from dsc_host.login.devices import kinds
from dsc_host.login.devices.registry import held_by
from dsc_host.login.model import HoldState
from dsc_host.login.transaction import user_named
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
    told: bool = False
    """Whether the owner was notified that it will soon be activated by itself."""
    reminded: str = ""
    """The last reminder that codes by SMS and by call will open the account only."""
    ends: float = inf
    """The announced time from which they do."""

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
    """The devices that the person may use. True means that a device is set aside while another one is shared."""
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
    told: bool = False
    """Whether the owner was notified that the card will soon be activated by itself."""
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


class Rules:
    """The consequences of events. anna, who has a card, and ben share her account; carl has an account of his own."""

    scenario: Scenario
    clock: Clock
    sms_days = 0
    """The days for which codes by SMS and by call open everything; 0 for no end."""

    def people_move_in(self) -> None:
        self.people = {
            "anna": Person("anna", ANNA, "anna"),
            "ben": Person("ben", ANNA, "anna"),
            "carl": Person("carl", CARL, "carl"),
        }
        self.opened: list[Opened] = []
        self.half_way: list[Opened] = []
        self.orders: list[Order] = []
        self.shares: list[Share] = []
        self.waits: dict[tuple[Person, str], float] = {}
        """The times when a new number of somebody takes effect. An empty number means opting out."""
        self.paid: list[tuple[str, float, float]] = []
        self.add(self.people["anna"], Kind.DSC_PLUS, serial="IB3000901")
        self.numbers_are(self.people["ben"], PHONE)
        self.numbers_are(self.people["carl"], "+4915112345678")
        for item in self.items():
            item.made = 0.0  # The scenario is older than the machine.

    # ---- the state ----

    @property
    def now(self) -> float:
        return self.clock.now

    def items(self) -> Iterator[Item]:
        return (item for person in self.people.values() for item in person.own())

    def pick(self, some: list[Any], number: int) -> Any:
        """Return one of them. Small numbers pick the last ones."""
        return some[-1 - number % len(some)]

    def temporary_opened(self, opened: Opened) -> bool:
        """Return whether lasting changes that are begun in this session must wait."""
        return opened.item is not None and opened.item.kind in TEMPORARY

    def left(self, opened: Opened) -> float:
        """Return how much may be withdrawn in this session, by the limits of its device while the device is valid."""
        worth = opened.item in opened.person.live(self.now) and not opened.person.opted_out
        in_day, in_five = LIMITS[opened.item.kind] if opened.item and worth else NOTHING
        days = [(day(at), amount) for account, at, amount in self.paid if account == opened.person.account]
        today, first = day(self.now), five_days_before(day(self.now))
        return min(
            in_day - sum(amount for at, amount in days if at == today),
            in_five - sum(amount for at, amount in days if at >= first),
        )

    # ---- the consequences ----

    def add(self, person: Person, kind: Kind, **what: Any) -> Item:
        """Give a new device to this person and return it."""
        known = {item.id for item in person.uses}
        held = self.scenario.system.context.read(lambda tx: held_by(tx.db, user_named(tx.db, person.name)))
        # Several waits may end at the same time, each with a different number.
        number = what.get("number", "")
        alike = {each.id for each, _ in held if each.kind == kind and kinds.of(each).number(each) == number}
        (new,) = alike - known
        item = Item(kind, person, new, made=self.now, **what)
        person.uses[item] = False
        return item

    def changed(self, person: Person, within: Opened | None = None) -> None:
        """End all earlier sessions of a person, except the one in which the change was made."""
        for each in (*self.opened, *self.half_way):
            if each.person is person and each is not within:
                each.ended = True
        if within and within.person is person:
            within.goes_on = True
            assert self.scenario.system.visitor(within.token), "it goes on"

    def moved(self, item: Item, state: DeviceState, within: Opened | None = None) -> None:
        """Change the state of a device. If it was or becomes active, this is a change for all its users."""
        if ACTIVE in (item.state, state):
            for person in self.people.values():
                if item in person.uses:
                    self.changed(person, within)
        item.state = state
        for order in self.orders:
            if order.item is item and order.state in OPEN:
                if state in (GONE, MISPLACED):
                    order.state = OrderState.ENDED
                elif order.state is OrderState.SHIPPED:
                    order.state = OrderState.DONE
        for share in self.shares:
            if state is GONE and share.item is item and share.state in (ShareState.PENDING, ShareState.DONE):
                self.not_shared(share)

    def activated(self, item: Item, within: Opened | None = None) -> None:
        item.until, item.since = self.now + 21 * DAY if item.kind is Kind.ONLINE_CARD else inf, self.now
        item.owner.uses[item] = False
        self.moved(item, ACTIVE, within)
        for other in item.owner.temporary(self.now):
            if other is not item:
                self.moved(other, GONE, within)
        # A new card replaces all misplaced cards. A card of an old kind replaces only misplaced cards of the same kind.
        for other in item.owner.own(*CARDS) if item.kind is Kind.DSC_PLUS else item.owner.own(item.kind):
            if item.kind in CARDS and other.state is MISPLACED:
                self.moved(other, GONE, within)
        self.online_card_lasts(item.owner)
        if within:
            within.item = item

    def online_card_end(self, card: Item, but: Item | None = None) -> float:
        """Return when an active online card ends: after its days, or a day after its replacements activate automatically."""
        orders = [order for order in self.orders if order.owner is card.owner and order.state is OrderState.SHIPPED]
        due = [max(order.sent + 21 * DAY, order.waits) for order in orders if order.item is not but]
        sheets = [item for item in card.owner.own(Kind.CODE_CARD) if item.state is SHIPPED]
        due += [max(item.made + 21 * DAY, item.waits) for item in sheets]
        return max([card.since + 21 * DAY, *(each + DAY for each in due)])

    def online_card_lasts(self, person: Person) -> None:
        """Set the end of the online card in use, after a replacement was sent or is gone."""
        for card in person.own(Kind.ONLINE_CARD):
            if card.works(self.now):
                card.until = self.online_card_end(card)
                if card.until <= self.now:
                    self.moved(card, GONE)

    def taken_out(self, item: Item, loss: Loss) -> None:
        if loss in (Loss.LOST, Loss.STOLEN):
            for number in {item.number} if item.number else set(item.owner.numbers) if item.app else set():
                self.forgotten(item.owner, number)
        self.moved(item, MISPLACED if item.kind in CARDS and loss is Loss.MISPLACED else GONE)
        self.online_card_lasts(item.owner)

    def forgotten(self, person: Person, number: str, within: Opened | None = None) -> None:
        person.numbers.discard(number)
        for item in person.own(*SENT):
            if item.number == number:
                self.moved(item, GONE, within)

    def numbers_are(self, person: Person, number: str, within: Opened | None = None) -> None:
        """Send codes to this number from now on, and to no other one."""
        person.numbers.add(number)
        for kind in SENT:
            live = [item for item in person.own(kind) if item.state is ACTIVE]
            before = [item for item in live if item.number != number]
            for item in before:
                self.moved(item, GONE, within)
            if len(before) == len(live):
                new = self.add(person, kind, number=number)
                for item in before:  # Another number does not begin the days anew.
                    new.made, new.reminded, new.ends = item.made, item.reminded, item.ends

    def not_wanted(self, order: Order) -> None:
        order.state, order.hold = OrderState.CANCELLED, HoldState.RELEASED

    def shared(self, share: Share, within: Opened | None = None) -> None:
        share.state = ShareState.DONE
        share.aside = [item for item in share.user.live(self.now) if item.kind in PHYSICAL]
        share.user.uses |= dict.fromkeys(share.aside, True) | {share.item: False}
        self.changed(share.user, within)

    def not_shared(self, share: Share, within: Opened | None = None) -> None:
        share.state = ShareState.CANCELLED
        share.user.uses.pop(share.item, None)
        share.user.uses |= {item: False for item in share.aside if item in share.user.uses}
        goes_on = within and within.person is share.user and within.item is not share.item
        self.changed(share.user, within if goes_on else None)

    def no_more_shared(self, which: Callable[[Share], bool]) -> None:
        for share in self.shares:
            if share.state in (ShareState.PENDING, ShareState.DONE) and which(share):
                self.not_shared(share)

    def closed(self, person: Person) -> None:
        person.closed = True
        for item in list(person.uses):
            if item.owner is not person:
                del person.uses[item]
            elif item.state is not GONE:
                self.moved(item, GONE)
        self.no_more_shared(lambda share: person in (share.user, share.item.owner))
        self.changed(person)
        for order in self.orders:
            if order.owner is person and order.state is OrderState.REQUESTED:
                self.not_wanted(order)

    # ---- the passing of time ----

    def counts(self, person: Person, number: str) -> None:
        """Let a waiting change take effect: a number, or opting out."""
        del self.waits[person, number]
        if person.closed or (not number and person.opted_out):
            return
        if not number:
            person.opted_out = True
        elif any(item.kind is Kind.PHONE_APP for item in person.live(self.now)):
            person.numbers.add(number)
        else:
            self.numbers_are(person, number)
        self.changed(person)

    def is_due(self) -> None:
        for (person, number), due in sorted(self.waits.items(), key=lambda each: each[1]):
            if self.now >= due:
                self.counts(person, number)
        for person in self.people.values() if self.sms_days else ():
            self.is_reminded(person)
        for item in self.items():
            if item.state in (ACTIVE, SHIPPED) and self.now >= item.until:
                self.moved(item, GONE)
        for order in self.orders:
            left = order.sent + 21 * DAY - self.now
            if order.state is OrderState.SHIPPED and order.item and left <= 0 and order.told:
                self.activated(order.item)
            elif order.state is OrderState.SHIPPED and left <= DAY:
                order.told = True
        for item in list(self.items()):
            left = item.made + 21 * DAY - self.now
            if item.kind is Kind.CODE_CARD and item.state is SHIPPED and self.now >= item.waits:
                if left <= 0 and item.told:
                    self.activated(item)
                elif left <= DAY:
                    item.told = True

    def is_reminded(self, person: Person) -> None:
        """Announce the end of the days of SMS, a week and a day before."""
        live = [item for item in person.live(self.now) if item.kind in SENT]
        if not any(item.made <= self.now - (self.sms_days - 7) * DAY and item.reminded != "imminent" for item in live):
            return
        first = [max(item.made + self.sms_days * DAY, self.now + 7 * DAY) for item in live]
        ends = min(now_first if item.ends == inf else item.ends for item, now_first in zip(live, first, strict=True))
        stage = "imminent" if ends - self.now <= DAY else "near"
        for item in live:
            if item.reminded not in (stage, "imminent"):
                item.reminded, item.ends = stage, max(ends, item.made + self.sms_days * DAY)

    def edges(self) -> list[tuple[float, Person, Item]]:
        """Return the times at which a validity ends, with the person and the device."""
        live = [item for item in self.items() if item.state is ACTIVE]
        edges = [(item.until, item.owner, item) for item in live if item.until < inf]
        edges += [(item.full_until(), item.owner, item) for item in live if item.full_until() < inf]
        return [each for each in edges if each[0] > self.now]
