"""The steps of the model about sessions: their extension by finger or face, and their end by their user."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from tests.host.login.driver import ACCOUNT
from tests.host.login.machine import Machine, names, numbers
from tests.host.login.model import ACTIVE, GONE, SENT, Item, Opened, Person
from tests.host.login.phone_app import FINGER_KEY, PIN_KEY, App, token
from tests.host.login.scenario import DAY

from dsc_host.login import Kind, NotFound, NotIn, NotNow

THIRTY_HOURS = 30 * 3_600
LONGEST = 7 * DAY
hours = st.sampled_from([0, 3, 20, 29])


class SessionSteps(Machine):
    """Sessions that last exactly as long as the rules say, and that their users see and end."""

    def apps(self) -> list[Item]:
        return [item for item in self.items() if item.app and item.state is ACTIVE]

    def by_finger(self) -> list[Opened]:
        """Return the sessions that were opened with a finger and last."""
        return [each for each in self.opened if each.app and not each.ended and self.now < each.until]

    def gets_an_app(self, person: Person, number: int, *, agreed: bool) -> None:
        """Activate an app, in place of a previous app if the person agrees."""
        self.clock.advance(20)
        begun = self.system.phones.begin(person.name, person.password, phone=number % len(person.numbers))
        before = [item for item in person.own(Kind.PHONE_APP) if item.state is not GONE]
        assert len(begun.replaces) == len(before)
        if before:
            # Without the person's agreement nothing changes. The invariants check this after the step.
            with pytest.raises(NotNow, match="in use on another phone"):
                self.system.phones.activate(begun.ticket, token(self.scenario), PIN_KEY, FINGER_KEY)
            if not agreed:
                return
        made = self.system.phones.activate(begun.ticket, token(self.scenario), PIN_KEY, FINGER_KEY, replace=agreed)
        assert self.sms_went_to() in person.numbers
        sent = [item for item in person.own(*SENT) if item.state is ACTIVE]
        for item in (*before, *sent, *person.temporary(self.now)):
            self.moved(item, GONE)
        self.add(person, Kind.PHONE_APP, app=App(self.scenario, made))
        self.changed(person)

    @rule(name=names, number=numbers, again=st.booleans(), hours=hours)
    def somebody_comes_in_with_a_finger(self, name: str, number: int, again: bool, hours: int) -> None:
        """Log in by an app, which is activated before if there is none. Perhaps extend the session."""
        person = self.people[name]
        if not (mine := [item for item in self.apps() if item.owner is person]):
            if person.closed or not person.numbers:
                return
            self.gets_an_app(person, number, agreed=False)
            mine = [item for item in self.apps() if item.owner is person]
        if not mine:
            return
        item: Item = mine[-1]
        asked = self.ask(person, item)
        assert item.app
        if "number" in asked.shows:
            item.app.approve("biometrics")
        typed = "" if "number" in asked.shows else "B" + item.app.respond(asked.shows["challenge"], "biometrics")
        opened = self.answer(asked, typed)
        assert opened
        opened.app, opened.until, opened.latest = item, self.now + THIRTY_HOURS, self.now + LONGEST
        if again:
            self.answers_again(opened, hours, finger=True)

    @rule(number=numbers, hours=hours, finger=st.booleans())
    @precondition(lambda self: self.by_finger())
    def a_session_by_finger_gets_another_answer(self, number: int, hours: int, finger: bool) -> None:
        self.answers_again(self.pick(self.by_finger(), number), hours, finger=finger)

    def answers_again(self, opened: Opened, hours: int, *, finger: bool) -> None:
        """Answer after some hours in a session by finger. The finger extends it, and the PIN does not."""
        self.clock.now = max(self.now, min(self.now + hours * 3_600, opened.until - 60))
        assert opened.app
        assert opened.app.app
        offer = self.system.proofs.ask(opened.token, opened.app.id)
        letter, method = ("B", "biometrics") if finger else ("P", "pin")
        assert self.system.proofs.answer(opened.token, letter + opened.app.app.respond(offer.shows["challenge"], method))
        opened.proven = self.now
        if finger:
            opened.until = max(opened.until, min(self.now + THIRTY_HOURS, opened.latest))

    @rule(name=names, number=numbers, others=st.booleans())
    def a_session_is_ended_by_its_user(self, name: str, number: int, others: bool) -> None:
        here = self.inside(name, number, *ACCOUNT)
        if here is None:
            return
        if here.item in self.soon(here.person):
            self.enter(here.person, here.item)
        theirs = [each for each in self.opened if each.person is here.person and self.scope_of(each)]
        shown = self.system.sessions(here.token)
        assert ([each.current for each in shown[:2]], len(shown)) == ([True, False][: len(theirs)], len(theirs))
        if others:
            self.system.end_other_sessions(here.token)
            for each in (*self.opened, *self.half_way):
                each.ended = each.ended or (each.person is here.person and each is not here)
            return
        self.is_ended_within(here, self.pick(theirs, number))

    def is_ended_within(self, here: Opened, there: Opened) -> None:
        """End a session from another session of its user, or from itself. Check that no other user can, nor anybody twice."""
        id_of = self.system.sessions(there.token)[0].id
        for stranger in (each for each in self.opened if each.person is not here.person and self.scope_of(each)):
            with pytest.raises(NotFound):
                self.system.end_session(stranger.token, id_of)
        self.system.end_session(here.token, id_of)
        there.ended = True
        with pytest.raises(NotIn if there is here else NotFound):
            self.system.end_session(here.token, id_of)

    @invariant()
    def a_session_by_finger_lasts_as_long_as_the_rules_say(self) -> None:
        for each in getattr(self, "opened", ()):
            if each.app:
                assert (self.scope_of(each) is not None) == (not each.ended and self.now < each.until)
