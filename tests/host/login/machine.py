"""A machine that compares the login system with a small model of its rules. Its test modules share it.

The model holds the people, their devices, and the sessions that were opened. The machine checks every session after every step:

- A session has ended if its user's password, PIN, devices or choices have changed since, unless they were changed in it.
- The user of a session has a valid device, has opted out, or sees the statements of a closed account.
- Nobody may do more than what their devices give.
- Withdrawals from an account never exceed the limit of the device that they were made with, over midnights, weekends and
  changes of devices.

At the end everybody logs in again, with the help of support if necessary, and the log is verified.
"""

from contextlib import ExitStack
from decimal import Decimal
from itertools import count
from math import inf
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.host.databases import POSTGRESQL, SQLITE
from tests.host.login.driver import ACCOUNT, Driver
from tests.host.login.model import (  # fmt: skip
    GONE,
    LASTING,
    MISPLACED,
    OLD,
    SHIPPED,
    START,
    Item,
    Opened,
    Person,
)
from tests.host.login.scenario import DAY, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.errors import InputError
from dsc_host.login import Kind, Loss, NotAllowed, NotFound, NotNow, Scope
from dsc_host.login.devices.registry import Held, live_of
from dsc_host.login.transaction import LoginTransaction, user_named

names = st.sampled_from(["anna", "ben", "carl"])
numbers = st.integers(0, 5)
_FEW = 3


class Machine(Driver, RuleBasedStateMachine):
    """The steps that can happen to all people, and the invariants that always hold."""

    database_kind = SQLITE

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.clock.now = START
        self.copied = ExitStack()
        self.old_serials = (f"OLD-{number}" for number in count(1))
        # Other tests cover the limit on messages in a day.
        many = {"messages_to_user": 10**6}
        self.scenario = self.copied.enter_context(
            new_scenario(self.clock, self.database_kind, login=many, sms={"days": self.sms_days})
        )
        self.system, self.staff = self.scenario.system, self.scenario.system.staff
        self.people_move_in()

    def teardown(self) -> None:
        if hasattr(self, "scenario"):
            self.clock.advance(DAY)
            self.comes_to_an_end()
            assert self.scenario.verifier.audit.check().sound
            self.copied.close()

    def comes_to_an_end(self) -> None:
        """Let everybody log in again, then close all accounts and check that no device works any more."""
        for person in self.people.values():
            if not person.closed:
                self.is_let_in_again(person)
        for name in ("carl", "anna"):
            if opened := self.inside(name, 0, Scope.FULL):
                self.close(opened)
            self.what_opens_the_door_is_what_the_rules_say()
            self.nobody_is_in_without_a_live_device_nor_for_more_than_it_gives()

    def is_let_in_again(self, person: Person) -> None:
        if not self.soon(person):
            self.temporary(person)
            opened = self.enter(person, self.soon(person)[0])
            assert opened
            self.activate(opened, self.online_card(opened))
        for item in self.soon(person):
            assert item not in self.soon(person) or self.enter(person, item)

    # ---- the steps ----

    @rule(seconds=st.sampled_from([60, 1_700, 3_600, DAY // 2, DAY, 4 * DAY, 6 * DAY, 21 * DAY]), due=st.booleans())
    def time_passes(self, seconds: int, due: bool) -> None:
        self.clock.advance(seconds)
        if due:
            self.due()

    @rule(number=numbers, which=numbers, when=st.sampled_from(["just before", "then", "and it is done"]))
    @precondition(lambda self: self.edges())
    def time_comes_when_something_is_over(self, number: int, which: int, when: str) -> None:
        """Let a validity end. The people it concerns log in just before."""
        edge, person, item = self.pick(self.edges(), which)
        self.clock.now = max(self.now, edge - 60)
        if item in self.soon(person):
            self.enter(person, item)
        else:
            self.inside(person.name, number, *ACCOUNT)
        if when != "just before":
            self.clock.now = max(self.now, edge)
        if when == "and it is done":
            self.due()

    @rule(name=names, number=numbers, manual=st.booleans())
    def somebody_logs_in(self, name: str, number: int, manual: bool) -> None:
        person = self.people[name]
        if live := self.soon(person):
            assert self.enter(person, self.pick(live, number), manual=manual)

    @rule(name=names)
    def support_gives_a_temporary_code(self, name: str) -> None:
        person = self.people[name]
        if person.closed:
            with pytest.raises(NotNow, match="closed"):
                self.staff.give_temporary_code(self.desk(person))
        else:
            self.temporary(person)

    @rule(name=names, number=numbers, loss=st.sampled_from(Loss))
    def a_device_is_lost(self, name: str, number: int, loss: Loss) -> None:
        person, desk = self.people[name], self.desk(self.people[name])
        if not person.uses:
            return
        item: Item = self.pick(person.live(self.now) or list(person.uses), number)
        if item.owner is not person or item.state is GONE:
            with pytest.raises((InputError, NotFound, NotNow)):
                self.staff.report_loss(desk, item.id, loss)
        elif loss not in item.losses:
            with pytest.raises(InputError, match="loss"):
                self.staff.report_loss(desk, item.id, loss)
        else:
            self.lose(item, loss)

    def lose(self, item: Item, loss: Loss) -> None:
        self.all_come_in(item)
        self.staff.report_loss(self.desk(item.owner), item.id, loss)
        self.taken_out(item, loss)

    @rule(name=names, number=numbers, activated=st.booleans())
    def support_issues_a_card_of_codes(self, name: str, number: int, activated: bool) -> None:
        self.gets_a_card_of_codes(name, number, activated)

    def gets_a_card_of_codes(self, name: str, number: int, activated: bool) -> None:
        person, desk = self.people[name], self.desk(self.people[name])
        if person.closed:
            with pytest.raises(NotNow, match="closed"):
                self.staff.issue_code_card(desk)
            return
        _, codes = self.staff.issue_code_card(desk)
        item = self.card_of_codes(person, Kind.CODE_CARD, codes)
        if activated:
            self.scenario.waited(name)
            item.waits = -inf
            for whose, phone in list(self.waits):
                if whose is person:
                    self.counts(person, phone)
            for each in (*person.own(), *(order for order in getattr(self, "orders", ()) if order.owner is person)):
                each.waits = -inf
        if activated and (opened := self.inside(name, number, *ACCOUNT)):
            self.activate(opened, item)

    @rule(name=names, kind=st.sampled_from(OLD), again=st.booleans())
    def the_operator_gives_a_card_of_old(self, name: str, kind: Kind, again: bool) -> None:
        """Give a card that is no longer issued to somebody, and try to give the same card once more."""
        # A refused card stays in the verifier's records, so no two calls take the same serial.
        person, serial = self.people[name], next(self.old_serials)
        if person.closed:
            with pytest.raises(InputError, match="closed"):
                self.scenario.give_card(name, serial, kind)
            return
        self.scenario.give_card(name, serial, kind)
        self.add(person, kind, serial=serial)
        self.changed(person)
        if again:
            refusal = "closed" if self.people["carl"].closed else "already belongs"
            with pytest.raises(InputError, match=refusal):
                self.system.operator.enroll_card("carl", serial, Kind.DSC_PLUS)

    @rule(name=names, number=numbers, activated=st.booleans())
    def an_online_card_is_requested(self, name: str, number: int, activated: bool) -> None:
        """Request an online card. A second online card is refused while the first is in use."""
        opened = self.inside(name, number, *ACCOUNT)
        if opened is None:
            return
        has = {item.kind for item in opened.person.live(self.now)}
        in_use = bool(has & {*LASTING, Kind.ONLINE_CARD})
        if not in_use and Kind.TEMPORARY_CODE in has:
            card = self.online_card(opened)
            if not activated:
                return
            self.activate(opened, card)
            in_use = True
        with pytest.raises(NotNow, match="in use" if in_use else "call support first"):
            self.system.request_online_card(opened.token)

    def waiting(self, person: Person) -> list[Item]:
        """Return the devices that this person has and may activate."""
        return [item for item in person.own() if item.state in (SHIPPED, MISPLACED)]

    @rule(number=numbers, which=numbers)
    @precondition(lambda self: any(self.waiting(person) for person in self.people.values()))
    def a_device_is_activated(self, number: int, which: int) -> None:
        item: Item = self.pick([item for person in self.people.values() for item in self.waiting(person)], which)
        self.all_come_in(item)
        if opened := self.inside(item.owner.name, number, *ACCOUNT):
            self.activate(opened, item)

    @rule(name=names, number=numbers, amount=st.sampled_from(["half", "one more", "all", "a lot"]), poor=st.booleans())
    def money_is_taken_out(self, name: str, number: int, amount: str, poor: bool) -> None:
        """Withdraw money in a session by the weakest or by any device, and then in all other sessions of this person."""
        if poor and not self.people[name].closed:
            self.temporary(self.people[name])
            self.enter(self.people[name], self.soon(self.people[name])[-1])
        first = self.inside(name, number, Scope.FULL, Scope.TRADING)
        if first is None:
            return
        for opened in {first: True, **dict.fromkeys(self.opened)}:
            if opened.person is first.person and self.scope_of(opened) in (Scope.FULL, Scope.TRADING):
                left = self.left(opened)
                some = {"half": left // 2, "one more": max(left, 0) + 1, "all": left}.get(amount, 2_000_000)
                if 0 < some < inf:
                    assert bool(self.system.withdraw(opened.token, Decimal(some))) == (some <= left)
                    self.paid += [(opened.person.account, self.now, some)] if some <= left else []

    @rule(name=names, number=numbers)
    @precondition(lambda self: len(self.opened) > 10)
    def an_account_is_closed(self, name: str, number: int) -> None:
        opened = self.inside(name, number, Scope.FULL)
        if opened and opened.person.primary:
            self.close(opened)
        elif opened:
            with pytest.raises(NotAllowed, match="ask anna"):
                self.system.close_account(opened.token)

    def close(self, opened: Opened) -> None:
        self.system.close_account(opened.token)
        for person in self.people.values():
            if person.account == opened.person.account:
                self.closed(person)

    @rule(name=names)
    @precondition(lambda self: any(person.closed for person in self.people.values()))
    def a_closed_account_has_statements_only(self, name: str) -> None:
        person = self.people[name]
        if person.closed:
            step = self.system.begin(name, person.password)
            assert step.scope is Scope.STATEMENTS
            self.opened.append(Opened(step.token, person, None))
            for call in (self.system.devices, self.system.requests, self.system.opt_in, self.system.close_account):
                with pytest.raises(NotAllowed):
                    call(step.token)
            with pytest.raises(NotAllowed):
                self.system.withdraw(step.token, Decimal(1))

    # ---- the invariants ----

    @invariant()
    def what_opens_the_door_is_what_the_rules_say(self) -> None:
        if hasattr(self, "scenario"):
            live, emails = self.system.context.read(self.devices_and_emails)
            for name, person in self.people.items():
                assert {device.id for device, _ in live[name]} == {item.id for item in person.live(self.now)}, name
                assert emails[name] == person.email

    def devices_and_emails(self, tx: LoginTransaction) -> tuple[dict[str, list[Held]], dict[str, str]]:
        users = {name: user_named(tx.db, name) for name in self.people}
        return {name: live_of(tx, user) for name, user in users.items()}, {name: user.email for name, user in users.items()}

    @invariant()
    def nobody_is_in_without_a_live_device_nor_for_more_than_it_gives(self) -> None:
        for each in getattr(self, "opened", ()):
            each.scope = self.scope_of(each)
            if each.scope:
                self.may_be_in(each, each.scope)

    def may_be_in(self, opened: Opened, scope: Scope) -> None:
        assert not opened.ended
        live = opened.person.live(self.now)
        if opened.person.closed:
            assert scope is Scope.STATEMENTS
        elif opened.item is None:
            assert (scope, opened.person.opted_out) == (Scope.TRADING, True)
        else:
            assert opened.item in live or (opened.goes_on and live)
            assert scope in {Scope.ACCOUNT, *(item.gives(self.now) for item in live)}


def cases(machine: type[Machine], steps: int) -> tuple[Any, Any, Any]:
    """Return the tests of a machine: a few examples, as many as the profile wants (which is long), and a few on PostgreSQL.

    Each example takes as long as many tests. Those on PostgreSQL show that every statement works there too.
    """
    few = settings(max_examples=_FEW, stateful_step_count=steps, deadline=None)
    many = settings(max_examples=settings.default.max_examples // 5, stateful_step_count=steps, deadline=None)
    quick, full, server = (type(machine.__name__, (machine,), {}) for _ in range(3))
    server.database_kind = POSTGRESQL
    for each, how in ((quick, few), (full, many), (server, few)):
        each.TestCase.settings = how
    return quick.TestCase, pytest.mark.long(full.TestCase), pytest.mark.postgresql(server.TestCase)
