"""The confirmation of a phone number by its user."""

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.phone_app import activated
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.login import Kind, Loss, NotFound, NotIn, NotNow
from dsc_host.verifier.model import State

NEW = "+41795550123"


def test_codes_go_to_no_number_from_before(scenario: Scenario) -> None:
    scenario.confirm(scenario.session("ben"), NEW)
    labels = {choice.label for choice in scenario.system.begin("ben", PASSWORD).choices}
    assert labels == {"+41…23"}
    scenario.chosen("ben", Kind.VOICE)
    assert scenario.sent("voice")
    assert code_letters(scenario.letters, "voice")[-1].address == NEW


def test_support_too_leaves_no_number_from_before(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(scenario.call("ben"), NEW)
    scenario.waited("ben")
    assert {choice.label for choice in scenario.system.begin("ben", PASSWORD).choices} == {"+41…23"}


def test_with_the_app_nothing_is_sent_there_but_another_app_may_be_activated_by_it(scenario: Scenario) -> None:
    activated(scenario)
    scenario.confirm(scenario.bridged("ben")[1], NEW)
    scenario.waited("ben")
    assert {choice.kind for choice in scenario.system.begin("ben", PASSWORD).choices} == {Kind.PHONE_APP, Kind.TEMPORARY_CODE}
    assert len(scenario.system.phones.begin("ben", PASSWORD).phones) == 2


@pytest.mark.parametrize("texts", [("", "\ud800", None), ("000000", "x" * 100, 7)])
def test_three_wrong_codes_and_it_is_over(scenario: Scenario, texts: tuple[str, ...]) -> None:
    token = scenario.session("anna")
    scenario.system.ask_to_confirm_phone(token, NEW)
    code = scenario.sent("sms")
    for text in texts:
        assert not scenario.system.confirm_phone(token, text if text != code else "000001")
    with pytest.raises(NotNow):
        scenario.system.confirm_phone(token, code)
    assert scenario.system.phone_numbers(token) == {}


def another_is_sent(scenario: Scenario, token: str, number: str, code: str) -> None:
    """Ask for a code until it differs: the same one comes once in a million times."""
    scenario.system.ask_to_confirm_phone(token, number)
    while scenario.sent("sms") == code:
        scenario.system.ask_to_confirm_phone(token, number)


def test_a_code_is_one_sessions_one_numbers_and_expires(scenario: Scenario) -> None:
    first, second = scenario.session("anna"), scenario.session("anna")
    scenario.system.ask_to_confirm_phone(first, NEW)
    code = scenario.sent("sms")
    with pytest.raises(NotNow):
        scenario.system.confirm_phone(second, code)
    another_is_sent(scenario, second, NEW, code)
    assert not scenario.system.confirm_phone(second, code)
    another_is_sent(scenario, first, "+41795550124", code)
    assert not scenario.system.confirm_phone(first, code)
    scenario.system.ask_to_confirm_phone(first, NEW)
    code = scenario.sent("sms")
    scenario.clock.advance(300)
    with pytest.raises(NotNow):
        scenario.system.confirm_phone(first, code)


# ---- a number that belongs to somebody else now ----


@pytest.mark.parametrize("kind", [Kind.SMS, Kind.VOICE])
def test_a_number_that_was_lost_is_good_for_nothing(scenario: Scenario, kind: Kind) -> None:
    desk = scenario.call("ben")
    _, held = scenario.system.staff.caller_devices(desk)
    scenario.system.staff.report_loss(desk, next(each.id for each in held if each.kind is kind), Loss.LOST)
    assert scenario.system.begin("ben", PASSWORD).choices == ()
    with pytest.raises(NotNow, match="you have no confirmed phone"):
        scenario.system.phones.begin("ben", PASSWORD)


def test_with_a_lost_phone_its_app_and_its_numbers_are_gone(scenario: Scenario) -> None:
    activated(scenario)
    desk = scenario.call("ben")
    _, held = scenario.system.staff.caller_devices(desk)
    scenario.system.staff.report_loss(desk, next(each.id for each in held if each.kind is Kind.PHONE_APP), Loss.LOST)
    assert scenario.system.begin("ben", PASSWORD).choices == ()
    assert {each.state for each in scenario.verifier.cards(owner="ben")} == {State.RETIRED}
    with pytest.raises(NotNow, match="you have no confirmed phone"):
        scenario.system.phones.begin("ben", PASSWORD)


def test_a_number_is_removed_where_something_else_lets_in(scenario: Scenario) -> None:
    token = scenario.session("anna")
    scenario.confirm(token, NEW)
    ((phone, _),) = scenario.system.phone_numbers(token).items()
    scenario.system.forget_phone(token, phone)
    assert scenario.system.phone_numbers(token) == {}
    assert {choice.kind for choice in scenario.system.begin("anna", PASSWORD).choices} == {Kind.DSC_PLUS}
    for gone in (phone, "0123456789abcdef", "", None):
        with pytest.raises(NotFound, match="no such phone number"):
            scenario.system.forget_phone(token, gone)


def test_the_last_way_in_is_not_removed_nor_somebody_elses(scenario: Scenario) -> None:
    ben, anna = scenario.session("ben"), scenario.session("anna")
    ((phone, _),) = scenario.system.phone_numbers(ben).items()
    with pytest.raises(NotNow, match="no device left"):
        scenario.system.forget_phone(ben, phone)
    with pytest.raises(NotFound):
        scenario.system.forget_phone(anna, phone)
    assert scenario.enter_by_sms("ben")


def test_a_session_that_a_code_to_the_number_has_opened_ends_with_it(scenario: Scenario) -> None:
    scenario.confirm(scenario.session("anna"), NEW)
    token = scenario.enter_by_sms("anna")
    ((phone, _),) = scenario.system.phone_numbers(token).items()
    scenario.system.forget_phone(token, phone)
    with pytest.raises(NotIn):
        scenario.system.visitor(token)
    assert scenario.enter("anna")
