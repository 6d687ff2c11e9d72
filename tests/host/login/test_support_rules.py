"""The rules of the support desk: guesses count for their subject, staff never serve themselves, duress is reported."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.host.login.town import ANNA, CARL, PASSWORD, STAFF, Town

from dsc_host.errors import InputError
from dsc_host.login import Kind, Loss, NotAllowed, NotNow, Role, Scope, ShareState, TooManyAttempts

ALARM = "security@localhost"
FORCED = "9182"


def guess(town: Town, token: str, name: str, number: int) -> bool:
    return town.system.staff.identify(token, name, replace(ANNA, document_number=f"X{number}"))


def test_wrong_identities_are_counted_for_the_user_over_all_sessions(town: Town) -> None:
    first = town.session("sue")
    assert not any(guess(town, first, "anna", number) for number in range(3))
    # Neither a correct identity of another user in between nor another session changes this.
    assert town.system.staff.identify(first, "carl", CARL)
    second = town.session("sue")
    assert not any(guess(town, second, "anna", number) for number in range(3, 5))
    for token in (first, second, town.session("sue")):
        with pytest.raises(TooManyAttempts):
            town.system.staff.identify(token, "anna", ANNA)
        assert town.system.staff.identify(token, "carl", CARL)
    town.clock.advance(3600)
    assert town.system.staff.identify(town.session("sue"), "anna", ANNA)


def test_a_right_identity_forgets_the_wrong_ones(town: Town) -> None:
    token = town.session("sue")
    for _ in range(3):
        assert not any(guess(town, token, "anna", number) for number in range(4))
        assert town.system.staff.identify(token, "anna", ANNA)


def test_a_name_that_there_is_not_is_counted_alike(town: Town) -> None:
    token = town.session("sue")
    for _ in range(5):
        assert not town.system.staff.identify(token, "nobody", ANNA)
    with pytest.raises(TooManyAttempts):
        town.system.staff.identify(token, "nobody", ANNA)


def test_a_call_ends_when_the_next_caller_cannot_be_identified(town: Town) -> None:
    town.correct("carl", replace(CARL, document_number="L01X00T48"))
    for name, tries in (("anna", 5), ("carl", 1)):
        assert not any(guess(town, town.session("sue"), "anna", number) for number in range(tries - 1))
        token = town.call("ben")
        with pytest.raises(NotNow if name == "carl" else TooManyAttempts):
            [guess(town, token, name, number) for number in range(2)]
        with pytest.raises(NotAllowed, match="identify the caller first"):
            town.system.staff.caller_devices(token)


def test_nobody_makes_a_user_the_same_person_as_themselves(town: Town) -> None:
    as_cleo = replace(STAFF, document_number="S0000002")
    entity = town.system.operator.add_entity("Cleo", as_cleo, "Elsewhere 1")
    town.accounts["cleo2"] = town.system.operator.add_account(entity, Decimal(5))
    town.add("clea", "cleo2", phone="+41792222224", role=Role.COMPLIANCE)
    with pytest.raises(NotNow, match="it is about you"):
        town.system.staff.correct_identity(town.session("sue"), "carl", STAFF)
    town.system.staff.correct_identity(town.session("sue"), "carl", as_cleo)
    clea = town.session("clea")
    ((wait, _),) = town.system.staff.corrections(clea)
    for agreed in (True, False):
        with pytest.raises(NotNow, match="it is about you"):
            town.system.staff.decide_correction(clea, wait.id, agreed)


@pytest.mark.parametrize("day", ["19800517", "1980-W20-6", " 1980-05-17"])
def test_a_date_of_birth_has_one_form(town: Town, day: str) -> None:
    with pytest.raises(InputError, match="birth date"):
        town.system.staff.correct_identity(town.session("sue"), "anna", replace(ANNA, birth_date=day))


def at_home(town: Town, name: str, serial: str) -> tuple[str, str]:
    """Add the same person as a staff member under another record. Return the ids of the person and the account."""
    entity = town.system.operator.add_entity("Cleo", STAFF, "Elsewhere 1")
    town.entities["home"] = entity
    town.accounts["home"] = town.system.operator.add_account(entity, Decimal(5))
    town.add(name, "home", phone="+41792222222")
    town.add(f"{name}2", "home", phone="+41792222223")
    town.give_card(f"{name}2", serial)
    return entity, town.accounts["home"]


@pytest.mark.parametrize("agreed", [True, False])
def test_compliance_does_not_decide_for_itself_by_another_record(town: Town, agreed: bool) -> None:
    entity, _ = at_home(town, "home", "IB3000911")
    town.system.operator.put_under_review(entity)
    token = town.enter_by_sms("home")
    share, offer = town.system.begin_share(token, "home2", PASSWORD)
    assert town.system.answer_share(token, share.id, town.respond("IB3000911", offer.shows["challenge"]))
    assert town.system.confirm_share(token, share.id) is ShareState.PENDING
    with pytest.raises(NotNow, match="it is about you"):
        town.system.staff.decide_share(town.session("cleo"), share.id, agreed)
    town.accounts["carl2"] = town.system.operator.add_account(town.entities["carl"], Decimal(5))
    town.add("dan", "carl2", phone="+41792222224", role=Role.COMPLIANCE)
    done = ShareState.DONE if agreed else ShareState.REFUSED
    assert town.system.staff.decide_share(town.enter_by_sms("dan"), share.id, agreed) is done


def test_the_issuer_neither_receives_nor_charges_their_own(town: Town) -> None:
    at_home(town, "home", "IB3000911")
    for serial in ("IB3000903", "IB3000911"):
        with pytest.raises(NotNow, match="it is about you"):
            town.system.staff.receive(town.session("ivo"), serial)
    assert town.system.staff.receive(town.session("ivo"), "IB3000901").state == "received"


# ---- duress ----


def by_logging_in(town: Town) -> None:
    assert town.system.visitor(town.enter("anna", pin=FORCED)).scope is Scope.FULL
    assert town.told("anna") == []


def by_sharing(town: Town) -> None:
    ben = town.session("ben")
    share, offer = town.system.begin_share(ben, "anna", PASSWORD)
    assert town.system.answer_share(ben, share.id, town.respond("IB3000901", offer.shows["challenge"], pin=FORCED))


def by_activating(town: Town) -> None:
    town.lose("anna", "IB3000901", Loss.MISPLACED)
    _, token = town.bridged("anna")
    offer = town.system.ask_to_activate(token, town.device(token, Kind.DSC_PLUS))
    assert town.system.activate(token, town.respond("IB3000901", offer.shows["challenge"], pin=FORCED))


@pytest.mark.parametrize("forced", [by_logging_in, by_sharing, by_activating])
def test_who_is_forced_to_prove_that_they_hold_a_card_is_heard(town: Town, forced: Callable[[Town], None]) -> None:
    town.verifier.set_duress_pin("IB3000901", FORCED)
    forced(town)
    town.system.deliver()
    (alarm,) = [letter for letter in town.letters if letter.address == ALARM]
    assert alarm.text.startswith("ben " if forced is by_sharing else "anna ")
    assert FORCED not in alarm.text


def test_who_is_not_forced_rings_no_alarm(town: Town) -> None:
    town.with_codes("anna")
    town.system.deliver()
    assert ALARM not in {letter.address for letter in town.letters}
