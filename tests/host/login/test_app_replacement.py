"""A new activation takes the user's previous app out of use, after the user has agreed and entered the PIN of that app."""

import pytest
from tests.host.login.phone_app import App, activated, replaced
from tests.host.login.scenario import DAY, PASSWORD, Scenario

from dsc_host.login import NotAllowed, NotFound, NotNow, TooManyAttempts

RIGHT, WRONG = bytes(range(100, 132)), bytes(range(101, 133))


def live(scenario: Scenario) -> list[str]:
    return [each.id for each in scenario.system.begin("ben", PASSWORD).choices]


def gone(scenario: Scenario, app: App) -> bool:
    try:
        scenario.system.phones.pushes(app.device, app.token)
    except NotFound:
        return True
    return False


def test_the_app_before_ends_once_the_user_has_agreed(scenario: Scenario) -> None:
    old = activated(scenario)
    begun = scenario.system.phones.begin("ben", PASSWORD)
    assert ([each[:2] for each in begun.replaces], begun.needs_recovery) == (["PH"], False)
    with pytest.raises(NotNow, match="agree that this activation takes it out of use"):
        replaced(scenario, agreed=False)
    assert live(scenario) == [old.device]
    new = replaced(scenario)
    assert live(scenario) == [new.device]
    assert gone(scenario, old)
    assert "out_of_use" in scenario.told("ben")


def test_an_app_whose_pin_is_known_is_replaced_only_with_it(scenario: Scenario) -> None:
    old = replaced(scenario, recovery_key=RIGHT)
    assert scenario.system.phones.begin("ben", PASSWORD).needs_recovery
    for wrong in (WRONG, None):
        with pytest.raises(NotAllowed, match="PIN of your previous app is wrong"):
            replaced(scenario, recovery=wrong)
    assert live(scenario) == [old.device]
    new = replaced(scenario, recovery=RIGHT, recovery_key=WRONG)
    assert (live(scenario), gone(scenario, old)) == ([new.device], True)
    newest = replaced(scenario, recovery=WRONG)
    assert live(scenario) == [newest.device]


def test_wrong_pins_for_recovery_are_counted_over_all_activations(scenario: Scenario) -> None:
    replaced(scenario, recovery_key=RIGHT)
    for _ in range(scenario.system.policy.login.factor_failures):
        scenario.clock.advance(600)
        with pytest.raises(NotAllowed):
            replaced(scenario, recovery=WRONG)
    scenario.clock.advance(600)
    with pytest.raises(TooManyAttempts):
        replaced(scenario, recovery=RIGHT)
    scenario.clock.advance(DAY)
    replaced(scenario, recovery=RIGHT)


def test_an_app_that_was_removed_needs_no_pin(scenario: Scenario) -> None:
    old = replaced(scenario, recovery_key=RIGHT)
    scenario.give_card("ben", "IB3000955")
    scenario.system.remove_app(scenario.enter("ben"), old.device)
    begun = scenario.system.phones.begin("ben", PASSWORD)
    assert (begun.replaces, begun.needs_recovery) == ((), False)
    replaced(scenario)
