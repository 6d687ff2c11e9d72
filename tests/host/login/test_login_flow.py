"""Logging in with each kind of device, and everything that must not log anybody in."""

from collections.abc import Callable
from functools import partial

import pytest
from tests.host.login.town import ANNA, DAY, PASSWORD, Town

from dsc_host.login import Kind, NotAllowed, NotIn, NotNow, Scope, Stage, Status, TooManyAttempts, WrongCredentials
from dsc_host.login.errors import NotFound

WRONG = "a wrong one, surely"


def test_a_card_lets_its_owner_in(town: Town) -> None:
    visitor = town.system.visitor(town.enter("anna"))
    assert (visitor.name, visitor.scope, visitor.primary) == ("anna", Scope.FULL, True)
    assert ("login.enter", "done", "full") in town.events()
    assert town.verifier.audit.check().sound


def test_a_response_may_be_typed_in_groups(town: Town) -> None:
    step = town.chosen("anna", Kind.DSC_PLUS)
    assert step.offer is not None
    response = town.respond(step.offer.label, step.offer.shows["challenge"])
    assert town.answered(step.token, f"{response[:4]}\u00a0{response[4:6]}\u2011{response[6:]}")


def test_a_call_back_code_is_read_out_digit_by_digit(town: Town) -> None:
    step = town.chosen("ben", Kind.VOICE)
    assert step.offer is not None
    assert step.offer.shows == {"sent_to": "+41…67"}
    code = town.sent("voice")
    assert len(code) == 6
    assert " ".join(code) in town.letters[-1].text
    assert town.answered(step.token, code)


def test_the_code_of_one_login_is_none_of_anothers(town: Town) -> None:
    first = town.chosen("ben", Kind.SMS)
    other = town.sent("sms")
    second = town.chosen("ben", Kind.SMS)
    while (code := town.sent("sms")) == other:  # The same code comes once in a million times.
        second = town.chosen("ben", Kind.SMS)
    assert town.system.answer(first.token, code).status is Status.REFUSED
    assert town.system.answer(second.token, code).status is Status.ACCEPTED


def test_a_code_expires(town: Town) -> None:
    step = town.chosen("ben", Kind.SMS)
    code = town.sent("sms")
    town.clock.advance(300)
    with pytest.raises(NotIn):
        town.system.answer(step.token, code)


def test_name_and_password_are_refused_alike(town: Town) -> None:
    for name, password in (("anna", WRONG), ("nobody", PASSWORD), ("", ""), ("anna", ""), ("ANNA ", WRONG)):
        with pytest.raises(WrongCredentials, match=r"^the user name or password is wrong$"):
            town.system.begin(name, password, "192.0.2.7")


def test_a_name_may_be_typed_in_capitals(town: Town) -> None:
    assert town.system.begin(" Anna ", PASSWORD).stage is Stage.CHOOSING


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_too_many_wrong_passwords_shut_that_name_from_that_address(town: Town, name: str) -> None:
    waits: list[float] = []
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            town.system.begin(name, WRONG, "192.0.2.66")
        try:
            town.system.begin(name, WRONG, "192.0.2.66")
        except TooManyAttempts as refusal:
            waits.append(refusal.retry_after)
            town.clock.advance(refusal.retry_after)
        except WrongCredentials:
            continue
        if waits[-1] == DAY:
            break
    # Three attempts pass at once. Then the pauses grow until the tenth.
    assert waits == [30 * 2**each for each in range(7)] + [DAY]
    assert town.enter("anna"), "she comes in from home"


def test_wrong_answers_use_up_an_offer(town: Town) -> None:
    step = town.chosen("ben", Kind.SMS)
    code = town.sent("sms")
    wrong = "000000" if code != "000000" else "111111"
    assert [town.system.answer(step.token, wrong).step for _ in range(2)] == [None, None]
    back = town.system.answer(step.token, wrong)
    assert back.status is Status.REFUSED
    assert back.step is not None
    assert back.step.stage is Stage.CHOOSING
    with pytest.raises(NotIn):
        town.system.answer(step.token, code)
    with pytest.raises(NotIn):
        town.system.answer(back.step.token, code)


def test_a_token_that_was_never_given_opens_nothing(town: Town) -> None:
    system = town.system
    calls: tuple[Callable[..., object], ...] = (system.visitor, system.step, system.skip, system.devices)
    for token in ("", "x", "\ud800", "x" * 100_000, None, 7):
        for call in (*calls, partial(system.choose, device="x"), partial(system.answer, text="x")):
            with pytest.raises(NotIn):
                call(token)


def test_steps_cannot_be_skipped(town: Town) -> None:
    begun = town.system.begin("anna", PASSWORD)
    with pytest.raises(NotIn):
        town.system.answer(begun.token, "12345678")
    with pytest.raises(NotIn):
        town.system.visitor(begun.token)
    with pytest.raises(NotNow):
        town.system.skip(begun.token)
    asked = town.system.choose(begun.token, begun.choices[0].id)
    with pytest.raises(NotIn):
        town.system.visitor(asked.token)
    with pytest.raises(NotIn):
        town.system.devices(asked.token)


def test_each_step_has_a_token_of_its_own(town: Town) -> None:
    begun = town.system.begin("ben", PASSWORD)
    device = next(each for each in begun.choices if each.kind is Kind.SMS)
    asked = town.system.choose(begun.token, device.id)
    token = town.answered(asked.token, town.sent("sms"))
    assert len({begun.token, asked.token, token}) == 3
    for old in (begun.token, asked.token):
        with pytest.raises(NotIn):
            town.system.step(old)


def test_nobody_comes_in_by_somebody_elses_device(town: Town) -> None:
    annas = town.system.begin("anna", PASSWORD).choices[0].id
    carls = town.system.begin("carl", PASSWORD)
    with pytest.raises(NotFound):
        town.system.choose(carls.token, annas)


def test_a_session_ends_when_idle_and_when_its_time_is_over(town: Town) -> None:
    token = town.enter("anna")
    for _ in range(24):
        town.clock.advance(1790)
        town.system.visitor(token)
    town.clock.advance(43_200 - 24 * 1790)
    with pytest.raises(NotIn):
        town.system.visitor(token)
    token = town.enter("anna")
    town.clock.advance(1800)
    with pytest.raises(NotIn):
        town.system.visitor(token)


def test_logging_out_ends_it(town: Town) -> None:
    token = town.enter("anna")
    town.system.leave(token)
    town.system.leave(token)
    with pytest.raises(NotIn):
        town.system.visitor(token)


def test_a_temporary_code_opens_everything_for_two_days_and_then_the_account(town: Town) -> None:
    desk = town.call("anna")
    code = town.system.staff.give_temporary_code(desk)

    def enter() -> Scope:
        step = town.chosen("anna", Kind.TEMPORARY_CODE)
        return town.system.visitor(town.answered(step.token, code.lower())).scope

    assert enter() is Scope.FULL
    town.clock.advance(2 * DAY - 1)
    step = town.chosen("anna", Kind.TEMPORARY_CODE)
    token = town.answered(step.token, code)
    assert town.system.visitor(token).scope is Scope.FULL
    town.clock.advance(1)
    with pytest.raises(NotIn):
        town.system.visitor(token)
    assert enter() is Scope.ACCOUNT
    town.clock.advance(10 * DAY)
    assert Kind.TEMPORARY_CODE not in {choice.kind for choice in town.system.begin("anna", PASSWORD).choices}


def test_a_temporary_code_is_told_with_both_of_its_ends(town: Town) -> None:
    town.system.staff.give_temporary_code(town.call("anna"))
    town.system.deliver()
    values = next(each.values for each in town.letters if each.template == "temporary_code")
    assert (values["full"], values["until"]) == ("2023-11-16", "2023-11-26")


def test_identities_are_checked_before_anything_is_given(town: Town) -> None:
    token = town.enter("sue")
    with pytest.raises(NotAllowed):
        town.system.staff.give_temporary_code(token)
    wrong = type(ANNA)("1980-05-18", *[getattr(ANNA, name) for name in ANNA.__slots__[1:]])
    assert not town.system.staff.identify(token, "anna", wrong)
    with pytest.raises(NotAllowed):
        town.system.staff.give_temporary_code(token)
    assert town.system.staff.identify(token, "anna", ANNA)
    town.clock.advance(900)
    with pytest.raises(NotAllowed):
        town.system.staff.give_temporary_code(token)
    with pytest.raises(NotAllowed):
        town.system.staff.identify(town.enter("anna"), "anna", ANNA)
