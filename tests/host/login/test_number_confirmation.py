"""The confirmation of a phone number by its user."""

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.phone_app import activated
from tests.host.login.town import PASSWORD, Town

from dsc_host.login import Kind, Loss, NotFound, NotIn, NotNow
from dsc_host.verifier.model import State

NEW = "+41795550123"


def test_codes_go_to_no_number_from_before(town: Town) -> None:
    town.confirm(town.session("ben"), NEW)
    labels = {choice.label for choice in town.system.begin("ben", PASSWORD).choices}
    assert labels == {"+41…23"}
    town.chosen("ben", Kind.VOICE)
    assert town.sent("voice")
    assert code_letters(town.letters, "voice")[-1].address == NEW


def test_support_too_leaves_no_number_from_before(town: Town) -> None:
    town.system.staff.enable_messages(town.call("ben"), NEW)
    town.waited("ben")
    assert {choice.label for choice in town.system.begin("ben", PASSWORD).choices} == {"+41…23"}


def test_with_the_app_nothing_is_sent_there_but_another_app_may_be_activated_by_it(town: Town) -> None:
    activated(town)
    town.confirm(town.bridged("ben")[1], NEW)
    town.waited("ben")
    assert {choice.kind for choice in town.system.begin("ben", PASSWORD).choices} == {Kind.PHONE_APP, Kind.TEMPORARY_CODE}
    assert len(town.system.phones.begin("ben", PASSWORD).phones) == 2


@pytest.mark.parametrize("texts", [("", "\ud800", None), ("000000", "x" * 100, 7)])
def test_three_wrong_codes_and_it_is_over(town: Town, texts: tuple[str, ...]) -> None:
    token = town.session("anna")
    town.system.ask_to_confirm_phone(token, NEW)
    code = town.sent("sms")
    for text in texts:
        assert not town.system.confirm_phone(token, text if text != code else "000001")
    with pytest.raises(NotNow):
        town.system.confirm_phone(token, code)
    assert town.system.phone_numbers(token) == {}


def another_is_sent(town: Town, token: str, number: str, code: str) -> None:
    """Ask for a code until it differs: the same one comes once in a million times."""
    town.system.ask_to_confirm_phone(token, number)
    while town.sent("sms") == code:
        town.system.ask_to_confirm_phone(token, number)


def test_a_code_is_one_sessions_one_numbers_and_expires(town: Town) -> None:
    first, second = town.session("anna"), town.session("anna")
    town.system.ask_to_confirm_phone(first, NEW)
    code = town.sent("sms")
    with pytest.raises(NotNow):
        town.system.confirm_phone(second, code)
    another_is_sent(town, second, NEW, code)
    assert not town.system.confirm_phone(second, code)
    another_is_sent(town, first, "+41795550124", code)
    assert not town.system.confirm_phone(first, code)
    town.system.ask_to_confirm_phone(first, NEW)
    code = town.sent("sms")
    town.clock.advance(300)
    with pytest.raises(NotNow):
        town.system.confirm_phone(first, code)


# ---- a number that belongs to somebody else now ----


@pytest.mark.parametrize(("kind", "loss"), [(Kind.SMS, Loss.LOST), (Kind.VOICE, Loss.STOLEN)])
def test_a_number_that_was_lost_is_good_for_nothing(town: Town, kind: Kind, loss: Loss) -> None:
    desk = town.call("ben")
    _, held = town.system.staff.caller_devices(desk)
    town.system.staff.report_loss(desk, next(each.id for each in held if each.kind is kind), loss)
    assert town.system.begin("ben", PASSWORD).choices == ()
    with pytest.raises(NotNow, match="you have no confirmed phone"):
        town.system.phones.begin("ben", PASSWORD)


@pytest.mark.parametrize(("loss", "numbers"), [(Loss.STOLEN, 0), (Loss.DAMAGED, 1)])
def test_with_a_lost_phone_its_app_and_its_numbers_are_gone(town: Town, loss: Loss, numbers: int) -> None:
    activated(town)
    desk = town.call("ben")
    _, held = town.system.staff.caller_devices(desk)
    town.system.staff.report_loss(desk, next(each.id for each in held if each.kind is Kind.PHONE_APP), loss)
    assert town.system.begin("ben", PASSWORD).choices == ()
    assert {each.state for each in town.verifier.cards(owner="ben")} == {State.RETIRED}
    if numbers:
        assert len(town.system.phones.begin("ben", PASSWORD).phones) == numbers
    else:
        with pytest.raises(NotNow, match="you have no confirmed phone"):
            town.system.phones.begin("ben", PASSWORD)


def test_a_number_is_removed_where_something_else_lets_in(town: Town) -> None:
    token = town.session("anna")
    town.confirm(token, NEW)
    ((phone, _),) = town.system.phone_numbers(token).items()
    town.system.forget_phone(token, phone)
    assert town.system.phone_numbers(token) == {}
    assert {choice.kind for choice in town.system.begin("anna", PASSWORD).choices} == {Kind.DSC_PLUS}
    for gone in (phone, "0123456789abcdef", "", None):
        with pytest.raises(NotFound, match="no such phone number"):
            town.system.forget_phone(token, gone)


def test_the_last_way_in_is_not_removed_nor_somebody_elses(town: Town) -> None:
    ben, anna = town.session("ben"), town.session("anna")
    ((phone, _),) = town.system.phone_numbers(ben).items()
    with pytest.raises(NotNow, match="no device left"):
        town.system.forget_phone(ben, phone)
    with pytest.raises(NotFound):
        town.system.forget_phone(anna, phone)
    assert town.enter_by_sms("ben")


def test_a_session_that_a_code_to_the_number_has_opened_ends_with_it(town: Town) -> None:
    town.confirm(town.session("anna"), NEW)
    token = town.enter_by_sms("anna")
    ((phone, _),) = town.system.phone_numbers(token).items()
    town.system.forget_phone(token, phone)
    with pytest.raises(NotIn):
        town.system.visitor(token)
    assert town.enter("anna")
