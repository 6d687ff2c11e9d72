"""The list of a user's sessions, and their end by the user."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.host.login.scenario import DAY, PASSWORD, SERIALS, Scenario

from dsc_host.login import Kind, NotFound, NotIn, Scope, rows
from dsc_host.login.signin import sessions


def ids(scenario: Scenario, token: str) -> list[str]:
    return [each.id for each in scenario.system.sessions(token)]


def this(scenario: Scenario, token: str) -> str:
    (found,) = [each.id for each in scenario.system.sessions(token) if each.current]
    return found


def is_in(scenario: Scenario, token: str) -> bool:
    try:
        scenario.system.visitor(token)
    except NotIn:
        return False
    return True


def test_a_session_says_from_where_it_came_in_any_way(scenario: Scenario) -> None:
    opened = scenario.session("anna")
    scenario.system.opt_out(opened)
    scenario.system.leave(opened)
    step = scenario.system.begin("anna", PASSWORD, "192.0.2.1", "Firefox, Linux")
    step = scenario.system.choose(step.token, step.choices[0].id)
    assert step.offer is not None
    scenario.system.answer(step.token, "00000000")
    token = scenario.answered(step.token, scenario.respond(SERIALS["anna"], step.offer.shows["challenge"]))
    begun = scenario.system.begin("anna", PASSWORD, "2001:db8::1", "x" * 65)
    skipped = scenario.system.skip(begun.token).token
    here, there = scenario.system.sessions(token)
    assert (here.address, here.browser) == ("192.0.2.1", "Firefox, Linux")
    assert (there.address, there.browser) == ("2001:db8::1", "x" * 64)
    assert [each.address for each in scenario.system.sessions(skipped)] == ["2001:db8::1", "192.0.2.1"]
    odd = scenario.system.skip(scenario.system.begin("anna", PASSWORD, "\x00", "\ud800").token).token
    assert (scenario.system.sessions(odd)[0].address, scenario.system.sessions(odd)[0].browser) == ("", "")


def test_after_three_wrong_answers_the_login_still_knows_from_where_it_came(scenario: Scenario) -> None:
    step = scenario.system.begin("anna", PASSWORD, "192.0.2.1", "Firefox, Linux")
    step = scenario.system.choose(step.token, step.choices[0].id)
    for _ in range(3):
        done = scenario.system.answer(step.token, "00000000").step
    assert done is not None
    scenario.clock.advance(120)
    step = scenario.system.choose(done.token, done.choices[0].id)
    assert step.offer is not None
    token = scenario.answered(step.token, scenario.respond(SERIALS["anna"], step.offer.shows["challenge"]))
    assert [(each.address, each.browser) for each in scenario.system.sessions(token)] == [("192.0.2.1", "Firefox, Linux")]


def test_a_session_says_when_it_began_and_was_used_and_by_which_device(scenario: Scenario) -> None:
    began = scenario.clock.now
    first = scenario.session("anna")
    scenario.clock.advance(100)
    second = scenario.session("anna")
    scenario.clock.advance(100)
    scenario.system.visitor(first)
    scenario.system.name_device(second, scenario.device(second, Kind.DSC_PLUS), "on my keys")
    here, there = scenario.system.sessions(second)
    assert (here.current, there.current) == (True, False)
    assert (here.began_at, there.began_at, there.used_at) == (began + 100, began, began + 200)
    assert (there.kind, there.label, there.name) == (Kind.DSC_PLUS, SERIALS["anna"], "on my keys")
    assert (there.scope, there.until) == (Scope.FULL, began + scenario.system.policy.sessions.longest)


def test_sessions_that_have_ended_and_logins_in_progress_are_not_shown(scenario: Scenario) -> None:
    scenario.session("anna")
    scenario.clock.advance(scenario.system.policy.sessions.idle)
    scenario.system.begin("anna", PASSWORD)
    token = scenario.session("anna")
    assert ids(scenario, token) == [this(scenario, token)]


def test_a_session_that_its_user_ends_is_out_at_once(scenario: Scenario) -> None:
    here, there, third = (scenario.session("anna") for _ in range(3))
    ended = this(scenario, there)
    scenario.system.end_session(here, ended)
    assert [is_in(scenario, each) for each in (here, there, third)] == [True, False, True]
    assert ended not in ids(scenario, here)
    with pytest.raises(NotFound, match="ended already"):
        scenario.system.end_session(here, ended)
    scenario.system.end_session(here, this(scenario, here))
    assert not is_in(scenario, here)
    assert ("login.session.end", "done", "one") in scenario.events()


def test_nobody_ends_the_session_of_another_user(scenario: Scenario) -> None:
    anna, ben = scenario.session("anna"), scenario.session("ben")
    theirs = this(scenario, ben)
    for wrong in (theirs, sessions.hashed(ben), ben, "", "0" * 64, "x" * 9999, "\ud800", "\0", None, 7):
        with pytest.raises(NotFound):
            scenario.system.end_session(anna, wrong)  # type: ignore[arg-type]
    scenario.system.end_other_sessions(anna)
    assert is_in(scenario, ben)
    assert is_in(scenario, anna)
    assert theirs not in ids(scenario, anna)


def test_the_others_end_with_their_logins_in_progress(scenario: Scenario) -> None:
    here, there = scenario.session("anna"), scenario.session("anna")
    half_way = scenario.system.begin("anna", PASSWORD).token
    scenario.system.end_other_sessions(here)
    scenario.system.end_other_sessions(here)
    assert [is_in(scenario, each) for each in (here, there)] == [True, False]
    with pytest.raises(NotIn):
        scenario.system.step(half_way)
    assert scenario.system.context.read(lambda tx: rows.sessions.count(tx.db)) == 1


def test_a_session_keeps_its_id_when_it_gets_another_token(scenario: Scenario) -> None:
    here, there = scenario.session("anna"), scenario.session("anna")
    known = this(scenario, there)
    there = scenario.system.rotate(there)
    scenario.system.end_session(here, known)
    assert not is_in(scenario, there)


def test_a_session_that_an_earlier_version_opened_can_be_ended(scenario: Scenario) -> None:
    here, there = scenario.session("anna"), scenario.session("anna")
    scenario.system.change(lambda tx: rows.sessions.change(tx.db, sessions.hashed(there), data="{}"))
    (other,) = [each.id for each in scenario.system.sessions(here) if not each.current]
    scenario.system.end_session(here, other)
    assert not is_in(scenario, there)


def test_sessions_without_a_device_or_by_a_temporary_code_are_their_users_too(scenario: Scenario) -> None:
    code, bridged = scenario.bridged("anna")
    scenario.clock.advance(2 * DAY + 1)
    of_account = scenario.answered(scenario.chosen("anna", Kind.TEMPORARY_CODE).token, code)
    assert scenario.system.visitor(of_account).scope is Scope.ACCOUNT
    assert [each.kind for each in scenario.system.sessions(of_account)] == [Kind.TEMPORARY_CODE]
    scenario.system.opt_out(scenario.session("anna"), "ben")
    without, other = (scenario.system.skip(scenario.system.begin("ben", PASSWORD).token).token for _ in range(2))
    assert [(each.kind, each.label) for each in scenario.system.sessions(without)] == [(None, "")] * 2
    scenario.system.end_other_sessions(without)
    assert [is_in(scenario, each) for each in (bridged, without, other)] == [False, True, False]


def test_a_login_in_progress_sees_and_ends_nothing(scenario: Scenario) -> None:
    anna = scenario.session("anna")
    half_way = scenario.system.begin("anna", PASSWORD).token
    for token in (half_way, "", "x", "\ud800"):
        for call in (
            scenario.system.sessions,
            scenario.system.end_other_sessions,
            lambda each: scenario.system.end_session(each, "x"),
        ):
            with pytest.raises(NotIn):
                call(token)
    assert is_in(scenario, anna)


@pytest.mark.every_database
def test_two_sessions_that_end_each_other_at_once_leave_at_most_one(scenario: Scenario) -> None:
    tokens = [scenario.session("anna") for _ in range(4)]

    def ends_others(token: str) -> bool:
        try:
            scenario.system.end_other_sessions(token)
        except NotIn:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(ends_others, tokens))
    assert done.count(True) == 1
    assert [is_in(scenario, token) for token in tokens] == done


@pytest.mark.every_database
def test_a_session_is_ended_once_by_parallel_calls(scenario: Scenario) -> None:
    here, there = scenario.session("anna"), scenario.session("anna")
    ended = this(scenario, there)

    def ends(_: int) -> bool:
        try:
            scenario.system.end_session(here, ended)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ends, range(4))).count(True) == 1
