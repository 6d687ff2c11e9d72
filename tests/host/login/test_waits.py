"""Waits: lasting changes that a temporary device or support has begun. Their owner is notified and can stop them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.host.login.card_orders import online_card, ordered, shipped
from tests.host.login.scenario import ANNA, CARL, DAY, PHONE, Scenario, looked_up

from dsc_host.login import (
    DeviceState,
    HoldState,
    Kind,
    Loss,
    NotAllowed,
    NotFound,
    NotNow,
    OrderState,
    Role,
    TooManyAttempts,
    WaitKind,
    rows,
)
from dsc_host.login.accounts.contacts import masked
from dsc_host.login.devices import lifecycle, waits
from dsc_host.login.transaction import found, locked_user
from dsc_simulator import SimulatedCard

NEW = "+41795550123"
WAIT_DAYS = 5


def bridged(scenario: Scenario, name: str = "anna") -> str:
    """Return a session that a temporary code opened. Anna has lost her card."""
    if name == "anna":
        scenario.lose("anna", "IB3000901", Loss.LOST)
    return scenario.bridged(name)[1]


def stop_code(scenario: Scenario, template: str, address: str) -> str:
    scenario.system.deliver()
    return [each for each in scenario.letters if (each.template, each.address) == (template, address)][-1].values["stop"]


def other_call(scenario: Scenario) -> str:
    """Have anna call another member of support than sue, and be identified. Return the token of support."""
    if not scenario.system.operator.users("sam"):
        scenario.add("sam", "carl", role=Role.SUPPORT)
        scenario.give_card("sam", "IB3000905")
    token = scenario.enter("sam")
    assert scenario.system.staff.identify(token, "anna", ANNA)
    return token


def days_pass(scenario: Scenario, days: int) -> None:
    for _ in range(days):
        scenario.clock.advance(DAY)
        scenario.system.operator.run_due()


def kinds(scenario: Scenario, name: str) -> set[Kind]:
    return {each.kind for each in scenario.system.begin(name, "a quiet harbour at dawn").choices}


def test_a_number_from_a_temporary_session_waits_and_then_counts(scenario: Scenario) -> None:
    token = bridged(scenario)
    scenario.confirm(token, NEW)
    assert [each.kind for each in scenario.system.waiting(token)] == [WaitKind.NUMBER]
    assert kinds(scenario, "anna") == {Kind.TEMPORARY_CODE}
    days_pass(scenario, WAIT_DAYS - 1)
    assert Kind.SMS not in kinds(scenario, "anna")
    days_pass(scenario, 1)
    assert Kind.SMS in kinds(scenario, "anna")


def test_its_owner_stops_it_by_the_code_from_any_message_once(scenario: Scenario) -> None:
    token = bridged(scenario, "ben")
    scenario.confirm(token, NEW)
    for_mail, for_sms = (stop_code(scenario, "number_waits", to) for to in ("ben@example.com", PHONE))
    assert for_mail == for_sms
    assert NEW not in {letter.address for letter in scenario.letters if letter.template == "number_waits"}
    stopped = scenario.system.stop_change(f" {for_mail.lower()} ", "192.0.2.9")
    assert stopped is not None
    assert (stopped.user, stopped.kind, stopped.what) == ("ben", WaitKind.NUMBER, masked(NEW))
    assert not scenario.system.stop_change(for_mail, "192.0.2.9")
    days_pass(scenario, 2 * WAIT_DAYS)
    assert NEW not in {f"+{number}" for number in scenario.system.phone_numbers(scenario.session("ben")).values()}
    assert "wait_stopped" in scenario.told("ben")


def test_the_code_does_nothing_but_stop_and_cannot_be_guessed(scenario: Scenario) -> None:
    for _ in range(30):
        assert not scenario.system.stop_change("ABCDEFGH", "192.0.2.9")
    with pytest.raises(TooManyAttempts):
        scenario.system.stop_change("ABCDEFGH", "192.0.2.9")
    for text in ("", "x" * 100, "Ω", None):
        assert not scenario.system.stop_change(text, "192.0.2.10")  # type: ignore[arg-type]


def test_the_addresses_of_one_network_guess_stop_codes_together(scenario: Scenario) -> None:
    for number in range(30):
        assert not scenario.system.stop_change("ABCDEFGH", f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        scenario.system.stop_change("ABCDEFGH", "2001:db8::ffff")


def test_a_second_identification_on_a_later_day_makes_it_count(scenario: Scenario) -> None:
    scenario.confirm(bridged(scenario), NEW)
    (wait,) = scenario.system.staff.caller_waits(scenario.call("anna"))
    with pytest.raises(NotNow, match="later day"):
        scenario.system.staff.confirm_wait(other_call(scenario), wait.id)
    scenario.clock.advance(DAY)
    scenario.system.staff.confirm_wait(other_call(scenario), wait.id)
    assert Kind.SMS in kinds(scenario, "anna")


def test_who_asked_for_it_at_the_desk_does_not_confirm_it(scenario: Scenario) -> None:
    assert not scenario.system.staff.enable_messages(scenario.call("anna"), NEW)
    (wait,) = scenario.system.staff.caller_waits(scenario.call("anna"))
    scenario.clock.advance(DAY)
    with pytest.raises(NotAllowed, match="somebody else"):
        scenario.system.staff.confirm_wait(scenario.call("anna"), wait.id)
    assert Kind.SMS not in kinds(scenario, "anna")


@pytest.mark.parametrize("online", [False, True])
def test_who_gave_the_temporary_device_does_not_confirm_what_was_begun_with_it(scenario: Scenario, online: bool) -> None:
    """Otherwise one member of support alone could take over an account."""
    token = online_card(scenario)[0] if online else bridged(scenario)
    scenario.confirm(token, NEW)
    scenario.clock.advance(DAY)
    (wait,) = scenario.system.staff.caller_waits(scenario.call("anna"))
    with pytest.raises(NotAllowed, match="because you gave the temporary device"):
        scenario.system.staff.confirm_wait(scenario.call("anna"), wait.id)
    scenario.system.staff.confirm_wait(other_call(scenario), wait.id)
    assert Kind.SMS in kinds(scenario, "anna")


def test_a_message_names_the_time_at_which_a_change_takes_effect(scenario: Scenario) -> None:
    scenario.confirm(bridged(scenario), NEW)
    due = datetime.fromtimestamp(scenario.clock() + WAIT_DAYS * DAY, UTC)
    scenario.system.deliver()
    texts = [letter.text for letter in scenario.letters if letter.template == "number_waits"]
    assert f"from {due:%b} {due.day}, {due.year}, {due:%H:%M} UTC on, codes will go to" in texts[0]


def test_all_who_were_told_of_a_change_are_told_that_it_was_stopped(scenario: Scenario) -> None:
    scenario.system.opt_out(bridged(scenario), "ben")
    assert scenario.system.stop_change(stop_code(scenario, "opt_out_waits", "anna@example.com"))
    assert [scenario.told(name).count("wait_stopped") for name in ("anna", "ben", "carl")] == [1, 1, 0]
    correct(scenario)
    assert scenario.system.stop_change(stop_code(scenario, "identity_waits", "anna@example.com"))
    assert [scenario.told(name).count("wait_stopped") for name in ("anna", "ben", "carl")] == [2, 2, 0]


def test_a_message_about_a_confirmed_card_names_its_address(scenario: Scenario) -> None:
    ordered(scenario, online_card(scenario)[0])
    (wait,) = scenario.system.staff.caller_waits(scenario.call("anna"))
    scenario.clock.advance(DAY)
    scenario.system.staff.confirm_wait(other_call(scenario), wait.id)
    scenario.system.deliver()
    assert "(1 Harbour Road, Zug)" in next(each.text for each in scenario.letters if each.template == "card_wait_ended")


def test_a_card_that_is_stopped_is_never_activated(scenario: Scenario) -> None:
    card, _ = scenario.system.staff.issue_code_card(scenario.call("anna"))
    assert scenario.system.stop_change(stop_code(scenario, "card_waits", "anna@example.com"))
    days_pass(scenario, WAIT_DAYS)
    with pytest.raises(NotNow):
        scenario.system.ask_to_activate(scenario.session("anna"), card.id)


def test_a_card_that_was_requested_by_an_online_card_is_stopped_with_its_request(scenario: Scenario) -> None:
    token, _ = online_card(scenario)
    scenario.system.confirm_request(token, scenario.system.draft_request(token, "8246", address="7 Thief's Alley").id)
    assert [each.kind for each in scenario.system.waiting(token)] == [WaitKind.CARD]
    assert scenario.system.stop_change(stop_code(scenario, "card_waits", "anna@example.com"))
    assert [each.state for each in scenario.system.requests(token)] == [OrderState.CANCELLED]


def test_a_card_that_was_misplaced_on_its_way_is_stopped_too(scenario: Scenario, card: SimulatedCard) -> None:
    token, _ = online_card(scenario)
    shipped(scenario, token, card)
    sent = next(each.id for each in scenario.system.devices(token) if each.state == DeviceState.SHIPPED)
    code = stop_code(scenario, "card_waits", "anna@example.com")
    scenario.system.staff.report_loss(scenario.call("anna"), sent, Loss.MISPLACED)
    assert scenario.system.stop_change(code)
    with pytest.raises(NotNow):
        scenario.system.ask_to_activate(token, sent)
    assert not scenario.system.context.read(lambda tx: rows.holds.all(tx.db, rows.holds.c.state == HoldState.HELD))


def test_the_wait_for_a_request_ends_when_the_request_is_cancelled(scenario: Scenario) -> None:
    token, _ = online_card(scenario)
    request = ordered(scenario, token)
    scenario.system.cancel_request(token, request.id)
    assert scenario.system.waiting(token) == []


def test_the_wait_for_a_card_ends_when_the_card_can_never_be_activated(scenario: Scenario) -> None:
    first, _ = scenario.system.staff.issue_code_card(scenario.call("anna"))
    second, _ = scenario.system.staff.issue_code_card(scenario.call("anna"))
    assert [each.what for each in scenario.system.waiting(scenario.session("anna"))] == [second.label]
    assert first.label != second.label
    scenario.lose("anna", second.label, Loss.LOST)
    assert scenario.system.staff.caller_waits(scenario.call("anna")) == []
    days_pass(scenario, WAIT_DAYS)
    assert ("login.wait.count", "done", WaitKind.CARD) not in scenario.events()


def test_the_wait_for_a_card_lost_on_its_way_ends(scenario: Scenario, card: SimulatedCard) -> None:
    token, _ = online_card(scenario)
    sent = shipped(scenario, token, card)
    scenario.lose("anna", sent.serial, Loss.MISPLACED)
    assert len(scenario.system.waiting(token)) == 1
    scenario.lose("anna", sent.serial, Loss.LOST)
    assert scenario.system.waiting(token) == []


def test_the_owner_hears_that_support_has_confirmed_a_card(scenario: Scenario) -> None:
    card, _ = scenario.system.staff.issue_code_card(scenario.call("anna"))
    scenario.clock.advance(DAY)
    (wait,) = scenario.system.staff.caller_waits(scenario.call("anna"))
    scenario.add("eve", "staff", phone=PHONE, role=Role.SUPPORT)
    desk = scenario.session("eve")
    assert scenario.system.staff.identify(desk, "anna", ANNA)
    scenario.system.staff.confirm_wait(desk, wait.id)
    assert scenario.told("anna")[-1] == "card_wait_ended"
    assert scenario.system.ask_to_activate(scenario.session("anna"), card.id)


def test_support_stops_it_for_whoever_calls(scenario: Scenario) -> None:
    token = bridged(scenario)
    scenario.confirm(token, NEW)
    desk = scenario.call("anna")
    (wait,) = scenario.system.staff.caller_waits(desk)
    scenario.system.staff.stop_wait(desk, wait.id)
    assert scenario.system.staff.caller_waits(desk) == []
    with pytest.raises(NotFound):
        scenario.system.staff.stop_wait(desk, wait.id)


def test_a_card_of_codes_cannot_be_activated_before(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("anna"))
    with pytest.raises(NotNow, match="cannot be activated before"):
        scenario.system.ask_to_activate(scenario.session("anna"), card.id)
    days_pass(scenario, WAIT_DAYS)
    token = scenario.session("anna")
    assert scenario.system.activate(token, looked_up(codes, scenario.system.ask_to_activate(token, card.id)))


def test_a_card_of_codes_that_was_lost_during_its_activation_is_not_activated(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("anna"))
    scenario.waited("anna")
    token = scenario.session("anna")
    answer = looked_up(codes, scenario.system.ask_to_activate(token, card.id))
    scenario.lose("anna", card.label, Loss.LOST)
    with pytest.raises(NotNow, match="taken out of use in the meantime"):
        scenario.system.activate(token, answer)


def test_an_online_card_that_was_never_activated_expires_by_itself(scenario: Scenario) -> None:
    """No maintenance has run since it expired."""
    card = scenario.system.request_online_card(bridged(scenario))
    scenario.clock.advance(21 * DAY)
    _, token = scenario.bridged("anna")
    with pytest.raises(NotNow, match="cannot be activated"):
        scenario.system.ask_to_activate(token, card.id)


def test_opting_out_from_a_temporary_session_waits(scenario: Scenario) -> None:
    token = bridged(scenario)
    scenario.system.opt_out(token)
    assert not scenario.system.protection(token).opted_out
    days_pass(scenario, WAIT_DAYS)
    assert scenario.system.begin("anna", "a quiet harbour at dawn").may_skip


def test_a_temporary_device_removes_no_number(scenario: Scenario) -> None:
    token = bridged(scenario, "ben")
    (phone,) = scenario.system.phone_numbers(token)
    with pytest.raises(NotNow, match="cannot remove a number"):
        scenario.system.forget_phone(token, phone)


def test_what_waits_for_a_closed_account_comes_to_nothing(scenario: Scenario) -> None:
    token = bridged(scenario)
    scenario.confirm(token, NEW)
    scenario.system.close_account(token)
    days_pass(scenario, WAIT_DAYS)
    assert scenario.system.begin("anna", "a quiet harbour at dawn").choices == ()


def test_what_waits_for_a_closed_account_is_not_confirmed(scenario: Scenario) -> None:
    assert not scenario.system.staff.enable_messages(scenario.call("anna"), NEW)
    scenario.clock.advance(DAY)
    (wait,) = scenario.system.staff.caller_waits(desk := scenario.call("anna"))
    scenario.system.close_account(scenario.session("anna"))
    with pytest.raises(NotNow, match="the account is closed"):
        scenario.system.staff.confirm_wait(desk, wait.id)


def test_a_number_that_was_removed_meanwhile_does_not_come_back(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(scenario.call("ben"), NEW)
    ben = scenario.session("ben")
    for number in (NEW, PHONE):
        scenario.confirm(ben, number)
    assert scenario.system.waiting(ben) == []
    scenario.system.forget_phone(
        ben, next(phone for phone, shown in scenario.system.phone_numbers(ben).items() if shown == "+41…23")
    )
    days_pass(scenario, WAIT_DAYS)
    assert list(scenario.system.phone_numbers(scenario.session("ben")).values()) == ["+41…67"]


def test_a_number_that_waits_is_stopped_with_its_phone(scenario: Scenario) -> None:
    token = bridged(scenario, "ben")
    scenario.confirm(token, NEW)
    user = scenario.system.visitor(token).user
    scenario.system.change(lambda tx: lifecycle.forget_number(tx, locked_user(tx.db, user), NEW))
    assert scenario.system.waiting(token) == []


def test_who_opts_back_in_meanwhile_stays_in(scenario: Scenario) -> None:
    _, token = scenario.bridged("anna")
    scenario.system.opt_out(token)
    code, anna = stop_code(scenario, "opt_out_waits", "anna@example.com"), scenario.session("anna")
    scenario.system.opt_out(anna)
    assert scenario.system.waiting(anna) == []
    assert not scenario.system.stop_change(code)
    scenario.system.opt_in(anna)
    days_pass(scenario, WAIT_DAYS)
    assert not scenario.system.protection(scenario.session("anna")).opted_out


def test_a_card_in_use_is_not_stopped_any_more(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("anna"))
    code = stop_code(scenario, "card_waits", "anna@example.com")
    # Its wait is over, but the maintenance has not run since.
    scenario.clock.advance(WAIT_DAYS * DAY)
    token = scenario.session("anna")
    assert scenario.system.activate(token, looked_up(codes, scenario.system.ask_to_activate(token, card.id)))
    assert scenario.system.waiting(token) == []
    assert not scenario.system.stop_change(code)


def test_a_change_that_fails_keeps_nothing_else_from_being_done(scenario: Scenario) -> None:
    """Somebody has damaged the record of one wait. The other counts, messages are sent, and the failure is reported."""
    for name, who in (("anna", ANNA), ("carl", CARL)):
        scenario.system.staff.enable_messages(scenario.call(name, who), NEW)
    broken = scenario.system.visitor(scenario.session("anna")).user
    (wait,) = scenario.system.context.read(lambda tx: waits.of_user(tx.db, found(rows.users.find(tx.db, broken))))
    scenario.system.change(lambda tx: rows.waits.change(tx.db, wait.id, data="{}", due_at=0.0))
    scenario.clock.advance(WAIT_DAYS * DAY)
    with pytest.raises(TypeError):
        scenario.system.operator.run_due()
    assert "+41…23" in scenario.system.phone_numbers(scenario.session("carl")).values()
    assert "phone_confirmed" in [letter.template for letter in scenario.letters]


# ---- corrections ----


def correct(scenario: Scenario, name: str = "anna") -> str:
    scenario.system.staff.correct_identity(scenario.session("sue"), name, replace(ANNA, document_number="X7777777"))
    return scenario.system.staff.corrections(scenario.session("cleo"))[0][0].id


def test_a_correction_counts_when_a_second_person_confirms_it(scenario: Scenario) -> None:
    wait = correct(scenario)
    with pytest.raises(NotAllowed, match="somebody else"):
        scenario.system.staff.decide_correction(scenario.session("sue"), wait, True)
    assert scenario.call("anna"), "what was known is known still"
    scenario.system.staff.decide_correction(scenario.session("cleo"), wait, True)
    assert scenario.told("anna").count("identity_corrected") == 1


def test_nobody_is_identified_within_a_day_by_what_was_corrected(scenario: Scenario) -> None:
    scenario.system.staff.decide_correction(scenario.session("cleo"), correct(scenario), True)
    new = replace(ANNA, document_number="X7777777")
    desk = scenario.session("sue")
    for name in ("anna", "ben"):
        with pytest.raises(NotNow, match="corrected recently"):
            scenario.system.staff.identify(desk, name, new)
    scenario.clock.advance(DAY)
    assert scenario.call("anna", new)


def test_a_correction_is_stopped_by_any_of_the_persons_users(scenario: Scenario) -> None:
    wait = correct(scenario)
    assert scenario.system.stop_change(stop_code(scenario, "identity_waits", PHONE))
    with pytest.raises(NotFound):
        scenario.system.staff.decide_correction(scenario.session("cleo"), wait, True)
    assert scenario.call("anna")


def test_a_correction_is_refused_by_the_second_person(scenario: Scenario) -> None:
    scenario.system.staff.decide_correction(scenario.session("cleo"), correct(scenario), False)
    assert scenario.system.staff.corrections(scenario.session("cleo")) == []
    assert scenario.call("anna")
