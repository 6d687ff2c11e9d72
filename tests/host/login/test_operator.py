"""The operations of the operator: the lists of people and accounts, forgotten passwords, new addresses, new primary users."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.host.login.scenario import CARL, PASSWORD, PHONE, Scenario
from tests.host.login.wrong_passwords import tried

from dsc_host.errors import InputError
from dsc_host.login import NotAllowed, Role, TooManyAttempts, WrongCredentials

OTHER = "another harbour at dusk"


# ---- the lists ----


def test_what_belongs_to_whom(scenario: Scenario) -> None:
    operator = scenario.system.operator
    operator.add_user(scenario.accounts["anna"], "guest", PASSWORD, email="g@example.com", entity=scenario.entities["carl"])
    anna, carl, staff = operator.persons()
    assert [each.name for each in (anna, carl, staff)] == ["Anna", "Carl", "Staff"]
    assert (anna.id, anna.accounts, anna.users) == (scenario.entities["anna"], (scenario.accounts["anna"],), ("anna", "ben"))
    assert (carl.accounts, carl.users) == ((scenario.accounts["carl"],), ("carl", "guest"))
    first = next(each for each in operator.accounts() if each.id == scenario.accounts["anna"])
    assert (first.person, first.person_name, first.primary) == (scenario.entities["anna"], "Anna", "anna")
    assert (first.users, first.equity, first.currency) == (("anna", "ben", "guest"), Decimal(2500000), "USD")
    guest = operator.user("guest")
    assert (guest.person, guest.account) == (scenario.entities["carl"], scenario.accounts["anna"])
    assert (guest.person_name, guest.role, guest.language, guest.email) == ("Carl", Role.CUSTOMER, "en", "g@example.com")
    assert [each.name for each in operator.users()] == ["anna", "ben", "carl", "cleo", "guest", "ivo", "sue"]
    assert [each.name for each in operator.users() if each.primary] == ["anna", "carl", "sue"]
    assert {each.name: each.role for each in operator.users()}["ivo"] is Role.ISSUER


def test_what_is_special_of_a_user(scenario: Scenario) -> None:
    operator, empty = scenario.system.operator, scenario.system.operator.add_account(scenario.entities["carl"], Decimal("0.05"))
    scenario.system.opt_out(scenario.session("anna"), "ben")
    scenario.system.close_account(scenario.session("carl"))
    assert [each.name for each in operator.users() if each.opted_out] == ["ben"]
    assert [each.name for each in operator.users() if each.closed] == ["carl"]
    closed = {each.id: each.closed_at for each in operator.accounts() if each.closed_at is not None}
    assert closed == {scenario.accounts["carl"]: scenario.clock()}
    (new,) = [each for each in operator.accounts() if each.id == empty]
    assert (new.primary, new.users, new.equity) == (None, (), Decimal("0.05"))


@pytest.mark.every_database
def test_persons_are_found_by_a_part_of_their_name_with_capitals_of_any_alphabet(scenario: Scenario) -> None:
    for part, names in (("", 3), ("ANN", 1), ("a", 3), ("%", 0), ("\ud800", 0), ("_", 0)):
        assert len(scenario.system.operator.persons(part)) == names
    scenario.system.operator.add_entity("Éva Ёлкина", CARL, "Elsewhere 1")
    assert [each.name for each in scenario.system.operator.persons("ёЛКИНА")] == ["Éva Ёлкина"]
    assert [each.name for each in scenario.system.operator.persons("éva")] == ["Éva Ёлкина"]


def test_users_are_found_by_a_part_of_their_name(scenario: Scenario) -> None:
    for part, names in (("n", ["anna", "ben"]), ("BEN", ["ben"]), ("%", []), ("_", []), ("\ud800", [])):
        assert [each.name for each in scenario.system.operator.users(part)] == names


def test_no_secret_is_in_the_lists(scenario: Scenario) -> None:
    operator = scenario.system.operator
    shown = repr((operator.persons(), operator.accounts(), operator.users()))
    assert "argon2" not in shown
    assert CARL.document_number not in shown


# ---- the changes ----


def test_a_new_password_for_who_has_forgotten_theirs(scenario: Scenario) -> None:
    others = scenario.session("anna")
    scenario.system.operator.set_password("ben", OTHER)
    assert scenario.system.visitor(others).name == "anna"
    with pytest.raises(WrongCredentials):
        scenario.system.begin("ben", PASSWORD)
    assert scenario.system.begin("ben", OTHER).user == "ben"
    assert scenario.told("ben") == ["password_changed"]
    assert ("login.password.change", "done", "") in scenario.events()


@pytest.mark.every_database
def test_a_new_password_opens_the_name_that_wrong_passwords_had_locked(scenario: Scenario) -> None:
    limits = scenario.system.policy.login
    for number in range(limits.failures_by_name):
        assert tried(scenario, "ben", f"192.0.2.{number // 2}")
    for _ in range(2):
        tried(scenario, "ben", "2001:db8::1")
    with pytest.raises(TooManyAttempts):
        scenario.system.begin("ben", PASSWORD, "198.51.100.1")
    for _ in range(5):
        tried(scenario, "anna", "192.0.2.99")
    scenario.system.operator.set_password("ben", OTHER)
    for address in ("198.51.100.1", "192.0.2.1", "2001:db8::2"):
        assert scenario.system.begin("ben", OTHER, address).user == "ben"
    with pytest.raises(TooManyAttempts):
        scenario.system.begin("anna", PASSWORD, "192.0.2.99")


def test_a_new_password_opens_the_name_at_the_address_that_was_locked(scenario: Scenario) -> None:
    while tried(scenario, "ben", "2001:db8::1"):
        pass
    with pytest.raises(TooManyAttempts):
        scenario.system.begin("ben", PASSWORD, "2001:db8::2")
    scenario.system.operator.set_password("ben", OTHER)
    assert scenario.system.begin("ben", OTHER, "2001:db8::2").user == "ben"


def test_a_closed_account_gets_no_user(scenario: Scenario) -> None:
    scenario.system.close_account(scenario.session("carl"))
    with pytest.raises(InputError, match="account: is closed"):
        scenario.system.operator.add_user(scenario.accounts["carl"], "guest", PASSWORD, email="g@example.com")
    assert "guest" not in [each.name for each in scenario.system.operator.users()]


def test_a_bad_password_changes_nothing(scenario: Scenario) -> None:
    inside = scenario.session("ben")
    for password in ("short", "x" * 1000, "a quiet\nharbour", "\ud800" * 20):
        with pytest.raises(InputError, match=r"^password: must"):
            scenario.system.operator.set_password("ben", password)
    assert scenario.system.visitor(inside).name == "ben"
    assert scenario.told("ben") == []


def test_messages_go_to_another_address_and_both_are_told(scenario: Scenario) -> None:
    scenario.system.operator.set_email("ben", "ben@new.example")
    scenario.system.deliver()
    assert {(each.address, each.template) for each in scenario.letters} == {
        ("ben@example.com", "email_changed"),
        ("ben@new.example", "email_changed"),
        (PHONE, "email_changed"),
    }
    # Nobody knows whose mailbox a mistyped address is.
    assert not [each for each in scenario.letters if "ben@new.example" in each.text]
    scenario.system.operator.set_email("ben", "ben@new.example")
    scenario.system.deliver()
    assert len(scenario.letters) == 3
    assert ("login.user.email", "done", "") in scenario.events()


def test_messages_are_in_another_language(scenario: Scenario) -> None:
    scenario.system.operator.set_language("ben", "de")
    scenario.system.operator.set_password("ben", OTHER)
    assert scenario.told("ben") == ["password_changed"]
    assert (scenario.letters[-1].language, scenario.letters[-1].subject) == ("de", "Passwort geändert")


def test_another_user_becomes_the_primary_one(scenario: Scenario) -> None:
    anna, ben = scenario.session("anna"), scenario.session("ben")
    scenario.system.operator.set_primary(scenario.accounts["anna"], "ben")
    with pytest.raises(NotAllowed, match="ask ben"):
        scenario.system.opt_out(anna)
    scenario.system.opt_out(ben, "anna")
    assert scenario.told("ben") == ["primary_changed"]
    assert sorted(scenario.told("anna")) == ["opted_out", "primary_changed"]
    scenario.system.operator.set_primary(scenario.accounts["anna"], "ben")
    assert scenario.told("ben") == ["primary_changed"]
    assert [event for event in scenario.events() if event[0] == "login.account.primary"] == [
        ("login.account.primary", "done", "")
    ]


def test_the_primary_user_is_one_of_the_account(scenario: Scenario) -> None:
    for name in ("carl", "sue"):
        with pytest.raises(InputError, match=f"name: {name} is not a user of this account"):
            scenario.system.operator.set_primary(scenario.accounts["anna"], name)
    assert scenario.told("anna") == scenario.told("carl") == []


def test_a_review_is_in_the_log(scenario: Scenario) -> None:
    for reviewed in (True, False):
        scenario.system.operator.set_under_review(scenario.entities["anna"], reviewed)
        assert [each.name for each in scenario.system.operator.persons() if each.under_review] == ["Anna"] * reviewed
    assert scenario.events()[-2:] == [("login.person.review", "done", "on"), ("login.person.review", "done", "off")]


GARBAGE = ["", "nobody", "\ud800", "\x00", "' OR 1=1", "x" * 5000, None, 7]
CALLS: list[Callable[[Scenario, str], object]] = [
    lambda scenario, name: scenario.system.operator.user(name),
    lambda scenario, name: scenario.system.operator.set_password(name, OTHER),
    lambda scenario, name: scenario.system.operator.set_email(name, "a@example.com"),
    lambda scenario, name: scenario.system.operator.set_language(name, "de"),
    lambda scenario, name: scenario.system.operator.set_primary(scenario.accounts["anna"], name),
    lambda scenario, name: scenario.system.operator.enroll_card(name, "IB3000901"),
]
ID_CALLS: list[Callable[[Scenario, str], object]] = [
    lambda scenario, one: scenario.system.operator.set_primary(one, "anna"),
    lambda scenario, one: scenario.system.operator.set_under_review(one),
    lambda scenario, one: scenario.system.operator.set_equity(one, Decimal(1)),
    lambda scenario, one: scenario.system.operator.add_account(one, Decimal(1)),
    lambda scenario, one: scenario.system.operator.ship(one),
    lambda scenario, one: scenario.system.operator.add_user(one, "dora", PASSWORD, email="d@example.com"),
    lambda scenario, one: scenario.system.operator.add_user(
        scenario.accounts["anna"], "dora", PASSWORD, email="d@b.c", entity=one or ""
    ),
]


def test_a_name_or_an_id_that_is_nobodys(scenario: Scenario) -> None:
    for given in (*GARBAGE, "0123456789abcdef"):
        for call in CALLS:
            with pytest.raises(
                InputError, match=r"^name: (must have 3 to 32|there is no user (nobody|0123456789abcdef); look)"
            ):
                call(scenario, given)  # type: ignore[arg-type]
        for call in ID_CALLS:
            with pytest.raises(InputError, match=r"^(person|account|request): there is none with the id "):
                call(scenario, given)  # type: ignore[arg-type]
