"""Waits: lasting changes that a temporary device or support has begun. Their owner is notified and can stop them."""

from dataclasses import replace

import pytest
from tests.host.login.card_orders import online_card
from tests.host.login.town import ANNA, CARL, DAY, PHONE, Town, looked_up

from dsc_host.login import Kind, Loss, NotAllowed, NotFound, NotNow, OrderState, TooManyAttempts, WaitKind, rows
from dsc_host.login.devices import lifecycle, waits
from dsc_host.login.transaction import found, locked_user

NEW = "+41795550123"
WAIT_DAYS = 5


def bridged(town: Town, name: str = "anna") -> str:
    """Return a session that a temporary code opened. Anna has lost her card."""
    if name == "anna":
        town.lose("anna", "IB3000901", Loss.LOST)
    return town.bridged(name)[1]


def stop_code(town: Town, template: str, address: str) -> str:
    town.system.deliver()
    return [each for each in town.letters if (each.template, each.address) == (template, address)][-1].values["stop"]


def days_pass(town: Town, days: int) -> None:
    for _ in range(days):
        town.clock.advance(DAY)
        town.system.operator.run_due()


def kinds(town: Town, name: str) -> set[Kind]:
    return {each.kind for each in town.system.begin(name, "a quiet harbour at dawn").choices}


def test_a_number_from_a_temporary_session_waits_and_then_counts(town: Town) -> None:
    token = bridged(town)
    town.confirm(token, NEW)
    assert [each.kind for each in town.system.waiting(token)] == [WaitKind.NUMBER]
    assert kinds(town, "anna") == {Kind.TEMPORARY_CODE}
    days_pass(town, WAIT_DAYS - 1)
    assert Kind.SMS not in kinds(town, "anna")
    days_pass(town, 1)
    assert Kind.SMS in kinds(town, "anna")


def test_its_owner_stops_it_by_the_code_from_any_message_once(town: Town) -> None:
    token = bridged(town, "ben")
    town.confirm(token, NEW)
    for_mail, for_sms = (stop_code(town, "number_waits", to) for to in ("ben@example.com", PHONE))
    assert for_mail == for_sms
    assert NEW not in {letter.address for letter in town.letters if letter.template == "number_waits"}
    assert town.system.stop_change(f" {for_mail.lower()} ", "192.0.2.9")
    assert not town.system.stop_change(for_mail, "192.0.2.9")
    days_pass(town, 2 * WAIT_DAYS)
    assert NEW not in {f"+{number}" for number in town.system.phone_numbers(town.session("ben")).values()}
    assert "wait_stopped" in town.told("ben")


def test_the_code_does_nothing_but_stop_and_cannot_be_guessed(town: Town) -> None:
    for _ in range(30):
        assert not town.system.stop_change("ABCDEFGH", "192.0.2.9")
    with pytest.raises(TooManyAttempts):
        town.system.stop_change("ABCDEFGH", "192.0.2.9")
    for text in ("", "x" * 100, "Ω", None):
        assert not town.system.stop_change(text, "192.0.2.10")  # type: ignore[arg-type]


def test_the_addresses_of_one_network_guess_stop_codes_together(town: Town) -> None:
    for number in range(30):
        assert not town.system.stop_change("ABCDEFGH", f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        town.system.stop_change("ABCDEFGH", "2001:db8::ffff")


def test_a_second_identification_on_a_later_day_makes_it_count(town: Town) -> None:
    token = bridged(town)
    town.confirm(token, NEW)
    desk = town.call("anna")
    (wait,) = town.system.staff.caller_waits(desk)
    with pytest.raises(NotNow, match="later day"):
        town.system.staff.confirm_wait(desk, wait.id)
    town.clock.advance(DAY)
    town.system.staff.confirm_wait(town.call("anna"), wait.id)
    assert Kind.SMS in kinds(town, "anna")


def test_who_asked_for_it_at_the_desk_does_not_confirm_it(town: Town) -> None:
    assert not town.system.staff.enable_messages(town.call("anna"), NEW)
    (wait,) = town.system.staff.caller_waits(town.call("anna"))
    town.clock.advance(DAY)
    with pytest.raises(NotAllowed, match="somebody else"):
        town.system.staff.confirm_wait(town.call("anna"), wait.id)
    assert Kind.SMS not in kinds(town, "anna")


def test_a_card_that_is_stopped_is_never_activated(town: Town) -> None:
    card, _ = town.system.staff.issue_code_card(town.call("anna"))
    assert town.system.stop_change(stop_code(town, "card_waits", "anna@example.com"))
    days_pass(town, WAIT_DAYS)
    with pytest.raises(NotNow):
        town.system.ask_to_activate(town.session("anna"), card.id)


def test_a_card_that_was_requested_by_an_online_card_is_stopped_with_its_request(town: Town) -> None:
    token, _ = online_card(town)
    town.system.confirm_request(token, town.system.draft_request(token, "8246", address="7 Thief's Alley").id)
    assert [each.kind for each in town.system.waiting(token)] == [WaitKind.CARD]
    assert town.system.stop_change(stop_code(town, "card_waits", "anna@example.com"))
    assert [each.state for each in town.system.requests(token)] == [OrderState.CANCELLED]


def test_support_stops_it_for_whoever_calls(town: Town) -> None:
    token = bridged(town)
    town.confirm(token, NEW)
    desk = town.call("anna")
    (wait,) = town.system.staff.caller_waits(desk)
    town.system.staff.stop_wait(desk, wait.id)
    assert town.system.staff.caller_waits(desk) == []
    with pytest.raises(NotFound):
        town.system.staff.stop_wait(desk, wait.id)


def test_a_card_of_codes_cannot_be_activated_before(town: Town) -> None:
    card, codes = town.system.staff.issue_code_card(town.call("anna"))
    with pytest.raises(NotNow, match="can be activated from"):
        town.system.ask_to_activate(town.session("anna"), card.id)
    days_pass(town, WAIT_DAYS)
    token = town.session("anna")
    assert town.system.activate(token, looked_up(codes, town.system.ask_to_activate(token, card.id)))


def test_opting_out_from_a_temporary_session_waits(town: Town) -> None:
    token = bridged(town)
    town.system.opt_out(token)
    assert not town.system.protection(token).opted_out
    days_pass(town, WAIT_DAYS)
    assert town.system.begin("anna", "a quiet harbour at dawn").may_skip


def test_a_temporary_device_removes_no_number(town: Town) -> None:
    token = bridged(town, "ben")
    (phone,) = town.system.phone_numbers(token)
    with pytest.raises(NotNow, match="cannot remove a number"):
        town.system.forget_phone(token, phone)


def test_what_waits_for_a_closed_account_comes_to_nothing(town: Town) -> None:
    token = bridged(town)
    town.confirm(token, NEW)
    town.system.close_account(token)
    days_pass(town, WAIT_DAYS)
    assert town.system.begin("anna", "a quiet harbour at dawn").choices == ()


def test_a_number_that_was_removed_meanwhile_does_not_come_back(town: Town) -> None:
    town.system.staff.enable_messages(town.call("ben"), NEW)
    ben = town.session("ben")
    for number in (NEW, PHONE):
        town.confirm(ben, number)
    assert town.system.waiting(ben) == []
    town.system.forget_phone(ben, next(phone for phone, shown in town.system.phone_numbers(ben).items() if shown == "+41…23"))
    days_pass(town, WAIT_DAYS)
    assert list(town.system.phone_numbers(town.session("ben")).values()) == ["+41…67"]


def test_a_number_that_waits_is_stopped_with_its_phone(town: Town) -> None:
    token = bridged(town, "ben")
    town.confirm(token, NEW)
    user = town.system.visitor(token).user
    town.system.change(lambda tx: lifecycle.forget_number(tx, locked_user(tx.db, user), NEW))
    assert town.system.waiting(token) == []


def test_who_opts_back_in_meanwhile_stays_in(town: Town) -> None:
    _, token = town.bridged("anna")
    town.system.opt_out(token)
    code, anna = stop_code(town, "opt_out_waits", "anna@example.com"), town.session("anna")
    town.system.opt_out(anna)
    assert town.system.waiting(anna) == []
    assert not town.system.stop_change(code)
    town.system.opt_in(anna)
    days_pass(town, WAIT_DAYS)
    assert not town.system.protection(town.session("anna")).opted_out


def test_a_card_in_use_is_not_stopped_any_more(town: Town) -> None:
    card, codes = town.system.staff.issue_code_card(town.call("anna"))
    code = stop_code(town, "card_waits", "anna@example.com")
    # Its wait is over, but the maintenance has not run since.
    town.clock.advance(WAIT_DAYS * DAY)
    token = town.session("anna")
    assert town.system.activate(token, looked_up(codes, town.system.ask_to_activate(token, card.id)))
    assert town.system.waiting(token) == []
    assert not town.system.stop_change(code)


def test_a_change_that_fails_keeps_nothing_else_from_being_done(town: Town) -> None:
    """Somebody has damaged the record of one wait. The other counts, messages are sent, and the failure is reported."""
    for name, who in (("anna", ANNA), ("carl", CARL)):
        town.system.staff.enable_messages(town.call(name, who), NEW)
    broken = town.system.visitor(town.session("anna")).user
    (wait,) = town.system.context.read(lambda tx: waits.of_user(tx.db, found(rows.users.find(tx.db, broken))))
    town.system.change(lambda tx: rows.waits.change(tx.db, wait.id, data="{}", due_at=0.0))
    town.clock.advance(WAIT_DAYS * DAY)
    with pytest.raises(TypeError):
        town.system.operator.run_due()
    assert "+41…23" in town.system.phone_numbers(town.session("carl")).values()
    assert "phone_confirmed" in [letter.template for letter in town.letters]


# ---- corrections ----


def correct(town: Town, name: str = "anna") -> str:
    town.system.staff.correct_identity(town.session("sue"), name, replace(ANNA, document_number="X7777777"))
    ((wait, _),) = town.system.staff.corrections(town.session("cleo"))
    return wait.id


def test_a_correction_counts_when_a_second_person_confirms_it(town: Town) -> None:
    wait = correct(town)
    with pytest.raises(NotAllowed, match="somebody else"):
        town.system.staff.decide_correction(town.session("sue"), wait, True)
    assert town.call("anna"), "what was known is known still"
    town.system.staff.decide_correction(town.session("cleo"), wait, True)
    assert town.told("anna").count("identity_corrected") == 1


def test_nobody_is_identified_within_a_day_by_what_was_corrected(town: Town) -> None:
    town.system.staff.decide_correction(town.session("cleo"), correct(town), True)
    new = replace(ANNA, document_number="X7777777")
    desk = town.session("sue")
    for name in ("anna", "ben"):
        with pytest.raises(NotNow, match="corrected recently"):
            town.system.staff.identify(desk, name, new)
    town.clock.advance(DAY)
    assert town.call("anna", new)


def test_a_correction_is_stopped_by_any_of_the_persons_users(town: Town) -> None:
    wait = correct(town)
    assert town.system.stop_change(stop_code(town, "identity_waits", PHONE))
    with pytest.raises(NotFound):
        town.system.staff.decide_correction(town.session("cleo"), wait, True)
    assert town.call("anna")


def test_a_correction_is_refused_by_the_second_person(town: Town) -> None:
    town.system.staff.decide_correction(town.session("cleo"), correct(town), False)
    assert town.system.staff.corrections(town.session("cleo")) == []
    assert town.call("anna")
