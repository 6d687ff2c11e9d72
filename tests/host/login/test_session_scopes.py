"""The scope of a session depends on the device that it continues with, and costly requests are limited within a session."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.host.login.card_orders import by_codes, online_card
from tests.host.login.scenario import DAY, PASSWORD, Scenario, looked_up, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.errors import TooManyChallenges
from dsc_host.login import Kind, Loss, NotAllowed, NotIn, Scope, Stage, TooManyAttempts, rows


def test_a_session_by_something_else_goes_on_while_the_card_is_sent_back(scenario: Scenario) -> None:
    _, token = scenario.bridged("anna")
    scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "1Z 999")
    assert scenario.system.visitor(token).scope is Scope.FULL


def test_an_online_card_and_its_sessions_end_at_one_moment(scenario: Scenario) -> None:
    _, codes = online_card(scenario)
    scenario.clock.advance(21 * DAY - 30)
    token = by_codes(scenario, codes)
    scenario.clock.advance(29)
    assert scenario.system.visitor(token).scope is Scope.FULL
    scenario.clock.advance(1)
    # The maintenance has not run yet.
    assert scenario.system.begin("anna", PASSWORD).choices == ()
    for call in (scenario.system.visitor, scenario.system.request_online_card):
        with pytest.raises(NotIn):
            call(token)
    scenario.system.operator.run_due()
    assert scenario.told("anna")[-1] == "expired"
    assert scenario.bridged("anna")


def test_who_activates_a_device_goes_on_by_it(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.lose("anna", "IB3000901", Loss.LOST))
    scenario.waited("anna")
    _, token = scenario.bridged("anna")
    much = Decimal(150_000)
    assert not scenario.system.withdraw(token, much)
    assert scenario.system.activate(token, looked_up(codes, scenario.system.ask_to_activate(token, card.id)))
    assert scenario.system.visitor(token).device == card.id
    assert scenario.system.withdraw(token, much)


def test_the_codes_of_a_card_on_its_way_are_for_sessions_that_may_do_everything(scenario: Scenario) -> None:
    desk = scenario.lose("anna", "IB3000901", Loss.LOST)
    code = scenario.system.staff.give_temporary_code(desk)
    posted, codes = scenario.system.staff.issue_code_card(desk)
    assert (
        scenario.system.sheet(scenario.answered(scenario.chosen("anna", Kind.TEMPORARY_CODE).token, code), posted.id) == codes
    )
    scenario.clock.advance(3 * DAY)
    late = scenario.answered(scenario.chosen("anna", Kind.TEMPORARY_CODE).token, code)
    with pytest.raises(NotAllowed):
        scenario.system.sheet(late, posted.id)
    # This session may see an online card. The holder of the printed one may activate it when its wait is over.
    assert scenario.system.sheet(late, scenario.system.request_online_card(late).id)
    scenario.waited("anna")
    assert scenario.system.activate(late, looked_up(codes, scenario.system.ask_to_activate(late, posted.id)))


# ---- limits on requests ----


def test_a_device_that_refuses_leaves_the_login_to_another_one(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(scenario.call("anna"), "+41790000001")
    scenario.waited("anna")
    for _ in range(scenario.verifier.policy.challenges):
        scenario.verifier.challenge("IB3000901")
    begun = scenario.system.begin("anna", PASSWORD)
    by_kind, before = {choice.kind: choice.id for choice in begun.choices}, sessions(scenario)
    for _ in range(2):
        with pytest.raises(TooManyChallenges):
            scenario.system.choose(begun.token, by_kind[Kind.DSC_PLUS])
    assert sessions(scenario) == before, "no login is left half-way"
    assert scenario.system.step(begun.token).stage is Stage.CHOOSING
    step = scenario.system.choose(begun.token, by_kind[Kind.SMS])
    assert scenario.answered(step.token, scenario.sent("sms"))


def sessions(scenario: Scenario) -> int:
    return scenario.system.context.read(lambda tx: rows.sessions.count(tx.db))


@pytest.fixture
def thrifty(clock: Clock) -> Iterator[Scenario]:
    """A scenario in which a user may ask for six challenges in five minutes."""
    with new_scenario(clock, login={"offers": 6}) as scenario:
        yield scenario


def test_what_is_asked_for_in_a_session_is_counted_as_at_the_login(thrifty: Scenario) -> None:
    scenario = thrifty
    card, _ = scenario.system.staff.issue_code_card(scenario.call("anna"))
    scenario.waited("anna")
    anna = scenario.enter("anna")
    used = 1  # for the login
    for _ in range(scenario.system.policy.login.offers - used):
        scenario.system.ask_to_activate(anna, card.id)
    with pytest.raises(TooManyAttempts):
        scenario.system.ask_to_activate(anna, card.id)
    with pytest.raises(TooManyAttempts):
        scenario.system.ask_to_change_pin(anna, scenario.device(anna, Kind.DSC_PLUS))
    with pytest.raises(TooManyAttempts):
        scenario.chosen("anna", Kind.DSC_PLUS)
    scenario.clock.advance(300)
    assert scenario.system.ask_to_activate(scenario.session("anna"), card.id)


def test_nobody_asks_through_anothers_card_of_codes_by_sharing(thrifty: Scenario) -> None:
    ben = thrifty.enter_by_sms("ben")
    for _ in range(thrifty.system.policy.login.offers - 1):
        thrifty.system.begin_share(ben, "anna", PASSWORD)
    with pytest.raises(TooManyAttempts):
        thrifty.system.begin_share(ben, "anna", PASSWORD)
    assert thrifty.enter("anna")
