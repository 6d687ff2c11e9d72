"""Every operation that gives a user a new way to log in notifies them at all earlier addresses, whoever carries it out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.host.login.card_orders import pressed, shipped
from tests.host.login.phone_app import activated
from tests.host.login.scenario import DAY, PASSWORD, PHONE, Scenario, copied_scenario, kept_scenario, looked_up
from tests.host.verifier_samples import Clock

from dsc_host.login import Identity, Kind, LoginSystem, Loss, rows
from dsc_host.login.service.gateway_calls import GatewayCalls
from dsc_host.login.service.operator import Operator
from dsc_host.login.service.phone_app import Phones
from dsc_host.login.service.staff import Staff
from dsc_simulator import SimulatedCard

DORA = Identity("1969-07-20", "AT", "AT", "passport", "D7654321")
NUMBERS = ("+41790000009", "+41790000010")
"""Dora's numbers, confirmed before a test begins. Codes go to the last number."""
NEW = "+41795550123"
CARD = "IB3000950"


@dataclass(frozen=True)
class Way:
    """An operation that gives a way to log in, the template of its notice, and the users notified besides dora."""

    done: Callable[[Scenario], object]
    template: str
    other: str = ""
    alone: bool = False
    """Whether only the other user can log in by it."""


def call(scenario: Scenario) -> str:
    return scenario.call("dora", DORA)


def move_in(scenario: Scenario) -> None:
    """Add dora with two numbers."""
    scenario.entities["dora"] = scenario.system.operator.add_entity("Dora", DORA, "9 Road, Wien")
    scenario.accounts["dora"] = scenario.system.operator.add_account(scenario.entities["dora"], Decimal(2_000_000))
    scenario.add("dora", "dora", phone=NUMBERS[0])
    scenario.clock.advance(60)
    confirm(scenario, NUMBERS[1])


WITH_DORA = kept_scenario(move_in)


@pytest.fixture
def scenario(clock: Clock) -> Iterator[Scenario]:
    with copied_scenario(WITH_DORA, clock) as (scenario, _):
        yield scenario


def confirm(scenario: Scenario, number: str) -> None:
    scenario.confirm(scenario.session("dora"), number)


def changes_email(scenario: Scenario) -> None:
    token = scenario.session("dora")
    scenario.system.ask_to_change_email(token, "dora@elsewhere.example")
    assert scenario.system.confirm_email(token, scenario.sent("email"))


def has_email_changed(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("dora"))
    scenario.system.staff.set_email(call(scenario), "dora@elsewhere.example")


def has_address_changed(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("dora"))
    scenario.system.staff.set_address(call(scenario), "2 Lake Street, Bern")


def has_bank_changed(scenario: Scenario) -> None:
    scenario.system.opt_out(scenario.session("dora"))
    scenario.system.staff.set_bank(call(scenario), iban="DE89370400440532013000")


def card_was_sent(scenario: Scenario) -> SimulatedCard:
    """Let dora request a card, and send it. She does not activate it."""
    card = SimulatedCard()
    shipped(scenario, scenario.session("dora"), card)
    return card


def activate(scenario: Scenario) -> None:
    card = card_was_sent(scenario)
    with card:
        token = scenario.session("dora")
        offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.DSC_PLUS))
        assert scenario.system.activate(token, pressed(card, offer.shows["challenge"]))


def activates_itself(scenario: Scenario) -> None:
    with card_was_sent(scenario):
        for _ in range(22):
            scenario.clock.advance(DAY)
            scenario.system.operator.run_due()


def requests_card(scenario: Scenario) -> None:
    token = scenario.session("dora")
    scenario.system.confirm_request(token, scenario.system.draft_request(token, "8246").id)


def issue_code_card(scenario: Scenario) -> tuple[str, ...]:
    return scenario.system.staff.issue_code_card(call(scenario))[1]


def activates_code_card(scenario: Scenario) -> None:
    codes = issue_code_card(scenario)
    scenario.waited("dora")
    token = scenario.session("dora")
    offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.CODE_CARD))
    assert scenario.system.activate(token, looked_up(codes, offer))


def changes_pin(scenario: Scenario) -> None:
    scenario.give_card("dora", CARD)
    scenario.change_pin(scenario.enter("dora"), "8246")


def asked_to_share(scenario: Scenario, reviewed: bool = False) -> tuple[str, str]:
    """Let another user of dora ask to share her card."""
    scenario.give_card("dora", CARD)
    scenario.add("dora.work", "dora", phone=PHONE)
    scenario.system.operator.set_under_review(scenario.entities["dora"], reviewed)
    token = scenario.enter_by_sms("dora.work")
    share, offer = scenario.system.begin_share(token, "dora", PASSWORD)
    assert scenario.system.answer_share(token, share.id, scenario.respond(CARD, offer.shows["challenge"]))
    scenario.system.confirm_share(token, share.id)
    return token, share.id


def share_is_decided(scenario: Scenario) -> None:
    share = asked_to_share(scenario, reviewed=True)[1]
    scenario.system.staff.decide_share(scenario.session("cleo"), share, True)


def share_is_cancelled(scenario: Scenario) -> None:
    scenario.system.cancel_share(*asked_to_share(scenario))


def reports_loss(scenario: Scenario) -> None:
    step = scenario.system.begin("dora", PASSWORD)
    scenario.system.report_loss(step.token, next(each.id for each in step.choices if each.kind is Kind.SMS), Loss.LOST)


def removes_own_app(scenario: Scenario) -> None:
    app = activated(scenario, "dora")
    scenario.give_card("dora", "IB3000955")
    scenario.system.remove_app(scenario.enter("dora"), app.device)


def loses_number(scenario: Scenario) -> None:
    desk = call(scenario)
    device = next(each for each in scenario.system.staff.caller_devices(desk)[1] if each.kind is Kind.SMS)
    scenario.system.staff.report_loss(desk, device.id, Loss.LOST)


def forgets_number(scenario: Scenario) -> None:
    token = scenario.session("dora")
    scenario.system.forget_phone(token, list(scenario.system.phone_numbers(token))[-1])
    # Both numbers were notified, the removed one too.


def removes_app(scenario: Scenario) -> None:
    app = activated(scenario, "dora")
    scenario.system.phones.remove(app.device, app.token)


def opts(scenario: Scenario, *, back: bool = False) -> None:
    token = scenario.session("dora")
    scenario.system.opt_out(token)
    if back:
        scenario.system.opt_in(token)


def closes(scenario: Scenario) -> None:
    scenario.system.close_account(scenario.session("dora"))


def returns_card(scenario: Scenario) -> None:
    with card_was_sent(scenario):
        token = scenario.session("dora")
        scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "RR 1")


def is_primary(scenario: Scenario) -> None:
    scenario.add("dora.work", "dora", phone=PHONE)
    scenario.system.operator.set_primary(scenario.accounts["dora"], "dora.work")


def online_card(scenario: Scenario) -> tuple[str, tuple[str, ...]]:
    _, token = scenario.bridged("dora", DORA)
    return token, scenario.system.sheet(token, scenario.system.request_online_card(token).id)


def activates_online_card(scenario: Scenario) -> None:
    token, codes = online_card(scenario)
    offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.ONLINE_CARD))
    assert scenario.system.activate(token, looked_up(codes, offer))


def changes_password(scenario: Scenario) -> None:
    scenario.system.change_password(scenario.session("dora"), PASSWORD, "another quiet harbour")


def give_card(scenario: Scenario) -> None:
    scenario.give_card("dora", CARD)


def number_waits(scenario: Scenario) -> None:
    scenario.system.staff.enable_messages(call(scenario), NEW)


def confirms_number(scenario: Scenario) -> None:
    """Confirm a number as if somebody else had asked for it."""
    number_waits(scenario)
    scenario.system.change(lambda tx: rows.waits.change(tx.db, rows.waits.all(tx.db)[0].id, asked_by="somebody"))
    scenario.clock.advance(DAY)
    desk = call(scenario)
    scenario.system.staff.confirm_wait(desk, scenario.system.staff.caller_waits(desk)[0].id)


def stops_number(scenario: Scenario) -> None:
    number_waits(scenario)
    desk = call(scenario)
    scenario.system.staff.stop_wait(desk, scenario.system.staff.caller_waits(desk)[0].id)


def stops_by_code(scenario: Scenario) -> None:
    number_waits(scenario)
    scenario.system.deliver()
    letter = next(each for each in scenario.letters if each.template == "number_waits")
    assert scenario.system.stop_change(letter.values["stop"])


def number_is_due(scenario: Scenario) -> None:
    number_waits(scenario)
    scenario.clock.advance(5 * DAY)
    scenario.system.operator.run_due()


WAYS: Mapping[str, Way] = {
    "LoginSystem.change_password": Way(changes_password, "password_changed"),
    "LoginSystem.opt_out": Way(opts, "opted_out"),
    "LoginSystem.opt_in": Way(lambda scenario: opts(scenario, back=True), "opted_in"),
    "LoginSystem.close_account": Way(closes, "closed"),
    "LoginSystem.confirm_request": Way(requests_card, "requested"),
    "LoginSystem.request_online_card": Way(online_card, "code_card"),
    "LoginSystem.activate": Way(activates_online_card, "activated"),
    "LoginSystem.activate: a card": Way(activate, "activated"),
    "LoginSystem.activate: a card of codes": Way(activates_code_card, "activated"),
    "LoginSystem.change_pin": Way(changes_pin, "pin_changed"),
    "LoginSystem.confirm_phone": Way(lambda scenario: confirm(scenario, NEW), "phone_confirmed"),
    "LoginSystem.change_address": Way(
        lambda scenario: scenario.system.change_address(scenario.session("dora"), "2 Lake Street, Bern"), "address_changed"
    ),
    "LoginSystem.change_bank": Way(
        lambda scenario: scenario.system.change_bank(scenario.session("dora"), routing="111000025", account_number="123456"),
        "bank_changed",
    ),
    "LoginSystem.confirm_email": Way(changes_email, "email_changed"),
    "LoginSystem.forget_phone": Way(forgets_number, "out_of_use"),
    "LoginSystem.announce_return": Way(returns_card, "out_of_use"),
    "LoginSystem.confirm_share": Way(asked_to_share, "shared", "dora.work"),
    "LoginSystem.cancel_share": Way(share_is_cancelled, "share_ended", "dora.work", alone=True),
    "Staff.give_temporary_code": Way(
        lambda scenario: scenario.system.staff.give_temporary_code(call(scenario)), "temporary_code"
    ),
    "LoginSystem.report_loss": Way(reports_loss, "suspended"),
    "Staff.report_loss": Way(loses_number, "out_of_use"),
    "Staff.issue_code_card": Way(issue_code_card, "card_waits"),
    "Staff.enable_messages": Way(lambda scenario: scenario.system.staff.enable_messages(call(scenario), NEW), "number_waits"),
    "Staff.enable_messages: a number from before": Way(
        lambda scenario: scenario.system.staff.enable_messages(call(scenario), NUMBERS[0]), "messages_enabled"
    ),
    "Staff.set_email": Way(has_email_changed, "email_changed"),
    "Staff.set_address": Way(has_address_changed, "address_changed"),
    "Staff.set_bank": Way(has_bank_changed, "bank_changed"),
    "Staff.decide_correction": Way(lambda scenario: scenario.correct("dora", DORA), "identity_corrected"),
    "Staff.confirm_wait": Way(confirms_number, "phone_confirmed"),
    "Staff.stop_wait": Way(stops_number, "wait_stopped"),
    "LoginSystem.stop_change": Way(stops_by_code, "wait_stopped"),
    "Operator.run_due: a number": Way(number_is_due, "phone_confirmed"),
    "Staff.correct_identity": Way(
        lambda scenario: scenario.system.staff.correct_identity(scenario.session("sue"), "dora", DORA), "identity_waits"
    ),
    "Staff.ship": Way(lambda scenario: card_was_sent(scenario).__exit__(None, None, None), "shipped"),
    "Staff.decide_share": Way(share_is_decided, "shared", "dora.work"),
    "Phones.activate": Way(lambda scenario: activated(scenario, "dora"), "phone_activated"),
    "LoginSystem.remove_app": Way(removes_own_app, "out_of_use"),
    "Phones.remove": Way(removes_app, "out_of_use"),
    "Operator.enroll_card": Way(give_card, "activated"),
    "Operator.set_password": Way(
        lambda scenario: scenario.system.operator.set_password("dora", "another quiet harbour"), "password_changed"
    ),
    "Operator.set_email": Way(
        lambda scenario: scenario.system.operator.set_email("dora", "dora@elsewhere.example"), "email_changed"
    ),
    "Operator.set_address": Way(
        lambda scenario: scenario.system.operator.set_address("dora", "2 Lake Street, Bern"), "address_changed"
    ),
    "Operator.set_primary": Way(is_primary, "primary_changed", "dora.work"),
    "Operator.run_due": Way(activates_itself, "activated"),
    "Operator.run_due: soon": Way(activates_itself, "activation_near"),
}
SILENT = {
    "LoginSystem": {
        "answer", "answer_share", "ask_to_activate", "ask_to_change_email", "ask_to_change_pin", "ask_to_confirm_phone",
        "begin", "begin_share", "cancel_request", "card_candidates", "check_new_pin", "check_primary", "check_withdrawal",
        "choose", "is_waiting", "waiting",
        "deliver", "draft_request", "leave", "may_withdraw", "name_device",
        "rotate", "skip", "step", "visitor", "withdraw", "withdrawal_limit", "account_users",
        "address", "check_funding", "deposit_accounts", "deposits", "fund", "may_fund",
        "activation_offer", "devices", "devices_to_report", "end_other_sessions", "end_session", "parcels", "payout",
        "phone_numbers", "pin_offer", "profile", "protection", "requests", "resend", "resend_email_code", "resend_phone_code",
        "security_events", "sent_email_code", "sent_phone_code", "sessions", "share_offer", "sheet",
        "shares", "by", "over", "change", "do", "gateway", "office", "operator", "phones", "policy", "proofs", "staff",
        "statements",
    },
    "Staff": {
        "add_note", "caller", "caller_devices", "caller_events", "caller_waits", "check_support", "corrections",
        "decisions", "end_call", "identify", "notes", "on_the_way", "pending_shares", "people_to_check", "personalize_all",
        "queue", "receive", "returns", "search", "settle", "settlement", "sheet",
    },
    "GatewayCalls": {"answer", "ask", "choose", "enter", "visitor"},
    "Phones": {"approve", "begin", "challenge", "deny", "pushes"},
    "Operator": {
        "accounts", "add_account", "add_entity", "add_user", "check_new_user", "make_cards", "persons", "profile",
        "queue", "set_equity", "set_language", "set_under_review", "ship", "user", "users",
    },
}  # fmt: skip
"""The operations that give nobody a way to log in. A card that is made is not usable yet; `Operator.ship` is `Staff.ship`."""


@pytest.mark.parametrize("name", WAYS)
def test_a_new_way_in_is_told_on_every_channel_from_before(scenario: Scenario, name: str) -> None:
    way = WAYS[name]
    way.done(scenario)
    scenario.system.deliver()
    told = {letter.address for letter in scenario.letters if letter.template == way.template}
    others = {f"{way.other}@example.com", PHONE} if way.other else set()
    hers = set() if way.alone else {"dora@example.com", *NUMBERS}
    assert hers | others <= told
    assert NEW not in told
    assert told <= hers | others | {"dora@elsewhere.example"}


def test_every_public_operation_either_tells_or_gives_nobody_a_way_in() -> None:
    public = {
        f"{kind.__name__}.{name}"
        for kind in (LoginSystem, GatewayCalls, Staff, Phones, Operator)
        for name in dir(kind)
        if not name.startswith("_") and name not in kind.__dataclass_fields__
    }
    telling = {name.partition(":")[0] for name in WAYS}
    silent = {f"{kind}.{name}" for kind, names in SILENT.items() for name in names}
    assert telling & silent == set()
    assert telling | silent == public
