"""The life of a card compared with the model: requests, deposits, parcels and PINs."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from math import inf

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from tests.host.login.card_rules import Cards, pins
from tests.host.login.driver import ACCOUNT
from tests.host.login.machine import cases, names, numbers
from tests.host.login.model import (  # fmt: skip
    ACTIVE,
    GONE,
    OPEN,
    SHIPPED,
    WAIT_SECONDS,
    Item,
    Order,
    Person,
    business_days_between,
    day,
)
from tests.host.login.scenario import DAY

from dsc_host import CardClient
from dsc_host.login import (
    Kind,
    LoginError,
    Loss,
    NotAllowed,
    NotFound,
    NotNow,
    OrderState,
    Request,
    Scope,
)  # fmt: skip
from dsc_host.login.model import HoldState
from dsc_host.login.rows import holds
from dsc_simulator import SimulatedCard

askers = st.sampled_from(["primary", "primary", "primary", "anna", "ben", "carl"])


class CardLife(Cards):
    """The steps from the request to the card, and those of its deposit."""

    def people_move_in(self) -> None:
        super().people_move_in()
        self.spare, self.spare_equity = (
            self.scenario.system.operator.add_account(self.scenario.entities["anna"], Decimal(0)),
            Decimal(0),
        )
        self.blanks: list[SimulatedCard] = []

    def teardown(self) -> None:
        super().teardown()
        for card in getattr(self, "blanks", ()):
            card.close()

    def waiting(self, person: Person) -> list[Item]:
        """Return the devices to activate. A card that is still with the issuer is not among them."""
        there = [order.item for order in self.orders if order.state is OrderState.PERSONALIZED]
        return [item for item in super().waiting(person) if item not in there]

    @rule(equity=st.sampled_from(["0", "19.99", "20", "39.99", "40"]))
    def the_money_of_an_account_changes(self, equity: str) -> None:
        """Change the equity of an account of anna's that nobody uses, but that may hold the deposits for cards."""
        self.spare_equity = Decimal(equity)
        self.system.operator.set_equity(self.spare, self.spare_equity)

    @rule(name=names, number=numbers, by=askers, pin=pins, then=st.sampled_from(["sent", "made", "waits"]), spare=st.booleans())
    def a_card_is_requested(self, name: str, number: int, by: str, pin: str, then: str, spare: bool) -> None:
        owner = self.people[name]
        opened = self.inside(owner.account if by == "primary" else by, number, Scope.FULL)
        if opened is None:
            return
        first = opened.item is not None and opened.item.kind is Kind.TEMPORARY_CODE
        account = self.spare if spare else None
        if refusal := NotNow if first else self.why_no_card(opened.person, owner) or self.why_not_held(opened.person, spare):
            with pytest.raises(refusal):
                self.system.draft_request(opened.token, pin, name=name, account=account)
            return
        draft = self.system.draft_request(opened.token, pin, name=name, account=account)
        waits = self.now + WAIT_SECONDS if self.temporary_opened(opened) else -inf
        self.orders.append(Order(self.system.confirm_request(opened.token, draft.id).id, owner, pin, waits=waits, spare=spare))
        if then != "waits":
            self.made(then == "sent")

    def why_no_card(self, person: Person, owner: Person) -> type[LoginError] | None:
        if not person.primary:
            return NotAllowed
        if owner.account != person.account:
            return NotFound
        open_ones = [order for order in self.orders if order.owner is owner and order.state in OPEN]
        in_use = [item for item in owner.own(Kind.DSC_PLUS) if item.state is ACTIVE]
        return NotNow if open_ones or in_use else None

    def why_not_held(self, person: Person, spare: bool) -> type[LoginError] | None:
        """Return why an account does not hold 20 USD more. The people's own accounts have enough."""
        if not spare:
            return None
        held = sum(20 for order in self.orders if order.spare and order.hold is HoldState.HELD)
        return NotFound if person.account != "anna" else NotNow if self.spare_equity < held + 20 else None

    @rule(name=names, number=numbers, which=numbers)
    @precondition(lambda self: self.orders)
    def a_request_is_taken_back(self, name: str, number: int, which: int) -> None:
        person, opened, order = self.people[name], self.inside(name, number, *ACCOUNT), self.pick(self.orders, which)
        if opened is None:
            return
        if order.owner is not person and not (person.primary and order.owner.account == person.account):
            with pytest.raises(NotFound):
                self.system.cancel_request(opened.token, order.id)
        elif order.state is not OrderState.REQUESTED:
            with pytest.raises(NotNow):
                self.system.cancel_request(opened.token, order.id)
        else:
            self.system.cancel_request(opened.token, order.id)
            self.not_wanted(order)

    @rule(sent=st.booleans())
    @precondition(lambda self: any(order.state is OrderState.REQUESTED for order in self.orders))
    def the_cards_are_made(self, sent: bool) -> None:
        self.made(sent)

    def made(self, sent: bool) -> None:
        @contextmanager
        def blank(_: Request) -> Iterator[CardClient]:
            self.blanks.append(SimulatedCard())
            with CardClient.open(self.blanks[-1].url) as client:
                yield client

        def told(_number: int, _of: int, request: Request) -> None:
            order = next(each for each in self.orders if each.id == request.id)
            order.state = OrderState.PERSONALIZED
            order.item = self.add(
                order.owner,
                Kind.DSC_PLUS,
                state=SHIPPED,
                serial=request.serial,
                card=self.blanks[-1],
                pin=order.pin,
                waits=order.waits,
            )

        self.system.operator.make_cards(blank, told)
        for order in self.orders:
            assert order.state is not OrderState.REQUESTED
            if sent and order.state is OrderState.PERSONALIZED:
                self.sent(order)

    def sent(self, order: Order) -> None:
        self.staff.ship(self.staff_of("ivo"), order.id)
        order.state, order.sent = OrderState.SHIPPED, self.now
        self.online_card_lasts(order.owner)

    @rule(which=numbers)
    @precondition(lambda self: any(order.item for order in self.orders))
    def a_card_is_sent(self, which: int) -> None:
        order: Order = self.pick([order for order in self.orders if order.item], which)
        if order.state is OrderState.PERSONALIZED:
            self.sent(order)
        else:
            with pytest.raises(NotNow):
                self.system.operator.ship(order.id)

    @rule(which=numbers)
    @precondition(lambda self: self.coming())
    def a_card_activates_itself(self, which: int) -> None:
        """Check that a card is activated three weeks after it was sent, and not before. Its owner has logged in meanwhile."""
        order: Order = self.pick(self.coming(), which)
        self.clock.now = max(self.now, order.sent + 21 * DAY - 60)
        if order.item and self.soon(order.owner):
            self.inside(order.owner.name, 0, *ACCOUNT)
        self.due()
        self.what_opens_the_door_is_what_the_rules_say()
        self.clock.now = max(self.now, order.sent + 21 * DAY)
        self.due()

    def coming(self) -> list[Order]:
        return [order for order in self.orders if order.state is OrderState.SHIPPED]

    @rule(which=numbers, why=st.sampled_from(["", "lost", "sent back"]), days=st.sampled_from([0, 4, 5]), late=st.booleans())
    @precondition(lambda self: any(order.item for order in self.orders))
    def a_card_does_not_arrive(self, which: int, why: str, days: int, late: bool) -> None:
        """Let a card be lost or overdue for some business days, and keep its deposit. It may arrive later."""
        order: Order = self.pick([order for order in self.orders if order.item], which)
        item = order.item
        assert item
        if why == "lost" and item.state is not GONE:
            self.lose(item, Loss.STOLEN)
        elif why == "sent back":
            self.sent_back(item, which)
        while item.sent is not None and business_days_between(day(item.sent), day(self.now)) < days:
            self.clock.advance(DAY)
        ivo = self.staff_of("ivo")
        overdue = item.sent is not None and business_days_between(day(item.sent), day(self.now)) >= 5
        gone = item.state is GONE and item.sent is None
        if order.hold is HoldState.HELD and not item.received and (gone or overdue):
            assert self.staff.settle(ivo, item.serial) == 2_000
            order.hold = HoldState.KEPT
            if late:
                self.arrived(item)
        else:
            with pytest.raises(NotNow):
                self.staff.settle(ivo, item.serial)

    @invariant()
    def the_money_for_each_card_is_held_once_and_then_released_or_kept(self) -> None:
        if hasattr(self, "scenario"):
            found = self.system.context.read(lambda tx: [(hold.order_id, hold.state) for hold in holds.all(tx.db)])
            assert sorted(found) == sorted((order.id, str(order.hold)) for order in self.orders)


TestCardLife, TestCardLifeAtLength, TestCardLifeOnPostgreSQL = cases(CardLife, 40)
