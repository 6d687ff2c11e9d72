"""Changes of a user's security settings end all earlier sessions and logins in progress."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from tests.host.login.card_orders import PIN
from tests.host.login.phone_app import activated
from tests.host.login.scenario import DAY, PASSWORD, SERIALS, Scenario, opened_scenario
from tests.host.login.shares import proven

from dsc_host.login import Kind, Loss, NotIn, rows

NEW = "+41795550123"
OTHER = "another harbour at dusk"


class Change(NamedTuple):
    """A change. `done` gets the token of a session of the user. `goes_on` tells whether that session lasts."""

    name: str
    done: Callable[[Scenario, str], object]
    goes_on: bool = False


def removes_number(scenario: Scenario, token: str) -> None:
    scenario.confirm(token, NEW)
    scenario.system.forget_phone(token, next(iter(scenario.system.phone_numbers(token))))


def number_has_waited(scenario: Scenario, _: str) -> None:
    scenario.system.staff.enable_messages(scenario.call("ben"), NEW)
    scenario.waited("ben")


def shares(scenario: Scenario, token: str) -> str:
    share = proven(scenario, token)
    scenario.system.confirm_share(token, share)
    return share


def shared_no_more(scenario: Scenario, token: str) -> None:
    scenario.system.cancel_share(scenario.session("anna"), shares(scenario, token))


def shared_card_is_lost(scenario: Scenario, token: str) -> None:
    shares(scenario, token)
    scenario.lose("anna", SERIALS["anna"], Loss.STOLEN)


CHANGES: Mapping[str, Change] = {
    "a new password": Change("anna", lambda scenario, token: scenario.system.change_password(token, PASSWORD, OTHER), True),
    "a password for who forgot it": Change("anna", lambda scenario, _: scenario.system.operator.set_password("anna", OTHER)),
    "a new PIN": Change("anna", lambda scenario, token: scenario.change_pin(token, PIN), True),
    "opting out": Change("anna", lambda scenario, token: scenario.system.opt_out(token), True),
    "opting out by the primary user": Change(
        "ben", lambda scenario, _: scenario.system.opt_out(scenario.session("anna"), "ben")
    ),
    "a number": Change("anna", lambda scenario, token: scenario.confirm(token, NEW), True),
    "a number that is removed": Change("anna", removes_number, True),
    "a number that has waited": Change("ben", number_has_waited),
    "a temporary code": Change("anna", lambda scenario, _: scenario.system.staff.give_temporary_code(scenario.call("anna"))),
    "a card of codes": Change("anna", lambda scenario, _: scenario.with_codes("anna")),
    "another card": Change("ben", lambda scenario, _: scenario.give_card("ben", "IB3000905")),
    "an app on a phone": Change("ben", lambda scenario, _: activated(scenario)),
    "a lost card": Change("anna", lambda scenario, _: scenario.lose("anna", SERIALS["anna"], Loss.LOST)),
    "its card on the way back": Change(
        "anna", lambda scenario, token: scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "1Z 999")
    ),
    "sharing": Change("ben", shares, True),
    "sharing that ends": Change("ben", shared_no_more),
    "the loss of a shared card": Change("ben", shared_card_is_lost),
    "a closed account": Change("ben", lambda scenario, _: scenario.system.close_account(scenario.session("anna"))),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_security_settings_ends_all_sessions_but_the_one_that_did_it(scenario: Scenario, what: str) -> None:
    change = CHANGES[what]
    here, other = (scenario.session(change.name) for _ in range(2))
    half_way = scenario.system.begin(change.name, PASSWORD).token
    change.done(scenario, here)
    with pytest.raises(NotIn):
        scenario.system.step(half_way)
    for ended in (other,) if change.goes_on else (other, here):
        with pytest.raises(NotIn):
            scenario.system.visitor(ended)
    if change.goes_on:
        assert scenario.system.visitor(here).name == change.name


def test_no_row_is_left_of_a_session_that_has_ended(scenario: Scenario) -> None:
    token, _ = scenario.session("anna"), scenario.session("anna")
    scenario.system.change_password(token, PASSWORD, OTHER)
    assert scenario.system.context.read(lambda tx: rows.sessions.count(tx.db)) == 1


def test_more_days_of_full_access_do_not_let_a_session_outlast_its_temporary_code(scenario: Scenario) -> None:
    code, _ = scenario.bridged("ben")
    with opened_scenario(scenario.url, scenario.clock, {"temporary": {"full_days": 60}}) as later:
        scenario.clock.advance(12 * DAY - 60)
        token = later.answered(later.chosen("ben", Kind.TEMPORARY_CODE).token, code)
        assert later.system.visitor(token).until == scenario.clock.now + 60
