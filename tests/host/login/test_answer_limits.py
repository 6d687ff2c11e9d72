"""The daily limits on answers to a device and on messages."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.host.login.town import CHEAP, DAY, PASSWORD, PHONE, Town, new_town
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind, LoginSystem, Policy, Status, TooManyAttempts
from dsc_host.login.accounts.phone_numbers import calling_code


def guess(town: Town, name: str) -> bool:
    """Give a wrong answer to a code by SMS. Return whether it was checked."""
    try:
        step = town.chosen(name, Kind.SMS)
    except TooManyAttempts:
        return False
    assert town.system.answer(step.token, "x").status is Status.REFUSED
    return True


def test_the_owners_logins_buy_no_more_guesses(town: Town) -> None:
    """Give nine wrong answers, then let the owner log in, all day long."""
    compared = 0
    for _ in range(9):
        compared += sum(guess(town, "ben") for _ in range(9))
        if compared < 20:
            assert town.enter_by_sms("ben")
        town.clock.advance(3600)
    assert compared == 20
    town.clock.advance(DAY)
    assert town.enter_by_sms("ben")


def test_a_device_that_is_locked_is_sent_nothing(town: Town) -> None:
    assert [guess(town, "ben") for _ in range(11)] == [True] * 10 + [False]
    sent = len(town.letters)
    for kind in (Kind.SMS, Kind.SMS):
        with pytest.raises(TooManyAttempts) as refusal:
            town.chosen("ben", kind)
        assert refusal.value.retry_after == DAY
    assert len(town.letters) == sent
    assert town.chosen("ben", Kind.VOICE)
    town.clock.advance(DAY)
    assert town.enter_by_sms("ben")


def test_an_answer_to_a_device_that_was_locked_meanwhile_is_not_looked_at(town: Town) -> None:
    step = town.chosen("ben", Kind.SMS)
    code = town.sent("sms")
    while guess(town, "ben"):
        pass
    assert town.system.answer(step.token, code).status is Status.REFUSED


def test_a_policy_that_allows_more_in_a_row_allows_them_in_a_day(town: Town) -> None:
    policy = Policy.of({**CHEAP, "login": {"factor_failures": 22, "messages_to_user": 100}})
    other = replace(town, system=LoginSystem.over(town.verifier, policy=policy))
    assert sum(guess(other, "ben") for _ in range(24)) == 22


# ---- messages ----


@pytest.fixture
def few(clock: Clock) -> Iterator[Town]:
    """A town in which a user gets at most six messages a day."""
    with new_town(clock, login={"messages_to_user": 6}) as town:
        yield town


def sent_in_a_day(town: Town, kind: Kind = Kind.SMS) -> int:
    """Ask for codes all day, as fast as the system allows. Return how many were sent."""
    before = len(town.letters)
    for _ in range(8):
        for _ in range(10):
            try:
                town.chosen("ben", kind)
            except TooManyAttempts:
                break
        town.clock.advance(DAY / 8)
    return len(town.letters) - before


def test_a_user_is_sent_so_many_messages_a_day(few: Town) -> None:
    assert sent_in_a_day(few) == 6
    assert sent_in_a_day(few, Kind.VOICE) == 6


def test_tokens_that_activate_a_phone_are_counted_with_them(few: Town) -> None:
    for _ in range(5):
        few.system.phones.begin("ben", PASSWORD)
    assert few.chosen("ben", Kind.SMS)
    with pytest.raises(TooManyAttempts):
        few.system.phones.begin("ben", PASSWORD)


def test_a_number_of_anybodys_is_sent_ten_whoever_asks(town: Town) -> None:
    tokens = [town.session("anna"), town.session("carl")]
    for number in range(10):
        town.system.ask_to_confirm_phone(tokens[number % 2], PHONE)
    for token in tokens:
        with pytest.raises(TooManyAttempts):
            town.system.ask_to_confirm_phone(token, PHONE)
    assert town.enter_by_sms("ben"), "its owner is not shut out by that"


def test_a_country_is_sent_so_many_and_no_other_is_concerned(town: Town) -> None:
    policy = Policy.of({**CHEAP, "login": {"messages_to_country": 3}})
    system, token = LoginSystem.over(town.verifier, policy=policy), town.session("anna")
    for number in range(3):
        system.ask_to_confirm_phone(token, f"+4478900{number:05}")
    with pytest.raises(TooManyAttempts):
        system.ask_to_confirm_phone(token, "+447890000003")
    assert system.ask_to_confirm_phone(token, "+41791234567")
    town.clock.advance(DAY)
    assert system.ask_to_confirm_phone(town.session("anna"), "+447890000003")


@pytest.mark.parametrize(
    ("number", "code"),
    [("+41791234567", "41"), ("+12025550123", "1"), ("+77012345678", "7"), ("+4915112345678", "49"), ("+35312345678", "353"),
     ("+21612345678", "216"), ("+8201012345678", "82"), ("+85212345678", "852"), ("+37112345678", "371")],
)  # fmt: skip
def test_the_country_of_a_number(number: str, code: str) -> None:
    assert calling_code(number) == code
