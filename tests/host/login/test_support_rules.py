"""The rules of support: guesses count for the user in question, staff never decide about themselves, duress is reported."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.host.login.scenario import ANNA, CARL, PASSWORD, STAFF, Scenario

from dsc_host.errors import DscError, InputError
from dsc_host.login import Identity, Kind, Loss, NotAllowed, NotNow, Role, Scope, ShareState, TooManyAttempts
from dsc_host.login.messages import notices
from dsc_host.login.transaction import find_user, found

ALARM = "security@localhost"
FORCED = "9182"


def guess(scenario: Scenario, token: str, name: str, number: int) -> bool:
    return scenario.system.staff.identify(token, name, replace(ANNA, document_number=f"X{number}"))


def test_wrong_identities_are_counted_for_the_user_over_all_sessions(scenario: Scenario) -> None:
    first = scenario.session("sue")
    assert not any(guess(scenario, first, "anna", number) for number in range(3))
    # Neither a correct identity of another user in between nor another session changes this.
    assert scenario.system.staff.identify(first, "carl", CARL)
    second = scenario.session("sue")
    assert not any(guess(scenario, second, "anna", number) for number in range(3, 5))
    for token in (first, second, scenario.session("sue")):
        with pytest.raises(TooManyAttempts):
            scenario.system.staff.identify(token, "anna", ANNA)
        assert scenario.system.staff.identify(token, "carl", CARL)
    scenario.clock.advance(3600)
    assert scenario.system.staff.identify(scenario.session("sue"), "anna", ANNA)


def test_a_right_identity_forgets_the_wrong_ones(scenario: Scenario) -> None:
    token = scenario.session("sue")
    for _ in range(3):
        assert not any(guess(scenario, token, "anna", number) for number in range(4))
        assert scenario.system.staff.identify(token, "anna", ANNA)


def test_support_gives_no_device_to_the_user_of_a_closed_account(scenario: Scenario) -> None:
    number = scenario.system.context.read(lambda tx: notices.numbers_of(tx.db, found(find_user(tx.db, "ben"))))[0]
    scenario.system.close_account(scenario.session("anna"))
    staff, desk = scenario.system.staff, scenario.call("ben")
    for give in (staff.issue_code_card, staff.give_temporary_code, lambda token: staff.enable_messages(token, number)):
        with pytest.raises(NotNow, match="the account is closed"):
            give(desk)
    assert not any(device.live for device in staff.caller_devices(desk)[1])


def test_a_name_that_there_is_not_is_counted_alike(scenario: Scenario) -> None:
    token = scenario.session("sue")
    for _ in range(5):
        assert not scenario.system.staff.identify(token, "nobody", ANNA)
    with pytest.raises(TooManyAttempts):
        scenario.system.staff.identify(token, "nobody", ANNA)


def test_a_call_ends_when_the_next_caller_cannot_be_identified(scenario: Scenario) -> None:
    scenario.correct("carl", replace(CARL, document_number="L01X00T48"))
    for name, tries in (("anna", 5), ("carl", 1)):
        assert not any(guess(scenario, scenario.session("sue"), "anna", number) for number in range(tries - 1))
        token = scenario.call("ben")
        with pytest.raises(NotNow if name == "carl" else TooManyAttempts):
            [guess(scenario, token, name, number) for number in range(2)]
        with pytest.raises(NotAllowed, match="identify the caller first"):
            scenario.system.staff.caller_devices(token)


@pytest.mark.parametrize(
    ("name", "said", "error"), [("ivo", STAFF, NotNow), ("ben", replace(ANNA, document_number="X" * 65), InputError)]
)
def test_a_call_ends_when_the_next_is_refused(scenario: Scenario, name: str, said: Identity, error: type[DscError]) -> None:
    """The next caller is the member of support, or their details are malformed."""
    token = scenario.call("anna")
    with pytest.raises(error):
        scenario.system.staff.identify(token, name, said)
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.caller(token)


def test_nobody_makes_a_user_the_same_person_as_themselves(scenario: Scenario) -> None:
    as_cleo = replace(STAFF, document_number="S0000002")
    entity = scenario.system.operator.add_entity("Cleo", as_cleo, "Elsewhere 1")
    scenario.accounts["cleo2"] = scenario.system.operator.add_account(entity, Decimal(5))
    scenario.add("clea", "cleo2", phone="+41792222224", role=Role.COMPLIANCE)
    with pytest.raises(NotNow, match="it is about you"):
        scenario.system.staff.correct_identity(scenario.session("sue"), "carl", STAFF)
    scenario.system.staff.correct_identity(scenario.session("sue"), "carl", as_cleo)
    clea = scenario.session("clea")
    ((wait, _),) = scenario.system.staff.corrections(clea)
    for agreed in (True, False):
        with pytest.raises(NotNow, match="it is about you"):
            scenario.system.staff.decide_correction(clea, wait.id, agreed)


@pytest.mark.parametrize("day", ["19800517", "1980-W20-6", " 1980-05-17"])
def test_a_date_of_birth_has_one_form(scenario: Scenario, day: str) -> None:
    with pytest.raises(InputError, match="birth date"):
        scenario.system.staff.correct_identity(scenario.session("sue"), "anna", replace(ANNA, birth_date=day))


def at_home(scenario: Scenario, name: str, serial: str) -> tuple[str, str]:
    """Add the same person as a staff member under another record. Return the ids of the person and the account."""
    entity = scenario.system.operator.add_entity("Cleo", STAFF, "Elsewhere 1")
    scenario.entities["home"] = entity
    scenario.accounts["home"] = scenario.system.operator.add_account(entity, Decimal(5))
    scenario.add(name, "home", phone="+41792222222")
    scenario.add(f"{name}2", "home", phone="+41792222223")
    scenario.give_card(f"{name}2", serial)
    return entity, scenario.accounts["home"]


@pytest.mark.parametrize("agreed", [True, False])
def test_compliance_does_not_decide_for_itself_by_another_record(scenario: Scenario, agreed: bool) -> None:
    entity, _ = at_home(scenario, "home", "IB3000911")
    scenario.system.operator.set_under_review(entity)
    token = scenario.enter_by_sms("home")
    share, offer = scenario.system.begin_share(token, "home2", PASSWORD)
    assert scenario.system.answer_share(token, share.id, scenario.respond("IB3000911", offer.shows["challenge"]))
    assert scenario.system.confirm_share(token, share.id) is ShareState.PENDING
    with pytest.raises(NotNow, match="it is about you"):
        scenario.system.staff.decide_share(scenario.session("cleo"), share.id, agreed)
    scenario.accounts["carl2"] = scenario.system.operator.add_account(scenario.entities["carl"], Decimal(5))
    scenario.add("dan", "carl2", phone="+41792222224", role=Role.COMPLIANCE)
    done = ShareState.DONE if agreed else ShareState.REFUSED
    assert scenario.system.staff.decide_share(scenario.enter_by_sms("dan"), share.id, agreed) is done


def test_the_issuer_neither_receives_nor_charges_their_own(scenario: Scenario) -> None:
    at_home(scenario, "home", "IB3000911")
    for serial in ("IB3000903", "IB3000911"):
        with pytest.raises(NotNow, match="it is about you"):
            scenario.system.staff.receive(scenario.session("ivo"), serial)
    assert scenario.system.staff.receive(scenario.session("ivo"), "IB3000901").state == "received"


# ---- duress ----


def by_logging_in(scenario: Scenario) -> None:
    assert scenario.system.visitor(scenario.enter("anna", pin=FORCED)).scope is Scope.FULL
    assert scenario.told("anna") == []


def by_sharing(scenario: Scenario) -> None:
    ben = scenario.session("ben")
    share, offer = scenario.system.begin_share(ben, "anna", PASSWORD)
    assert scenario.system.answer_share(ben, share.id, scenario.respond("IB3000901", offer.shows["challenge"], pin=FORCED))


def by_activating(scenario: Scenario) -> None:
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    _, token = scenario.bridged("anna")
    offer = scenario.system.ask_to_activate(token, scenario.device(token, Kind.DSC_PLUS))
    assert scenario.system.activate(token, scenario.respond("IB3000901", offer.shows["challenge"], pin=FORCED))


@pytest.mark.parametrize("forced", [by_logging_in, by_sharing, by_activating])
def test_who_is_forced_to_prove_that_they_hold_a_card_is_heard(scenario: Scenario, forced: Callable[[Scenario], None]) -> None:
    scenario.verifier.set_duress_pin("IB3000901", FORCED)
    forced(scenario)
    scenario.system.deliver()
    (alarm,) = [letter for letter in scenario.letters if letter.address == ALARM]
    assert alarm.text.startswith("ben " if forced is by_sharing else "anna ")
    assert FORCED not in alarm.text


def test_who_is_not_forced_rings_no_alarm(scenario: Scenario) -> None:
    scenario.with_codes("anna")
    scenario.system.deliver()
    assert ALARM not in {letter.address for letter in scenario.letters}


def test_searches_are_counted_and_a_percent_sign_is_no_pattern(scenario: Scenario) -> None:
    token = scenario.session("sue")
    assert scenario.system.staff.search(token, "%%%") == ()
    for _ in range(119):
        assert scenario.system.staff.search(token, "anna")
    with pytest.raises(TooManyAttempts):
        scenario.system.staff.search(scenario.session("sue"), "anna")


@pytest.mark.parametrize("written", ["+4915112345678", "0049 151 1234 5678", "+49 (0)151-12345678"])
def test_a_caller_is_found_by_a_number_as_people_write_it(scenario: Scenario, written: str) -> None:
    assert [each.name for each in scenario.system.staff.search(scenario.session("sue"), written)] == ["carl"]


def test_the_end_of_a_call_and_its_notes_are_in_the_log(scenario: Scenario) -> None:
    token = scenario.call("anna")
    scenario.system.staff.add_note(token, "Asked about limits.")
    scenario.system.staff.end_call(token)
    entries = [each for each in scenario.verifier.audit.entries() if each.action in ("login.desk.note", "login.desk.end")]
    assert ["sue" in each.detail and "anna" in each.detail for each in entries] == [True, True]
    with pytest.raises(NotAllowed, match="identify the caller first"):
        scenario.system.staff.add_note(token, "Too late.")
