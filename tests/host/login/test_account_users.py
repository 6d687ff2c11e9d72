"""Primary users change the settings of all users of their account. Other users are told whom to ask."""

from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN
from tests.host.login.town import ANNA, CARL, PASSWORD, STAFF, Town

from dsc_host.errors import InputError
from dsc_host.login import NotFound, NotNow, OrderState


def test_the_primary_user_opts_others_of_the_account_out_and_in(town: Town) -> None:
    anna = town.session("anna")
    town.system.opt_out(anna, "ben")
    assert [(name, each.opted_out) for name, each in town.system.account_users(anna)] == [("anna", False), ("ben", True)]
    assert town.system.begin("ben", PASSWORD).may_skip
    assert not town.system.begin("anna", PASSWORD).may_skip
    with pytest.raises(NotNow, match="ben has already opted out"):
        town.system.opt_out(anna, "ben")
    town.clock.advance(1)
    town.system.opt_in(anna, "ben")
    assert not town.system.begin("ben", PASSWORD).may_skip
    assert town.told("ben") == ["opted_out", "opted_in"]
    assert town.verifier.audit.check().sound


def test_the_primary_user_requests_a_card_for_another_one(town: Town) -> None:
    anna = town.session("anna")
    draft = town.system.draft_request(anna, PIN, name="ben", address="3 New Street, Zug")
    sent = town.system.confirm_request(anna, draft.id)
    assert (sent.user, sent.address, sent.state) == ("ben", "3 New Street, Zug", OrderState.REQUESTED)
    assert town.told("ben") == ["requested"]
    ben = town.session("ben")
    for token in (anna, ben):
        assert [each.id for each in town.system.requests(token)] == [sent.id]
    assert town.system.requests(town.session("carl")) == []
    town.system.cancel_request(anna, sent.id)
    assert town.system.requests(ben)[0].state is OrderState.CANCELLED


def test_a_birthday_of_the_one_whose_card_it_is_is_no_pin(town: Town) -> None:
    carl = town.system.operator.add_entity("Carl", CARL, "Elsewhere 1")
    town.system.operator.add_user(town.accounts["anna"], "guest", PASSWORD, email="guest@example.com", entity=carl)
    with pytest.raises(InputError, match="birth date"):
        town.system.draft_request(town.session("anna"), "0211", name="guest")


def test_the_money_is_held_on_another_account_of_ones_own(town: Town) -> None:
    token = town.session("carl")
    other = town.system.operator.add_account(town.entities["carl"], Decimal(20))
    assert town.system.deposit_accounts(token) == [town.accounts["carl"], other]
    request = town.system.confirm_request(token, town.system.draft_request(token, PIN, account=other).id)
    assert (request.account, request.held) == (other, "held")
    with town.verifier.context.store.read() as db:
        assert db.exec_driver_sql("SELECT account_id FROM holds").scalars().all() == [other]
    anna = town.session("anna")
    for strange in (other, "0123456789abcdef", ""):
        with pytest.raises(NotFound, match="no such account"):
            town.system.draft_request(anna, PIN, name="ben", account=strange)


# ---- staff ----


def test_support_does_not_serve_itself_by_whatever_name(town: Town) -> None:
    same = town.system.operator.add_entity("Sue", STAFF, "Elsewhere 1")
    town.system.operator.add_user(
        town.system.operator.add_account(same, Decimal(0)), "sue.home", PASSWORD, email="s@example.com", phone="+41791234599"
    )
    desk = town.session("sue")
    for name in ("sue", "sue.home"):
        with pytest.raises(NotNow, match="it is about you"):
            town.system.staff.identify(desk, name, STAFF)
        with pytest.raises(NotNow, match="it is about you"):
            town.system.staff.correct_identity(desk, name, CARL)
    assert town.system.staff.identify(desk, "anna", ANNA)


def test_whose_details_were_corrected_is_told_by_all_names(town: Town) -> None:
    town.correct("ben", CARL)
    assert sorted(town.told("ben")) == sorted(town.told("anna")) == ["identity_corrected", "identity_waits"]
    assert town.told("carl") == []
