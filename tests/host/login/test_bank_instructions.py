"""The bank instructions of an account: which are valid, who changes them, and where they must not appear."""

import traceback
from dataclasses import asdict

import pytest
from sqlalchemy import text
from tests.host.login.scenario import ANNA, Scenario

from dsc_host.errors import InputError
from dsc_host.login import NotAllowed, NotNow
from dsc_host.login.accounts import bank_numbers
from dsc_host.login.accounts.bank_numbers import BankInstructions
from dsc_host.records.tables import metadata

IBAN, OTHER = "CH9300762011623852957", "DE89370400440532013000"
US = {"routing": "111000025", "account_number": "1234567890"}


@pytest.mark.parametrize("iban", [IBAN, OTHER, "GB82WEST12345698765432", "BE68539007547034", "FR1420041010050500013M02606"])
def test_an_iban_has_one_form(iban: str) -> None:
    spaced = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    assert bank_numbers.checked(spaced.lower()) == BankInstructions(iban=iban)


WRONG = {
    "iban": [
        "CH9300762011623852958", "CH930076201162385295", "CH93007620116238529577", "XX9300762011623852957", "CH93", "none",
        "CH93-0076-2011-6238-5295-7", "\uff23\uff289300762011623852957", "CH9300762011623852957\n", "x" * 65, "\ud800", None, 7,
    ],
    "routing": ["111000024", "12345678", "1110000255", "000000000", "", "11100002B", "\u0661" * 9, None],
    "account_number": ["123", "1" * 18, "", "12 a 45", "-12345", "\u0661\u0662\u0663\u0664\u0665", b"12345"],
}  # fmt: skip


@pytest.mark.parametrize("field", WRONG)
def test_what_is_no_number_is_refused_and_not_repeated(field: str) -> None:
    for wrong in WRONG[field]:
        given = {field: wrong} if field == "iban" else {**US, field: wrong}
        with pytest.raises(InputError, match=f"^{field}: must ") as refused:
            bank_numbers.checked(**given)
        if isinstance(wrong, str) and len(wrong) > 4:
            assert wrong not in "".join(traceback.format_exception(refused.value, chain=True)[-1:])


@pytest.mark.parametrize("given", [{}, {"iban": " "}, {"iban": IBAN, **US}, {"iban": IBAN, "account_number": "12345"}])
def test_it_is_an_iban_or_a_number_in_the_us(given: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"^iban: must be given"):
        bank_numbers.checked(**given)


@pytest.mark.parametrize(
    ("given", "masked"),
    [({"iban": IBAN}, "CH…2957"), (US, "US…7890"), ({**US, "account_number": "1234"}, "US…34")],
)
def test_only_the_last_digits_are_shown(given: dict[str, str], masked: str) -> None:
    made = bank_numbers.checked(**given)
    assert made.masked == masked
    assert not any(number in repr(made) for number in asdict(made).values() if number)


def test_the_primary_user_changes_them_and_all_users_see_the_last_digits(scenario: Scenario) -> None:
    anna, ben = scenario.session("anna"), scenario.session("ben")
    assert (scenario.system.profile(anna).bank, scenario.system.profile(ben).primary) == ("", False)
    scenario.system.change_bank(anna, iban=IBAN)
    with pytest.raises(NotAllowed, match="ask anna"):
        scenario.system.change_bank(ben, **US)
    assert {scenario.system.profile(token).bank for token in (anna, ben)} == {"CH…2957"}
    assert scenario.system.profile(scenario.session("carl")).bank == ""
    with pytest.raises(InputError, match=r"^bank: must differ from the account's current ones"):
        scenario.system.change_bank(anna, iban=IBAN)
    assert scenario.told("anna") == ["bank_changed"]
    scenario.system.change_bank(anna, **US)
    assert scenario.system.profile(ben).bank == "US…7890"


def test_no_row_no_log_and_no_message_holds_them(scenario: Scenario) -> None:
    anna = scenario.session("anna")
    scenario.system.change_bank(anna, iban=IBAN)
    scenario.system.change_bank(anna, **US)
    scenario.system.opt_out(anna)
    scenario.system.staff.set_bank(scenario.call("anna", ANNA), iban=OTHER)
    stored = scenario.system.context.read(
        lambda tx: "".join(repr(row) for table in metadata.tables for row in tx.db.execute(text(f"SELECT * FROM {table}")))
    )
    scenario.system.deliver()
    said = "".join(f"{letter.subject} {letter.text} {letter.values}" for letter in scenario.letters)
    log = "".join(repr(entry) for entry in scenario.verifier.audit.entries())
    for number in (IBAN, OTHER, *US.values()):
        for where in (stored, said, log):
            assert number not in where
            assert number[-6:] not in where
    assert "login.account.bank" in log


def test_a_temporary_device_changes_none(scenario: Scenario) -> None:
    _, token = scenario.bridged("anna")
    with pytest.raises(NotNow, match="with a temporary device"):
        scenario.system.change_bank(token, iban=IBAN)


def test_after_opting_out_only_support_changes_them_for_the_primary_user(scenario: Scenario) -> None:
    with pytest.raises(NotNow, match="anna is protected by a device"):
        scenario.system.staff.set_bank(scenario.call("anna"), iban=IBAN)
    anna = scenario.session("anna")
    scenario.system.opt_out(anna, "ben")
    with pytest.raises(NotAllowed, match="ask anna"):
        scenario.system.staff.set_bank(scenario.call("ben"), iban=IBAN)
    scenario.system.opt_out(anna)
    with pytest.raises(NotAllowed, match="only through support"):
        scenario.system.change_bank(anna, iban=IBAN)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.set_bank(scenario.session("sue"), iban=IBAN)
    assert scenario.system.profile(anna).bank == ""
    scenario.system.staff.set_bank(scenario.call("anna"), iban=IBAN)
    assert scenario.system.profile(anna).bank == "CH…2957"
