"""A user who has lost a device reports it with name and password only. The device is suspended, and nothing ends for good."""

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario, looked_up
from tests.host.login.shares import proven

from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, Loss, NotFound, NotIn, NotNow, Status
from dsc_host.login.devices import registry
from dsc_host.login.transaction import user_named
from dsc_host.verifier.model import State


def report(scenario: Scenario, name: str, kind: Kind, loss: Loss = Loss.LOST) -> str:
    """Report the loss of this person's device at the login. Return the token of that login."""
    step = scenario.system.begin(name, PASSWORD)
    scenario.system.report_loss(step.token, next(each.id for each in step.choices if each.kind is kind), loss)
    return step.token


def states(scenario: Scenario, name: str, kind: Kind) -> list[DeviceState]:
    """Return the states of this person's devices of a kind."""
    return scenario.system.context.read(
        lambda tx: [
            DeviceState(device.state) for device, _ in registry.held_by(tx.db, user_named(tx.db, name)) if device.kind == kind
        ]
    )


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.STOLEN])
def test_a_card_lets_nobody_in_from_then_on_and_can_be_activated_again(scenario: Scenario, loss: Loss) -> None:
    session, half_way = scenario.session("anna"), scenario.chosen("anna", Kind.DSC_PLUS)
    assert half_way.offer is not None
    token = report(scenario, "anna", Kind.DSC_PLUS, loss)
    for ended in (session, token):
        with pytest.raises(NotIn):
            scenario.system.devices(ended)
    with pytest.raises(NotIn):
        scenario.system.answer(half_way.token, scenario.respond(SERIALS["anna"], half_way.offer.shows["challenge"]))
    assert scenario.system.begin("anna", PASSWORD).choices == ()
    assert ("login.loss.report", "suspended", str(loss)) in scenario.events()
    session = scenario.bridged("anna")[1]
    offer = scenario.system.ask_to_activate(session, scenario.device(session, Kind.DSC_PLUS))
    assert scenario.system.activate(session, scenario.respond(SERIALS["anna"], offer.shows["challenge"]))
    assert states(scenario, "anna", Kind.DSC_PLUS) == [DeviceState.ACTIVE]


def test_a_phone_is_suspended_with_its_numbers(scenario: Scenario) -> None:
    app = activated(scenario, "ben")
    report(scenario, "ben", Kind.PHONE_APP)
    with pytest.raises(NotFound):
        scenario.system.phones.pushes(app.device, app.token)
    with pytest.raises(NotNow, match="no confirmed phone"):
        scenario.system.phones.begin("ben", PASSWORD)
    session = scenario.bridged("ben")[1]
    device = scenario.device(session, Kind.PHONE_APP)
    wrong = scenario.system.ask_to_activate(session, device)
    assert not scenario.system.activate(session, "P00000000")
    right = scenario.system.ask_to_activate(session, device)
    assert wrong.device == right.device
    assert scenario.system.activate(session, "P" + app.respond(right.shows["challenge"]))
    step = scenario.chosen("ben", Kind.PHONE_APP)
    app.approve()
    assert scenario.system.answer(step.token, "").status is Status.ACCEPTED


def test_a_number_of_a_lost_phone_gets_no_codes_until_it_is_confirmed_again(scenario: Scenario) -> None:
    report(scenario, "ben", Kind.SMS)
    assert scenario.system.begin("ben", PASSWORD).choices == ()
    assert states(scenario, "ben", Kind.VOICE) == [DeviceState.ENDED]


def test_a_code_card_keeps_its_codes_and_shows_them_to_nobody(scenario: Scenario) -> None:
    codes = scenario.with_codes("ben")
    report(scenario, "ben", Kind.CODE_CARD)
    session = scenario.session("ben")
    card = scenario.device(session, Kind.CODE_CARD)
    with pytest.raises(NotNow):
        scenario.system.sheet(session, card)
    assert scenario.system.activate(session, looked_up(codes, scenario.system.ask_to_activate(session, card)))


def test_a_shared_device_is_suspended_for_all_its_users(scenario: Scenario) -> None:
    scenario.add("dora", "anna", phone="+41795550188")
    session = scenario.session("dora")
    scenario.system.confirm_share(session, proven(scenario, session))
    report(scenario, "dora", Kind.DSC_PLUS)
    assert scenario.system.begin("anna", PASSWORD).choices == ()
    assert "suspended" in scenario.told("anna")
    assert "suspended" in scenario.told("dora")


@pytest.mark.parametrize(("loss", "told"), [(Loss.MISPLACED, "out_of_use"), (Loss.LOST, "share_ended")])
def test_all_users_of_a_shared_device_hear_what_support_was_told(scenario: Scenario, loss: Loss, told: str) -> None:
    session = scenario.session("ben")
    scenario.system.confirm_share(session, proven(scenario, session))
    scenario.lose("anna", "IB3000901", loss)
    assert scenario.told("anna").count("out_of_use") == 1
    assert told in scenario.told("ben")


@pytest.mark.parametrize("loss", [Loss.MISPLACED, Loss.STOLEN, Loss.DAMAGED])
def test_support_takes_an_app_out_of_use_only_as_lost(scenario: Scenario, loss: Loss) -> None:
    app = activated(scenario)
    with pytest.raises(InputError, match=r"loss: must be one of lost$"):
        scenario.system.staff.report_loss(scenario.call("ben"), app.device, loss)
    assert states(scenario, "ben", Kind.PHONE_APP) == [DeviceState.ACTIVE]
    assert {each.state for each in scenario.verifier.cards(owner="ben")} == {State.ENROLLED}
    scenario.system.staff.report_loss(scenario.call("ben"), app.device, Loss.LOST)
    assert {each.state for each in scenario.verifier.cards(owner="ben")} == {State.RETIRED}


def test_only_who_knows_the_password_reports(scenario: Scenario) -> None:
    device = scenario.system.begin("anna", PASSWORD).choices[0].id
    for token in ("", "nothing"):
        with pytest.raises(NotIn):
            scenario.system.report_loss(token, device, Loss.LOST)
        with pytest.raises(NotIn):
            scenario.system.devices_to_report(token)
    for token in (scenario.system.begin("carl", PASSWORD).token, scenario.session("carl")):
        with pytest.raises(NotFound):
            scenario.system.report_loss(token, device, Loss.LOST)
        assert device not in [each.id for each in scenario.system.devices_to_report(token)]
    with pytest.raises(InputError, match="loss: must be one of lost, stolen"):
        scenario.system.report_loss(scenario.system.begin("anna", PASSWORD).token, device, Loss.DAMAGED)
    assert states(scenario, "anna", Kind.DSC_PLUS) == [DeviceState.ACTIVE]


def test_who_is_logged_in_reports_too_and_stays_if_another_device_opened_the_session(scenario: Scenario) -> None:
    scenario.give_card("carl", "IB3000955")
    by_sms, by_card = scenario.session("carl"), scenario.enter("carl")
    card = scenario.device(by_sms, Kind.DSC_PLUS)
    assert card in [each.id for each in scenario.system.devices_to_report(by_sms)]
    assert scenario.system.report_loss(by_sms, card, Loss.STOLEN)
    assert card not in [each.id for each in scenario.system.devices_to_report(by_sms)]
    with pytest.raises(NotIn):
        scenario.system.devices(by_card)
    assert not scenario.system.report_loss(by_sms, scenario.device(by_sms, Kind.SMS), Loss.STOLEN)
    with pytest.raises(NotIn):
        scenario.system.devices(by_sms)


def test_a_session_without_a_device_ends_with_its_report(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("anna"))
    token = scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token
    (card,) = scenario.system.devices_to_report(token)
    assert not scenario.system.report_loss(token, card.id, Loss.LOST)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)
