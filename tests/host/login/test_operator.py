"""The operations of the operator: the lists of people and accounts, forgotten passwords, new addresses, new primary users."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.host.login.town import CARL, PASSWORD, PHONE, Town

from dsc_host.errors import InputError
from dsc_host.login import NotAllowed, Role, WrongCredentials

OTHER = "another harbour at dusk"


# ---- the lists ----


def test_what_belongs_to_whom(town: Town) -> None:
    operator = town.system.operator
    operator.add_user(town.accounts["anna"], "guest", PASSWORD, email="g@example.com", entity=town.entities["carl"])
    anna, carl, staff = operator.persons()
    assert [each.name for each in (anna, carl, staff)] == ["Anna", "Carl", "Staff"]
    assert (anna.id, anna.accounts, anna.users) == (town.entities["anna"], (town.accounts["anna"],), ("anna", "ben"))
    assert (carl.accounts, carl.users) == ((town.accounts["carl"],), ("carl", "guest"))
    first = next(each for each in operator.accounts() if each.id == town.accounts["anna"])
    assert (first.person, first.person_name, first.primary) == (town.entities["anna"], "Anna", "anna")
    assert (first.users, first.equity, first.currency) == (("anna", "ben", "guest"), Decimal(2500000), "USD")
    guest = operator.user("guest")
    assert (guest.person, guest.account) == (town.entities["carl"], town.accounts["anna"])
    assert (guest.person_name, guest.role, guest.language, guest.email) == ("Carl", Role.CUSTOMER, "en", "g@example.com")
    assert [each.name for each in operator.users()] == ["anna", "ben", "carl", "cleo", "guest", "ivo", "sue"]
    assert [each.name for each in operator.users() if each.primary] == ["anna", "carl", "sue"]
    assert {each.name: each.role for each in operator.users()}["ivo"] is Role.ISSUER


def test_what_is_special_of_a_user(town: Town) -> None:
    operator, empty = town.system.operator, town.system.operator.add_account(town.entities["carl"], Decimal("0.05"))
    town.system.opt_out(town.session("anna"), "ben")
    town.system.close_account(town.session("carl"))
    assert [each.name for each in operator.users() if each.opted_out] == ["ben"]
    assert [each.name for each in operator.users() if each.closed] == ["carl"]
    closed = {each.id: each.closed_at for each in operator.accounts() if each.closed_at is not None}
    assert closed == {town.accounts["carl"]: town.clock()}
    (new,) = [each for each in operator.accounts() if each.id == empty]
    assert (new.primary, new.users, new.equity) == (None, (), Decimal("0.05"))


@pytest.mark.every_database
def test_persons_are_found_by_a_part_of_their_name_with_capitals_of_any_alphabet(town: Town) -> None:
    for part, names in (("", 3), ("ANN", 1), ("a", 3), ("%", 0), ("\ud800", 0), ("_", 0)):
        assert len(town.system.operator.persons(part)) == names
    town.system.operator.add_entity("Éva Ёлкина", CARL, "Elsewhere 1")
    assert [each.name for each in town.system.operator.persons("ёЛКИНА")] == ["Éva Ёлкина"]
    assert [each.name for each in town.system.operator.persons("éva")] == ["Éva Ёлкина"]


def test_users_are_found_by_a_part_of_their_name(town: Town) -> None:
    for part, names in (("n", ["anna", "ben"]), ("BEN", ["ben"]), ("%", []), ("_", []), ("\ud800", [])):
        assert [each.name for each in town.system.operator.users(part)] == names


def test_no_secret_is_in_the_lists(town: Town) -> None:
    operator = town.system.operator
    shown = repr((operator.persons(), operator.accounts(), operator.users()))
    assert "argon2" not in shown
    assert CARL.document_number not in shown


# ---- the changes ----


def test_a_new_password_for_who_has_forgotten_theirs(town: Town) -> None:
    others = town.session("anna")
    town.system.operator.set_password("ben", OTHER)
    assert town.system.visitor(others).name == "anna"
    with pytest.raises(WrongCredentials):
        town.system.begin("ben", PASSWORD)
    assert town.system.begin("ben", OTHER).user == "ben"
    assert town.told("ben") == ["password_changed"]
    assert ("login.password.change", "done", "") in town.events()


def test_a_bad_password_changes_nothing(town: Town) -> None:
    inside = town.session("ben")
    for password in ("short", "x" * 1000, "a quiet\nharbour", "\ud800" * 20):
        with pytest.raises(InputError, match=r"^password: must"):
            town.system.operator.set_password("ben", password)
    assert town.system.visitor(inside).name == "ben"
    assert town.told("ben") == []


def test_messages_go_to_another_address_and_both_are_told(town: Town) -> None:
    town.system.operator.set_email("ben", "ben@new.example")
    town.system.deliver()
    assert {(each.address, each.template) for each in town.letters} == {
        ("ben@example.com", "email_changed"),
        ("ben@new.example", "email_changed"),
        (PHONE, "email_changed"),
    }
    # Nobody knows whose mailbox a mistyped address is.
    assert not [each for each in town.letters if "ben@new.example" in each.text]
    town.system.operator.set_email("ben", "ben@new.example")
    town.system.deliver()
    assert len(town.letters) == 3
    assert ("login.user.email", "done", "") in town.events()


def test_messages_are_in_another_language(town: Town) -> None:
    town.system.operator.set_language("ben", "de")
    town.system.operator.set_password("ben", OTHER)
    assert town.told("ben") == ["password_changed"]
    assert (town.letters[-1].language, town.letters[-1].subject) == ("de", "Passwort geändert")


def test_another_user_becomes_the_primary_one(town: Town) -> None:
    anna, ben = town.session("anna"), town.session("ben")
    town.system.operator.set_primary(town.accounts["anna"], "ben")
    with pytest.raises(NotAllowed, match="ask ben"):
        town.system.opt_out(anna)
    town.system.opt_out(ben, "anna")
    assert town.told("ben") == ["primary_changed"]
    assert sorted(town.told("anna")) == ["opted_out", "primary_changed"]
    town.system.operator.set_primary(town.accounts["anna"], "ben")
    assert town.told("ben") == ["primary_changed"]
    assert [event for event in town.events() if event[0] == "login.account.primary"] == [("login.account.primary", "done", "")]


def test_the_primary_user_is_one_of_the_account(town: Town) -> None:
    for name in ("carl", "sue"):
        with pytest.raises(InputError, match=f"name: {name} is not a user of this account"):
            town.system.operator.set_primary(town.accounts["anna"], name)
    assert town.told("anna") == town.told("carl") == []


def test_a_review_is_in_the_log(town: Town) -> None:
    for reviewed in (True, False):
        town.system.operator.put_under_review(town.entities["anna"], reviewed)
        assert [each.name for each in town.system.operator.persons() if each.under_review] == ["Anna"] * reviewed
    assert town.events()[-2:] == [("login.person.review", "done", "on"), ("login.person.review", "done", "off")]


GARBAGE = ["", "nobody", "\ud800", "\x00", "' OR 1=1", "x" * 5000, None, 7]
CALLS: list[Callable[[Town, str], object]] = [
    lambda town, name: town.system.operator.user(name),
    lambda town, name: town.system.operator.set_password(name, OTHER),
    lambda town, name: town.system.operator.set_email(name, "a@example.com"),
    lambda town, name: town.system.operator.set_language(name, "de"),
    lambda town, name: town.system.operator.set_primary(town.accounts["anna"], name),
    lambda town, name: town.system.operator.enroll_card(name, "IB3000901"),
]
ID_CALLS: list[Callable[[Town, str], object]] = [
    lambda town, one: town.system.operator.set_primary(one, "anna"),
    lambda town, one: town.system.operator.put_under_review(one),
    lambda town, one: town.system.operator.set_equity(one, Decimal(1)),
    lambda town, one: town.system.operator.add_account(one, Decimal(1)),
    lambda town, one: town.system.operator.ship(one),
    lambda town, one: town.system.operator.add_user(one, "dora", PASSWORD, email="d@example.com"),
    lambda town, one: town.system.operator.add_user(town.accounts["anna"], "dora", PASSWORD, email="d@b.c", entity=one or ""),
]


def test_a_name_or_an_id_that_is_nobodys(town: Town) -> None:
    for given in (*GARBAGE, "0123456789abcdef"):
        for call in CALLS:
            with pytest.raises(
                InputError, match=r"^name: (must have 3 to 32|there is no user (nobody|0123456789abcdef); look)"
            ):
                call(town, given)  # type: ignore[arg-type]
        for call in ID_CALLS:
            with pytest.raises(InputError, match=r"^(person|account|request): there is none with the id "):
                call(town, given)  # type: ignore[arg-type]
