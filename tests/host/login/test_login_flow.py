"""Logging in with each kind of device, and everything that must not log anybody in."""

from collections.abc import Callable
from functools import partial

import pytest
from tests.host.login.scenario import ANNA, DAY, PASSWORD, Scenario

from dsc_host.login import Kind, NotAllowed, NotIn, NotNow, Scope, Stage, Status, TooManyAttempts, WrongCredentials
from dsc_host.login.errors import NotFound

WRONG = "a wrong one, surely"


def test_a_card_lets_its_owner_in(scenario: Scenario) -> None:
    visitor = scenario.system.visitor(scenario.enter("anna"))
    assert (visitor.name, visitor.scope, visitor.primary) == ("anna", Scope.FULL, True)
    assert ("login.enter", "done", "full") in scenario.events()
    assert scenario.verifier.audit.check().sound


def test_a_response_may_be_typed_in_groups(scenario: Scenario) -> None:
    step = scenario.chosen("anna", Kind.DSC_PLUS)
    assert step.offer is not None
    response = scenario.respond(step.offer.label, step.offer.shows["challenge"])
    assert scenario.answered(step.token, f"{response[:4]}\u00a0{response[4:6]}\u2011{response[6:]}")


def test_a_call_back_code_is_read_out_digit_by_digit(scenario: Scenario) -> None:
    step = scenario.chosen("ben", Kind.VOICE)
    assert step.offer is not None
    assert step.offer.shows == {"sent_to": "+41…67"}
    code = scenario.sent("voice")
    assert len(code) == 6
    assert " ".join(code) in scenario.letters[-1].text
    assert scenario.answered(step.token, code)


def test_the_code_of_one_login_is_none_of_anothers(scenario: Scenario) -> None:
    first = scenario.chosen("ben", Kind.SMS)
    other = scenario.sent("sms")
    second = scenario.chosen("ben", Kind.SMS)
    while (code := scenario.sent("sms")) == other:  # The same code comes once in a million times.
        second = scenario.chosen("ben", Kind.SMS)
    assert scenario.system.answer(first.token, code).status is Status.REFUSED
    assert scenario.system.answer(second.token, code).status is Status.ACCEPTED


def test_a_code_expires(scenario: Scenario) -> None:
    step = scenario.chosen("ben", Kind.SMS)
    code = scenario.sent("sms")
    scenario.clock.advance(300)
    with pytest.raises(NotIn):
        scenario.system.answer(step.token, code)


def test_name_and_password_are_refused_alike(scenario: Scenario) -> None:
    for name, password in (("anna", WRONG), ("nobody", PASSWORD), ("", ""), ("anna", ""), ("ANNA ", WRONG)):
        with pytest.raises(WrongCredentials, match=r"^the user name or password is wrong$"):
            scenario.system.begin(name, password, "192.0.2.7")


def test_a_name_may_be_typed_in_capitals(scenario: Scenario) -> None:
    assert scenario.system.begin(" Anna ", PASSWORD).stage is Stage.CHOOSING


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_too_many_wrong_passwords_shut_that_name_from_that_address(scenario: Scenario, name: str) -> None:
    waits: list[float] = []
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            scenario.system.begin(name, WRONG, "192.0.2.66")
        try:
            scenario.system.begin(name, WRONG, "192.0.2.66")
        except TooManyAttempts as refusal:
            waits.append(refusal.retry_after)
            scenario.clock.advance(refusal.retry_after)
        except WrongCredentials:
            continue
        if waits[-1] == DAY:
            break
    # Three attempts pass at once. Then the pauses grow until the tenth.
    assert waits == [30 * 2**each for each in range(7)] + [DAY]
    assert scenario.enter("anna"), "she comes in from home"


def test_wrong_answers_use_up_an_offer(scenario: Scenario) -> None:
    step = scenario.chosen("ben", Kind.SMS)
    code = scenario.sent("sms")
    wrong = "000000" if code != "000000" else "111111"
    assert [scenario.system.answer(step.token, wrong).step for _ in range(2)] == [None, None]
    back = scenario.system.answer(step.token, wrong)
    assert back.status is Status.REFUSED
    assert back.step is not None
    assert back.step.stage is Stage.CHOOSING
    with pytest.raises(NotIn):
        scenario.system.answer(step.token, code)
    with pytest.raises(NotIn):
        scenario.system.answer(back.step.token, code)


def test_a_token_that_was_never_given_opens_nothing(scenario: Scenario) -> None:
    system = scenario.system
    calls: tuple[Callable[..., object], ...] = (system.visitor, system.step, system.skip, system.devices)
    for token in ("", "x", "\ud800", "x" * 100_000, None, 7):
        for call in (*calls, partial(system.choose, device="x"), partial(system.answer, text="x")):
            with pytest.raises(NotIn):
                call(token)


def test_steps_cannot_be_skipped(scenario: Scenario) -> None:
    begun = scenario.system.begin("anna", PASSWORD)
    with pytest.raises(NotIn):
        scenario.system.answer(begun.token, "12345678")
    with pytest.raises(NotIn):
        scenario.system.visitor(begun.token)
    with pytest.raises(NotNow):
        scenario.system.skip(begun.token)
    asked = scenario.system.choose(begun.token, begun.choices[0].id)
    with pytest.raises(NotIn):
        scenario.system.visitor(asked.token)
    with pytest.raises(NotIn):
        scenario.system.devices(asked.token)


def test_each_step_has_a_token_of_its_own(scenario: Scenario) -> None:
    begun = scenario.system.begin("ben", PASSWORD)
    device = next(each for each in begun.choices if each.kind is Kind.SMS)
    asked = scenario.system.choose(begun.token, device.id)
    token = scenario.answered(asked.token, scenario.sent("sms"))
    assert len({begun.token, asked.token, token}) == 3
    for old in (begun.token, asked.token):
        with pytest.raises(NotIn):
            scenario.system.step(old)


def test_nobody_comes_in_by_somebody_elses_device(scenario: Scenario) -> None:
    annas = scenario.system.begin("anna", PASSWORD).choices[0].id
    carls = scenario.system.begin("carl", PASSWORD)
    with pytest.raises(NotFound):
        scenario.system.choose(carls.token, annas)


def test_a_session_ends_when_idle_and_when_its_time_is_over(scenario: Scenario) -> None:
    token = scenario.enter("anna")
    for _ in range(24):
        scenario.clock.advance(1790)
        scenario.system.visitor(token)
    scenario.clock.advance(43_200 - 24 * 1790)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)
    token = scenario.enter("anna")
    scenario.clock.advance(1800)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)


def test_logging_out_ends_it(scenario: Scenario) -> None:
    token = scenario.enter("anna")
    scenario.system.leave(token)
    scenario.system.leave(token)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)


def test_a_temporary_code_opens_everything_for_two_days_and_then_the_account(scenario: Scenario) -> None:
    desk = scenario.call("anna")
    code = scenario.system.staff.give_temporary_code(desk)

    def enter() -> Scope:
        step = scenario.chosen("anna", Kind.TEMPORARY_CODE)
        return scenario.system.visitor(scenario.answered(step.token, code.lower())).scope

    assert enter() is Scope.FULL
    scenario.clock.advance(2 * DAY - 1)
    step = scenario.chosen("anna", Kind.TEMPORARY_CODE)
    token = scenario.answered(step.token, code)
    assert scenario.system.visitor(token).scope is Scope.FULL
    scenario.clock.advance(1)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)
    assert enter() is Scope.ACCOUNT
    scenario.clock.advance(10 * DAY)
    assert Kind.TEMPORARY_CODE not in {choice.kind for choice in scenario.system.begin("anna", PASSWORD).choices}


def test_a_temporary_code_is_told_with_both_of_its_ends(scenario: Scenario) -> None:
    scenario.system.staff.give_temporary_code(scenario.call("anna"))
    scenario.system.deliver()
    values = next(each.values for each in scenario.letters if each.template == "temporary_code")
    assert (values["full"], values["until"]) == ("Nov 16, 2023, 22:13 UTC", "Nov 26, 2023, 22:13 UTC")


def test_identities_are_checked_before_anything_is_given(scenario: Scenario) -> None:
    token = scenario.enter("sue")
    with pytest.raises(NotAllowed):
        scenario.system.staff.give_temporary_code(token)
    wrong = type(ANNA)("1980-05-18", *[getattr(ANNA, name) for name in ANNA.__slots__[1:]])
    assert not scenario.system.staff.identify(token, "anna", wrong)
    with pytest.raises(NotAllowed):
        scenario.system.staff.give_temporary_code(token)
    assert scenario.system.staff.identify(token, "anna", ANNA)
    scenario.clock.advance(900)
    with pytest.raises(NotAllowed):
        scenario.system.staff.give_temporary_code(token)
    with pytest.raises(NotAllowed):
        scenario.system.staff.identify(scenario.enter("anna"), "anna", ANNA)
