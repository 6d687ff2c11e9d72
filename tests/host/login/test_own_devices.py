"""The names and dates of devices, and the removal of an app by its owner."""

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.login.shares import proven

from dsc_host.errors import InputError
from dsc_host.login import DeviceView, Kind, NotFound, NotIn, NotNow, ProofNeeded

CARD = "IB3000955"


def only(scenario: Scenario, token: str, kind: Kind) -> DeviceView:
    (found,) = [each for each in scenario.system.devices(token) if each.kind is kind]
    return found


def test_a_device_says_when_it_was_added_and_last_used(scenario: Scenario) -> None:
    before = only(scenario, scenario.session("anna"), Kind.DSC_PLUS)
    assert (before.added_at < scenario.clock.now + 1, before.used_at) == (True, None)
    scenario.clock.advance(100)
    token = scenario.enter("anna")
    used = scenario.clock.now
    assert only(scenario, token, Kind.DSC_PLUS).used_at == used
    scenario.clock.advance(1000)
    offer = scenario.system.proofs.ask(token, before.id)
    assert not scenario.system.proofs.answer(token, "00000000")
    assert only(scenario, token, Kind.DSC_PLUS).used_at == used
    assert scenario.system.proofs.answer(token, scenario.respond("IB3000901", offer.shows["challenge"]))
    after = only(scenario, token, Kind.DSC_PLUS)
    assert (after.used_at, after.added_at) == (scenario.clock.now, before.added_at)


def test_each_user_of_a_device_names_it(scenario: Scenario) -> None:
    ben = scenario.session("ben")
    scenario.system.confirm_share(ben, proven(scenario, ben))
    anna, ben = scenario.session("anna"), scenario.enter("ben")
    card = only(scenario, anna, Kind.DSC_PLUS).id
    scenario.system.name_device(anna, card, "  on my keys ")
    assert only(scenario, anna, Kind.DSC_PLUS).name == "on my keys"
    assert only(scenario, ben, Kind.DSC_PLUS).name == ""
    assert scenario.system.begin("anna", PASSWORD).choices[0].name == "on my keys"
    for wrong in ("x" * 33, "two\nlines", "   ", None):
        with pytest.raises(InputError, match=r"^device name: must (be one line|have 1 to 32)"):
            scenario.system.name_device(anna, card, wrong)  # type: ignore[arg-type]
    scenario.system.name_device(anna, card, "")
    assert only(scenario, anna, Kind.DSC_PLUS).name == ""
    with pytest.raises(NotFound):
        scenario.system.name_device(scenario.session("carl"), card, "mine")


def test_the_owner_removes_an_app_with_a_fresh_answer(scenario: Scenario) -> None:
    app = activated(scenario)
    scenario.give_card("ben", CARD)
    token = scenario.enter("ben")
    scenario.clock.advance(scenario.system.policy.protection.proof_seconds)
    with pytest.raises(ProofNeeded):
        scenario.system.remove_app(token, app.device)
    for other in (only(scenario, token, Kind.DSC_PLUS).id, "nothing"):
        with pytest.raises(NotFound):
            scenario.system.remove_app(scenario.enter("ben"), other)
    token, elsewhere = scenario.enter("ben"), scenario.enter("ben")
    scenario.system.remove_app(token, app.device)
    assert [each.kind for each in scenario.system.devices(token)] == [Kind.DSC_PLUS]
    with pytest.raises(NotIn):
        scenario.system.devices(elsewhere)
    with pytest.raises(NotFound):
        scenario.system.phones.pushes(app.device, app.token)


def test_a_temporary_device_does_not_remove_an_app(scenario: Scenario) -> None:
    app = activated(scenario)
    _, token = scenario.bridged("ben")
    with pytest.raises(NotNow, match="temporary device"):
        scenario.system.remove_app(token, app.device)


def test_the_last_way_in_is_removed_only_with_a_warning(scenario: Scenario) -> None:
    app = activated(scenario)
    step = scenario.chosen("ben", Kind.PHONE_APP)
    app.approve()
    token = scenario.answered(step.token, "")
    with pytest.raises(NotNow, match="last device"):
        scenario.system.remove_app(token, app.device)
    scenario.system.remove_app(token, app.device, last=True)
    with pytest.raises(NotIn):
        scenario.system.devices(token)
    assert scenario.system.begin("ben", PASSWORD).choices == ()
