"""The rules of the model for what can happen to cards, for the machines in which people have cards."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.host.login.driver import ACCOUNT
from tests.host.login.machine import Machine, numbers
from tests.host.login.model import ACTIVE, CARDS, GONE, OLD, Item

from dsc_host.login import Kind, NotFound, NotNow, Scope
from dsc_host.login.model import HoldState

pins = st.sampled_from(["8246", "7531", "9513"])


class Cards(Machine):
    """The steps that can happen to cards, no matter who uses them."""

    def cards(self) -> list[Item]:
        return [item for item in self.items() if item.kind in CARDS]

    def staff_of(self, name: str) -> str:
        self.clock.advance(20)
        return self.scenario.session(name)

    @rule(number=numbers, which=numbers, pin=pins, right=st.booleans())
    @precondition(lambda self: any(item.state is ACTIVE for item in self.cards()))
    def a_pin_is_changed(self, number: int, which: int, pin: str, right: bool) -> None:
        item: Item = self.pick([item for item in self.cards() if item.state is ACTIVE], which)
        person = self.pick([person for person in self.people.values() if item in person.uses], number)
        self.all_come_in(item)
        opened = self.inside(person.name, number, Scope.FULL)
        if opened is None or item not in person.live(self.now):
            return
        if item.owner is not opened.person:
            with pytest.raises(NotFound):
                self.system.ask_to_change_pin(opened.token, item.id)
            return
        offer = self.system.ask_to_change_pin(opened.token, item.id)
        before, item.pin = item.pin, pin if right else "3141"
        assert self.system.change_pin(opened.token, self.right(item, dict(offer.shows)), pin) == right
        item.pin = pin if right else before
        if right:
            self.moved(item, ACTIVE, opened)
        else:
            self.clock.advance(3_600)

    @rule(number=numbers, which=numbers)
    def a_card_is_sent_back(self, number: int, which: int) -> None:
        self.sent_back(self.pick(self.cards(), which), number)

    def sent_back(self, item: Item, number: int) -> None:
        self.all_come_in(item)
        opened = self.inside(item.owner.name, number, *ACCOUNT)
        if opened is None:
            return
        # Cards of old kinds have other serials than those that are taken back.
        if item.sent is not None or item.kind in OLD:
            with pytest.raises(NotNow):
                self.system.announce_return(opened.token, item.id, "1Z 999")
            return
        self.system.announce_return(opened.token, item.id, "1Z 999")
        item.sent = self.now
        bridge = opened.item if opened.item and opened.item.kind is Kind.ONLINE_CARD else None
        over = bridge is not None and self.online_card_end(bridge, but=item) <= self.now
        within = None if over or opened.item is item else opened
        self.moved(item, GONE, within)
        self.online_card_lasts(item.owner)
        self.changed(opened.person, within)

    @rule(which=numbers)
    def a_card_arrives(self, which: int) -> None:
        """Let a card arrive. Most of these cards were announced."""
        out = [item for item in self.cards() if item.kind not in OLD and not item.received]
        coming = [item for item in out if item.sent is not None] or (out if which == 0 else [])
        if not coming:
            return
        self.arrived(self.pick(coming, which))

    def arrived(self, item: Item) -> None:
        ivo = self.staff_of("ivo")
        self.staff.receive(ivo, item.serial)
        with pytest.raises(NotNow):
            self.staff.receive(ivo, item.serial)
        item.sent, item.received = item.sent or self.now, True
        self.moved(item, GONE)
        self.online_card_lasts(item.owner)
        for order in self.orders:
            if order.item is item and order.hold is HoldState.HELD:
                order.hold = HoldState.RELEASED
