"""Sharing a device: the three conditions, the steps, the decision of compliance, and the end."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.shares import proven
from tests.host.login.town import ANNA, DAY, PASSWORD, Town

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


def test_it_is_begun_by_who_is_not_the_owner(town: Town) -> None:
    with pytest.raises(NotNow):
        town.system.begin_share(town.session("anna"), "anna", PASSWORD)


def test_the_owners_password_is_needed(town: Town) -> None:
    with pytest.raises(WrongCredentials):
        town.system.begin_share(town.session("ben"), "anna", "a wrong one, surely")


def test_a_live_answer_of_the_device_is_needed(town: Town) -> None:
    token = town.session("ben")
    share, _ = town.system.begin_share(token, "anna", PASSWORD)
    with pytest.raises(NotNow):
        town.system.confirm_share(token, share.id)
    assert not town.system.answer_share(token, share.id, "00000000")
    with pytest.raises(NotNow):
        town.system.confirm_share(token, share.id)


OTHERS = {"birth_date": "1980-05-18", "citizenship": "DE", "residence": "DE", "document_type": "id", "document_number": "X77"}


def test_every_part_of_the_identity_counts(town: Town) -> None:
    for field, other in OTHERS.items():
        entity = town.system.operator.add_entity("Anna", replace(ANNA, **{field: other}), "Elsewhere 1")
        town.accounts[field] = town.system.operator.add_account(entity, Decimal(1))
        town.add(field, field, phone="+41791234500")
        with pytest.raises(DifferentIdentity, match="different identification information"):
            town.system.begin_share(town.enter_by_sms(field), "anna", PASSWORD)
    town.correct("document_number", ANNA)
    assert proven(town, town.enter_by_sms("document_number"))


def test_who_has_a_temporary_device_shares_nothing(town: Town) -> None:
    with pytest.raises(TemporaryDevice):
        town.system.begin_share(town.bridged("ben")[1], "anna", PASSWORD)


def test_an_online_card_that_was_given_stops_sharing_before_it_is_activated(town: Town) -> None:
    _, token = town.bridged("ben")
    town.system.request_online_card(token)
    town.clock.advance(13 * DAY)  # The temporary code has ended.
    token = town.enter_by_sms("ben")
    with pytest.raises(TemporaryDevice):
        town.system.begin_share(token, "anna", PASSWORD)
    town.clock.advance(8 * DAY)
    assert proven(town, town.enter_by_sms("ben"))


def test_the_less_secure_device_is_not_shared(town: Town) -> None:
    town.with_codes("anna")
    card = town.device(town.session("anna"), Kind.CODE_CARD)
    with pytest.raises(LessSecureDevice, match="less secure device"):
        town.system.begin_share(town.session("ben"), "anna", PASSWORD, card)
    assert town.system.begin_share(town.session("ben"), "anna", PASSWORD)[1].kind is Kind.DSC_PLUS


def test_of_two_equally_secure_devices_either_is_shared(town: Town) -> None:
    town.give_card("ben", "IB3000905")
    for user, owner in (("ben", "anna"), ("anna", "ben")):
        assert town.system.begin_share(town.session(user), owner, PASSWORD)[1].kind is Kind.DSC_PLUS


def test_an_app_is_not_shared(town: Town) -> None:
    app = activated(town)
    with pytest.raises(NotFound, match="no device of their own that can be shared"):
        town.system.begin_share(town.session("anna"), "ben", PASSWORD)
    with pytest.raises(NotFound, match="no device of their own that can be shared"):
        town.system.begin_share(town.session("anna"), "ben", PASSWORD, app.device)


def test_compliance_decides_where_it_must(town: Town) -> None:
    town.system.operator.put_under_review(town.entities["anna"])
    token = town.session("ben")
    assert town.system.confirm_share(token, proven(town, token)) is ShareState.PENDING
    assert Kind.DSC_PLUS not in {each.kind for each in town.system.begin("ben", PASSWORD).choices}
    cleo = town.session("cleo")
    share = town.system.staff.pending_shares(cleo)[0]
    for nobody in (town.session("sue"), town.session("ivo"), token):
        with pytest.raises(NotAllowed):
            town.system.staff.decide_share(nobody, share.id, True)
    assert town.system.staff.decide_share(cleo, share.id, True) is ShareState.DONE
    with pytest.raises(NotNow):
        town.system.staff.decide_share(cleo, share.id, False)
    assert town.enter("ben")


def test_an_online_card_that_is_given_meanwhile_stops_what_was_begun(town: Town) -> None:
    town.system.operator.put_under_review(town.entities["anna"])
    token = town.session("ben")
    share = proven(town, token)
    assert town.system.confirm_share(token, share) is ShareState.PENDING
    town.system.request_online_card(town.bridged("ben")[1])
    town.clock.advance(13 * DAY)  # The temporary code has ended.
    with pytest.raises(TemporaryDevice):
        town.system.staff.decide_share(town.session("cleo"), share, True)


def test_a_request_is_taken_back_before_compliance_decides(town: Town) -> None:
    town.system.operator.put_under_review(town.entities["anna"])
    token = town.session("ben")
    share = proven(town, token)
    town.system.confirm_share(token, share)
    town.system.cancel_share(town.session("anna"), share)
    assert ("login.share.cancel", "done", "") in town.events()
    with pytest.raises(NotNow):
        town.system.staff.decide_share(town.session("cleo"), share, True)


def test_sharing_ends_and_the_old_device_is_back(town: Town) -> None:
    town.give_card("ben", "IB3000905")
    token = town.session("ben")
    share = proven(town, token)
    town.system.confirm_share(token, share)
    views = {each.label: each.use for each in town.system.devices(token) if each.kind is Kind.DSC_PLUS}
    assert views == {"IB3000905": UseState.PARKED, "IB3000901": UseState.ACTIVE}
    town.system.cancel_share(token, share)
    views = {each.label: each.use for each in town.system.devices(token) if each.kind is Kind.DSC_PLUS}
    assert views == {"IB3000905": UseState.ACTIVE}


def test_nobody_ends_up_with_no_way_in(town: Town) -> None:
    town.correct("carl", ANNA)
    town.clock.advance(DAY)
    town.accounts["lone"] = town.system.operator.add_account(town.entities["carl"], Decimal(1))
    town.add("lone", "lone", phone="+4915112345670")
    token = town.enter_by_sms("lone")
    share = proven(town, token)
    town.system.confirm_share(token, share)
    desk = town.call("lone")
    for device in town.system.staff.caller_devices(desk)[1]:
        # The number that SMS went to is also the device for calls.
        if device.kind is Kind.SMS:
            town.system.staff.report_loss(desk, device.id, Loss.LOST)
    token = town.enter("lone")
    with pytest.raises(NotNow):
        town.system.cancel_share(token, share)
    town.system.cancel_share(town.session("anna"), share)
    assert town.system.begin("lone", PASSWORD).choices == ()
    assert town.system.staff.give_temporary_code(town.call("lone"))
