"""The server's side of the phone app: activation, pushes, and challenges without a network."""

import pytest
from sqlalchemy import update
from tests.host.login.phone_app import FINGER_KEY, PIN_KEY, App, activated, token
from tests.host.login.scenario import DAY, PASSWORD, Scenario, new_scenario
from tests.host.login.shares import proven
from tests.host.verifier_samples import Clock

from dsc_host.errors import InputError, StoreError
from dsc_host.login import (
    Kind,
    Loss,
    NotAllowed,
    NotFound,
    NotIn,
    NotNow,
    Proof,
    Status,
    WrongCredentials,
)  # fmt: skip
from dsc_host.schema import card_tables
from dsc_host.verifier import State


def test_an_app_is_activated_and_takes_the_place_of_sms(scenario: Scenario) -> None:
    begun = scenario.system.phones.begin("ben", PASSWORD)
    assert begun.phones == ("+41…67",)
    app = App(scenario, scenario.system.phones.activate(begun.ticket, token(scenario), PIN_KEY, FINGER_KEY))
    step = scenario.chosen("ben", Kind.PHONE_APP)
    assert {each.kind for each in scenario.system.begin("ben", PASSWORD).choices} == {Kind.PHONE_APP}
    assert step.offer is not None
    (push,) = scenario.system.phones.pushes(app.device, app.token)
    assert push.number == step.offer.shows["number"]
    assert (push.user, push.where) == ("ben", "192.0.2.1")
    assert scenario.system.answer(step.token, "").status is Status.WAITING
    app.approve()
    done = scenario.system.answer(step.token, "").step
    assert done is not None
    visitor = scenario.system.visitor(done.token)
    assert (visitor.name, visitor.until - visitor.since) == ("ben", 12 * 3600)
    with pytest.raises(NotIn):
        scenario.system.answer(step.token, "")


def test_an_app_leaves_a_card_in_use_that_another_user_shares(clock: Clock) -> None:
    with new_scenario(clock, phone={"removes": ["sms", "voice", "dsc_plus"]}) as scenario:
        token = scenario.session("ben")
        scenario.system.confirm_share(token, proven(scenario, token))
        app = activated(scenario, "ben")
        step = scenario.system.begin("ben", PASSWORD)
        scenario.system.report_loss(step.token, app.device, Loss.LOST)
        again = scenario.enter("ben")
        question = scenario.system.ask_to_activate(again, app.device).shows["challenge"]
        assert scenario.system.activate(again, f"P{app.respond(question)}")
        (card,) = scenario.system.devices(scenario.enter("anna"))
        assert (card.kind, card.live) == (Kind.DSC_PLUS, True)


def test_a_card_that_an_app_replaces_is_out_of_use_in_the_verifier_too(clock: Clock) -> None:
    """Otherwise a program that asks the verifier alone would still accept its responses."""
    with new_scenario(clock, phone={"removes": ["sms", "voice", "dsc_plus"]}) as scenario:
        for serial in ("IB3000905", "IB3000906"):
            scenario.give_card("ben", serial)
            if serial == "IB3000905":
                app = activated(scenario, "ben")
                step = scenario.system.begin("ben", PASSWORD)
                scenario.system.report_loss(step.token, app.device, Loss.LOST)
            else:
                again = scenario.enter("ben")
                question = scenario.system.ask_to_activate(again, app.device).shows["challenge"]
                assert scenario.system.activate(again, f"P{app.respond(question)}")
            assert scenario.verifier.card(serial).state is State.LOST


def test_an_app_leaves_the_cards_of_its_user_in_use(scenario: Scenario) -> None:
    scenario.with_codes("ben")
    scenario.give_card("ben", "IB3000905")
    activated(scenario)
    choices = {each.kind for each in scenario.system.begin("ben", PASSWORD).choices}
    assert choices == {Kind.PHONE_APP, Kind.DSC_PLUS, Kind.CODE_CARD}


def test_a_finger_gives_thirty_hours_without_end_for_being_idle(scenario: Scenario) -> None:
    app = activated(scenario)
    step = scenario.chosen("ben", Kind.PHONE_APP)
    app.approve("biometrics")
    done = scenario.system.answer(step.token, "").step
    assert done is not None
    scenario.clock.advance(30 * 3600 - 1)
    assert scenario.system.visitor(done.token).name == "ben"
    scenario.clock.advance(1)
    with pytest.raises(NotIn):
        scenario.system.visitor(done.token)


@pytest.mark.parametrize(("letter", "method", "hours"), [("P", "pin", 12), ("B", "biometrics", 30), ("b ", "biometrics", 30)])
def test_without_network_a_challenge_is_typed(scenario: Scenario, letter: str, method: str, hours: int) -> None:
    app = activated(scenario)
    begun = scenario.system.begin("ben", PASSWORD)
    step = scenario.system.choose(begun.token, begun.choices[0].id, manual=True)
    assert step.offer is not None
    done = scenario.system.answer(step.token, letter + app.respond(step.offer.shows["challenge"], method)).step
    assert done is not None
    visitor = scenario.system.visitor(done.token)
    assert visitor.until - visitor.since == hours * 3600


def test_a_key_that_was_tampered_with_is_named_as_that(scenario: Scenario) -> None:
    activated(scenario)
    tables = card_tables.cards
    scenario.system.change(lambda tx: tx.db.execute(update(tables).where(tables.c.serial.like("PH%")).values(failures=1)))
    begun = scenario.system.begin("ben", PASSWORD)
    with pytest.raises(StoreError, match="does not match its seal"):
        scenario.system.choose(begun.token, begun.choices[0].id)


def test_a_denied_login_does_not_come_in(scenario: Scenario) -> None:
    app = activated(scenario)
    step = scenario.chosen("ben", Kind.PHONE_APP)
    (push,) = scenario.system.phones.pushes(app.device, app.token)
    scenario.system.phones.deny(app.device, app.token, push.id)
    assert scenario.system.phones.pushes(app.device, app.token) == ()
    for again in (scenario.system.phones.deny, lambda *each: scenario.system.phones.approve(*each, "pin", "00000000")):
        with pytest.raises(NotNow):
            again(app.device, app.token, push.id)
    assert scenario.system.answer(step.token, "").status is Status.REFUSED
    assert "denied" in scenario.told("ben")


def test_a_wrong_pin_is_a_wrong_response_and_is_counted(scenario: Scenario) -> None:
    app = activated(scenario)
    step = scenario.chosen("ben", Kind.PHONE_APP)
    with pytest.raises(NotAllowed):
        app.approve(key=bytes(range(64, 96)))
    assert scenario.system.answer(step.token, "").status is Status.WAITING
    serial = next(each.serial for each in scenario.verifier.cards(owner="ben") if each.serial.endswith("-P"))
    assert scenario.verifier.card(serial).failures == 1


def test_a_new_push_takes_the_place_of_the_one_before(scenario: Scenario) -> None:
    app = activated(scenario)
    first = scenario.chosen("ben", Kind.PHONE_APP)
    second = scenario.chosen("ben", Kind.PHONE_APP)
    app.approve()
    assert scenario.system.answer(first.token, "").status is Status.REFUSED
    assert scenario.system.answer(second.token, "").status is Status.ACCEPTED


def test_a_push_expires(scenario: Scenario) -> None:
    app = activated(scenario)
    step = scenario.chosen("ben", Kind.PHONE_APP)
    scenario.clock.advance(120)
    assert scenario.system.phones.pushes(app.device, app.token) == ()
    assert scenario.system.answer(step.token, "").status is Status.REFUSED


def test_a_wrong_token_is_good_for_three_tries(scenario: Scenario) -> None:
    begun = scenario.system.phones.begin("ben", PASSWORD)
    code = token(scenario)
    for wrong in ("", "AAAAAAAA", "x" * 9999):
        with pytest.raises(NotAllowed):
            scenario.system.phones.activate(begun.ticket, wrong, PIN_KEY)
    with pytest.raises((NotAllowed, NotIn)):
        scenario.system.phones.activate(begun.ticket, code, PIN_KEY)


def test_who_has_no_confirmed_phone_activates_nothing(scenario: Scenario) -> None:
    with pytest.raises(NotNow):
        scenario.system.phones.begin("anna", PASSWORD)
    with pytest.raises(WrongCredentials):
        scenario.system.phones.begin("ben", "a wrong one, surely")


def test_a_ticket_is_no_login_and_a_login_no_ticket(scenario: Scenario) -> None:
    begun = scenario.system.phones.begin("ben", PASSWORD)
    with pytest.raises((NotIn, NotFound)):
        scenario.system.answer(begun.ticket, "")
    with pytest.raises((NotIn, NotAllowed)):
        scenario.system.phones.activate(scenario.chosen("ben", Kind.SMS).token, "AAAAAAAA", PIN_KEY)
    for call in (scenario.system.visitor, scenario.system.skip):
        with pytest.raises((NotIn, NotNow)):
            call(begun.ticket)


def test_nobody_answers_for_another_app(scenario: Scenario) -> None:
    app = activated(scenario)
    scenario.chosen("ben", Kind.PHONE_APP)
    for device, secret in (("", ""), ("x", "y"), ("0" * 16, "y"), ("\ud800", "\ud800"), (None, None)):
        for theirs in ((device, secret), (app.device, secret), (device, app.token)):
            for call in (scenario.system.phones.pushes, scenario.system.phones.challenge):
                with pytest.raises(NotFound):
                    call(*theirs)


def test_a_user_is_added_to_an_app_by_whoever_knows_its_pin(scenario: Scenario) -> None:
    app = activated(scenario)
    question = scenario.system.phones.challenge(app.device, app.token)
    begun = scenario.system.phones.begin("carl", PASSWORD)
    with pytest.raises(NotAllowed):
        scenario.system.phones.activate(begun.ticket, token(scenario), bytes(range(32)), None, Proof(question.id, "00000000"))
    proof = Proof(question.id, app.respond(question.digits))
    added = scenario.system.phones.activate(begun.ticket, token(scenario), bytes(range(64, 96)), None, proof)
    assert added.user == "carl"


def test_keys_are_what_they_must_be(scenario: Scenario) -> None:
    begun = scenario.system.phones.begin("ben", PASSWORD)
    for keys in ((b"", None), (bytes(31), None), (bytes(32), bytes(32)), ("x", None)):
        with pytest.raises(InputError, match=r"^key: "):
            scenario.system.phones.activate(begun.ticket, token(scenario), *keys)


def test_a_phone_that_approves_nothing_is_asked_ten_times_a_day_and_then_not_any_more(scenario: Scenario) -> None:
    app = activated(scenario)
    for _ in range(10):
        assert asked(scenario) == {"number"}
    for _ in range(3):
        assert asked(scenario) == {"challenge"}
        assert scenario.system.phones.pushes(app.device, app.token) == ()
    scenario.clock.advance(DAY)
    assert asked(scenario) == {"number"}


def test_an_approval_or_a_response_string_sets_the_phones_count_back(scenario: Scenario) -> None:
    app = activated(scenario)
    for _ in range(9):
        asked(scenario)
    step = scenario.chosen("ben", Kind.PHONE_APP)
    app.approve()
    assert scenario.system.answer(step.token, "").status is Status.ACCEPTED
    for _ in range(10):
        assert asked(scenario) == {"number"}
    step = scenario.chosen("ben", Kind.PHONE_APP)
    assert step.offer is not None
    assert scenario.answered(step.token, "P" + app.respond(step.offer.shows["challenge"]))
    assert asked(scenario) == {"number"}


def asked(scenario: Scenario) -> set[str]:
    """Return the number on the page for somebody with ben's password."""
    offer = scenario.chosen("ben", Kind.PHONE_APP).offer
    assert offer is not None
    return set(offer.shows)


def test_no_two_pages_show_one_number(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an attacker could ask until their page shows the same number as the owner's."""
    drawn = iter(["42", "42", "42", "17", "17", "42", "63"])
    activated(scenario)
    monkeypatch.setattr("dsc_host.login.devices.codes.random_digits", lambda _digits: next(drawn))
    shown = []
    for _ in range(3):
        offer = scenario.chosen("ben", Kind.PHONE_APP).offer
        assert offer is not None
        shown.append(offer.shows["number"])
    assert shown == ["42", "17", "63"]
