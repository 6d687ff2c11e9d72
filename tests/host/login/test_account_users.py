"""Primary users change the settings of all users of their account. Other users are told whom to ask."""

from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN
from tests.host.login.scenario import ANNA, CARL, PASSWORD, STAFF, Scenario

from dsc_host.errors import InputError
from dsc_host.login import NotFound, NotNow, OrderState


def test_the_primary_user_opts_others_of_the_account_out_and_in(scenario: Scenario) -> None:
    anna = scenario.session("anna")
    scenario.system.opt_out(anna, "ben")
    assert [(name, each.opted_out) for name, each in scenario.system.account_users(anna)] == [("anna", False), ("ben", True)]
    assert scenario.system.begin("ben", PASSWORD).may_skip
    assert not scenario.system.begin("anna", PASSWORD).may_skip
    with pytest.raises(NotNow, match="ben has already opted out"):
        scenario.system.opt_out(anna, "ben")
    scenario.clock.advance(1)
    scenario.system.opt_in(anna, "ben")
    assert not scenario.system.begin("ben", PASSWORD).may_skip
    assert scenario.told("ben") == ["opted_out", "opted_in"]
    assert scenario.verifier.audit.check().sound


def test_the_primary_user_requests_a_card_for_another_one(scenario: Scenario) -> None:
    anna = scenario.session("anna")
    draft = scenario.system.draft_request(anna, PIN, name="ben", address="3 New Street, Zug")
    sent = scenario.system.confirm_request(anna, draft.id)
    assert (sent.user, sent.address, sent.state) == ("ben", "3 New Street, Zug", OrderState.REQUESTED)
    assert scenario.told("ben") == ["requested"]
    ben = scenario.session("ben")
    for token in (anna, ben):
        assert [each.id for each in scenario.system.requests(token)] == [sent.id]
    assert scenario.system.requests(scenario.session("carl")) == []
    scenario.system.cancel_request(anna, sent.id)
    assert scenario.system.requests(ben)[0].state is OrderState.CANCELLED


def test_a_birthday_of_the_one_whose_card_it_is_is_no_pin(scenario: Scenario) -> None:
    carl = scenario.system.operator.add_entity("Carl", CARL, "Elsewhere 1")
    scenario.system.operator.add_user(scenario.accounts["anna"], "guest", PASSWORD, email="guest@example.com", entity=carl)
    with pytest.raises(InputError, match="birth date"):
        scenario.system.draft_request(scenario.session("anna"), "0211", name="guest")


def test_the_money_is_held_on_another_account_of_ones_own(scenario: Scenario) -> None:
    token = scenario.session("carl")
    other = scenario.system.operator.add_account(scenario.entities["carl"], Decimal(20))
    names = {scenario.accounts["carl"]: "Carl (carl)", other: f"Carl (…{other[-4:]})"}
    assert list(scenario.system.deposit_accounts(token).items()) == list(names.items())
    request = scenario.system.confirm_request(token, scenario.system.draft_request(token, PIN, account=other).id)
    assert (request.account, request.account_name, request.held) == (other, names[other], "held")
    with scenario.verifier.context.store.read() as db:
        assert db.exec_driver_sql("SELECT account_id FROM holds").scalars().all() == [other]
    anna = scenario.session("anna")
    for strange in (other, "0123456789abcdef", ""):
        with pytest.raises(NotFound, match="no such account"):
            scenario.system.draft_request(anna, PIN, name="ben", account=strange)


# ---- staff ----


def test_support_does_not_serve_itself_by_whatever_name(scenario: Scenario) -> None:
    same = scenario.system.operator.add_entity("Sue", STAFF, "Elsewhere 1")
    scenario.system.operator.add_user(
        scenario.system.operator.add_account(same, Decimal(0)),
        "sue.home",
        PASSWORD,
        email="s@example.com",
        phone="+41791234599",
    )
    desk = scenario.session("sue")
    for name in ("sue", "sue.home"):
        with pytest.raises(NotNow, match="it is about you"):
            scenario.system.staff.identify(desk, name, STAFF)
        with pytest.raises(NotNow, match="it is about you"):
            scenario.system.staff.correct_identity(desk, name, CARL)
    assert scenario.system.staff.identify(desk, "anna", ANNA)


def test_whose_details_were_corrected_is_told_by_all_names(scenario: Scenario) -> None:
    scenario.correct("ben", CARL)
    assert sorted(scenario.told("ben")) == sorted(scenario.told("anna")) == ["identity_corrected", "identity_waits"]
    assert scenario.told("carl") == []
