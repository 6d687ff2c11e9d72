"""Sharing when something changes: before its confirmation, before compliance has decided, and afterwards."""

import pytest
from tests.host.login.shares import proven
from tests.host.login.town import ANNA, CARL, DAY, PASSWORD, Town

from dsc_host.login import DeviceState, Kind, Loss, NotAllowed, NotFound, NotNow, Scope, ShareState, UseState
from dsc_host.login.cards import activation
from dsc_host.login.devices import kinds, registry
from dsc_host.login.messages import notices
from dsc_host.login.transaction import LoginTransaction, locked_user, user_named

VERAS = "IB3000910"


def with_vera(town: Town) -> None:
    """Add vera, a third user of anna's person, with a card of her own."""
    town.add("vera", "anna", phone="+41791111111")
    town.give_card("vera", VERAS)


def pending(town: Town, token: str) -> str:
    """Let a user ask for anna's card, so that it is shared when compliance agrees. Return the share's id."""
    town.system.operator.put_under_review(town.entities["anna"])
    share = proven(town, token)
    assert town.system.confirm_share(token, share) is ShareState.PENDING
    town.system.operator.put_under_review(town.entities["anna"], False)
    return share


def anna_shares_veras(town: Town) -> None:
    """Let anna share vera's card, so that anna's own card is set aside."""
    anna = town.session("anna")
    share, offer = town.system.begin_share(anna, "vera", PASSWORD)
    assert town.system.answer_share(anna, share.id, town.respond(VERAS, offer.shows["challenge"]))
    assert town.system.confirm_share(anna, share.id) is ShareState.DONE


# ---- cards that are not in use ----


def test_a_card_that_its_owner_has_put_aside_is_not_shared(town: Town) -> None:
    with_vera(town)
    ben = town.session("ben")
    share = proven(town, ben)
    anna_shares_veras(town)
    with pytest.raises(NotNow, match="no longer in use"):
        town.system.confirm_share(ben, share)
    with pytest.raises(NotFound, match="no device of their own that can be shared"):
        town.system.begin_share(ben, "anna", PASSWORD)


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.MISPLACED, None])
def test_compliance_agrees_to_nothing_that_is_gone_meanwhile(town: Town, loss: Loss | None) -> None:
    """Compliance is refused, even if nobody has a device left whose level could be compared."""
    with_vera(town)
    share = pending(town, town.session("ben"))
    anna_shares_veras(town)
    if loss is not None:
        town.lose("vera", VERAS, loss)
    if loss is Loss.LOST:
        # Anna has her own card back, and the request is still open.
        assert town.system.staff.decide_share(town.session("cleo"), share, True) is ShareState.DONE
        return
    with pytest.raises(NotNow, match="no longer in use"):
        town.system.staff.decide_share(town.session("cleo"), share, True)
    assert town.system.staff.decide_share(town.session("cleo"), share, False) is ShareState.REFUSED


def test_a_misplaced_card_that_is_replaced_gives_those_who_share_it_their_own_back(town: Town) -> None:
    with_vera(town)
    anna_shares_veras(town)
    town.lose("vera", VERAS, Loss.MISPLACED)

    def replaced(tx: LoginTransaction) -> None:
        vera = locked_user(tx.db, user_named(tx.db, "vera").id)
        told = notices.notified_at_request()
        card = registry.add(tx, vera, kinds.DSC_CARD, told=told, serial="IB3000911", state=DeviceState.SHIPPED)
        activation.activate(tx, vera, card, "by itself")

    town.system.change(replaced)
    assert [each.label for each in town.system.begin("anna", PASSWORD).choices] == ["IB3000901"]
    assert "share_ended" in town.told("anna")


# ---- people who are not the same any more, or are gone ----


def test_who_is_known_to_be_somebody_else_shares_no_more(town: Town) -> None:
    town.correct("carl", ANNA)
    carl = town.session("carl")
    assert town.system.confirm_share(carl, proven(town, carl)) is ShareState.DONE
    town.correct("carl", CARL)
    assert Kind.DSC_PLUS not in {each.kind for each in town.system.begin("carl", PASSWORD).choices}
    assert "share_ended" in town.told("carl")
    assert town.enter("anna")


def test_who_stays_the_same_person_goes_on_sharing(town: Town) -> None:
    ben = town.session("ben")
    town.system.confirm_share(ben, proven(town, ben))
    # Both users belong to one person, so a correction changes both in the same way.
    town.correct("anna", CARL)
    assert town.enter("ben")


def test_what_waits_for_compliance_is_refused_when_they_are_two_persons(town: Town) -> None:
    town.correct("carl", ANNA)
    share = pending(town, town.session("carl"))
    town.correct("carl", CARL)
    with pytest.raises(NotNow, match="already been decided"):
        town.system.staff.decide_share(town.session("cleo"), share, True)
    assert "share_refused" in town.told("carl")
    assert "shared" not in town.told("carl")


def test_what_waits_for_compliance_is_told_as_refused_when_the_card_is_lost(town: Town) -> None:
    pending(town, town.session("ben"))
    town.lose("anna", "IB3000901", Loss.LOST)
    assert town.told("ben") == ["share_refused"]


# ---- users without a device ----


def test_who_shares_a_card_that_is_missing_comes_by_their_own_again(town: Town) -> None:
    """This works even with the limited scope of a temporary code after two days."""
    with_vera(town)
    vera = town.enter("vera")
    share = proven(town, vera)
    town.lose("vera", "+41…11", Loss.LOST)
    vera = town.enter("vera")
    share = proven(town, vera)
    assert town.system.confirm_share(vera, share) is ShareState.DONE
    town.lose("anna", "IB3000901", Loss.MISPLACED)
    assert town.system.begin("vera", PASSWORD).choices == ()
    code, _ = town.bridged("vera")
    town.clock.advance(3 * DAY)
    late = town.answered(town.chosen("vera", Kind.TEMPORARY_CODE).token, code)
    assert town.system.visitor(late).scope is Scope.ACCOUNT
    with pytest.raises(NotAllowed):
        town.system.begin_share(late, "anna", PASSWORD)
    town.system.cancel_share(late, share)
    own = next(each for each in town.system.begin("vera", PASSWORD).choices if each.kind is Kind.DSC_PLUS)
    assert (own.label, own.use) == (VERAS, UseState.ACTIVE)
    assert town.enter("vera")
