"""Sharing a device: the three conditions, the steps, the decision of compliance, and the end."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import ANNA, DAY, PASSWORD, Scenario, looked_up
from tests.host.login.shares import proven

from dsc_host.login import (
    DifferentIdentity,
    Kind,
    LessSecureDevice,
    Loss,
    NotAllowed,
    NotFound,
    NotNow,
    ShareState,
    TemporaryDevice,
    UseState,
    WrongCredentials,
)  # fmt: skip


def test_it_is_begun_by_who_is_not_the_owner(scenario: Scenario) -> None:
    with pytest.raises(NotNow):
        scenario.system.begin_share(scenario.session("anna"), "anna", PASSWORD)


def test_the_owners_password_is_needed(scenario: Scenario) -> None:
    with pytest.raises(WrongCredentials):
        scenario.system.begin_share(scenario.session("ben"), "anna", "a wrong one, surely")


def test_a_live_answer_of_the_device_is_needed(scenario: Scenario) -> None:
    token = scenario.session("ben")
    share, _ = scenario.system.begin_share(token, "anna", PASSWORD)
    with pytest.raises(NotNow):
        scenario.system.confirm_share(token, share.id)
    assert not scenario.system.answer_share(token, share.id, "00000000")
    with pytest.raises(NotNow):
        scenario.system.confirm_share(token, share.id)


OTHERS = {"birth_date": "1980-05-18", "citizenship": "DE", "residence": "DE", "document_type": "id", "document_number": "X77"}


def test_every_part_of_the_identity_counts(scenario: Scenario) -> None:
    for field, other in OTHERS.items():
        entity = scenario.system.operator.add_entity("Anna", replace(ANNA, **{field: other}), "Elsewhere 1")
        scenario.accounts[field] = scenario.system.operator.add_account(entity, Decimal(1))
        scenario.add(field, field, phone="+41791234500")
        with pytest.raises(DifferentIdentity, match="different identification information"):
            scenario.system.begin_share(scenario.enter_by_sms(field), "anna", PASSWORD)
    scenario.correct("document_number", ANNA)
    assert proven(scenario, scenario.enter_by_sms("document_number"))


def test_who_has_a_temporary_device_shares_nothing(scenario: Scenario) -> None:
    with pytest.raises(TemporaryDevice):
        scenario.system.begin_share(scenario.bridged("ben")[1], "anna", PASSWORD)


def test_an_online_card_that_was_given_stops_sharing_before_it_is_activated(scenario: Scenario) -> None:
    _, token = scenario.bridged("ben")
    scenario.system.request_online_card(token)
    scenario.clock.advance(13 * DAY)  # The temporary code has ended.
    token = scenario.enter_by_sms("ben")
    with pytest.raises(TemporaryDevice):
        scenario.system.begin_share(token, "anna", PASSWORD)
    scenario.clock.advance(8 * DAY)
    assert proven(scenario, scenario.enter_by_sms("ben"))


def test_the_less_secure_device_is_not_shared(scenario: Scenario) -> None:
    scenario.with_codes("anna")
    card = scenario.device(scenario.session("anna"), Kind.CODE_CARD)
    with pytest.raises(LessSecureDevice, match="less secure device"):
        scenario.system.begin_share(scenario.session("ben"), "anna", PASSWORD, card)
    assert scenario.system.begin_share(scenario.session("ben"), "anna", PASSWORD)[1].kind is Kind.DSC_PLUS


def test_of_two_equally_secure_devices_either_is_shared(scenario: Scenario) -> None:
    scenario.give_card("ben", "IB3000905")
    for user, owner in (("ben", "anna"), ("anna", "ben")):
        assert scenario.system.begin_share(scenario.session(user), owner, PASSWORD)[1].kind is Kind.DSC_PLUS


def test_a_card_of_codes_that_was_lost_meanwhile_does_not_answer(scenario: Scenario) -> None:
    codes = scenario.with_codes("anna")
    scenario.lose("anna", "IB3000901", Loss.LOST)
    ben = scenario.session("ben")
    share, offer = scenario.system.begin_share(ben, "anna", PASSWORD)
    assert offer.kind is Kind.CODE_CARD
    scenario.lose("anna", offer.label, Loss.LOST)
    assert not scenario.system.answer_share(ben, share.id, looked_up(codes, offer))


def test_an_app_is_not_shared(scenario: Scenario) -> None:
    app = activated(scenario)
    with pytest.raises(NotFound, match="no device of their own that can be shared"):
        scenario.system.begin_share(scenario.session("anna"), "ben", PASSWORD)
    with pytest.raises(NotFound, match="no device of their own that can be shared"):
        scenario.system.begin_share(scenario.session("anna"), "ben", PASSWORD, app.device)


def test_compliance_decides_where_it_must(scenario: Scenario) -> None:
    scenario.system.operator.set_under_review(scenario.entities["anna"])
    token = scenario.session("ben")
    assert scenario.system.confirm_share(token, proven(scenario, token)) is ShareState.PENDING
    assert Kind.DSC_PLUS not in {each.kind for each in scenario.system.begin("ben", PASSWORD).choices}
    cleo = scenario.session("cleo")
    share = scenario.system.staff.pending_shares(cleo)[0]
    for nobody in (scenario.session("sue"), scenario.session("ivo"), token):
        with pytest.raises(NotAllowed):
            scenario.system.staff.decide_share(nobody, share.id, True)
    assert scenario.system.staff.decide_share(cleo, share.id, True) is ShareState.DONE
    with pytest.raises(NotNow):
        scenario.system.staff.decide_share(cleo, share.id, False)
    assert scenario.enter("ben")


def test_an_online_card_that_is_given_meanwhile_stops_what_was_begun(scenario: Scenario) -> None:
    scenario.system.operator.set_under_review(scenario.entities["anna"])
    token = scenario.session("ben")
    share = proven(scenario, token)
    assert scenario.system.confirm_share(token, share) is ShareState.PENDING
    scenario.system.request_online_card(scenario.bridged("ben")[1])
    scenario.clock.advance(13 * DAY)  # The temporary code has ended.
    with pytest.raises(TemporaryDevice):
        scenario.system.staff.decide_share(scenario.session("cleo"), share, True)


def test_a_request_is_taken_back_before_compliance_decides(scenario: Scenario) -> None:
    scenario.system.operator.set_under_review(scenario.entities["anna"])
    token = scenario.session("ben")
    share = proven(scenario, token)
    scenario.system.confirm_share(token, share)
    scenario.system.cancel_share(scenario.session("anna"), share)
    assert ("login.share.cancel", "done", "") in scenario.events()
    assert "share_refused" in scenario.told("ben")
    with pytest.raises(NotNow):
        scenario.system.staff.decide_share(scenario.session("cleo"), share, True)


def test_sharing_ends_and_the_old_device_is_back(scenario: Scenario) -> None:
    scenario.give_card("ben", "IB3000905")
    token = scenario.session("ben")
    share = proven(scenario, token)
    scenario.system.confirm_share(token, share)
    views = {each.label: each.use for each in scenario.system.devices(token) if each.kind is Kind.DSC_PLUS}
    assert views == {"IB3000905": UseState.PARKED, "IB3000901": UseState.ACTIVE}
    scenario.system.cancel_share(token, share)
    views = {each.label: each.use for each in scenario.system.devices(token) if each.kind is Kind.DSC_PLUS}
    assert views == {"IB3000905": UseState.ACTIVE}


def test_a_session_of_a_card_that_is_set_aside_goes_on_with_the_shared_card(scenario: Scenario) -> None:
    scenario.give_card("ben", "IB3000905", Kind.GOLD)
    step = scenario.chosen("ben", Kind.GOLD)
    assert step.offer is not None
    token = scenario.answered(step.token, scenario.respond("IB3000905", step.offer.shows["challenge"]))
    scenario.system.confirm_share(token, proven(scenario, token))
    (session,) = scenario.system.sessions(token)
    assert (session.kind, session.label) == (Kind.DSC_PLUS, "IB3000901")
    assert scenario.system.withdrawal_limit(token)[0].kind == Kind.DSC_PLUS


def test_nobody_ends_up_with_no_way_in(scenario: Scenario) -> None:
    scenario.correct("carl", ANNA)
    scenario.clock.advance(DAY)
    scenario.accounts["lone"] = scenario.system.operator.add_account(scenario.entities["carl"], Decimal(1))
    scenario.add("lone", "lone", phone="+4915112345670")
    token = scenario.enter_by_sms("lone")
    share = proven(scenario, token)
    scenario.system.confirm_share(token, share)
    desk = scenario.call("lone")
    for device in scenario.system.staff.caller_devices(desk)[1]:
        # The number that SMS went to is also the device for calls.
        if device.kind is Kind.SMS:
            scenario.system.staff.report_loss(desk, device.id, Loss.LOST)
    token = scenario.enter("lone")
    with pytest.raises(NotNow):
        scenario.system.cancel_share(token, share)
    scenario.system.cancel_share(scenario.session("anna"), share)
    assert scenario.system.begin("lone", PASSWORD).choices == ()
    assert scenario.system.staff.give_temporary_code(scenario.call("lone"))
