"""A new number during the app's activation: refused by default, because a password would be enough, or allowed by policy."""

from collections.abc import Iterator

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.phone_app import FINGER_KEY, PIN_KEY, activated, token
from tests.host.login.scenario import PASSWORD, PHONE, Scenario, new_scenario, opened_scenario
from tests.host.verifier_samples import Clock

from dsc_host.errors import InputError
from dsc_host.login import Kind, LoginSystem, NotAllowed, NotIn, NotNow, TooManyAttempts, WrongCredentials, rows
from dsc_host.login.accounts import contacts
from dsc_host.login.transaction import user_named

ATTACKER, FEW = "+4915112345600", 2


@pytest.fixture
def open_scenario(clock: Clock) -> Iterator[Scenario]:
    """A scenario whose policy lets the activation of an app confirm a new number."""
    with new_scenario(clock, phone={"new_numbers": True}, login={"messages_to_number": FEW}) as scenario:
        yield scenario


def numbers(system: LoginSystem, name: str) -> list[str]:
    return system.context.read(lambda tx: [each.number for each in contacts.phones_of(tx.db, user_named(tx.db, name))])


def test_name_and_password_alone_lead_no_token_to_another_phone(scenario: Scenario) -> None:
    with pytest.raises(NotAllowed, match="takes confirmed numbers only"):
        scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    assert scenario.letters == []
    assert scenario.system.context.read(lambda tx: rows.sessions.all(tx.db)) == []
    assert numbers(scenario.system, "ben") == [PHONE]


def test_a_confirmed_number_is_no_new_one_and_yet_none_is_typed(scenario: Scenario) -> None:
    with pytest.raises(NotAllowed):
        scenario.system.phones.begin("ben", PASSWORD, number=PHONE)


def test_where_the_policy_allows_it_the_token_confirms_the_number(open_scenario: Scenario) -> None:
    scenario = open_scenario
    begun = scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    assert (begun.sent_to, begun.phones) == ("+49…00", ("+41…67",))
    assert code_letters(scenario.letters, "sms")[-1].address == ATTACKER
    assert numbers(scenario.system, "ben") == [PHONE]
    scenario.clock.advance(1)
    scenario.system.phones.activate(begun.ticket, token(scenario), PIN_KEY, FINGER_KEY)
    assert numbers(scenario.system, "ben") == [ATTACKER, PHONE]
    assert {each.kind for each in scenario.system.begin("ben", PASSWORD).choices} == {Kind.PHONE_APP}


def test_every_address_from_before_is_told_and_not_the_new_one(open_scenario: Scenario) -> None:
    scenario = open_scenario
    begun = scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    scenario.system.phones.activate(begun.ticket, token(scenario), PIN_KEY)
    scenario.system.deliver()
    told = [(each.template, each.address) for each in scenario.letters if each.template != "phone_token"]
    assert sorted(told) == [
        (template, address)
        for template in ("phone_activated", "phone_confirmed")
        for address in (PHONE, "ben@example.com")
    ]  # fmt: skip


def test_a_wrong_token_confirms_nothing(open_scenario: Scenario) -> None:
    begun = open_scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    for _ in range(3):
        with pytest.raises(NotAllowed):
            open_scenario.system.phones.activate(begun.ticket, "AAAAAAAA", PIN_KEY)
    with pytest.raises((NotAllowed, NotIn)):
        open_scenario.system.phones.activate(begun.ticket, token(open_scenario), PIN_KEY)
    assert numbers(open_scenario.system, "ben") == [PHONE]


def test_an_app_in_use_is_still_replaced_only_with_agreement(open_scenario: Scenario) -> None:
    activated(open_scenario)
    begun = open_scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    with pytest.raises(NotNow, match="agree that this activation takes it out of use"):
        open_scenario.system.phones.activate(begun.ticket, token(open_scenario), PIN_KEY)
    assert numbers(open_scenario.system, "ben") == [PHONE]


def test_a_number_that_is_none_and_a_wrong_password_send_nothing(open_scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"^phone: must be \+12125551234, without the 1 after \+1"):
        open_scenario.system.phones.begin("ben", PASSWORD, number="+112125551234")
    with pytest.raises(WrongCredentials):
        open_scenario.system.phones.begin("ben", "a wrong one, surely", number=ATTACKER)
    assert open_scenario.letters == []


def test_nobodys_phone_gets_many_tokens(open_scenario: Scenario) -> None:
    for _ in range(FEW):
        open_scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
        open_scenario.clock.advance(3600)
    for name in ("ben", "anna"):
        with pytest.raises(TooManyAttempts):
            open_scenario.system.phones.begin(name, PASSWORD, number=ATTACKER)
    assert len(code_letters(open_scenario.letters, "sms")) == FEW


def test_a_closed_account_activates_no_app(open_scenario: Scenario) -> None:
    open_scenario.system.close_account(open_scenario.enter("anna"))
    with pytest.raises(NotNow, match="the account is closed"):
        open_scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)


def test_a_token_from_before_confirms_no_number_once_the_policy_forbids_it(open_scenario: Scenario) -> None:
    begun = open_scenario.system.phones.begin("ben", PASSWORD, number=ATTACKER)
    code = token(open_scenario)
    with (
        opened_scenario(open_scenario.url, open_scenario.clock, {}) as scenario,
        pytest.raises(NotAllowed, match="confirmed numbers only"),
    ):
        scenario.system.phones.activate(begun.ticket, code, PIN_KEY)
    assert numbers(open_scenario.system, "ben") == [PHONE]
