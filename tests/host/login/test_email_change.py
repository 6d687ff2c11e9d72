"""The change of an email address by its user, and by support for those who have opted out."""

import pytest
from tests.host.login.town import ANNA, CARL, PHONE, Town

from dsc_host.errors import InputError
from dsc_host.login import NotAllowed, NotIn, NotNow, ProofNeeded, Role, TooManyAttempts

NEW = "ben@new.example"


def asked(town: Town, name: str = "ben") -> tuple[str, str]:
    """Have a code sent to a new address. Return the session's token and the code."""
    token = town.session(name)
    town.system.ask_to_change_email(token, NEW)
    return token, town.sent("email")


def email(town: Town, name: str = "ben") -> str:
    return town.system.profile(town.session(name)).email


def test_a_code_to_the_new_address_changes_it_and_both_are_told(town: Town) -> None:
    token = town.session("ben")
    assert town.system.ask_to_change_email(token, "ben@NEW.example") == NEW
    assert [(each.address, each.template) for each in town.letters] == [(NEW, "email_code")], "it is sent at once"
    assert (email(town), town.system.profile(token).asked_email) == ("ben@example.com", NEW)
    code = town.sent("email")
    town.letters.clear()
    assert town.system.confirm_email(token, f" {code[:3]} {code[3:]}")
    town.system.deliver()
    told = {(each.address, each.template) for each in town.letters}
    assert told == {(address, "email_changed") for address in ("ben@example.com", NEW, PHONE)}
    assert (email(town), town.system.profile(token).asked_email) == (NEW, "")
    with pytest.raises(NotNow, match="nothing to answer"):
        town.system.confirm_email(token, code)


@pytest.mark.parametrize("texts", [("", "\ud800", None), ("000000", "x" * 100, 7)])
def test_three_wrong_codes_and_it_is_over(town: Town, texts: tuple[str, ...]) -> None:
    token, code = asked(town)
    for text in texts:
        assert not town.system.confirm_email(token, text if text != code else "000001")
    with pytest.raises(NotNow):
        town.system.confirm_email(token, code)
    assert email(town) == "ben@example.com"


def another(town: Town, token: str, address: str, code: str) -> str:
    """Ask for a code until it differs from an earlier one, and return it."""
    town.system.ask_to_change_email(token, address)
    while (found := town.sent("email")) == code:
        town.system.ask_to_change_email(token, address)
    return found


def test_a_code_is_one_sessions_one_addresss_and_expires(town: Town) -> None:
    first, code = asked(town)
    second = town.session("ben")
    with pytest.raises(NotNow):
        town.system.confirm_email(second, code)
    another(town, second, NEW, code)
    assert not town.system.confirm_email(second, code)
    later = another(town, first, "ben@other.example", code)
    assert not town.system.confirm_email(first, code)
    town.clock.advance(town.system.policy.login.code_validity)
    with pytest.raises(NotNow):
        town.system.confirm_email(first, later)
    assert town.system.profile(first).asked_email == ""


def test_a_code_is_void_under_a_new_token(town: Town) -> None:
    """Otherwise the right code would be called wrong: it is known by its hash under the token that asked for it."""
    token = town.session("ben")
    town.system.ask_to_change_email(token, "ben@new.example")
    token = town.system.rotate(token)
    assert town.system.profile(token).asked_email == ""
    with pytest.raises(NotNow, match="begin again"):
        town.system.confirm_email(token, town.sent("email"))


def test_the_same_address_is_none(town: Town) -> None:
    with pytest.raises(InputError, match="is your current address"):
        town.system.ask_to_change_email(town.session("ben"), "ben@EXAMPLE.com")


def test_a_session_that_has_not_proven_itself_lately_sends_no_code(town: Town) -> None:
    token = town.session("ben")
    town.clock.advance(town.system.policy.protection.proof_seconds)
    with pytest.raises(ProofNeeded):
        town.system.ask_to_change_email(token, NEW)


def test_one_address_gets_few_codes_from_all_users(town: Town) -> None:
    anna, ben = town.session("anna"), town.session("ben")
    for number in range(town.system.policy.login.messages_to_number):
        town.system.ask_to_change_email((anna, ben)[number % 2], NEW)
    for token in (anna, ben):
        with pytest.raises(TooManyAttempts):
            town.system.ask_to_change_email(token, "BEN@new.example")
    assert town.system.ask_to_change_email(anna, "anna@new.example")


def test_a_temporary_device_changes_no_address(town: Town) -> None:
    _, token = town.bridged("ben")
    with pytest.raises(NotNow, match="with a temporary device"):
        town.system.ask_to_change_email(token, NEW)


# ---- after opting out ----


def test_after_opting_out_only_support_changes_it(town: Town) -> None:
    ben, code = asked(town)
    town.system.opt_out(town.session("anna"), "ben")
    with pytest.raises(NotIn):
        town.system.confirm_email(ben, code)
    token = town.session("ben")
    with pytest.raises(NotAllowed, match="only through support"):
        town.system.ask_to_change_email(token, NEW)
    town.letters.clear()
    town.system.staff.set_email(town.call("ben"), "ben@NEW.example")
    town.system.deliver()
    assert {each.address for each in town.letters} == {"ben@example.com", NEW, PHONE}
    assert town.system.profile(token).email == NEW
    assert list(town.verifier.audit.entries())[-1].detail == '{"by":"sue","user":"ben"}'


def test_who_opts_out_in_between_does_not_complete_it(town: Town) -> None:
    token, code = asked(town, "anna")
    town.system.opt_out(token)
    with pytest.raises(NotAllowed, match="only through support"):
        town.system.confirm_email(token, code)
    assert town.system.profile(token).email == "anna@example.com"


def test_support_changes_it_only_for_a_caller_who_was_identified_and_has_opted_out(town: Town) -> None:
    with pytest.raises(NotNow, match="ben is protected by a device"):
        town.system.staff.set_email(town.call("ben"), NEW)
    town.system.opt_out(town.session("anna"), "ben")
    sue = town.session("sue")
    with pytest.raises(NotAllowed, match="identify the caller first"):
        town.system.staff.set_email(sue, NEW)
    assert not town.system.staff.identify(sue, "ben", CARL)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        town.system.staff.set_email(sue, NEW)
    assert town.system.staff.identify(sue, "ben", ANNA)
    town.clock.advance(900)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        town.system.staff.set_email(sue, NEW)
    with pytest.raises(NotAllowed, match=str(Role.SUPPORT)):
        town.system.staff.set_email(town.session("ivo"), NEW)
    assert email(town) == "ben@example.com"
