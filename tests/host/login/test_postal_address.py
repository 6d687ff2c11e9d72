"""The change of the postal address on record."""

import pytest
from tests.host.login.town import ANNA, PHONE, Town

from dsc_host.errors import InputError
from dsc_host.login import Identity, NotAllowed, NotNow

NEW, BEFORE = "2 Lake Street, Bern", "1 Harbour Road, Zug"
PIN = "8246"


def test_a_card_goes_there_by_default_and_all_users_of_the_person_are_told(town: Town) -> None:
    anna = town.session("anna")
    town.system.change_address(anna, f"  {NEW} ")
    assert (town.system.address(anna), town.system.profile(anna).address) == (NEW, NEW)
    town.system.deliver()
    told = {each.address for each in town.letters if each.template == "address_changed"}
    assert told == {"anna@example.com", "ben@example.com", PHONE}
    assert town.system.address(town.session("carl")) == BEFORE


def test_a_request_keeps_its_address(town: Town) -> None:
    carl = town.session("carl")
    draft = town.system.draft_request(carl, PIN)
    town.system.change_address(carl, "3 Dock, Rostock")
    assert town.system.confirm_request(carl, draft.id).address == BEFORE
    town.system.change_address(carl, NEW)
    assert [each.address for each in town.system.requests(carl)] == [BEFORE]
    town.system.cancel_request(carl, draft.id)
    assert town.system.draft_request(carl, PIN).address == NEW


@pytest.mark.parametrize("address", ["", "  ", "a\nb", "x" * 201, f" {BEFORE} "])
def test_what_is_no_new_address(town: Town, address: str) -> None:
    anna = town.session("anna")
    with pytest.raises(InputError, match=r"^address: "):
        town.system.change_address(anna, address)
    assert town.system.address(anna) == BEFORE


def test_the_address_of_the_accounts_owner_is_changed_by_the_primary_user(town: Town) -> None:
    with pytest.raises(NotAllowed, match="ask anna"):
        town.system.change_address(town.session("ben"), NEW)
    town.system.opt_out(town.session("anna"), "ben")
    with pytest.raises(NotAllowed, match="ask anna"):
        town.system.staff.set_address(town.call("ben"), NEW)
    dora = town.system.operator.add_entity("Dora", Identity("1969-07-20", "AT", "AT", "passport", "D7654321"), BEFORE)
    town.system.operator.add_user(
        town.accounts["anna"], "dora", "a quiet harbour at dawn", email="dora@example.com", phone="+41790000009", entity=dora
    )
    town.system.change_address(town.session("dora"), NEW)
    assert (town.system.address(town.session("dora")), town.system.address(town.session("anna"))) == (NEW, BEFORE)


def test_a_temporary_device_changes_no_address(town: Town) -> None:
    _, token = town.bridged("anna")
    with pytest.raises(NotNow, match="with a temporary device"):
        town.system.change_address(token, NEW)


def test_after_opting_out_only_support_changes_it(town: Town) -> None:
    with pytest.raises(NotNow, match="anna is protected by a device"):
        town.system.staff.set_address(town.call("anna", ANNA), NEW)
    anna = town.session("anna")
    town.system.opt_out(anna)
    with pytest.raises(NotAllowed, match="only through support"):
        town.system.change_address(anna, NEW)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        town.system.staff.set_address(town.session("sue"), NEW)
    assert town.system.address(anna) == BEFORE
    town.system.staff.set_address(town.call("anna", ANNA), NEW)
    assert town.system.address(anna) == NEW
