"""The recent security events of a user's account."""

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.host.login.card_orders import online_card, ordered
from tests.host.login.scenario import CARL, DAY, PASSWORD, PIN, SERIALS, Scenario
from tests.host.login.shares import proven
from tests.host.login.wrong_passwords import WRONG

from dsc_host import gateway, login
from dsc_host.errors import InputError
from dsc_host.login import EventKind, Kind, NotAllowed, NotIn, Scope, WrongCredentials
from dsc_host.login.messages import notices
from dsc_host.login.profile import security_events
from dsc_host.login.transaction import LoginTransaction, find_user, found
from dsc_host.records.tables import audit


def kinds(scenario: Scenario, token: str, page: int = 1) -> list[EventKind]:
    return [each.kind for each in scenario.system.security_events(token, page).events]


def test_logins_refusals_and_changes_are_there_the_newest_first(scenario: Scenario) -> None:
    with pytest.raises(WrongCredentials):
        scenario.system.begin("anna", WRONG)
    step = scenario.chosen("anna", Kind.DSC_PLUS)
    scenario.system.answer(step.token, "00000000")
    token = scenario.enter("anna")
    scenario.system.change_password(token, PASSWORD, "another harbour at dusk")
    seen = scenario.system.security_events(token).events
    assert [each.kind for each in seen][:7] == [
        EventKind.PASSWORD_CHANGED,
        EventKind.PASSWORD_RIGHT,
        EventKind.LOGGED_IN,
        EventKind.PASSWORD_RIGHT,
        EventKind.ANSWER_WRONG,
        EventKind.PASSWORD_RIGHT,
        EventKind.PASSWORD_WRONG,
    ]
    assert (seen[2].device, seen[2].label, seen[2].at) == (Kind.DSC_PLUS, SERIALS["anna"], scenario.clock.now)
    assert kinds(scenario, token)[-1] is EventKind.USER_ADDED


def test_a_login_says_where_it_came_from_and_only_its_user_sees_it(scenario: Scenario) -> None:
    here, thief = ("192.0.2.7", "Firefox, Windows"), ("2001:db8::9", "Chrome, Linux")
    with pytest.raises(WrongCredentials):
        scenario.system.begin("anna", WRONG, *thief)

    def answered(place: tuple[str, str], pin: str) -> str:
        step = scenario.system.begin("anna", PASSWORD, *place)
        offer = scenario.system.choose(step.token, step.choices[0].id)
        assert offer.offer is not None
        text = scenario.respond(offer.offer.label, offer.offer.shows["challenge"], pin)
        done = scenario.system.answer(offer.token, text)
        return done.step.token if done.step else ""

    assert not answered(thief, "0000")
    token = answered(here, PIN)
    seen = [(each.kind, each.address, each.browser) for each in scenario.system.security_events(token).events][:5]
    assert seen == [
        (EventKind.LOGGED_IN, *here),
        (EventKind.PASSWORD_RIGHT, *here),
        (EventKind.ANSWER_WRONG, *thief),
        (EventKind.PASSWORD_RIGHT, *thief),
        (EventKind.PASSWORD_WRONG, *thief),
    ]
    desk = scenario.call("anna")
    shown = repr(scenario.system.staff.caller_events(desk))
    assert not [each for each in (*here, *thief) if each in shown]


def test_support_and_the_primary_user_are_seen_without_their_names(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("anna"), "ben")
    scenario.system.opt_in(scenario.session("anna"), "ben")
    scenario.system.staff.give_temporary_code(scenario.call("ben"))
    assert not scenario.system.staff.identify(scenario.session("sue"), "ben", CARL)
    seen = scenario.system.security_events(scenario.session("ben")).events
    others = [each.kind for each in seen if each.by_other]
    expected = (
        EventKind.NOT_IDENTIFIED,
        EventKind.TEMPORARY_CODE,
        EventKind.IDENTIFIED,
        EventKind.OPTED_IN,
        EventKind.OPTED_OUT,
        EventKind.MESSAGES_ENABLED,
        EventKind.USER_ADDED,
    )
    assert others == list(expected)
    assert not any(name in repr(seen) for name in ("anna", "sue"))


def test_what_the_operator_did_is_seen_as_the_act_of_somebody_else(scenario: Scenario) -> None:
    scenario.system.operator.set_primary(scenario.accounts["anna"], "ben")
    scenario.give_card("ben", "IB3000905")
    seen = {each.kind: each.by_other for each in scenario.system.security_events(scenario.session("ben")).events}
    assert seen == {
        EventKind.LOGGED_IN: False,
        EventKind.CARD_ASSIGNED: True,
        EventKind.BECAME_PRIMARY: True,
        EventKind.MESSAGES_ENABLED: True,
        EventKind.USER_ADDED: True,
    }


def test_codes_that_support_enables_are_seen_as_the_act_of_somebody_else(scenario: Scenario) -> None:
    desk = scenario.call("ben")
    (number,) = scenario.system.context.read(lambda tx: notices.numbers_of(tx.db, found(find_user(tx.db, "ben"))))
    assert scenario.system.staff.enable_messages(desk, number)
    newest = scenario.system.security_events(scenario.session("ben")).events
    enabled = next(each for each in newest if each.kind is EventKind.MESSAGES_ENABLED)
    assert enabled.by_other


def test_a_change_by_a_command_of_the_operator_is_seen_as_the_act_of_somebody_else(scenario: Scenario) -> None:
    operator = scenario.system.operator
    operator.set_email("anna", "anna.new@example.com")
    operator.set_address("anna", "7 Harbour Street, Example Town")
    operator.set_language("anna", "de")
    operator.set_password("anna", "another harbour at dusk")
    operator.set_primary(scenario.accounts["anna"], "ben")
    operator.set_primary(scenario.accounts["anna"], "anna")
    scenario.clock.advance(1)
    scenario.system.change_address(anna := scenario.session("anna"), "8 Harbour Street, Example Town")
    seen = scenario.system.security_events(anna).events
    assert [(each.kind, each.by_other) for each in seen if each.kind is not EventKind.LOGGED_IN] == [
        (EventKind.ADDRESS_CHANGED, False),
        (EventKind.BECAME_PRIMARY, True),
        (EventKind.PASSWORD_CHANGED, True),
        (EventKind.LANGUAGE_CHANGED, True),
        (EventKind.ADDRESS_CHANGED, True),
        (EventKind.EMAIL_CHANGED, True),
        (EventKind.CARD_ASSIGNED, True),
        (EventKind.USER_ADDED, True),
    ]


def by_other(scenario: Scenario, name: str, kind: EventKind) -> bool:
    """Return whether the user sees their newest event of this kind as the act of somebody else."""
    seen = scenario.system.security_events(scenario.session(name)).events
    return next(each.by_other for each in seen if each.kind is kind)


@pytest.mark.parametrize("by_support", [True, False])
def test_a_number_that_waited_is_the_act_of_who_asked_for_it(scenario: Scenario, by_support: bool) -> None:
    if by_support:
        scenario.system.staff.enable_messages(scenario.call("ben"), "+41795550123")
    else:
        scenario.confirm(scenario.bridged("ben")[1], "+41795550123")
    scenario.clock.advance(6 * DAY)
    scenario.system.operator.run_due()
    assert by_other(scenario, "ben", EventKind.MESSAGES_ENABLED) is by_support


@pytest.mark.parametrize(("name", "other"), [("ben", True), (None, False)])
def test_an_opt_out_that_waited_is_the_act_of_the_primary_user(scenario: Scenario, name: str | None, other: bool) -> None:
    scenario.system.opt_out(scenario.bridged("anna")[1], name)
    scenario.clock.advance(6 * DAY)
    scenario.system.operator.run_due()
    assert by_other(scenario, name or "anna", EventKind.OPTED_OUT) is other


def test_a_request_that_support_stops_is_cancelled_by_somebody_else(scenario: Scenario) -> None:
    token, _ = online_card(scenario)
    ordered(scenario, token)
    desk = scenario.call("anna")
    (wait,) = scenario.system.staff.caller_waits(desk)
    scenario.system.staff.stop_wait(desk, wait.id)
    seen = scenario.system.security_events(token).events
    assert next(each.by_other for each in seen if each.kind is EventKind.CARD_CANCELLED)


def test_a_card_that_comes_back_unannounced_was_sent_by_nobody_known(scenario: Scenario) -> None:
    scenario.system.staff.receive(scenario.session("ivo"), SERIALS["anna"])
    _, token = scenario.bridged("anna")
    assert next(each.by_other for each in scenario.system.security_events(token).events if each.kind is EventKind.CARD_RETURNED)


@pytest.mark.parametrize("whose", ["anna", "ben"])
def test_the_end_of_a_share_is_the_act_of_who_ends_it(scenario: Scenario, whose: str) -> None:
    ben = scenario.session("ben")
    share = proven(scenario, ben)
    scenario.system.confirm_share(ben, share)
    scenario.system.cancel_share(scenario.session(whose), share)
    assert by_other(scenario, "ben", EventKind.SHARE_ENDED) is (whose == "anna")


@pytest.mark.every_database
def test_nobody_sees_what_concerns_somebody_else(scenario: Scenario) -> None:
    for name in ("ann", "ann_", "anna-1", "user"):
        scenario.add(name, "carl")
    anna, carl = scenario.enter("anna"), scenario.session("carl")
    scenario.system.name_device(anna, scenario.device(anna, Kind.DSC_PLUS), 'x","user":"carl')
    assert EventKind.DEVICE_NAMED in kinds(scenario, anna)
    for token in (carl, *(scenario.session(name) for name in ("anna", "ben"))):
        assert kinds(scenario, token).count(EventKind.USER_ADDED) == 1
    assert kinds(scenario, carl) == [EventKind.LOGGED_IN, EventKind.MESSAGES_ENABLED, EventKind.USER_ADDED]


def test_a_device_that_is_no_longer_shared_is_not_named(scenario: Scenario) -> None:
    ben = scenario.session("ben")
    share = proven(scenario, ben)
    scenario.system.confirm_share(ben, share)
    shared = next(each for each in scenario.system.security_events(ben).events if each.kind is EventKind.SHARED)
    assert shared.label == SERIALS["anna"]
    scenario.system.cancel_share(ben, share)
    assert SERIALS["anna"] not in repr(scenario.system.security_events(scenario.session("ben")))


@pytest.mark.every_database
def test_events_come_in_pages_and_end_after_ninety_days(scenario: Scenario) -> None:
    token = scenario.session("anna")
    device = scenario.device(token, Kind.DSC_PLUS)
    for number in range(security_events.PAGE):
        scenario.system.name_device(token, device, f"card {number}")
    first, second = (scenario.system.security_events(token, page) for page in (1, 2))
    assert (len(first.events), first.more, second.more) == (security_events.PAGE, True, False)
    assert {each.kind for each in first.events} == {EventKind.DEVICE_NAMED}
    assert second.events[0].kind is EventKind.LOGGED_IN
    assert scenario.system.security_events(token, 3).events == ()
    scenario.clock.advance(90 * DAY + 1)
    assert kinds(scenario, scenario.session("anna")) == [EventKind.LOGGED_IN]


@pytest.mark.parametrize("page", [0, -1, security_events.MOST_PAGES + 1, 10**30, True, 1.0, "1", None])
def test_what_is_no_page(scenario: Scenario, page: object) -> None:
    with pytest.raises(InputError, match=r"^page: must be a whole number from 1 to 500"):
        scenario.system.security_events(scenario.session("anna"), page)  # type: ignore[arg-type]


def test_only_a_session_with_a_device_reads_them(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("anna"), "ben")
    without = scenario.system.skip(scenario.system.begin("ben", PASSWORD).token).token
    with pytest.raises(NotAllowed, match="log in with a device"):
        scenario.system.security_events(without)
    for token in (scenario.system.begin("anna", PASSWORD).token, "", "\ud800"):
        with pytest.raises(NotIn):
            scenario.system.security_events(token)
    code, _ = scenario.bridged("anna")
    scenario.clock.advance(2 * DAY + 1)
    later = scenario.answered(scenario.chosen("anna", Kind.TEMPORARY_CODE).token, code)
    assert scenario.system.visitor(later).scope is Scope.ACCOUNT
    assert EventKind.TEMPORARY_CODE in kinds(scenario, later)


def test_every_entry_about_a_user_is_shown_or_left_out_on_purpose() -> None:
    """A new action of the log must become an event that users see, or join those that do not concern their security."""
    logged = set(_logged())
    assert len(logged) > 60
    assert logged - {str(kind) for kind in EventKind} == LEFT_OUT
    assert {str(kind) for kind in EventKind} - logged == set()


LEFT_OUT = {
    "offer done", "card.personalize done", "hold.keep done", "messages.remind done", "deposit done", "deposit refused",
    "withdraw done", "withdraw refused", "desk.end done", "desk.note done", "openid.revoke done",
}  # fmt: skip
"""Log entries that users do not see: of cards before they are sent, of money, of support, and of programs."""


def _logged() -> Iterator[str]:
    """Yield the actions and outcomes of all entries that name a user, from the code of the login system and the gateway."""
    for path in (path for package in (login, gateway) for path in Path(*package.__path__).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "tx.log" and ast.unparse(node.args[1]) != "None":
                actions, outcomes = (_values(node.args[at]) for at in (0, 2))
                yield from (f"{action} {outcome}" for action, outcome in product(actions, outcomes))


def _values(node: ast.expr) -> list[str]:
    return [*_values(node.body), *_values(node.orelse)] if isinstance(node, ast.IfExp) else [ast.literal_eval(node)]


@pytest.mark.every_database
def test_entries_that_somebody_has_changed_do_no_harm(scenario: Scenario) -> None:
    token = scenario.session("anna")
    deep = '{"user":"anna","by":' + "[" * 100_000
    for wrong in ('"user":"anna"', '{"user":"anna"', '["user":"anna"]', '{"by":{},"device":[],"user":"anna"}', deep):
        changed = update(audit).where(audit.c.action == "login.enter").values(detail=wrong)
        scenario.system.change(lambda tx, changed=changed: tx.db.execute(changed))  # type: ignore[misc]
        assert kinds(scenario, token)[0] is EventKind.LOGGED_IN


def test_they_are_found_by_an_index(scenario: Scenario) -> None:
    def plan(tx: LoginTransaction) -> str:
        options = {"literal_binds": True}
        sql = security_events.entries("anna", 0.0, 1).compile(dialect=tx.db.dialect, compile_kwargs=options)
        return " ".join(step.detail for step in tx.db.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))

    assert scenario.system.context.read(plan).startswith("SEARCH audit USING INDEX ix_audit_user (<expr>=?)")
