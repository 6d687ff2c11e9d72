"""The login system against its rules as a small model: people, devices, support and time, in any order.

Four rules hold after every step: nobody is in without a device that is live; a session's scope never exceeds what its device
gives; what an account has paid out never exceeds the limits of the device that it was paid out with, over midnights, weekends
and changes of devices; and at the end, everybody is let in again, if need be by support.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.host.verifying import Clock
from tests.login.town import ANNA, CARL, DAY, PASSWORD, PHONE, new_town

from dsc_host.login import Kind, LoginError, Loss, NotAllowed, NotNow, Scope, Stage

PEOPLE = {"anna": ANNA, "ben": ANNA, "carl": CARL}
TEMPORARY = (Kind.TEMPORARY_CODE, Kind.ONLINE_CARD)
LASTING = (Kind.DSC_PLUS, Kind.CODE_CARD)
LIMITS = {
    Kind.DSC_PLUS: None,
    Kind.CODE_CARD: (200_000, 600_000),
    Kind.ONLINE_CARD: (200_000, 600_000),
    Kind.SMS: (200_000, 600_000),
    Kind.VOICE: (200_000, 600_000),
    Kind.TEMPORARY_CODE: (50_000, 100_000),
    None: (50_000, 100_000),
}
HOLIDAYS = {date(2026, 11, 26), date(2026, 12, 25), date(2027, 1, 1)}
START = datetime(2026, 11, 20, 4, 30, tzinfo=UTC).timestamp()
"""Half an hour before midnight in New York, on a Thursday, a week before a holiday."""


@dataclass
class Person:
    """What the rules say of somebody."""

    name: str
    account: str
    live: dict[Kind, float | None] = field(default_factory=dict)
    """Each kind that opens the door, and until when."""
    given: float = 0.0
    """When the temporary code was."""
    opted_out: bool = False
    misplaced: bool = False
    code: str = ""
    codes: dict[Kind, tuple[str, ...]] = field(default_factory=dict)
    wrong: int = 0

    def has(self, kind: Kind, now: float) -> bool:
        return kind in self.live and (self.live[kind] is None or now < (self.live[kind] or 0))

    def scope(self, kind: Kind, now: float) -> Scope:
        """What this device gives now."""
        return Scope.ACCOUNT if kind is Kind.TEMPORARY_CODE and now >= self.given + 2 * DAY else Scope.FULL


@dataclass
class Opened:
    """A session, and by what."""

    token: str
    person: Person
    kind: Kind | None
    proven: set[Kind] = field(default_factory=set)
    """What was activated in it: such a session goes on, though the temporary device that opened it has ended."""

    def live(self, now: float) -> list[Kind]:
        return [kind for kind in {*self.proven, self.kind} if kind and self.person.has(kind, now)]


def business(day: date) -> bool:
    return day.isoweekday() < 6 and day not in HOLIDAYS


def five_days(now: float) -> tuple[date, date]:
    """Today, and the first of the latest five business days."""
    today = first = datetime.fromtimestamp(now, ZoneInfo("America/New_York")).date()
    counted = int(business(first))
    while counted < 5:
        first -= timedelta(days=1)
        counted += business(first)
    return today, first


class LoginAgainstModel(RuleBasedStateMachine):
    """Accounts: anna's, which ben uses too, and carl's."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.clock.now = START
        self.made = new_town("sqlite://", self.clock)
        self.town = next(self.made)
        self.people = {
            "anna": Person("anna", "anna", {Kind.DSC_PLUS: None}),
            "ben": Person("ben", "anna", {Kind.SMS: None, Kind.VOICE: None}),
            "carl": Person("carl", "carl", {Kind.SMS: None, Kind.VOICE: None}),
        }
        self.opened: list[Opened] = []
        self.paid: list[tuple[str, float, Decimal]] = []

    def teardown(self) -> None:
        if hasattr(self, "town"):
            for person in self.people.values():
                self.everybody_is_let_in_again(person)
            self.made.close()

    def everybody_is_let_in_again(self, person: Person) -> None:
        self.clock.advance(DAY)
        for kind in (Kind.DSC_PLUS, Kind.SMS):
            if person.has(kind, self.clock.now):
                assert self.enter(person, kind)
                return
        self.temporary(person.name)
        assert self.enter(person, Kind.TEMPORARY_CODE)

    # ---- doing ----

    def right(self, person: Person, kind: Kind, shows: dict[str, str], label: str) -> str:
        """What the device would answer."""
        if kind is Kind.DSC_PLUS:
            return self.town.respond(label, shows["challenge"])
        if kind in (Kind.SMS, Kind.VOICE):
            return self.town.sent(str(kind))
        if kind is Kind.TEMPORARY_CODE:
            return person.code
        return " ".join(person.codes[kind][int(index) - 1] for index in shows["indexes"].split() if index.isdigit())

    def enter(self, person: Person, kind: Kind, answer: str | None = None) -> bool:
        """Try to log in; whether it worked."""
        self.clock.advance(20)
        step = self.town.system.begin(person.name, PASSWORD, "192.0.2.1")
        choice = next((each for each in step.choices if each.kind is kind), None)
        assert (choice is not None) == person.has(kind, self.clock.now), "what is offered is what is live"
        if choice is None:
            return False
        step = self.town.system.choose(step.token, choice.id)
        assert step.offer is not None
        text = self.right(person, kind, dict(step.offer.shows), step.offer.label) if answer is None else answer
        done = self.town.system.answer(step.token, text)
        if done.step is None or done.step.stage is not Stage.IN:
            return False
        self.opened.append(Opened(done.step.token, person, kind))
        return True

    def temporary(self, name: str) -> None:
        person = self.people[name]
        person.code = self.town.system.staff.give_temporary_code(self.town.call(name, PEOPLE[name]))
        person.live[Kind.TEMPORARY_CODE] = self.clock.now + 12 * DAY
        person.given = self.clock.now

    def activated(self, person: Person, kind: Kind) -> None:
        person.live[kind] = self.clock.now + 21 * DAY if kind is Kind.ONLINE_CARD else None
        for other in TEMPORARY:
            if other is not kind:
                person.live.pop(other, None)

    def session(self, number: int, *scopes: Scope) -> Opened | None:
        """One of those that may still do this."""
        able = []
        for each in self.opened:
            with suppress(LoginError):
                if self.town.system.visitor(each.token).scope in scopes:
                    able.append(each)
        return able[number % len(able)] if able else None

    # ---- what may happen ----

    @rule(seconds=st.sampled_from([60, 1_700, 3_600, DAY // 2, DAY, 2 * DAY, 3 * DAY, 9 * DAY, 21 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.town.system.operator.run_due()

    @rule(name=st.sampled_from(sorted(PEOPLE)), kind=st.sampled_from([kind for kind in LIMITS if kind]))
    def log_in(self, name: str, kind: Kind) -> None:
        person = self.people[name]
        assert self.enter(person, kind) == person.has(kind, self.clock.now)
        person.wrong = 0

    @rule(name=st.sampled_from(sorted(PEOPLE)), kind=st.sampled_from([kind for kind in LIMITS if kind]))
    def guess(self, name: str, kind: Kind) -> None:
        person = self.people[name]
        if person.wrong < 3:
            person.wrong += 1
            assert not self.enter(person, kind, "00000000")
            # Longer than any pause that wrong answers bring.
            self.clock.advance(3_600)

    @rule(name=st.sampled_from(sorted(PEOPLE)))
    def without_a_device(self, name: str) -> None:
        person = self.people[name]
        step = self.town.system.begin(name, PASSWORD, "192.0.2.1")
        assert step.may_skip == person.opted_out
        if person.opted_out:
            self.opened.append(Opened(self.town.system.skip(step.token).token, person, None))
        else:
            with pytest.raises(NotNow):
                self.town.system.skip(step.token)

    @rule(name=st.sampled_from(sorted(PEOPLE)))
    def support_gives_a_temporary_code(self, name: str) -> None:
        self.temporary(name)

    @rule(
        name=st.sampled_from(sorted(PEOPLE)),
        kind=st.sampled_from([Kind.DSC_PLUS, Kind.SMS, Kind.CODE_CARD]),
        loss=st.sampled_from(Loss),
    )
    def a_device_is_lost(self, name: str, kind: Kind, loss: Loss) -> None:
        person, desk = self.people[name], self.town.call(name, PEOPLE[name])
        _, devices = self.town.system.staff.caller_devices(desk)
        device = next((each for each in devices if each.kind is kind and each.live), None)
        assert (device is not None) == person.has(kind, self.clock.now)
        if device is not None and (kind is Kind.DSC_PLUS or loss is not Loss.MISPLACED):
            self.town.system.staff.report_loss(desk, device.id, loss)
            del person.live[kind]
            if kind is Kind.SMS and loss in (Loss.LOST, Loss.STOLEN):
                # With the number, its calls go.
                person.live.pop(Kind.VOICE, None)
            person.misplaced = kind is Kind.DSC_PLUS and loss is Loss.MISPLACED

    @rule(number=st.integers(0, 5))
    @precondition(lambda self: self.people["anna"].misplaced)
    def a_card_is_found_again(self, number: int) -> None:
        anna = self.people["anna"]
        opened = self.session(number, Scope.FULL, Scope.ACCOUNT)
        if opened is None or opened.person is not anna:
            return
        device = next(each for each in self.town.system.devices(opened.token) if each.kind is Kind.DSC_PLUS)
        offer = self.town.system.ask_to_activate(opened.token, device.id)
        assert self.town.system.activate(opened.token, self.town.respond(offer.label, offer.shows["challenge"]))
        anna.misplaced = False
        opened.proven.add(Kind.DSC_PLUS)
        self.activated(anna, Kind.DSC_PLUS)

    @rule(name=st.sampled_from(sorted(PEOPLE)))
    def support_enables_messages(self, name: str) -> None:
        self.town.system.staff.enable_messages(self.town.call(name, PEOPLE[name]), PHONE)
        self.people[name].live |= {Kind.SMS: None, Kind.VOICE: None}

    @rule(number=st.integers(0, 5), online=st.booleans())
    def a_card_of_codes_is_activated(self, number: int, online: bool) -> None:
        opened = self.session(number, Scope.FULL, Scope.ACCOUNT)
        if opened is None:
            return
        person, kind = opened.person, Kind.ONLINE_CARD if online else Kind.CODE_CARD
        lasting = any(person.has(each, self.clock.now) for each in LASTING)
        if kind in person.live:
            return
        if online and lasting:
            with pytest.raises(NotNow):
                self.town.system.request_online_card(opened.token)
            return
        if online:
            device = self.town.system.request_online_card(opened.token)
            person.codes[kind] = self.town.system.sheet(opened.token, device.id)
        else:
            device, person.codes[kind] = self.town.system.staff.issue_code_card(
                self.town.call(person.name, PEOPLE[person.name])
            )
        offer = self.town.system.ask_to_activate(opened.token, device.id)
        assert self.town.system.activate(opened.token, self.right(person, kind, dict(offer.shows), offer.label))
        opened.proven.add(kind)
        self.activated(person, kind)

    @rule(number=st.integers(0, 5), out=st.booleans())
    def somebody_opts(self, number: int, out: bool) -> None:
        opened = self.session(number, Scope.FULL)
        if opened is None:
            return
        call = self.town.system.opt_out if out else self.town.system.opt_in
        if opened.person.name == "ben":
            with pytest.raises(NotAllowed, match="ask anna"):
                call(opened.token)
        elif opened.person.opted_out == out:
            with pytest.raises(NotNow):
                call(opened.token)
        else:
            call(opened.token)
            opened.person.opted_out = out

    @rule(number=st.integers(0, 5), amount=st.sampled_from([1, 49_999, 50_000, 100_000, 150_000, 200_000, 600_000, 2_000_000]))
    def money_is_taken_out(self, number: int, amount: int) -> None:
        opened = self.session(number, Scope.FULL, Scope.TRADING)
        if opened is None:
            return
        limit = LIMITS[None if opened.person.opted_out else opened.kind]
        today, first = five_days(self.clock.now)
        days = [(self.day(at), each) for account, at, each in self.paid if account == opened.person.account]
        in_day = sum(each for day, each in days if day == today)
        in_five = sum(each for day, each in days if day >= first)
        may = limit is None or (in_day + amount <= limit[0] and in_five + amount <= limit[1])
        assert bool(self.town.system.withdraw(opened.token, Decimal(amount))) == may
        if may:
            self.paid.append((opened.person.account, self.clock.now, Decimal(amount)))

    def day(self, at: float) -> date:
        return datetime.fromtimestamp(at, ZoneInfo("America/New_York")).date()

    # ---- what must hold ----

    @invariant()
    def nobody_is_in_without_a_live_device_nor_for_more_than_it_gives(self) -> None:
        for each in getattr(self, "opened", []):
            try:
                scope = self.town.system.visitor(each.token).scope
            except LoginError:
                continue
            if each.kind is None:
                assert (scope, each.person.opted_out) == (Scope.TRADING, True)
            else:
                live = each.live(self.clock.now)
                assert live
                assert scope in {Scope.ACCOUNT, *(each.person.scope(kind, self.clock.now) for kind in live)}


TestLoginAgainstModel = LoginAgainstModel.TestCase
TestLoginAgainstModel.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
