"""The list of a user's sessions, and their end by the user."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.host.login.town import DAY, PASSWORD, SERIALS, Town

from dsc_host.login import Kind, NotFound, NotIn, Scope, rows
from dsc_host.login.signin import sessions


def ids(town: Town, token: str) -> list[str]:
    return [each.id for each in town.system.sessions(token)]


def this(town: Town, token: str) -> str:
    (found,) = [each.id for each in town.system.sessions(token) if each.current]
    return found


def is_in(town: Town, token: str) -> bool:
    try:
        town.system.visitor(token)
    except NotIn:
        return False
    return True


def test_a_session_says_when_it_began_and_was_used_and_by_which_device(town: Town) -> None:
    began = town.clock.now
    first = town.session("anna")
    town.clock.advance(100)
    second = town.session("anna")
    town.clock.advance(100)
    town.system.visitor(first)
    town.system.name_device(second, town.device(second, Kind.DSC_PLUS), "on my keys")
    here, there = town.system.sessions(second)
    assert (here.current, there.current) == (True, False)
    assert (here.began_at, there.began_at, there.used_at) == (began + 100, began, began + 200)
    assert (there.kind, there.label, there.name) == (Kind.DSC_PLUS, SERIALS["anna"], "on my keys")
    assert (there.scope, there.until) == (Scope.FULL, began + town.system.policy.sessions.longest)


def test_sessions_that_have_ended_and_logins_in_progress_are_not_shown(town: Town) -> None:
    town.session("anna")
    town.clock.advance(town.system.policy.sessions.idle)
    town.system.begin("anna", PASSWORD)
    token = town.session("anna")
    assert ids(town, token) == [this(town, token)]


def test_a_session_that_its_user_ends_is_out_at_once(town: Town) -> None:
    here, there, third = (town.session("anna") for _ in range(3))
    ended = this(town, there)
    town.system.end_session(here, ended)
    assert [is_in(town, each) for each in (here, there, third)] == [True, False, True]
    assert ended not in ids(town, here)
    with pytest.raises(NotFound, match="ended already"):
        town.system.end_session(here, ended)
    town.system.end_session(here, this(town, here))
    assert not is_in(town, here)
    assert ("login.session.end", "done", "one") in town.events()


def test_nobody_ends_the_session_of_another_user(town: Town) -> None:
    anna, ben = town.session("anna"), town.session("ben")
    theirs = this(town, ben)
    for wrong in (theirs, sessions.hashed(ben), ben, "", "0" * 64, "x" * 9999, "\ud800", "\0", None, 7):
        with pytest.raises(NotFound):
            town.system.end_session(anna, wrong)  # type: ignore[arg-type]
    town.system.end_other_sessions(anna)
    assert is_in(town, ben)
    assert is_in(town, anna)
    assert theirs not in ids(town, anna)


def test_the_others_end_with_their_logins_in_progress(town: Town) -> None:
    here, there = town.session("anna"), town.session("anna")
    half_way = town.system.begin("anna", PASSWORD).token
    town.system.end_other_sessions(here)
    town.system.end_other_sessions(here)
    assert [is_in(town, each) for each in (here, there)] == [True, False]
    with pytest.raises(NotIn):
        town.system.step(half_way)
    assert town.system.context.read(lambda tx: rows.sessions.count(tx.db)) == 1


def test_a_session_keeps_its_id_when_it_gets_another_token(town: Town) -> None:
    here, there = town.session("anna"), town.session("anna")
    known = this(town, there)
    there = town.system.rotate(there)
    town.system.end_session(here, known)
    assert not is_in(town, there)


def test_a_session_that_an_earlier_version_opened_can_be_ended(town: Town) -> None:
    here, there = town.session("anna"), town.session("anna")
    town.system.change(lambda tx: rows.sessions.change(tx.db, sessions.hashed(there), data="{}"))
    (other,) = [each.id for each in town.system.sessions(here) if not each.current]
    town.system.end_session(here, other)
    assert not is_in(town, there)


def test_sessions_without_a_device_or_by_a_temporary_code_are_their_users_too(town: Town) -> None:
    code, bridged = town.bridged("anna")
    town.clock.advance(2 * DAY + 1)
    of_account = town.answered(town.chosen("anna", Kind.TEMPORARY_CODE).token, code)
    assert town.system.visitor(of_account).scope is Scope.ACCOUNT
    assert [each.kind for each in town.system.sessions(of_account)] == [Kind.TEMPORARY_CODE]
    town.system.opt_out(town.session("anna"), "ben")
    without, other = (town.system.skip(town.system.begin("ben", PASSWORD).token).token for _ in range(2))
    assert [(each.kind, each.label) for each in town.system.sessions(without)] == [(None, "")] * 2
    town.system.end_other_sessions(without)
    assert [is_in(town, each) for each in (bridged, without, other)] == [False, True, False]


def test_a_login_in_progress_sees_and_ends_nothing(town: Town) -> None:
    anna = town.session("anna")
    half_way = town.system.begin("anna", PASSWORD).token
    for token in (half_way, "", "x", "\ud800"):
        for call in (town.system.sessions, town.system.end_other_sessions, lambda each: town.system.end_session(each, "x")):
            with pytest.raises(NotIn):
                call(token)
    assert is_in(town, anna)


@pytest.mark.every_database
def test_two_sessions_that_end_each_other_at_once_leave_at_most_one(town: Town) -> None:
    tokens = [town.session("anna") for _ in range(4)]

    def ends_others(token: str) -> bool:
        try:
            town.system.end_other_sessions(token)
        except NotIn:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(ends_others, tokens))
    assert done.count(True) == 1
    assert [is_in(town, token) for token in tokens] == done


@pytest.mark.every_database
def test_a_session_is_ended_once_by_parallel_calls(town: Town) -> None:
    here, there = town.session("anna"), town.session("anna")
    ended = this(town, there)

    def ends(_: int) -> bool:
        try:
            town.system.end_session(here, ended)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ends, range(4))).count(True) == 1
