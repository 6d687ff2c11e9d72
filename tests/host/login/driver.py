"""A driver of the login system for the machine: it logs people in with their devices, and keeps the model up to date."""

from contextlib import suppress
from math import inf

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.model import (  # fmt: skip
    CARDS,
    GONE,
    PROOF_SECONDS,
    SENT,
    SHIPPED,
    WAIT_SECONDS,
    Item,
    Opened,
    Person,
)
from tests.host.login.model_rules import Rules
from tests.host.login.scenario import DAY

from dsc_host.login import Kind, LoginError, LoginSystem, NotNow, ProofNeeded, Scope, Stage
from dsc_host.login.service.staff import Staff

ACCOUNT = (Scope.FULL, Scope.ACCOUNT)


class Driver(Rules):
    """The calls that several steps of the machine make, each with its consequence in the model."""

    system: LoginSystem
    staff: Staff

    def desk(self, person: Person) -> str:
        """Have this person call and be identified. Return the token of support."""
        self.clock.advance(20)
        return self.scenario.call(person.name, person.who)

    def right(self, item: Item, shows: dict[str, str]) -> str:
        """Return the correct answer of the device."""
        item.asked = ""
        if item.card:
            item.card.press("PRESS")
            item.card.enter(item.pin)
            response = item.card.enter(shows["challenge"])
            item.card.press("OK")
            return response
        if item.kind in CARDS:
            return self.scenario.respond(item.serial, shows["challenge"], item.pin)
        if item.app and "number" in shows:
            item.app.approve()
            return ""
        if item.app:
            return "P" + item.app.respond(shows["challenge"])
        if item.kind in SENT:
            code = self.scenario.sent(str(item.kind))
            assert self.sms_went_to(item.kind) == item.number
            return code
        asked = shows.get("indexes", "1").split()
        return " ".join(item.codes[int(index) - 1] for index in asked)

    def sms_went_to(self, kind: Kind = Kind.SMS) -> str:
        """Return the number that the newest SMS or call went to."""
        return code_letters(self.scenario.letters, kind)[-1].address

    def ask(self, person: Person, item: Item, *, manual: bool = False) -> Opened:
        """Begin a login and ask for the device's challenge. Check that the valid devices are offered."""
        self.clock.advance(20)
        step = self.system.begin(person.name, person.password, "192.0.2.1")
        assert {choice.id for choice in step.choices} == {live.id for live in person.live(self.now)}
        step = self.system.choose(step.token, item.id, manual=manual)
        assert step.offer is not None
        self.the_same_is_asked_until_it_is_answered(item, dict(step.offer.shows))
        return Opened(step.token, person, item, shows=dict(step.offer.shows))

    def the_same_is_asked_until_it_is_answered(self, item: Item, shows: dict[str, str]) -> None:
        """Check that a code card is asked for the same codes, so that an attacker cannot wait for known codes."""
        if "indexes" in shows:
            if item.asked:
                assert shows["indexes"] == item.asked
            item.asked = shows["indexes"]

    def answer(self, asked: Opened, text: str) -> Opened | None:
        """Answer. Return the session that this opened, if any."""
        if asked.item:
            # The answer was correct, or was the third wrong answer.
            asked.item.asked = ""
        done = self.system.answer(asked.token, text).step
        if done is None or done.stage is not Stage.IN or asked.item is None:
            return None
        assert done.scope is asked.item.gives(self.now)
        asked.person.wrong[asked.item] = 0
        self.opened.append(Opened(done.token, asked.person, asked.item, scope=done.scope, proven=self.now))
        return self.opened[-1]

    def enter(self, person: Person, item: Item, *, manual: bool = False) -> Opened | None:
        asked = self.ask(person, item, manual=manual)
        return self.answer(asked, self.right(item, asked.shows))

    def inside(self, name: str, number: int, *scopes: Scope) -> Opened | None:
        """Return a session that may do this, opened anew and with support's help if necessary; None if it is impossible."""
        person = self.people[name]
        theirs = [each for each in self.opened if each.person is person and not each.ended]
        able = [each for each in theirs if self.scope_of(each) in scopes]
        if person.closed:
            return None
        chosen = self.pick(able, number) if able and number % 2 else None
        if chosen and self.proven(chosen, number):
            return chosen
        if not self.good(person, *scopes):
            self.temporary(person)
        return self.enter(person, self.pick(self.good(person, *scopes), number))

    def proven(self, opened: Opened, number: int) -> bool:
        """Return whether guarded calls are allowed in this session. If its last proof is too old, give another proof."""
        if self.now < opened.proven + PROOF_SECONDS - 60 or self.scope_of(opened) not in ACCOUNT:
            return True
        if self.now >= opened.proven + PROOF_SECONDS:
            with pytest.raises(ProofNeeded):
                self.system.request_online_card(opened.token)
        # In a session that opens everything, a device that opens less proves nothing.
        all_of_it = self.scope_of(opened) is Scope.FULL
        live = [item for item in self.soon(opened.person) if not all_of_it or item.gives(self.now) is Scope.FULL]
        if not live:
            return False
        item = self.pick(live, number)
        offer = self.system.proofs.ask(opened.token, item.id)
        assert self.system.proofs.answer(opened.token, self.right(item, dict(offer.shows)))
        opened.proven = self.now
        return True

    def scope_of(self, opened: Opened) -> Scope | None:
        """Return the scope of a session; None if it has ended."""
        with suppress(LoginError):
            return self.system.visitor(opened.token).scope
        return None

    def soon(self, person: Person) -> list[Item]:
        """Return the devices that work now and still work when a login with them is complete."""
        return [] if person.closed else person.live(self.now + 20)

    def good(self, person: Person, *scopes: Scope) -> list[Item]:
        return [item for item in self.soon(person) if item.gives(self.now + 20) in scopes]

    def all_come_in(self, item: Item) -> None:
        """Log in all users of a device, each with any valid device."""
        for name, person in self.people.items():
            if item in person.uses and self.soon(person):
                self.inside(name, 1, *ACCOUNT)

    def temporary(self, person: Person) -> None:
        code = self.staff.give_temporary_code(self.desk(person))
        for item in person.temporary(self.now):
            self.moved(item, GONE)
        self.add(person, Kind.TEMPORARY_CODE, codes=(code,), until=self.now + 12 * DAY)
        self.changed(person)

    def online_card(self, opened: Opened) -> Item:
        device = self.system.request_online_card(opened.token)
        return self.card_of_codes(opened.person, Kind.ONLINE_CARD, self.system.sheet(opened.token, device.id))

    def card_of_codes(self, person: Person, kind: Kind, codes: tuple[str, ...]) -> Item:
        """Add a code card. It replaces one that was never activated."""
        for item in person.own(kind):
            if item.state is SHIPPED:
                self.moved(item, GONE)
        waits = self.now + WAIT_SECONDS if kind is Kind.CODE_CARD else -inf
        until = self.now + 21 * DAY if kind is Kind.ONLINE_CARD else inf
        item = self.add(person, kind, state=SHIPPED, codes=codes, waits=waits, until=until)
        self.online_card_lasts(person)
        return item

    def activate(self, opened: Opened, item: Item) -> None:
        if self.now < item.waits:
            with pytest.raises(NotNow, match="cannot be activated before"):
                self.system.ask_to_activate(opened.token, item.id)
            return
        offer = self.system.ask_to_activate(opened.token, item.id)
        assert self.system.activate(opened.token, self.right(item, dict(offer.shows)))
        self.activated(item, opened)

    def due(self) -> None:
        self.system.operator.run_due()
        self.is_due()
