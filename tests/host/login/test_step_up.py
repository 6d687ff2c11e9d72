"""Operations that weaken protection need a fresh answer of a device in the same session. Operations that only read do not."""

import inspect
from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.errors import DscError
from dsc_host.login import Kind, LoginSystem, NotFound, NotNow, ProofNeeded, ShareState
from dsc_host.login.signin.step_up import ANSWERS, GUARDED, HARMLESS

HALF_WAY = {
    "answer", "choose", "devices_to_report", "is_waiting", "leave", "report_loss", "resend", "rotate", "skip", "step", "visitor"
}  # fmt: skip
"""The calls of a login, and of the session itself."""
CARD = "IB3000901"


def of_customers() -> set[str]:
    """Return the names of the calls whose first argument is a session's token."""
    calls = {name: getattr(LoginSystem, name) for name in dir(LoginSystem) if not name.startswith("_")}
    first = {name: list(inspect.signature(call).parameters)[1:2] for name, call in calls.items() if inspect.isfunction(call)}
    return {name for name, names in first.items() if names == ["token"]} - {"do"}


def filled(scenario: Scenario, operation: str, token: str) -> Callable[[], object]:
    """Return the call with a value for each of its arguments."""
    call = getattr(scenario.system, operation)
    needed = [each for each in inspect.signature(call).parameters.values() if each.default is each.empty][1:]
    values = {"amount": Decimal(1), "owner": "ben", "password": PASSWORD, "new": "another quiet harbour", "old": PASSWORD}
    return lambda: call(token, *(values.get(each.name, "8246") for each in needed))


def refused(call: Callable[[], object]) -> str:
    """Return the name of the error that a call raises; empty if it raises none."""
    try:
        call()
    except DscError as error:
        return type(error).__name__
    return ""


def stale(scenario: Scenario, name: str = "anna") -> str:
    """Open a session and let some time pass."""
    token = scenario.enter(name)
    scenario.clock.advance(scenario.system.policy.protection.proof_seconds)
    return token


def prove(scenario: Scenario, token: str, answer: str | None = None) -> bool:
    (card,) = [each for each in scenario.system.proofs.choices(token) if each.kind is Kind.DSC_PLUS]
    offer = scenario.system.proofs.ask(token, card.id)
    return scenario.system.proofs.answer(token, answer or scenario.respond(CARD, offer.shows["challenge"]))


def test_a_clock_that_is_set_back_keeps_no_answer_fresh(scenario: Scenario) -> None:
    token = scenario.enter("anna")
    scenario.clock.advance(-scenario.system.policy.protection.proof_seconds)
    assert refused(lambda: scenario.system.draft_request(token, "8246")) == "ProofNeeded"


@pytest.mark.every_database
def test_after_a_wrong_answer_the_challenge_is_shown_again(scenario: Scenario) -> None:
    token = stale(scenario)
    assert not prove(scenario, token, "12345678")
    assert scenario.system.proofs.offer(token).label == CARD


def test_each_call_of_a_customer_is_guarded_or_known_to_be_harmless() -> None:
    assert of_customers() == GUARDED | ANSWERS | HARMLESS | HALF_WAY
    assert len(GUARDED) + len(ANSWERS) + len(HARMLESS) + len(HALF_WAY) == len(of_customers())


def test_a_guarded_call_wants_a_proof_and_goes_through_after_it(scenario: Scenario) -> None:
    token = stale(scenario)
    # Closing the account ends the session.
    calls = sorted(GUARDED, key=lambda name: (name == "close_account", name))
    assert {refused(filled(scenario, operation, token)) for operation in calls} == {"ProofNeeded"}
    assert prove(scenario, token)
    assert [name for name in calls if refused(filled(scenario, name, token)) in ("ProofNeeded", "NotIn")] == []


def test_the_answer_that_opened_the_session_is_a_proof_for_some_minutes(scenario: Scenario) -> None:
    token = scenario.session("anna")
    scenario.clock.advance(scenario.system.policy.protection.proof_seconds - 1)
    scenario.system.opt_out(token)
    scenario.clock.advance(1)
    with pytest.raises(ProofNeeded):
        scenario.system.opt_in(token)


def test_other_calls_want_none(scenario: Scenario) -> None:
    token = stale(scenario)
    assert [name for name in sorted(HARMLESS | ANSWERS) if refused(filled(scenario, name, token)) == "ProofNeeded"] == []


def test_what_completes_something_does_nothing_alone(scenario: Scenario) -> None:
    token = stale(scenario)
    assert {refused(filled(scenario, operation, token)) for operation in ANSWERS} <= {"NotNow", "NotFound"}


def test_a_wrong_answer_proves_nothing_and_three_of_them_end_it(scenario: Scenario) -> None:
    token = stale(scenario)
    assert not prove(scenario, token, "00000000")
    assert not scenario.system.proofs.answer(token, "00000000")
    assert not scenario.system.proofs.answer(token, "00000000")
    with pytest.raises(NotNow):
        scenario.system.proofs.answer(token, "00000000")
    with pytest.raises(ProofNeeded):
        scenario.system.opt_out(token)


def test_a_proof_is_of_one_session(scenario: Scenario) -> None:
    token, other = stale(scenario), stale(scenario)
    scenario.clock.advance(300)
    assert prove(scenario, token)
    with pytest.raises(ProofNeeded):
        scenario.system.opt_out(other)
    scenario.system.opt_out(token)


def test_a_proof_lasts_under_a_new_token(scenario: Scenario) -> None:
    token = stale(scenario)
    assert prove(scenario, token)
    scenario.system.opt_out(scenario.system.rotate(token))


def test_a_proof_is_asked_of_a_device_of_ones_own_that_is_in_use(scenario: Scenario) -> None:
    token = stale(scenario)
    with pytest.raises(NotFound):
        scenario.system.proofs.ask(token, scenario.device(scenario.session("ben"), Kind.SMS))


def test_a_code_by_sms_is_a_proof(scenario: Scenario) -> None:
    token = scenario.session("ben")
    scenario.clock.advance(300)
    with pytest.raises(ProofNeeded):
        scenario.system.ask_to_confirm_phone(token, "+41795550123")
    scenario.system.proofs.ask(token, scenario.device(token, Kind.SMS))
    assert scenario.system.proofs.answer(token, scenario.sent("sms"))
    assert scenario.system.ask_to_confirm_phone(token, "+41795550123")


def test_who_has_no_device_shares_one_without_a_proof(scenario: Scenario) -> None:
    scenario.add("ben.home", "anna")
    step = scenario.system.begin("ben.home", PASSWORD)
    share, offer = scenario.system.begin_share(step.token, "anna", PASSWORD)
    assert scenario.system.answer_share(step.token, share.id, scenario.respond(CARD, offer.shows["challenge"]))
    assert scenario.system.confirm_share(step.token, share.id) is ShareState.DONE


def test_a_form_opens_in_the_session_that_it_was_sealed_in(scenario: Scenario) -> None:
    token, other = scenario.session("anna"), scenario.session("anna")
    sealed = scenario.system.proofs.seal(token, "/password", {"new": "a secret"})
    assert scenario.system.proofs.unseal(token, sealed) == ("/password", {"new": "a secret"})
    for given, text in ((other, sealed), (token, sealed[:-8]), (token, "x"), (token, ""), (token, "Ω")):
        with pytest.raises(NotNow):
            scenario.system.proofs.unseal(given, text)
