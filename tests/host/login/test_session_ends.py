"""Changes of a user's security settings end all earlier sessions and logins in progress."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from tests.host.login.card_orders import PIN
from tests.host.login.phone_app import activated
from tests.host.login.shares import proven
from tests.host.login.town import PASSWORD, SERIALS, Town

from dsc_host.login import Kind, Loss, NotIn, rows

NEW = "+41795550123"
OTHER = "another harbour at dusk"


class Change(NamedTuple):
    """A change. `done` gets the token of a session of the user. `goes_on` tells whether that session lasts."""

    name: str
    done: Callable[[Town, str], object]
    goes_on: bool = False


def removes_number(town: Town, token: str) -> None:
    town.confirm(token, NEW)
    town.system.forget_phone(token, next(iter(town.system.phone_numbers(token))))


def number_has_waited(town: Town, _: str) -> None:
    town.system.staff.enable_messages(town.call("ben"), NEW)
    town.waited("ben")


def shares(town: Town, token: str) -> str:
    share = proven(town, token)
    town.system.confirm_share(token, share)
    return share


def shared_no_more(town: Town, token: str) -> None:
    town.system.cancel_share(town.session("anna"), shares(town, token))


def shared_card_is_lost(town: Town, token: str) -> None:
    shares(town, token)
    town.lose("anna", SERIALS["anna"], Loss.STOLEN)


CHANGES: Mapping[str, Change] = {
    "a new password": Change("anna", lambda town, token: town.system.change_password(token, PASSWORD, OTHER), True),
    "a password for who forgot it": Change("anna", lambda town, _: town.system.operator.set_password("anna", OTHER)),
    "a new PIN": Change("anna", lambda town, token: town.change_pin(token, PIN), True),
    "opting out": Change("anna", lambda town, token: town.system.opt_out(token), True),
    "opting out by the primary user": Change("ben", lambda town, _: town.system.opt_out(town.session("anna"), "ben")),
    "a number": Change("anna", lambda town, token: town.confirm(token, NEW), True),
    "a number that is removed": Change("anna", removes_number, True),
    "a number that has waited": Change("ben", number_has_waited),
    "a temporary code": Change("anna", lambda town, _: town.system.staff.give_temporary_code(town.call("anna"))),
    "a card of codes": Change("anna", lambda town, _: town.with_codes("anna")),
    "another card": Change("ben", lambda town, _: town.give_card("ben", "IB3000905")),
    "an app on a phone": Change("ben", lambda town, _: activated(town)),
    "a lost card": Change("anna", lambda town, _: town.lose("anna", SERIALS["anna"], Loss.LOST)),
    "its card on the way back": Change(
        "anna", lambda town, token: town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z 999")
    ),
    "sharing": Change("ben", shares, True),
    "sharing that ends": Change("ben", shared_no_more),
    "the loss of a shared card": Change("ben", shared_card_is_lost),
    "a closed account": Change("ben", lambda town, _: town.system.close_account(town.session("anna"))),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_security_settings_ends_all_sessions_but_the_one_that_did_it(town: Town, what: str) -> None:
    change = CHANGES[what]
    here, other = (town.session(change.name) for _ in range(2))
    half_way = town.system.begin(change.name, PASSWORD).token
    change.done(town, here)
    with pytest.raises(NotIn):
        town.system.step(half_way)
    for ended in (other,) if change.goes_on else (other, here):
        with pytest.raises(NotIn):
            town.system.visitor(ended)
    if change.goes_on:
        assert town.system.visitor(here).name == change.name


def test_no_row_is_left_of_a_session_that_has_ended(town: Town) -> None:
    token, _ = town.session("anna"), town.session("anna")
    town.system.change_password(token, PASSWORD, OTHER)
    assert town.system.context.read(lambda tx: rows.sessions.count(tx.db)) == 1
