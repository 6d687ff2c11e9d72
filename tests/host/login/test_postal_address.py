"""The change of the postal address on record."""

import pytest
from tests.host.login.scenario import ANNA, PHONE, Scenario

from dsc_host.errors import InputError
from dsc_host.login import Identity, NotAllowed, NotNow

NEW, BEFORE = "2 Lake Street, Bern", "1 Harbour Road, Zug"
PIN = "8246"


def test_a_card_goes_there_by_default_and_all_users_of_the_person_are_told(scenario: Scenario) -> None:
    anna = scenario.session("anna")
    scenario.system.change_address(anna, f"  {NEW} ")
    assert (scenario.system.address(anna), scenario.system.profile(anna).address) == (NEW, NEW)
    scenario.system.deliver()
    told = {each.address for each in scenario.letters if each.template == "address_changed"}
    assert told == {"anna@example.com", "ben@example.com", PHONE}
    assert scenario.system.address(scenario.session("carl")) == BEFORE


def test_a_request_keeps_its_address(scenario: Scenario) -> None:
    carl = scenario.session("carl")
    draft = scenario.system.draft_request(carl, PIN)
    scenario.system.change_address(carl, "3 Dock, Rostock")
    assert scenario.system.confirm_request(carl, draft.id).address == BEFORE
    scenario.system.change_address(carl, NEW)
    assert [each.address for each in scenario.system.requests(carl)] == [BEFORE]
    scenario.system.cancel_request(carl, draft.id)
    assert scenario.system.draft_request(carl, PIN).address == NEW


@pytest.mark.parametrize("address", ["", "  ", "a\nb", "x" * 201, f" {BEFORE} "])
def test_what_is_no_new_address(scenario: Scenario, address: str) -> None:
    anna = scenario.session("anna")
    with pytest.raises(InputError, match=r"^address: "):
        scenario.system.change_address(anna, address)
    assert scenario.system.address(anna) == BEFORE


def test_the_address_of_the_accounts_owner_is_changed_by_the_primary_user(scenario: Scenario) -> None:
    with pytest.raises(NotAllowed, match="ask anna"):
        scenario.system.change_address(scenario.session("ben"), NEW)
    scenario.system.opt_out(scenario.session("anna"), "ben")
    with pytest.raises(NotAllowed, match="ask anna"):
        scenario.system.staff.set_address(scenario.call("ben"), NEW)
    dora = scenario.system.operator.add_entity("Dora", Identity("1969-07-20", "AT", "AT", "passport", "D7654321"), BEFORE)
    scenario.system.operator.add_user(
        scenario.accounts["anna"],
        "dora",
        "a quiet harbour at dawn",
        email="dora@example.com",
        phone="+41790000009",
        entity=dora,
    )
    scenario.system.change_address(scenario.session("dora"), NEW)
    assert (scenario.system.address(scenario.session("dora")), scenario.system.address(scenario.session("anna"))) == (
        NEW,
        BEFORE,
    )


def test_a_temporary_device_changes_no_address(scenario: Scenario) -> None:
    _, token = scenario.bridged("anna")
    with pytest.raises(NotNow, match="with a temporary device"):
        scenario.system.change_address(token, NEW)


def test_after_opting_out_only_support_changes_it(scenario: Scenario) -> None:
    with pytest.raises(NotNow, match="anna is protected by a device"):
        scenario.system.staff.set_address(scenario.call("anna", ANNA), NEW)
    anna = scenario.session("anna")
    scenario.system.opt_out(anna)
    with pytest.raises(NotAllowed, match="only through support"):
        scenario.system.change_address(anna, NEW)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.set_address(scenario.session("sue"), NEW)
    assert scenario.system.address(anna) == BEFORE
    scenario.system.staff.set_address(scenario.call("anna", ANNA), NEW)
    assert scenario.system.address(anna) == NEW
