"""Sharing when something changes: before its confirmation, before compliance has decided, and afterwards."""

from decimal import Decimal

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import ANNA, CARL, DAY, PASSWORD, Scenario, new_scenario
from tests.host.login.shares import proven
from tests.host.verifier_samples import Clock

from dsc_host.login import DeviceState, Kind, Loss, NotAllowed, NotFound, NotIn, NotNow, Scope, ShareState, UseState
from dsc_host.login.cards import activation
from dsc_host.login.devices import kinds, registry
from dsc_host.login.messages import notices
from dsc_host.login.service import staff
from dsc_host.login.transaction import LoginTransaction, locked_user, user_named

VERAS, BENS, WIMS = "IB3000910", "IB3000905", "IB3000912"


def with_vera(scenario: Scenario) -> None:
    """Add vera, a third user of anna's person, with a card of her own."""
    scenario.add("vera", "anna", phone="+41791111111")
    scenario.give_card("vera", VERAS)


def pending(scenario: Scenario, token: str) -> str:
    """Let a user ask for anna's card, so that it is shared when compliance agrees. Return the share's id."""
    scenario.system.operator.set_under_review(scenario.entities["anna"])
    share = proven(scenario, token)
    assert scenario.system.confirm_share(token, share) is ShareState.PENDING
    scenario.system.operator.set_under_review(scenario.entities["anna"], False)
    return share


def anna_shares_veras(scenario: Scenario) -> None:
    """Let anna share vera's card, so that anna's own card is set aside."""
    anna = scenario.session("anna")
    share, offer = scenario.system.begin_share(anna, "vera", PASSWORD)
    assert scenario.system.answer_share(anna, share.id, scenario.respond(VERAS, offer.shows["challenge"]))
    assert scenario.system.confirm_share(anna, share.id) is ShareState.DONE


# ---- cards that are not in use ----


def test_a_card_that_its_owner_has_put_aside_is_not_shared(scenario: Scenario) -> None:
    with_vera(scenario)
    ben = scenario.session("ben")
    share = proven(scenario, ben)
    anna_shares_veras(scenario)
    with pytest.raises(NotNow, match="no longer in use"):
        scenario.system.confirm_share(ben, share)
    with pytest.raises(NotFound, match="no device of their own that can be shared"):
        scenario.system.begin_share(ben, "anna", PASSWORD)


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.MISPLACED, None])
def test_compliance_agrees_to_nothing_that_is_gone_meanwhile(scenario: Scenario, loss: Loss | None) -> None:
    """Compliance is refused, even if nobody has a device left whose level could be compared."""
    with_vera(scenario)
    share = pending(scenario, scenario.session("ben"))
    anna_shares_veras(scenario)
    if loss is not None:
        scenario.lose("vera", VERAS, loss)
    if loss is Loss.LOST:
        # Anna has her own card back, and the request is still open.
        assert scenario.system.staff.decide_share(scenario.session("cleo"), share, True) is ShareState.DONE
        return
    with pytest.raises(NotNow, match="no longer in use"):
        scenario.system.staff.decide_share(scenario.session("cleo"), share, True)
    assert scenario.system.staff.decide_share(scenario.session("cleo"), share, False) is ShareState.REFUSED


def test_a_misplaced_card_that_is_replaced_gives_those_who_share_it_their_own_back(scenario: Scenario) -> None:
    with_vera(scenario)
    anna_shares_veras(scenario)
    scenario.lose("vera", VERAS, Loss.MISPLACED)

    def replaced(tx: LoginTransaction) -> None:
        vera = locked_user(tx.db, user_named(tx.db, "vera").id)
        notified = notices.notified_at_request()
        card = registry.add(tx, vera, kinds.DSC_CARD, notified=notified, serial="IB3000911", state=DeviceState.SHIPPED)
        activation.activate(tx, vera, card, "by itself")

    scenario.system.change(replaced)
    assert [each.label for each in scenario.system.begin("anna", PASSWORD).choices] == ["IB3000901"]
    assert "share_ended" in scenario.told("anna")


def test_all_users_of_a_shared_card_are_told_of_its_new_pin(scenario: Scenario) -> None:
    ben = scenario.session("ben")
    assert scenario.system.confirm_share(ben, proven(scenario, ben)) is ShareState.DONE
    scenario.change_pin(scenario.session("anna"), "7391")
    assert [scenario.told(name).count("pin_changed") for name in ("anna", "ben", "carl")] == [1, 1, 0]


# ---- several shares of one user ----


def cards_of(scenario: Scenario, name: str) -> set[str]:
    return {each.label for each in scenario.system.begin(name, PASSWORD).choices if each.kind is Kind.DSC_PLUS}


def shared(scenario: Scenario, owner: str, serial: str, name: str = "ben") -> str:
    """Let a user, by default ben, share this card. Return the id of the share."""
    token = scenario.session(name)
    share, offer = scenario.system.begin_share(token, owner, PASSWORD)
    assert scenario.system.answer_share(token, share.id, scenario.respond(serial, offer.shows["challenge"]))
    assert scenario.system.confirm_share(token, share.id) is ShareState.DONE
    scenario.clock.advance(60)
    return share.id


def two_shares(scenario: Scenario) -> dict[str, str]:
    """Let ben, who has a card of his own, share anna's card and then vera's. Return the ids of the shares, by the owners."""
    with_vera(scenario)
    scenario.give_card("ben", BENS)
    shares = {owner: shared(scenario, owner, serial) for owner, serial in (("anna", "IB3000901"), ("vera", VERAS))}
    assert cards_of(scenario, "ben") == {VERAS}
    return shares


@pytest.mark.parametrize("first", ["anna", "vera"])
def test_a_card_stays_set_aside_until_the_last_share_ends(scenario: Scenario, first: str) -> None:
    shares = two_shares(scenario)
    last = "vera" if first == "anna" else "anna"
    scenario.system.cancel_share(scenario.session(first), shares[first])
    assert cards_of(scenario, "ben") == {VERAS if last == "vera" else "IB3000901"}
    scenario.system.cancel_share(scenario.session(last), shares[last])
    assert cards_of(scenario, "ben") == {BENS}


def test_a_shared_card_that_was_set_aside_comes_back_when_no_later_share_needs_it_away(scenario: Scenario) -> None:
    shares = two_shares(scenario)
    scenario.add("wim", "anna")
    scenario.give_card("wim", WIMS)
    shared(scenario, "wim", WIMS)
    scenario.system.cancel_share(scenario.session("vera"), shares["vera"])
    assert cards_of(scenario, "ben") == {WIMS}
    scenario.lose("wim", WIMS, Loss.LOST)
    assert cards_of(scenario, "ben") == {"IB3000901"}


def test_a_card_stays_set_aside_if_a_shared_card_was_misplaced_when_another_was_shared(scenario: Scenario) -> None:
    with_vera(scenario)
    scenario.give_card("ben", BENS)
    shared(scenario, "anna", "IB3000901")
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    shared(scenario, "vera", VERAS)
    scenario.lose("anna", "IB3000901", Loss.LOST)
    assert cards_of(scenario, "ben") == {VERAS}
    scenario.lose("vera", VERAS, Loss.LOST)
    assert cards_of(scenario, "ben") == {BENS}


def test_the_end_of_several_shares_at_once_gives_the_own_card_back(scenario: Scenario) -> None:
    """The shares end one after another in one transaction, when carl is no longer the same person."""
    scenario.correct("carl", ANNA)
    with_vera(scenario)
    scenario.give_card("carl", BENS)
    for owner, serial in (("anna", "IB3000901"), ("vera", VERAS)):
        shared(scenario, owner, serial, "carl")
    scenario.correct("carl", CARL)
    assert cards_of(scenario, "carl") == {BENS}


# ---- people who are not the same any more, or are gone ----


def test_who_is_known_to_be_somebody_else_shares_no_more(scenario: Scenario) -> None:
    scenario.correct("carl", ANNA)
    carl = scenario.session("carl")
    assert scenario.system.confirm_share(carl, proven(scenario, carl)) is ShareState.DONE
    scenario.correct("carl", CARL)
    assert Kind.DSC_PLUS not in {each.kind for each in scenario.system.begin("carl", PASSWORD).choices}
    assert "share_ended" in scenario.told("carl")
    assert scenario.enter("anna")


def test_who_stays_the_same_person_goes_on_sharing(scenario: Scenario) -> None:
    ben = scenario.session("ben")
    scenario.system.confirm_share(ben, proven(scenario, ben))
    # Both users belong to one person, so a correction changes both in the same way.
    scenario.correct("anna", CARL)
    assert scenario.enter("ben")


def test_what_waits_for_compliance_is_refused_when_they_are_two_persons(scenario: Scenario) -> None:
    scenario.correct("carl", ANNA)
    share = pending(scenario, scenario.session("carl"))
    scenario.correct("carl", CARL)
    with pytest.raises(NotNow, match="no longer waits for a decision"):
        scenario.system.staff.decide_share(scenario.session("cleo"), share, True)
    assert "share_refused" in scenario.told("carl")
    assert "shared" not in scenario.told("carl")


def test_what_waits_for_compliance_is_told_as_refused_when_the_card_is_lost(scenario: Scenario) -> None:
    pending(scenario, scenario.session("ben"))
    scenario.lose("anna", "IB3000901", Loss.LOST)
    assert scenario.told("ben") == ["share_refused"]


def test_the_end_of_a_request_that_waits_leaves_the_sessions_of_its_user(scenario: Scenario) -> None:
    """A request has changed none of the user's devices. A share has, so its end ends the sessions."""
    waiting = scenario.session("ben")
    pending(scenario, waiting)
    with_vera(scenario)
    sharing = scenario.session("vera")
    assert scenario.system.confirm_share(sharing, proven(scenario, sharing)) is ShareState.DONE
    scenario.lose("anna", "IB3000901", Loss.LOST)
    (share,) = scenario.system.shares(waiting)
    assert share.state is ShareState.CANCELLED
    with pytest.raises(NotIn):
        scenario.system.visitor(sharing)


def test_who_closes_the_account_is_not_told_that_a_card_is_back(scenario: Scenario) -> None:
    scenario.accounts["lone"] = scenario.system.operator.add_account(scenario.entities["anna"], Decimal(1))
    scenario.add("lone", "lone", phone="+41792222222")
    scenario.give_card("lone", BENS)
    share_id = shared(scenario, "anna", "IB3000901", "lone")
    scenario.system.close_account(scenario.session("lone"))
    assert "share_ended" not in scenario.told("lone")
    states = {each.id: each.state for each in scenario.system.shares(scenario.session("anna"))}
    assert states == {share_id: ShareState.CANCELLED}


# ---- apps that replace cards ----


@pytest.mark.parametrize("again", [False, True])
def test_an_app_that_replaces_a_card_ends_its_sharing(clock: Clock, again: bool) -> None:
    """The other user gets the card back that was set aside, also if the app was lost and is activated again."""
    with new_scenario(clock, phone={"removes": ["dsc_plus"]}) as scenario:
        scenario.give_card("ben", "IB3000905")
        scenario.add("vera", "anna", phone="+41791111111")
        app = activated(scenario, "vera") if again else None
        if app is not None:
            scenario.system.report_loss(scenario.system.begin("vera", PASSWORD).token, app.device, Loss.LOST)
        scenario.give_card("vera", VERAS)
        ben = scenario.session("ben")
        share, offer = scenario.system.begin_share(ben, "vera", PASSWORD)
        assert scenario.system.answer_share(ben, share.id, scenario.respond(VERAS, offer.shows["challenge"]))
        assert scenario.system.confirm_share(ben, share.id) is ShareState.DONE
        if app is None:
            activated(scenario, "vera")
        else:
            vera = scenario.enter("vera")
            question = scenario.system.ask_to_activate(vera, app.device).shows["challenge"]
            assert scenario.system.activate(vera, f"P{app.respond(question)}")
        assert Kind.DSC_PLUS not in {each.kind for each in scenario.system.begin("vera", PASSWORD).choices}
        assert "IB3000905" in [each.label for each in scenario.system.begin("ben", PASSWORD).choices]
        assert "share_ended" in scenario.told("ben")
        assert [each.state for each in scenario.system.shares(scenario.session("ben"))] == [ShareState.CANCELLED]


# ---- the decisions ----


def test_the_newest_decisions_are_shown_not_those_about_the_newest_requests(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "_DECISIONS", 2)
    with_vera(scenario)
    for name in ("ben", "vera"):
        pending(scenario, scenario.session(name))
        scenario.clock.advance(60)
    cleo = scenario.session("cleo")
    asked = {each.user: each.id for each in scenario.system.staff.pending_shares(cleo)}
    for name in ("vera", "ben"):
        scenario.system.staff.decide_share(cleo, asked[name], False, "no")
        scenario.clock.advance(60)
    assert [each.user for each in scenario.system.staff.decisions(cleo)] == ["ben", "vera"]
    monkeypatch.setattr(staff, "_DECISIONS", 1)
    assert [each.user for each in scenario.system.staff.decisions(cleo)] == ["ben"]


# ---- users without a device ----


def test_who_shares_a_card_that_is_missing_comes_by_their_own_again(scenario: Scenario) -> None:
    """This works even with the limited scope of a temporary code after two days."""
    with_vera(scenario)
    vera = scenario.enter("vera")
    share = proven(scenario, vera)
    scenario.lose("vera", "+41…11", Loss.LOST)
    vera = scenario.enter("vera")
    share = proven(scenario, vera)
    assert scenario.system.confirm_share(vera, share) is ShareState.DONE
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    assert scenario.system.begin("vera", PASSWORD).choices == ()
    code, _ = scenario.bridged("vera")
    scenario.clock.advance(3 * DAY)
    late = scenario.answered(scenario.chosen("vera", Kind.TEMPORARY_CODE).token, code)
    assert scenario.system.visitor(late).scope is Scope.ACCOUNT
    with pytest.raises(NotAllowed):
        scenario.system.begin_share(late, "anna", PASSWORD)
    scenario.system.cancel_share(late, share)
    own = next(each for each in scenario.system.begin("vera", PASSWORD).choices if each.kind is Kind.DSC_PLUS)
    assert (own.label, own.use) == (VERAS, UseState.ACTIVE)
    assert scenario.enter("vera")
