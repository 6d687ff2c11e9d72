"""The daily limits on answers to a device and on messages."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.host.login.scenario import CHEAP, DAY, PASSWORD, PHONE, Scenario, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind, LoginSystem, Policy, Status, TooManyAttempts
from dsc_host.login.accounts.phone_numbers import calling_code


def guess(scenario: Scenario, name: str) -> bool:
    """Give a wrong answer to a code by SMS. Return whether it was checked."""
    try:
        step = scenario.chosen(name, Kind.SMS)
    except TooManyAttempts:
        return False
    assert scenario.system.answer(step.token, "x").status is Status.REFUSED
    return True


def test_the_owners_logins_buy_no_more_guesses(scenario: Scenario) -> None:
    """Give nine wrong answers, then let the owner log in, all day long."""
    compared = 0
    for _ in range(9):
        compared += sum(guess(scenario, "ben") for _ in range(9))
        if compared < 20:
            assert scenario.enter_by_sms("ben")
        scenario.clock.advance(3600)
    assert compared == 20
    scenario.clock.advance(DAY)
    assert scenario.enter_by_sms("ben")


def test_a_right_answer_within_a_session_ends_a_row_of_wrong_answers(scenario: Scenario) -> None:
    token = scenario.session("ben")
    sms = scenario.device(token, Kind.SMS)
    for _ in range(2):
        assert [guess(scenario, "ben") for _ in range(9)] == [True] * 9
        scenario.system.proofs.ask(token, sms)
        assert scenario.system.proofs.answer(token, scenario.sent("sms"))
        scenario.clock.advance(600)
    assert scenario.enter_by_sms("ben")


def test_a_device_that_is_locked_is_sent_nothing(scenario: Scenario) -> None:
    assert [guess(scenario, "ben") for _ in range(11)] == [True] * 10 + [False]
    sent = len(scenario.letters)
    for kind in (Kind.SMS, Kind.SMS):
        with pytest.raises(TooManyAttempts) as refusal:
            scenario.chosen("ben", kind)
        assert refusal.value.retry_after == DAY
    assert len(scenario.letters) == sent
    assert scenario.chosen("ben", Kind.VOICE)
    scenario.clock.advance(DAY)
    assert scenario.enter_by_sms("ben")


def test_an_answer_to_a_device_that_was_locked_meanwhile_is_not_looked_at(scenario: Scenario) -> None:
    step = scenario.chosen("ben", Kind.SMS)
    code = scenario.sent("sms")
    while guess(scenario, "ben"):
        pass
    assert scenario.system.answer(step.token, code).status is Status.REFUSED


def test_a_policy_that_allows_more_in_a_row_allows_them_in_a_day(scenario: Scenario) -> None:
    policy = Policy.of({**CHEAP, "login": {"factor_failures": 22, "messages_to_user": 100}})
    other = replace(scenario, system=LoginSystem.over(scenario.verifier, policy=policy))
    assert sum(guess(other, "ben") for _ in range(24)) == 22


# ---- messages ----


@pytest.fixture
def few(clock: Clock) -> Iterator[Scenario]:
    """A scenario in which a user gets at most six messages a day."""
    with new_scenario(clock, login={"messages_to_user": 6}) as scenario:
        yield scenario


def sent_in_a_day(scenario: Scenario, kind: Kind = Kind.SMS) -> int:
    """Ask for codes all day, as fast as the system allows. Return how many were sent."""
    before = len(scenario.letters)
    for _ in range(8):
        for _ in range(10):
            try:
                scenario.chosen("ben", kind)
            except TooManyAttempts:
                break
        scenario.clock.advance(DAY / 8)
    return len(scenario.letters) - before


def test_a_user_is_sent_so_many_messages_a_day(few: Scenario) -> None:
    assert sent_in_a_day(few) == 6
    assert sent_in_a_day(few, Kind.VOICE) == 6


def test_tokens_that_activate_a_phone_are_counted_with_them(few: Scenario) -> None:
    for _ in range(5):
        few.system.phones.begin("ben", PASSWORD)
    assert few.chosen("ben", Kind.SMS)
    with pytest.raises(TooManyAttempts):
        few.system.phones.begin("ben", PASSWORD)


def test_a_number_of_anybodys_is_sent_ten_whoever_asks(scenario: Scenario) -> None:
    tokens = [scenario.session("anna"), scenario.session("carl")]
    for number in range(10):
        scenario.system.ask_to_confirm_phone(tokens[number % 2], PHONE)
    for token in tokens:
        with pytest.raises(TooManyAttempts):
            scenario.system.ask_to_confirm_phone(token, PHONE)
    assert scenario.enter_by_sms("ben"), "its owner is not shut out by that"


def test_a_country_is_sent_so_many_and_no_other_is_concerned(scenario: Scenario) -> None:
    policy = Policy.of({**CHEAP, "login": {"messages_to_country": 3}})
    system, token = LoginSystem.over(scenario.verifier, policy=policy), scenario.session("anna")
    for number in range(3):
        system.ask_to_confirm_phone(token, f"+4478900{number:05}")
    with pytest.raises(TooManyAttempts):
        system.ask_to_confirm_phone(token, "+447890000003")
    assert system.ask_to_confirm_phone(token, "+41791234567")
    scenario.clock.advance(DAY)
    assert system.ask_to_confirm_phone(scenario.session("anna"), "+447890000003")


@pytest.mark.parametrize(
    ("number", "code"),
    [("+41791234567", "41"), ("+12025550123", "1"), ("+77012345678", "7"), ("+4915112345678", "49"), ("+35312345678", "353"),
     ("+21612345678", "216"), ("+8201012345678", "82"), ("+85212345678", "852"), ("+37112345678", "371")],
)  # fmt: skip
def test_the_country_of_a_number(number: str, code: str) -> None:
    assert calling_code(number) == code
