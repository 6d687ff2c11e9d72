"""A session that was opened with a finger or a face lasts longer if its user answers so again within it."""

import pytest
from tests.host.login.phone_app import App, activated
from tests.host.login.town import Town, new_town
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind, NotIn, Scope

HOUR = 3600


def opened(town: Town, app: App, method: str = "biometrics") -> str:
    step = town.chosen("ben", Kind.PHONE_APP)
    app.approve(method)
    return town.answered(step.token, "")


def answers(town: Town, token: str, app: App, letter: str = "B", method: str = "biometrics") -> bool:
    offer = town.system.proofs.ask(token, app.device)
    return town.system.proofs.answer(token, letter + app.respond(offer.shows["challenge"], method))


def left(town: Town, token: str) -> float:
    """Return the hours that the session still lasts."""
    return (town.system.visitor(token).until - town.clock.now) / HOUR


def test_another_answer_with_the_finger_within_thirty_hours_gives_thirty_more(town: Town) -> None:
    app = activated(town)
    token = opened(town, app)
    town.clock.advance(29 * HOUR)
    assert answers(town, token, app)
    assert left(town, token) == 30
    town.clock.advance(29 * HOUR)
    token = town.system.rotate(token)
    assert answers(town, token, app)
    town.clock.advance(30 * HOUR - 1)
    visitor = town.system.visitor(token)
    assert (visitor.name, visitor.scope, visitor.until - visitor.since) == ("ben", Scope.FULL, 88 * HOUR)
    town.clock.advance(1)
    with pytest.raises(NotIn):
        town.system.visitor(token)


def test_what_comes_after_thirty_hours_is_too_late(town: Town) -> None:
    app = activated(town)
    token = opened(town, app)
    offer = town.system.proofs.ask(token, app.device)
    town.clock.advance(30 * HOUR)
    with pytest.raises(NotIn):
        town.system.proofs.answer(token, "B" + app.respond(offer.shows["challenge"], "biometrics"))


def test_the_pin_a_wrong_answer_and_another_device_extend_nothing(town: Town) -> None:
    app = activated(town)
    town.give_card("ben", "IB3000955")
    token = opened(town, app)
    town.clock.advance(20 * HOUR)
    assert answers(town, token, app, "P", "pin")
    assert not answers(town, token, app, "B", "pin")
    card = town.device(token, Kind.DSC_PLUS)
    offer = town.system.proofs.ask(token, card)
    assert town.system.proofs.answer(token, town.respond("IB3000955", offer.shows["challenge"]))
    assert left(town, token) == 10


def test_a_session_that_was_opened_otherwise_is_not_extended(town: Town) -> None:
    app = activated(town)
    town.give_card("ben", "IB3000955")
    by_pin, by_card = opened(town, app, "pin"), town.enter("ben")
    town.clock.advance(HOUR // 4)
    for token in (by_pin, by_card):
        before = left(town, token)
        assert answers(town, token, app)
        assert left(town, token) == before
        assert town.system.sessions(token)[0].extendable_until is None


def test_an_answer_or_a_login_elsewhere_extends_no_other_session(town: Town) -> None:
    app = activated(town)
    first = opened(town, app)
    town.clock.advance(20 * HOUR)
    second = opened(town, app)
    assert answers(town, second, app)
    assert left(town, first) == 10


def test_no_extension_goes_beyond_the_longest_duration(clock: Clock) -> None:
    with new_town(clock, sessions={"biometrics_longest": 50 * HOUR}) as town:
        app = activated(town)
        token = opened(town, app)
        assert town.system.visitor(token).extendable_until == clock.now + 50 * HOUR
        clock.advance(29 * HOUR)
        assert answers(town, token, app)
        assert left(town, token) == 21
        assert town.system.visitor(token).extendable_until is None
        clock.advance(20 * HOUR)
        assert answers(town, token, app)
        assert left(town, token) == 1


def test_a_policy_may_extend_nothing(clock: Clock) -> None:
    with new_town(clock, sessions={"biometrics_longest": 1}) as town:
        app = activated(town)
        token = opened(town, app)
        assert town.system.visitor(token).extendable_until is None
        clock.advance(HOUR)
        assert answers(town, token, app)
        assert left(town, token) == 29
