"""A session that was opened with a finger or a face lasts longer after another such answer in it."""

import pytest
from tests.host.login.phone_app import App, activated
from tests.host.login.scenario import Scenario, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind, NotIn, Scope

HOUR = 3600


def opened(scenario: Scenario, app: App, method: str = "biometrics") -> str:
    step = scenario.chosen("ben", Kind.PHONE_APP)
    app.approve(method)
    return scenario.answered(step.token, "")


def answers(scenario: Scenario, token: str, app: App, letter: str = "B", method: str = "biometrics") -> bool:
    offer = scenario.system.proofs.ask(token, app.device)
    return scenario.system.proofs.answer(token, letter + app.respond(offer.shows["challenge"], method))


def left(scenario: Scenario, token: str) -> float:
    """Return the hours that the session still lasts."""
    return (scenario.system.visitor(token).until - scenario.clock.now) / HOUR


def test_another_answer_with_the_finger_within_thirty_hours_gives_thirty_more(scenario: Scenario) -> None:
    app = activated(scenario)
    token = opened(scenario, app)
    scenario.clock.advance(29 * HOUR)
    assert answers(scenario, token, app)
    assert left(scenario, token) == 30
    scenario.clock.advance(29 * HOUR)
    token = scenario.system.rotate(token)
    assert answers(scenario, token, app)
    scenario.clock.advance(30 * HOUR - 1)
    visitor = scenario.system.visitor(token)
    assert (visitor.name, visitor.scope, visitor.until - visitor.since) == ("ben", Scope.FULL, 88 * HOUR)
    scenario.clock.advance(1)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)


def test_what_comes_after_thirty_hours_is_too_late(scenario: Scenario) -> None:
    app = activated(scenario)
    token = opened(scenario, app)
    offer = scenario.system.proofs.ask(token, app.device)
    scenario.clock.advance(30 * HOUR)
    with pytest.raises(NotIn):
        scenario.system.proofs.answer(token, "B" + app.respond(offer.shows["challenge"], "biometrics"))


def test_the_pin_a_wrong_answer_and_another_device_extend_nothing(scenario: Scenario) -> None:
    app = activated(scenario)
    scenario.give_card("ben", "IB3000955")
    token = opened(scenario, app)
    scenario.clock.advance(20 * HOUR)
    assert answers(scenario, token, app, "P", "pin")
    assert not answers(scenario, token, app, "B", "pin")
    card = scenario.device(token, Kind.DSC_PLUS)
    offer = scenario.system.proofs.ask(token, card)
    assert scenario.system.proofs.answer(token, scenario.respond("IB3000955", offer.shows["challenge"]))
    assert left(scenario, token) == 10


def test_a_session_that_was_opened_otherwise_is_not_extended(scenario: Scenario) -> None:
    app = activated(scenario)
    scenario.give_card("ben", "IB3000955")
    by_pin, by_card = opened(scenario, app, "pin"), scenario.enter("ben")
    scenario.clock.advance(HOUR // 4)
    for token in (by_pin, by_card):
        before = left(scenario, token)
        assert answers(scenario, token, app)
        assert left(scenario, token) == before
        assert scenario.system.sessions(token)[0].extendable_until is None


def test_an_answer_or_a_login_elsewhere_extends_no_other_session(scenario: Scenario) -> None:
    app = activated(scenario)
    first = opened(scenario, app)
    scenario.clock.advance(20 * HOUR)
    second = opened(scenario, app)
    assert answers(scenario, second, app)
    assert left(scenario, first) == 10


def test_no_extension_goes_beyond_the_longest_duration(clock: Clock) -> None:
    with new_scenario(clock, sessions={"biometrics_longest": 50 * HOUR}) as scenario:
        app = activated(scenario)
        token = opened(scenario, app)
        assert scenario.system.visitor(token).extendable_until == clock.now + 50 * HOUR
        clock.advance(29 * HOUR)
        assert answers(scenario, token, app)
        assert left(scenario, token) == 21
        assert scenario.system.visitor(token).extendable_until is None
        clock.advance(20 * HOUR)
        assert answers(scenario, token, app)
        assert left(scenario, token) == 1


def test_a_policy_may_extend_nothing(clock: Clock) -> None:
    with new_scenario(clock, sessions={"biometrics_longest": 1}) as scenario:
        app = activated(scenario)
        token = opened(scenario, app)
        assert scenario.system.visitor(token).extendable_until is None
        clock.advance(HOUR)
        assert answers(scenario, token, app)
        assert left(scenario, token) == 29
