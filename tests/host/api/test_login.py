"""The calls that a login page makes over HTTP, and what it must not learn."""

from dataclasses import replace

import pytest
from tests.host import verifier_samples
from tests.host.api.api_client import Api, ask, problem
from tests.host.databases import verifier as verifier  # On SQLite and PostgreSQL.
from tests.host.verifier_samples import KEY, SUITE, Clock

from dsc_host.ocra import Suite
from dsc_host.verifier import Challenge

DECOY = "NOBODY"


def accepted(api: Api, challenge: Challenge, response: str) -> bool:
    answer = api("POST", "/verify", id=challenge.id, response=response)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"accepted"}
    assert "retry-after" not in answer.headers
    return bool(answer.json()["accepted"])


def reasons(api: Api) -> list[str]:
    return [entry.reason or entry.outcome for entry in api.verifier.audit.entries() if entry.action == "verify"]


def test_a_login(api: Api, clock: Clock) -> None:
    answer = api("POST", "/challenge", serial="A-1")
    assert set(answer.json()) == {"id", "question", "expires_at"}
    assert answer.json()["expires_at"] == clock.now + 300
    challenge = ask(api)
    assert not accepted(api, challenge, verifier_samples.wrong(challenge))
    assert accepted(api, challenge, verifier_samples.right(challenge))
    assert not accepted(api, challenge, verifier_samples.right(challenge))
    assert api.verifier.card("A-1").counter == 1
    assert reasons(api) == ["wrong", "accepted", "used"]
    assert {actor for actor, action, _ in api.logged() if action in ("challenge", "verify")} == {"website"}


def test_a_response_is_as_a_person_typed_it_only_if_the_caller_says_so(api: Api) -> None:
    challenge = ask(api)
    response = verifier_samples.right(challenge)
    grouped = f"{response[:4]}\u00a0{response[4:]}"
    assert not accepted(api, challenge, grouped)
    assert api("POST", "/verify", id=challenge.id, response=grouped, typed=True).json() == {"accepted": True}


@pytest.mark.parametrize(
    ("change", "reason"), [("lock", "locked"), ("suspend", "suspended"), ("lost", "lost"), ("retire", "retired")]
)
def test_why_a_response_is_not_accepted_is_in_the_audit_log_alone(api: Api, change: str, reason: str) -> None:
    getattr(api.verifier, change)("A-1")
    challenge, decoy = ask(api), ask(api, DECOY)
    answers = [
        api("POST", "/verify", id=challenge.id, response=verifier_samples.right(challenge)),
        api("POST", "/verify", id=decoy.id, response="12345678"),
        api("POST", "/verify", id="0" * 22, response="12345678"),
        api("POST", "/verify", id="no id", response="no response"),
    ]
    # Everything but the request's name, which is new each time.
    told = {(a.status_code, a.content, str({**a.headers, "x-request-id": ""})) for a in answers}
    assert len(told) == 1, told
    assert reasons(api) == [reason, "unknown", "unknown"], "one entry in a minute for challenges that were never issued"


def test_too_many_challenges_are_refused_alike_for_a_card_and_none(api: Api, clock: Clock) -> None:
    refusals = set()
    for serial in ("A-1", DECOY):
        for _ in range(30):
            ask(api, serial)
            # Without this, the time to wait would be the whole period.
            clock.advance(1)
        answer = api("POST", "/challenge", serial=serial)
        detail = problem(answer, 429, "too-many-challenges")
        refusals.add((detail, answer.headers["retry-after"]))
    assert len(refusals) == 1
    assert next(iter(refusals))[1] == "300"
    clock.advance(300)
    ask(api)


def test_a_card_without_questions_left_is_refused_alike(api: Api) -> None:
    api.verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:QN06")
    api.verifier._context = replace(api.verifier._context, draw=lambda digits: "0" * digits)
    first = api("POST", "/challenge", serial="B-2")
    answer = api("POST", "/challenge", serial="B-2")
    assert first.status_code == 201
    assert "enrol" not in problem(answer, 429, "too-many-challenges")
    assert answer.headers["retry-after"] == "300"


def test_a_response_under_duress_is_accepted_and_the_login_system_told(api: Api) -> None:
    api.verifier.set_duress_pin("A-1", "9999")
    challenge = ask(api)
    response = Suite.parse(SUITE).response(KEY, challenge.question, counter=0, pin="9999")
    answer = api("POST", "/verify", id=challenge.id, response=response)
    assert answer.json() == {"accepted": True, "duress": True}
    assert reasons(api) == ["duress"]


def test_a_card_that_is_far_ahead_catches_up(api: Api) -> None:
    first, second = ask(api), ask(api)
    body = {
        "first_id": first.id,
        "first_response": verifier_samples.right(first, 500),
        "second_id": second.id,
        "second_response": verifier_samples.right(second, 501),
    }
    assert api("POST", "/resync", **{**body, "first_response": "00000000"}).json() == {"accepted": False}
    assert api("POST", "/resync", **body).json() == {"accepted": True}
    assert api.verifier.card("A-1").counter == 502


def test_a_new_pin_is_taken_once(api: Api) -> None:
    challenge = ask(api)
    response = Suite.parse(SUITE).response(KEY, challenge.question, counter=0, pin="5678")
    body = {"id": challenge.id, "response": response, "new_pin": "5678"}
    assert api("POST", "/change-pin", **body).json() == {"accepted": True}
    assert api("POST", "/change-pin", **body).json() == {"accepted": False}
