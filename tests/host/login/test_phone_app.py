"""The server's side of the phone app: activation, pushes, and challenges without a network."""

import pytest
from tests.host.login.phone_app import FINGER_KEY, PIN_KEY, App, activated, token
from tests.host.login.town import DAY, PASSWORD, Town

from dsc_host.errors import InputError
from dsc_host.login import (
    Kind,
    NotAllowed,
    NotFound,
    NotIn,
    NotNow,
    Proof,
    Status,
    WrongCredentials,
)  # fmt: skip


def test_an_app_is_activated_and_takes_the_place_of_sms(town: Town) -> None:
    begun = town.system.phones.begin("ben", PASSWORD)
    assert begun.phones == ("+41…67",)
    app = App(town, town.system.phones.activate(begun.ticket, token(town), PIN_KEY, FINGER_KEY))
    step = town.chosen("ben", Kind.PHONE_APP)
    assert {each.kind for each in town.system.begin("ben", PASSWORD).choices} == {Kind.PHONE_APP}
    assert step.offer is not None
    (push,) = town.system.phones.pushes(app.device, app.token)
    assert push.number == step.offer.shows["number"]
    assert (push.user, push.where) == ("ben", "192.0.2.1")
    assert town.system.answer(step.token, "").status is Status.WAITING
    app.approve()
    done = town.system.answer(step.token, "").step
    assert done is not None
    visitor = town.system.visitor(done.token)
    assert (visitor.name, visitor.until - visitor.since) == ("ben", 12 * 3600)
    with pytest.raises(NotIn):
        town.system.answer(step.token, "")


def test_an_app_leaves_the_cards_of_its_user_in_use(town: Town) -> None:
    town.with_codes("ben")
    town.give_card("ben", "IB3000905")
    activated(town)
    choices = {each.kind for each in town.system.begin("ben", PASSWORD).choices}
    assert choices == {Kind.PHONE_APP, Kind.DSC_PLUS, Kind.CODE_CARD}


def test_a_finger_gives_thirty_hours_without_end_for_being_idle(town: Town) -> None:
    app = activated(town)
    step = town.chosen("ben", Kind.PHONE_APP)
    app.approve("biometrics")
    done = town.system.answer(step.token, "").step
    assert done is not None
    town.clock.advance(30 * 3600 - 1)
    assert town.system.visitor(done.token).name == "ben"
    town.clock.advance(1)
    with pytest.raises(NotIn):
        town.system.visitor(done.token)


@pytest.mark.parametrize(("letter", "method", "hours"), [("P", "pin", 12), ("B", "biometrics", 30), ("b ", "biometrics", 30)])
def test_without_network_a_challenge_is_typed(town: Town, letter: str, method: str, hours: int) -> None:
    app = activated(town)
    begun = town.system.begin("ben", PASSWORD)
    step = town.system.choose(begun.token, begun.choices[0].id, manual=True)
    assert step.offer is not None
    done = town.system.answer(step.token, letter + app.respond(step.offer.shows["challenge"], method)).step
    assert done is not None
    visitor = town.system.visitor(done.token)
    assert visitor.until - visitor.since == hours * 3600


def test_a_denied_login_does_not_come_in(town: Town) -> None:
    app = activated(town)
    step = town.chosen("ben", Kind.PHONE_APP)
    (push,) = town.system.phones.pushes(app.device, app.token)
    town.system.phones.deny(app.device, app.token, push.id)
    assert town.system.phones.pushes(app.device, app.token) == ()
    for again in (town.system.phones.deny, lambda *each: town.system.phones.approve(*each, "pin", "00000000")):
        with pytest.raises(NotNow):
            again(app.device, app.token, push.id)
    assert town.system.answer(step.token, "").status is Status.REFUSED
    assert "denied" in town.told("ben")


def test_a_wrong_pin_is_a_wrong_response_and_is_counted(town: Town) -> None:
    app = activated(town)
    step = town.chosen("ben", Kind.PHONE_APP)
    with pytest.raises(NotAllowed):
        app.approve(key=bytes(range(64, 96)))
    assert town.system.answer(step.token, "").status is Status.WAITING
    serial = next(each.serial for each in town.verifier.cards(owner="ben") if each.serial.endswith("-P"))
    assert town.verifier.card(serial).failures == 1


def test_a_new_push_takes_the_place_of_the_one_before(town: Town) -> None:
    app = activated(town)
    first = town.chosen("ben", Kind.PHONE_APP)
    second = town.chosen("ben", Kind.PHONE_APP)
    app.approve()
    assert town.system.answer(first.token, "").status is Status.REFUSED
    assert town.system.answer(second.token, "").status is Status.ACCEPTED


def test_a_push_expires(town: Town) -> None:
    app = activated(town)
    step = town.chosen("ben", Kind.PHONE_APP)
    town.clock.advance(120)
    assert town.system.phones.pushes(app.device, app.token) == ()
    assert town.system.answer(step.token, "").status is Status.REFUSED


def test_a_wrong_token_is_good_for_three_tries(town: Town) -> None:
    begun = town.system.phones.begin("ben", PASSWORD)
    code = token(town)
    for wrong in ("", "AAAAAAAA", "x" * 9999):
        with pytest.raises(NotAllowed):
            town.system.phones.activate(begun.ticket, wrong, PIN_KEY)
    with pytest.raises((NotAllowed, NotIn)):
        town.system.phones.activate(begun.ticket, code, PIN_KEY)


def test_who_has_no_confirmed_phone_activates_nothing(town: Town) -> None:
    with pytest.raises(NotNow):
        town.system.phones.begin("anna", PASSWORD)
    with pytest.raises(WrongCredentials):
        town.system.phones.begin("ben", "a wrong one, surely")


def test_a_ticket_is_no_login_and_a_login_no_ticket(town: Town) -> None:
    begun = town.system.phones.begin("ben", PASSWORD)
    with pytest.raises((NotIn, NotFound)):
        town.system.answer(begun.ticket, "")
    with pytest.raises((NotIn, NotAllowed)):
        town.system.phones.activate(town.chosen("ben", Kind.SMS).token, "AAAAAAAA", PIN_KEY)
    for call in (town.system.visitor, town.system.skip):
        with pytest.raises((NotIn, NotNow)):
            call(begun.ticket)


def test_nobody_answers_for_another_app(town: Town) -> None:
    app = activated(town)
    town.chosen("ben", Kind.PHONE_APP)
    for device, secret in (("", ""), ("x", "y"), ("0" * 16, "y"), ("\ud800", "\ud800"), (None, None)):
        for theirs in ((device, secret), (app.device, secret), (device, app.token)):
            for call in (town.system.phones.pushes, town.system.phones.challenge):
                with pytest.raises(NotFound):
                    call(*theirs)


def test_a_user_is_added_to_an_app_by_whoever_knows_its_pin(town: Town) -> None:
    app = activated(town)
    question = town.system.phones.challenge(app.device, app.token)
    begun = town.system.phones.begin("carl", PASSWORD)
    with pytest.raises(NotAllowed):
        town.system.phones.activate(begun.ticket, token(town), bytes(range(32)), None, Proof(question.id, "00000000"))
    proof = Proof(question.id, app.respond(question.digits))
    added = town.system.phones.activate(begun.ticket, token(town), bytes(range(64, 96)), None, proof)
    assert added.user == "carl"


def test_keys_are_what_they_must_be(town: Town) -> None:
    begun = town.system.phones.begin("ben", PASSWORD)
    for keys in ((b"", None), (bytes(31), None), (bytes(32), bytes(32)), ("x", None)):
        with pytest.raises(InputError, match=r"^key: "):
            town.system.phones.activate(begun.ticket, token(town), *keys)


def test_a_phone_that_approves_nothing_is_asked_ten_times_a_day_and_then_not_any_more(town: Town) -> None:
    app = activated(town)
    for _ in range(10):
        assert asked(town) == {"number"}
    for _ in range(3):
        assert asked(town) == {"challenge"}
        assert town.system.phones.pushes(app.device, app.token) == ()
    town.clock.advance(DAY)
    assert asked(town) == {"number"}


def test_an_approval_or_a_response_string_sets_the_phones_count_back(town: Town) -> None:
    app = activated(town)
    for _ in range(9):
        asked(town)
    step = town.chosen("ben", Kind.PHONE_APP)
    app.approve()
    assert town.system.answer(step.token, "").status is Status.ACCEPTED
    for _ in range(10):
        assert asked(town) == {"number"}
    step = town.chosen("ben", Kind.PHONE_APP)
    assert step.offer is not None
    assert town.answered(step.token, "P" + app.respond(step.offer.shows["challenge"]))
    assert asked(town) == {"number"}


def asked(town: Town) -> set[str]:
    """Return the number on the page for somebody with ben's password."""
    offer = town.chosen("ben", Kind.PHONE_APP).offer
    assert offer is not None
    return set(offer.shows)


def test_no_two_pages_show_one_number(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an attacker could ask until their page shows the same number as the owner's."""
    drawn = iter(["42", "42", "42", "17", "17", "42", "63"])
    activated(town)
    monkeypatch.setattr("dsc_host.login.devices.codes.random_digits", lambda _digits: next(drawn))
    shown = []
    for _ in range(3):
        offer = town.chosen("ben", Kind.PHONE_APP).offer
        assert offer is not None
        shown.append(offer.shows["number"])
    assert shown == ["42", "17", "63"]
