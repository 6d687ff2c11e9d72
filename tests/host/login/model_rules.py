"""The rules of the small model of the login system: the consequences of events for people, devices and sessions."""

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from tests.host.login.model import (
    ACTIVE,
    CARDS,
    GONE,
    LIMITS,
    MISPLACED,
    NOTHING,
    OPEN,
    PHYSICAL,
    SENT,
    SHIPPED,
    TEMPORARY,
    Item,
    Opened,
    Order,
    Person,
    Share,
    day,
    five_days_before,
)
from tests.host.login.scenario import ANNA, CARL, DAY, PHONE, Scenario
from tests.host.verifier_samples import Clock

from dsc_host.login import DeviceState, Kind, Loss, OrderState, ShareState
from dsc_host.login.devices import kinds
from dsc_host.login.devices.registry import held_by
from dsc_host.login.model import HoldState
from dsc_host.login.transaction import user_named


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
        """Return one of them. Small numbers pick the last elements."""
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
        """End all earlier sessions of a person, except the session in which the change was made."""
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
        due = [max(order.sent + 21 * DAY, order.waits, order.told) for order in orders if order.item is not but]
        sheets = [item for item in card.owner.own(Kind.CODE_CARD) if item.state is SHIPPED]
        due += [max(item.made + 21 * DAY, item.waits, item.told) for item in sheets]
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
        self.moved(item, MISPLACED if loss is Loss.MISPLACED else GONE)
        self.online_card_lasts(item.owner)

    def forgotten(self, person: Person, number: str, within: Opened | None = None) -> None:
        person.numbers.discard(number)
        for item in person.own(*SENT):
            if item.number == number:
                self.moved(item, GONE, within)

    def numbers_are(self, person: Person, number: str, within: Opened | None = None) -> None:
        """Send codes to this number from now on, and to no other number."""
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
            due = max(order.sent + 21 * DAY, order.waits)
            if order.state is OrderState.SHIPPED and order.item:
                self.activates_itself(order, order.item, due)
        for item in list(self.items()):
            if item.kind is Kind.CODE_CARD and item.state is SHIPPED:
                self.activates_itself(item, item, max(item.made + 21 * DAY, item.waits))

    def activates_itself(self, each: Item | Order, item: Item, due: float) -> None:
        """Activate a card at the time of which its owner was notified, a day after this notice or later."""
        if each.told == -inf and due - self.now <= DAY:
            each.told = max(due, self.now + DAY)
            self.online_card_lasts(item.owner)
        elif each.told > -inf and self.now >= max(due, each.told):
            self.activated(item)

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
