"""Devices and money compared with the model: phones, passwords and opting out, in any order of people, support and time."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.host.login.account_steps import AccountSteps
from tests.host.login.driver import ACCOUNT
from tests.host.login.machine import cases, names, numbers
from tests.host.login.model import ACTIVE, CARDS, GONE, WAIT_SECONDS, Item, Opened
from tests.host.login.scenario import PASSWORD, PHONE
from tests.host.login.session_steps import SessionSteps

from dsc_host.login import Kind, LoginError, NotAllowed, NotFound, NotNow, Scope, Status, WrongCredentials

PHONES = (PHONE, "+4915112345678", "+41795550123")
PASSWORDS = (PASSWORD, "another harbour at dusk")


class WaysIn(SessionSteps, AccountSteps):
    """Further steps about logging in."""

    @rule(name=names, number=numbers)
    def what_is_gone_opens_nothing(self, name: str, number: int) -> None:
        person = self.people[name]
        gone = [item for item in person.uses if item not in person.live(self.now)]
        if gone and not person.closed:
            with pytest.raises(NotFound):
                self.ask(person, self.pick(gone, number))

    @rule(name=names, number=numbers)
    def somebody_asks_and_does_not_answer(self, name: str, number: int) -> None:
        person = self.people[name]
        for _ in range(2):
            if live := self.soon(person):
                self.ask(person, self.pick(live, number))

    @rule(name=names, number=numbers)
    def somebody_guesses(self, name: str, number: int) -> None:
        person = self.people[name]
        live = [item for item in self.soon(person) if person.wrong[item] < 3]
        if live:
            item = self.pick(live, number)
            person.wrong[item] += 1
            assert not self.answer(self.ask(person, item), "00000000")
            # The time is longer than any pause after wrong answers, and a day has fewer than twenty such times.
            self.clock.advance(2 * 3_600)

    @rule(name=names, number=numbers)
    def somebody_is_half_way(self, name: str, number: int) -> None:
        person = self.people[name]
        if live := self.soon(person):
            asked = self.ask(person, self.pick(live, number))
            if asked.item and asked.item.kind not in CARDS:
                asked.text = self.right(asked.item, asked.shows)
            self.half_way.append(asked)

    @rule(number=numbers)
    @precondition(lambda self: self.half_way)
    def who_was_half_way_goes_on(self, number: int) -> None:
        asked: Opened = self.pick(self.half_way, number)
        self.half_way.remove(asked)
        try:
            opened = self.answer(asked, self.right(asked.item, asked.shows) if asked.text is None else asked.text)
        except LoginError:
            opened = None
        if opened:
            assert not asked.ended
            assert asked.item in asked.person.live(self.now)

    # ---- the app on a phone ----

    @rule(name=names, number=numbers, agreed=st.booleans())
    def an_app_is_activated(self, name: str, number: int, agreed: bool) -> None:
        person = self.people[name]
        self.clock.advance(20)
        if person.closed or not person.numbers:
            with pytest.raises(NotNow):
                self.system.phones.begin(name, person.password)
            return
        self.gets_an_app(person, number, agreed=agreed)

    @rule(number=numbers)
    @precondition(lambda self: self.apps())
    def a_login_is_denied(self, number: int) -> None:
        item: Item = self.pick(self.apps(), number)
        asked = self.ask(item.owner, item)
        if item.app and "number" in asked.shows:
            (push,) = self.system.phones.pushes(item.app.device, item.app.token)
            self.system.phones.deny(item.app.device, item.app.token, push.id)
            assert self.system.answer(asked.token, "").status is Status.REFUSED

    @rule(number=numbers)
    @precondition(lambda self: self.apps())
    def an_app_removes_itself(self, number: int) -> None:
        item: Item = self.pick(self.apps(), number)
        if item.app:
            self.system.phones.remove(item.app.device, item.app.token)
            self.moved(item, GONE)

    # ---- phone numbers ----

    @rule(name=names, number=st.sampled_from(PHONES))
    def support_enables_messages(self, name: str, number: str) -> None:
        person, desk = self.people[name], self.desk(self.people[name])
        if any(item.kind is Kind.PHONE_APP for item in person.live(self.now)):
            with pytest.raises(NotNow, match="replaces SMS"):
                self.staff.enable_messages(desk, number)
        elif number not in person.numbers:
            assert not self.staff.enable_messages(desk, number)
            self.waits[person, number] = self.now + WAIT_SECONDS
        else:
            assert self.staff.enable_messages(desk, number)
            self.numbers_are(person, number)
            self.changed(person)

    @rule(name=names, number=numbers, phone=st.sampled_from(PHONES), right=st.booleans())
    def a_number_is_confirmed(self, name: str, number: int, phone: str, right: bool) -> None:
        self.clock.advance(20)
        opened = self.inside(name, number, Scope.FULL)
        if opened is None:
            return
        self.system.ask_to_confirm_phone(opened.token, phone)
        code = self.scenario.sent("sms")
        assert self.sms_went_to() == phone
        assert self.system.confirm_phone(opened.token, code if right else code[::-1] + "0") == right
        if not right:
            return
        if self.temporary_opened(opened) and phone not in opened.person.numbers:
            self.waits[opened.person, phone] = self.now + WAIT_SECONDS
            return
        if any(item.kind is Kind.PHONE_APP for item in opened.person.live(self.now)):
            opened.person.numbers.add(phone)
        else:
            self.numbers_are(opened.person, phone, opened)
            if opened.item not in opened.person.live(self.now):
                opened.item = next(item for item in opened.person.own(Kind.SMS) if item.state is ACTIVE)
        self.changed(opened.person, opened)

    @rule(name=names, number=numbers, which=numbers)
    def a_number_is_removed(self, name: str, number: int, which: int) -> None:
        person, opened = self.people[name], self.inside(name, number, Scope.FULL)
        if opened is None or not person.numbers:
            return
        phone: str = self.pick(sorted(person.numbers), which)
        ids = {shown[-2:]: each for each, shown in self.system.phone_numbers(opened.token).items()}
        assert ids.keys() == {each[-2:] for each in person.numbers}
        if self.temporary_opened(opened) or all(item.number == phone for item in person.live(self.now)):
            with pytest.raises(NotNow):
                self.system.forget_phone(opened.token, ids[phone[-2:]])
        else:
            self.system.forget_phone(opened.token, ids[phone[-2:]])
            within = None if opened.item and opened.item.number == phone else opened
            self.forgotten(person, phone, within)
            self.changed(person, within)

    # ---- passwords and opting out ----

    @rule(name=names, number=numbers, right=st.booleans())
    def a_password_is_changed(self, name: str, number: int, right: bool) -> None:
        person, opened = self.people[name], self.inside(name, number, *ACCOUNT)
        if opened is None:
            return
        other = next(each for each in PASSWORDS if each != person.password)
        if right:
            self.system.change_password(opened.token, person.password, other)
            person.password = other
            self.changed(person, opened)
        else:
            with pytest.raises(WrongCredentials):
                self.system.change_password(opened.token, other, PASSWORD + "!")
            self.clock.advance(60)

    @rule(name=names)
    def a_password_from_before_is_none(self, name: str) -> None:
        person = self.people[name]
        other = next(each for each in PASSWORDS if each != person.password)
        with pytest.raises(WrongCredentials):
            self.system.begin(name, other, "192.0.2.2")
        self.system.leave(self.system.begin(name, person.password, "192.0.2.2").token)

    @rule(name=names, number=numbers, out=st.booleans(), other=st.booleans())
    def somebody_opts(self, name: str, number: int, out: bool, other: bool) -> None:
        person, opened = self.people[name], self.inside(name, number, Scope.FULL)
        if opened is None:
            return
        whose = self.people["ben"] if other and name == "anna" else person
        call = self.system.opt_out if out else self.system.opt_in
        if not person.primary:
            with pytest.raises(NotAllowed, match="ask anna"):
                call(opened.token, whose.name)
        elif whose.opted_out == out:
            with pytest.raises(NotNow):
                call(opened.token, whose.name)
        elif out and self.temporary_opened(opened):
            call(opened.token, whose.name)
            self.waits[whose, ""] = self.now + WAIT_SECONDS
        else:
            call(opened.token, whose.name)
            whose.opted_out = out
            self.changed(whose, opened if whose is person else None)

    @rule(name=names)
    def somebody_comes_without_a_device(self, name: str) -> None:
        person = self.people[name]
        if person.closed:
            return
        step = self.system.begin(name, person.password, "192.0.2.1")
        assert step.may_skip == person.opted_out
        if person.opted_out:
            self.opened.append(Opened(self.system.skip(step.token).token, person, None))
        else:
            with pytest.raises(NotNow):
                self.system.skip(step.token)


TestWaysIn, TestWaysInAtLength, TestWaysInOnPostgreSQL = cases(WaysIn, 40)
