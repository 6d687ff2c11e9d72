"""A user who has lost a device reports it with name and password only. The device is suspended, and nothing ends for good."""

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.shares import proven
from tests.host.login.town import PASSWORD, SERIALS, Town, looked_up

from dsc_host.errors import InputError
from dsc_host.login import DeviceState, Kind, Loss, NotFound, NotIn, NotNow, Status
from dsc_host.login.devices import registry
from dsc_host.login.transaction import user_named


def report(town: Town, name: str, kind: Kind, loss: Loss = Loss.LOST) -> str:
    """Report the loss of this person's device at the login. Return the token of that login."""
    step = town.system.begin(name, PASSWORD)
    town.system.report_loss(step.token, next(each.id for each in step.choices if each.kind is kind), loss)
    return step.token


def states(town: Town, name: str, kind: Kind) -> list[DeviceState]:
    """Return the states of this person's devices of a kind."""
    return town.system.context.read(
        lambda tx: [
            DeviceState(device.state) for device, _ in registry.held_by(tx.db, user_named(tx.db, name)) if device.kind == kind
        ]
    )


@pytest.mark.parametrize("loss", [Loss.LOST, Loss.STOLEN])
def test_a_card_lets_nobody_in_from_then_on_and_can_be_activated_again(town: Town, loss: Loss) -> None:
    session, half_way = town.session("anna"), town.chosen("anna", Kind.DSC_PLUS)
    assert half_way.offer is not None
    token = report(town, "anna", Kind.DSC_PLUS, loss)
    for ended in (session, token):
        with pytest.raises(NotIn):
            town.system.devices(ended)
    with pytest.raises(NotIn):
        town.system.answer(half_way.token, town.respond(SERIALS["anna"], half_way.offer.shows["challenge"]))
    assert town.system.begin("anna", PASSWORD).choices == ()
    assert ("login.loss.report", "suspended", str(loss)) in town.events()
    session = town.bridged("anna")[1]
    offer = town.system.ask_to_activate(session, town.device(session, Kind.DSC_PLUS))
    assert town.system.activate(session, town.respond(SERIALS["anna"], offer.shows["challenge"]))
    assert states(town, "anna", Kind.DSC_PLUS) == [DeviceState.ACTIVE]


def test_a_phone_is_suspended_with_its_numbers(town: Town) -> None:
    app = activated(town, "ben")
    report(town, "ben", Kind.PHONE_APP)
    with pytest.raises(NotFound):
        town.system.phones.pushes(app.device, app.token)
    with pytest.raises(NotNow, match="no confirmed phone"):
        town.system.phones.begin("ben", PASSWORD)
    session = town.bridged("ben")[1]
    device = town.device(session, Kind.PHONE_APP)
    wrong = town.system.ask_to_activate(session, device)
    assert not town.system.activate(session, "P00000000")
    right = town.system.ask_to_activate(session, device)
    assert wrong.device == right.device
    assert town.system.activate(session, "P" + app.respond(right.shows["challenge"]))
    step = town.chosen("ben", Kind.PHONE_APP)
    app.approve()
    assert town.system.answer(step.token, "").status is Status.ACCEPTED


def test_a_number_of_a_lost_phone_gets_no_codes_until_it_is_confirmed_again(town: Town) -> None:
    report(town, "ben", Kind.SMS)
    assert town.system.begin("ben", PASSWORD).choices == ()
    assert states(town, "ben", Kind.VOICE) == [DeviceState.ENDED]


def test_a_code_card_keeps_its_codes_and_shows_them_to_nobody(town: Town) -> None:
    codes = town.with_codes("ben")
    report(town, "ben", Kind.CODE_CARD)
    session = town.session("ben")
    card = town.device(session, Kind.CODE_CARD)
    with pytest.raises(NotNow):
        town.system.sheet(session, card)
    assert town.system.activate(session, looked_up(codes, town.system.ask_to_activate(session, card)))


def test_a_shared_device_is_suspended_for_all_its_users(town: Town) -> None:
    town.add("dora", "anna", phone="+41795550188")
    session = town.session("dora")
    town.system.confirm_share(session, proven(town, session))
    report(town, "dora", Kind.DSC_PLUS)
    assert town.system.begin("anna", PASSWORD).choices == ()
    assert "suspended" in town.told("anna")
    assert "suspended" in town.told("dora")


def test_only_a_login_whose_password_was_right_reports(town: Town) -> None:
    device = town.system.begin("anna", PASSWORD).choices[0].id
    for token in ("", "nothing", town.session("anna")):
        with pytest.raises(NotIn):
            town.system.report_loss(token, device, Loss.LOST)
    with pytest.raises(NotFound):
        town.system.report_loss(town.system.begin("carl", PASSWORD).token, device, Loss.LOST)
    with pytest.raises(InputError, match="loss: must be one of lost, stolen"):
        town.system.report_loss(town.system.begin("anna", PASSWORD).token, device, Loss.DAMAGED)
    assert states(town, "anna", Kind.DSC_PLUS) == [DeviceState.ACTIVE]
