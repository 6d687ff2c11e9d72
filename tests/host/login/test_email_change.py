"""The change of an email address by its user, and by support for users who have opted out."""

import pytest
from tests.host.login.scenario import ANNA, CARL, PHONE, Scenario

from dsc_host.errors import InputError
from dsc_host.login import NotAllowed, NotIn, NotNow, ProofNeeded, Role, TooManyAttempts

NEW = "ben@new.example"


def asked(scenario: Scenario, name: str = "ben") -> tuple[str, str]:
    """Have a code sent to a new address. Return the session's token and the code."""
    token = scenario.session(name)
    scenario.system.ask_to_change_email(token, NEW)
    return token, scenario.sent("email")


def email(scenario: Scenario, name: str = "ben") -> str:
    return scenario.system.profile(scenario.session(name)).email


def test_a_code_to_the_new_address_changes_it_and_both_are_told(scenario: Scenario) -> None:
    token = scenario.session("ben")
    assert scenario.system.ask_to_change_email(token, "ben@NEW.example") == NEW
    assert [(each.address, each.template) for each in scenario.letters] == [(NEW, "email_code")], "it is sent at once"
    assert (email(scenario), scenario.system.profile(token).asked_email) == ("ben@example.com", NEW)
    code = scenario.sent("email")
    scenario.letters.clear()
    assert scenario.system.confirm_email(token, f" {code[:3]} {code[3:]}")
    scenario.system.deliver()
    told = {(each.address, each.template) for each in scenario.letters}
    assert told == {(address, "email_changed") for address in ("ben@example.com", NEW, PHONE)}
    assert (email(scenario), scenario.system.profile(token).asked_email) == (NEW, "")
    with pytest.raises(NotNow, match="nothing to answer"):
        scenario.system.confirm_email(token, code)


@pytest.mark.parametrize("texts", [("", "\ud800", None), ("000000", "x" * 100, 7)])
def test_three_wrong_codes_and_it_is_over(scenario: Scenario, texts: tuple[str, ...]) -> None:
    token, code = asked(scenario)
    for text in texts:
        assert not scenario.system.confirm_email(token, text if text != code else "000001")
    with pytest.raises(NotNow):
        scenario.system.confirm_email(token, code)
    assert email(scenario) == "ben@example.com"


def another(scenario: Scenario, token: str, address: str, code: str) -> str:
    """Ask for codes until a code differs from an earlier code, and return it."""
    scenario.system.ask_to_change_email(token, address)
    while (found := scenario.sent("email")) == code:
        scenario.system.ask_to_change_email(token, address)
    return found


def test_a_code_is_one_sessions_one_addresss_and_expires(scenario: Scenario) -> None:
    first, code = asked(scenario)
    second = scenario.session("ben")
    with pytest.raises(NotNow):
        scenario.system.confirm_email(second, code)
    another(scenario, second, NEW, code)
    assert not scenario.system.confirm_email(second, code)
    later = another(scenario, first, "ben@other.example", code)
    assert not scenario.system.confirm_email(first, code)
    scenario.clock.advance(scenario.system.policy.login.code_validity)
    with pytest.raises(NotNow):
        scenario.system.confirm_email(first, later)
    assert scenario.system.profile(first).asked_email == ""


def test_a_code_is_void_under_a_new_token(scenario: Scenario) -> None:
    """Otherwise the right code would be called wrong: it is known by its hash under the token that asked for it."""
    token = scenario.session("ben")
    scenario.system.ask_to_change_email(token, "ben@new.example")
    token = scenario.system.rotate(token)
    assert scenario.system.profile(token).asked_email == ""
    with pytest.raises(NotNow, match="begin again"):
        scenario.system.confirm_email(token, scenario.sent("email"))


def test_the_same_address_is_none(scenario: Scenario) -> None:
    with pytest.raises(InputError, match="must differ from your current address"):
        scenario.system.ask_to_change_email(scenario.session("ben"), "ben@EXAMPLE.com")


def test_a_session_that_has_not_proven_itself_lately_sends_no_code(scenario: Scenario) -> None:
    token = scenario.session("ben")
    scenario.clock.advance(scenario.system.policy.protection.proof_seconds)
    with pytest.raises(ProofNeeded):
        scenario.system.ask_to_change_email(token, NEW)


def test_one_address_gets_few_codes_from_all_users(scenario: Scenario) -> None:
    anna, ben = scenario.session("anna"), scenario.session("ben")
    for number in range(scenario.system.policy.login.messages_to_number):
        scenario.system.ask_to_change_email((anna, ben)[number % 2], NEW)
    for token in (anna, ben):
        with pytest.raises(TooManyAttempts):
            scenario.system.ask_to_change_email(token, "BEN@new.example")
    assert scenario.system.ask_to_change_email(anna, "anna@new.example")


def test_a_temporary_device_changes_no_address(scenario: Scenario) -> None:
    _, token = scenario.bridged("ben")
    with pytest.raises(NotNow, match="with a temporary device"):
        scenario.system.ask_to_change_email(token, NEW)


# ---- after opting out ----


def test_after_opting_out_only_support_changes_it(scenario: Scenario) -> None:
    ben, code = asked(scenario)
    scenario.system.opt_out(scenario.session("anna"), "ben")
    with pytest.raises(NotIn):
        scenario.system.confirm_email(ben, code)
    token = scenario.session("ben")
    with pytest.raises(NotAllowed, match="only through support"):
        scenario.system.ask_to_change_email(token, NEW)
    scenario.letters.clear()
    scenario.system.staff.set_email(scenario.call("ben"), "ben@NEW.example")
    scenario.system.deliver()
    assert {each.address for each in scenario.letters} == {"ben@example.com", NEW, PHONE}
    assert scenario.system.profile(token).email == NEW
    assert list(scenario.verifier.audit.entries())[-1].detail == '{"by":"sue","user":"ben"}'


def test_who_opts_out_in_between_does_not_complete_it(scenario: Scenario) -> None:
    token, code = asked(scenario, "anna")
    scenario.system.opt_out(token)
    with pytest.raises(NotAllowed, match="only through support"):
        scenario.system.confirm_email(token, code)
    assert scenario.system.profile(token).email == "anna@example.com"


def test_support_changes_it_only_for_a_caller_who_was_identified_and_has_opted_out(scenario: Scenario) -> None:
    with pytest.raises(NotNow, match="ben is protected by a device"):
        scenario.system.staff.set_email(scenario.call("ben"), NEW)
    scenario.system.opt_out(scenario.session("anna"), "ben")
    sue = scenario.session("sue")
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.set_email(sue, NEW)
    assert not scenario.system.staff.identify(sue, "ben", CARL)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.set_email(sue, NEW)
    assert scenario.system.staff.identify(sue, "ben", ANNA)
    scenario.clock.advance(900)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.set_email(sue, NEW)
    with pytest.raises(NotAllowed, match=str(Role.SUPPORT)):
        scenario.system.staff.set_email(scenario.session("ivo"), NEW)
    assert email(scenario) == "ben@example.com"
