"""Sharing compared with the model: the actions of two people with one card, and the devices that they set aside for it."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.host.login.card_rules import Cards
from tests.host.login.machine import cases, numbers
from tests.host.login.model import CARDS, GONE, OLD, PHYSICAL, Item, Opened, Person, Share
from tests.host.login.scenario import ANNA, CARL, DAY, PASSWORD

from dsc_host.login import (
    DifferentIdentity,
    Identity,
    Kind,
    LessSecureDevice,
    LoginError,
    Loss,
    NotFound,
    NotNow,
    Scope,
    ShareState,
    TemporaryDevice,
)  # fmt: skip

pairs = st.permutations(["ben", "anna", "carl"]).map(lambda names: names[:2])


class Sharing(Cards):
    """The steps of sharing. anna, ben and carl are one person. carl has a card too, and ben a code card."""

    def people_move_in(self) -> None:
        super().people_move_in()
        self.reviewed = False
        self.carl_is(ANNA)
        self.scenario.give_card("carl", "IB3000905")
        self.add(self.people["carl"], Kind.DSC_PLUS, serial="IB3000905")
        self.gets_a_card_of_codes("ben", 0, activated=True)

    def comes_to_an_end(self) -> None:
        """Close the accounts while something is shared, if possible. Compliance decides after that."""
        self.somebody_asks_to_share(["carl", "anna"], number=0, which=0, times=1, own=False)
        super().comes_to_an_end()
        for share in self.some(ShareState.PENDING):
            self.decided(share, agreed=True)

    def carl_is(self, who: Identity) -> None:
        self.clock.advance(20)
        self.scenario.correct("carl", who)
        with pytest.raises(NotNow, match="corrected recently"):
            self.scenario.call("carl", who)
        self.clock.advance(DAY)
        self.people["carl"].who = who
        self.no_more_shared(lambda share: share.user.who != share.item.owner.who)

    @rule(same=st.booleans())
    def it_is_found_out_who_carl_is(self, same: bool) -> None:
        self.carl_is(ANNA if same else CARL)

    @rule(reviewed=st.booleans())
    def compliance_looks_at_anna(self, reviewed: bool) -> None:
        self.system.operator.set_under_review(self.scenario.entities["anna"], reviewed)
        self.reviewed = reviewed

    @rule(pair=pairs, number=numbers, which=numbers, times=st.sampled_from([1, 0, 2]), own=st.booleans())
    def somebody_asks_to_share(self, pair: list[str], number: int, which: int, times: int, own: bool) -> None:
        """Ask to share, and confirm at once, later, or after having asked twice before."""
        name, whose = pair
        if own:
            self.gets_a_card_of_codes(name, number, activated=True)
        opened, devices = self.inside(name, number, Scope.FULL), self.people[whose].own(*PHYSICAL)
        if opened is None or not devices:
            return
        item: Item = self.pick(devices, which)
        refusal = self.why_not_shared(opened.person, item) if item in item.owner.live(self.now) else NotFound
        if refusal:
            with pytest.raises(refusal):
                self.system.begin_share(opened.token, whose, PASSWORD, item.id)
            return
        asked = [self.asked(opened, item) for _ in range(times or 1)]
        for share in asked[:times]:
            self.confirmed(share)

    def asked(self, opened: Opened, item: Item) -> Share:
        share, offer = self.system.begin_share(opened.token, item.owner.name, PASSWORD, item.id)
        assert self.system.answer_share(opened.token, share.id, self.right(item, dict(offer.shows)))
        self.shares.append(Share(share.id, opened.person, item, opened, self.now + 900))
        return self.shares[-1]

    def why_not_shared(self, user: Person, item: Item) -> type[LoginError] | None:
        """Return the refusal, if a condition fails: one person, nothing temporary, in use, most secure, not shared yet."""
        kinds = {each.kind for person in (user, item.owner) for each in person.live(self.now)}
        if user.who != item.owner.who:
            return DifferentIdentity
        if user.closed:
            return NotNow
        if user.temporary(self.now) or item.owner.temporary(self.now):
            return TemporaryDevice
        if item not in item.owner.live(self.now):
            return NotNow
        if item in user.uses or item.kind in OLD:
            return NotNow
        return LessSecureDevice if item.kind is Kind.CODE_CARD and kinds & {*CARDS} else None

    @rule(which=numbers)
    @precondition(lambda self: self.some(ShareState.PROVEN))
    def sharing_is_confirmed(self, which: int) -> None:
        self.confirmed(self.pick(self.some(ShareState.PROVEN), which))

    def confirmed(self, share: Share) -> None:
        refusal = self.why_not_shared(share.user, share.item)
        if share.within.scope is None:
            self.shares.remove(share)
        elif self.now >= share.until:
            with pytest.raises((NotNow, NotFound)):
                self.system.confirm_share(share.within.token, share.id)
            self.shares.remove(share)
        elif refusal:
            with pytest.raises(refusal):
                self.system.confirm_share(share.within.token, share.id)
        else:
            state = ShareState.PENDING if self.must_wait(share) else ShareState.DONE
            assert self.system.confirm_share(share.within.token, share.id) is state
            share.state = state
            if state is ShareState.DONE:
                self.shared(share, share.within)

    def must_wait(self, share: Share) -> bool:
        return self.reviewed and "anna" in (share.user.account, share.item.owner.account)

    @rule(which=numbers, agreed=st.booleans())
    @precondition(lambda self: self.some(ShareState.PENDING))
    def compliance_decides(self, which: int, agreed: bool) -> None:
        self.decided(self.pick(self.some(ShareState.PENDING), which), agreed)

    def decided(self, share: Share, agreed: bool) -> None:
        cleo = self.staff_of("cleo")
        refusal = self.why_not_shared(share.user, share.item)
        if agreed and refusal:
            with pytest.raises(refusal):
                self.staff.decide_share(cleo, share.id, True)
        elif agreed:
            assert self.staff.decide_share(cleo, share.id, True) is ShareState.DONE
            self.shared(share)
        else:
            share.state = self.staff.decide_share(cleo, share.id, False)
            assert share.state is ShareState.REFUSED

    @rule(by=st.sampled_from(["user", "owner", "anna", "ben", "carl"]), number=numbers, which=numbers)
    @precondition(lambda self: self.some(ShareState.PENDING, ShareState.DONE))
    def sharing_is_ended(self, by: str, number: int, which: int) -> None:
        share: Share = self.pick(self.some(ShareState.PENDING, ShareState.DONE), which)
        person = {"user": share.user, "owner": share.item.owner, **self.people}[by]
        opened = self.inside(person.name, number, Scope.FULL)
        if opened is None:
            return
        if refusal := self.why_not_ended(person, share):
            with pytest.raises(refusal):
                self.system.cancel_share(opened.token, share.id)
            return
        self.system.cancel_share(opened.token, share.id)
        if share.state is ShareState.DONE:
            self.not_shared(share, opened)
            self.changed(person, None if person is share.user and opened.item is share.item else opened)
        share.state = ShareState.CANCELLED

    @rule(which=numbers, loss=st.sampled_from(Loss))
    @precondition(lambda self: self.some(ShareState.DONE))
    def what_is_shared_is_lost(self, which: int, loss: Loss) -> None:
        share: Share = self.pick(self.some(ShareState.DONE), which)
        if share.item.state is not GONE and loss in share.item.losses:
            self.lose(share.item, loss)

    def why_not_ended(self, person: Person, share: Share) -> type[LoginError] | None:
        """Return the refusal, if this person may not end the share or would have no device left."""
        if person not in (share.user, share.item.owner):
            return NotFound
        back = [item for item in share.aside if item.works(self.now)]
        left = [item for item in person.live(self.now) if item is not share.item]
        return NotNow if share.state is ShareState.DONE and person is share.user and not back and not left else None

    def some(self, *states: ShareState) -> list[Share]:
        return [share for share in self.shares if share.state in states]


TestSharing, TestSharingAtLength, TestSharingOnPostgreSQL = cases(Sharing, 50)
