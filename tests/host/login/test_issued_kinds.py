"""Kinds that the policy no longer issues: nobody gets a new device of such a kind, and those who hold one keep it."""

from collections.abc import Callable, Mapping

import pytest
from tests.host.login.card_orders import PIN, online_card
from tests.host.login.scenario import CARL, CHEAP, PHONE, Scenario

from dsc_host.login import Calling, Kind, LoginSystem, NotNow, Policy


def without(scenario: Scenario, *kinds: str) -> LoginSystem:
    """Return the system of this scenario under a policy that no longer issues devices of these kinds."""
    known = Policy.default().levels
    levels = [{"kind": str(each.kind), "issued": each.kind not in kinds, "shareable": each.shareable} for each in known]
    senders = dict.fromkeys(("email", "sms", "voice"), Calling(scenario.letters.append))
    return LoginSystem.over(scenario.verifier, policy=Policy.of({**CHEAP, "levels": levels}), senders=senders)


Ask = Callable[[Scenario, LoginSystem], object]
GIVEN: Mapping[tuple[str, ...], Ask] = {
    ("dsc_plus",): lambda scenario, system: system.draft_request(scenario.session("carl"), PIN),
    ("code_card",): lambda scenario, system: system.staff.issue_code_card(scenario.call("carl", CARL)),
    ("temporary_code",): lambda scenario, system: system.staff.give_temporary_code(scenario.call("carl", CARL)),
    ("online_card",): lambda scenario, system: system.request_online_card(scenario.bridged("carl", CARL)[1]),
    ("phone_app",): lambda scenario, system: system.phones.begin("carl", "a quiet harbour at dawn"),
    ("sms", "voice"): lambda scenario, system: system.staff.enable_messages(scenario.call("anna"), "+41791234599"),
}
"""For each kind, a call by which somebody gets a new device of it."""


@pytest.mark.parametrize("kinds", GIVEN, ids="-".join)
def test_a_kind_that_is_not_issued_is_given_to_nobody(scenario: Scenario, kinds: tuple[str, ...]) -> None:
    with pytest.raises(NotNow, match="no longer issued"):
        GIVEN[kinds](scenario, without(scenario, *kinds))
    GIVEN[kinds](scenario, without(scenario, *(set(Kind) - set(kinds))))


def test_a_request_is_not_confirmed_when_its_kind_is_no_longer_issued(scenario: Scenario) -> None:
    token = scenario.session("carl")
    draft = scenario.system.draft_request(token, PIN)
    with pytest.raises(NotNow, match="no longer issued"):
        without(scenario, "dsc_plus").confirm_request(token, draft.id)


def test_those_who_hold_a_device_keep_it(scenario: Scenario) -> None:
    system = without(scenario, *Kind)
    assert {each.kind: (each.live, each.issued) for each in system.devices(scenario.enter("anna"))} == {
        Kind.DSC_PLUS: (True, False)
    }
    assert {each.kind for each in system.devices(scenario.enter_by_sms("ben"))} == {Kind.SMS, Kind.VOICE}
    token, _ = online_card(scenario)
    assert {each.kind for each in system.devices(token) if each.live} == {Kind.ONLINE_CARD}


def test_the_operator_records_what_a_user_holds_already(scenario: Scenario) -> None:
    scenario.verifier.enroll("IB3000555", key=bytes(range(32)), pin=PIN)
    assert without(scenario, *Kind).operator.enroll_card("carl", "IB3000555")


def test_a_number_takes_the_place_of_another_though_sms_is_no_longer_issued(scenario: Scenario) -> None:
    """A new number gives no user codes by SMS who had none. The number serves to activate the app."""
    system = without(scenario, "sms", "voice")
    for name, kinds in (("ben", {Kind.SMS, Kind.VOICE}), ("anna", {Kind.DSC_PLUS})):
        token = scenario.session(name)
        system.ask_to_confirm_phone(token, PHONE[:-2] + "77")
        assert system.confirm_phone(token, scenario.sent("sms"))
        assert {each.kind for each in system.devices(token) if each.live} == kinds
        assert any(number.endswith("77") for number in system.phone_numbers(token).values())
