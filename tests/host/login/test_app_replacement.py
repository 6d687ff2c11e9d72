"""A new activation takes the user's app before out of use: after asking, and with the PIN that the app before was made with."""

import pytest
from tests.host.login.phone_app import App, activated, replaced
from tests.host.login.town import DAY, PASSWORD, Town

from dsc_host.login import NotAllowed, NotFound, NotNow, TooManyAttempts

RIGHT, WRONG = bytes(range(100, 132)), bytes(range(101, 133))


def live(town: Town) -> list[str]:
    return [each.id for each in town.system.begin("ben", PASSWORD).choices]


def gone(town: Town, app: App) -> bool:
    try:
        town.system.phones.pushes(app.device, app.token)
    except NotFound:
        return True
    return False


def test_the_app_before_ends_once_the_user_has_agreed(town: Town) -> None:
    old = activated(town)
    begun = town.system.phones.begin("ben", PASSWORD)
    assert ([each[:2] for each in begun.replaces], begun.needs_recovery) == (["PH"], False)
    with pytest.raises(NotNow, match="confirm that it is taken out of use"):
        replaced(town, agreed=False)
    assert live(town) == [old.device]
    new = replaced(town)
    assert live(town) == [new.device]
    assert gone(town, old)
    assert "out_of_use" in town.told("ben")


def test_an_app_whose_pin_is_known_is_replaced_only_with_it(town: Town) -> None:
    old = replaced(town, recovery_key=RIGHT)
    assert town.system.phones.begin("ben", PASSWORD).needs_recovery
    for wrong in (WRONG, None):
        with pytest.raises(NotAllowed, match="PIN of your previous app is wrong"):
            replaced(town, recovery=wrong)
    assert live(town) == [old.device]
    new = replaced(town, recovery=RIGHT, recovery_key=WRONG)
    assert (live(town), gone(town, old)) == ([new.device], True)
    newest = replaced(town, recovery=WRONG)
    assert live(town) == [newest.device]


def test_wrong_pins_for_recovery_are_counted_over_all_activations(town: Town) -> None:
    replaced(town, recovery_key=RIGHT)
    for _ in range(town.system.policy.login.factor_failures):
        town.clock.advance(600)
        with pytest.raises(NotAllowed):
            replaced(town, recovery=WRONG)
    town.clock.advance(600)
    with pytest.raises(TooManyAttempts):
        replaced(town, recovery=RIGHT)
    town.clock.advance(DAY)
    replaced(town, recovery=RIGHT)


def test_an_app_that_was_removed_needs_no_pin(town: Town) -> None:
    old = replaced(town, recovery_key=RIGHT)
    town.give_card("ben", "IB3000955")
    town.system.remove_app(town.enter("ben"), old.device)
    begun = town.system.phones.begin("ben", PASSWORD)
    assert (begun.replaces, begun.needs_recovery) == ((), False)
    replaced(town)
