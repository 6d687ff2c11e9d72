"""A new number during the app's activation: refused by default, since name and password would be enough; by policy allowed."""

from collections.abc import Iterator

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.phone_app import FINGER_KEY, PIN_KEY, activated, token
from tests.host.login.town import PASSWORD, PHONE, Town, new_town, opened_town
from tests.host.verifier_samples import Clock

from dsc_host.errors import InputError
from dsc_host.login import Kind, LoginSystem, NotAllowed, NotIn, NotNow, TooManyAttempts, WrongCredentials, rows
from dsc_host.login.accounts import contacts
from dsc_host.login.transaction import user_named

ATTACKER, FEW = "+4915112345600", 2


@pytest.fixture
def open_town(clock: Clock) -> Iterator[Town]:
    """A town whose policy lets the activation of an app confirm a new number."""
    with new_town(clock, phone={"new_numbers": True}, login={"messages_to_number": FEW}) as town:
        yield town


def numbers(system: LoginSystem, name: str) -> list[str]:
    return system.context.read(lambda tx: [each.number for each in contacts.phones_of(tx.db, user_named(tx.db, name))])


def test_name_and_password_alone_lead_no_token_to_another_phone(town: Town) -> None:
    with pytest.raises(NotAllowed, match="takes confirmed numbers only"):
        town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    assert town.letters == []
    assert town.system.context.read(lambda tx: rows.sessions.all(tx.db)) == []
    assert numbers(town.system, "ben") == [PHONE]


def test_a_confirmed_number_is_no_new_one_and_yet_none_is_typed(town: Town) -> None:
    with pytest.raises(NotAllowed):
        town.system.phones.begin("ben", PASSWORD, number=PHONE)


def test_where_the_policy_allows_it_the_token_confirms_the_number(open_town: Town) -> None:
    town = open_town
    begun = town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    assert (begun.sent_to, begun.phones) == ("+49…00", ("+41…67",))
    assert code_letters(town.letters, "sms")[-1].address == ATTACKER
    assert numbers(town.system, "ben") == [PHONE]
    town.clock.advance(1)
    town.system.phones.activate(begun.ticket, token(town), PIN_KEY, FINGER_KEY)
    assert numbers(town.system, "ben") == [ATTACKER, PHONE]
    assert {each.kind for each in town.system.begin("ben", PASSWORD).choices} == {Kind.PHONE_APP}


def test_every_address_from_before_is_told_and_not_the_new_one(open_town: Town) -> None:
    town = open_town
    begun = town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    town.system.phones.activate(begun.ticket, token(town), PIN_KEY)
    town.system.deliver()
    told = [(each.template, each.address) for each in town.letters if each.template != "phone_token"]
    assert sorted(told) == [
        (template, address)
        for template in ("phone_activated", "phone_confirmed")
        for address in (PHONE, "ben@example.com")
    ]  # fmt: skip


def test_a_wrong_token_confirms_nothing(open_town: Town) -> None:
    begun = open_town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    for _ in range(3):
        with pytest.raises(NotAllowed):
            open_town.system.phones.activate(begun.ticket, "AAAAAAAA", PIN_KEY)
    with pytest.raises((NotAllowed, NotIn)):
        open_town.system.phones.activate(begun.ticket, token(open_town), PIN_KEY)
    assert numbers(open_town.system, "ben") == [PHONE]


def test_an_app_in_use_is_still_replaced_only_with_agreement(open_town: Town) -> None:
    activated(open_town)
    begun = open_town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    with pytest.raises(NotNow, match="confirm that it is taken out of use"):
        open_town.system.phones.activate(begun.ticket, token(open_town), PIN_KEY)
    assert numbers(open_town.system, "ben") == [PHONE]


def test_a_number_that_is_none_and_a_wrong_password_send_nothing(open_town: Town) -> None:
    with pytest.raises(InputError, match=r"^phone: must be \+12125551234, without the 1 after \+1"):
        open_town.system.phones.begin("ben", PASSWORD, number="+112125551234")
    with pytest.raises(WrongCredentials):
        open_town.system.phones.begin("ben", "a wrong one, surely", number=ATTACKER)
    assert open_town.letters == []


def test_nobodys_phone_gets_many_tokens(open_town: Town) -> None:
    for _ in range(FEW):
        open_town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
        open_town.clock.advance(3600)
    for name in ("ben", "anna"):
        with pytest.raises(TooManyAttempts):
            open_town.system.phones.begin(name, PASSWORD, number=ATTACKER)
    assert len(code_letters(open_town.letters, "sms")) == FEW


def test_a_closed_account_activates_no_app(open_town: Town) -> None:
    open_town.system.close_account(open_town.enter("anna"))
    with pytest.raises(NotNow, match="the account is closed"):
        open_town.system.phones.begin("ben", PASSWORD, number=ATTACKER)


def test_a_token_from_before_confirms_no_number_once_the_policy_forbids_it(open_town: Town) -> None:
    begun = open_town.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    code = token(open_town)
    with opened_town(open_town.url, open_town.clock, {}) as town, pytest.raises(NotAllowed, match="confirmed numbers only"):
        town.system.phones.activate(begun.ticket, code, PIN_KEY)
    assert numbers(open_town.system, "ben") == [PHONE]
