"""The page of a user's sessions."""

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers, come_with, enter, log_in

from dsc_host.login import Scope, rows
from dsc_host.portal.user_agents import icon_of


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox, Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "Safari, Mac"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0", "Edge, Windows"),
        ("<b>curl</b>/8", "Unknown browser"),
    ],
)
def test_a_session_shows_its_browser_and_address(scenario: Scenario, browser: Browsers, header: str, name: str) -> None:
    anna = log_in(scenario, browser("192.0.2.55", **{"user-agent": header}))
    page = anna.open("/sessions")
    assert f"This session {name} Began: " in page.text
    folded = page.html.partition('<details class="extra">')[2]
    assert ("IP address" in folded, "Began" in folded) == (False, False), "two sessions can be told apart at a glance"
    assert "Logged in with: Digital Security Card+ IB3000901 IP address: 192.0.2.55" in page.text
    assert "<b>curl" not in page.html


def test_the_icon_of_a_session_is_that_of_its_machine() -> None:
    names = ("Firefox, Windows", "Chrome, Android", "Safari, iPad", "Safari, iPhone", "Firefox", "")
    assert [icon_of(each) for each in names] == ["computer", "mobile", "tablet", "mobile", "window", "window"]


def test_a_user_ends_one_session_and_then_all_others(scenario: Scenario, browser: Browsers) -> None:
    anna, second, third = (enter(scenario, browser()) for _ in range(3))
    anna.open("/profile")
    assert 'href="/sessions"' in anna.page.html
    page = anna.open("/sessions")
    assert (page.text.count("Began: "), page.text.count("This session")) == (3, 1)
    page = anna.press("End")
    assert (page.notice, page.text.count("Began: ")) == ("The session has ended.", 2)
    assert sorted(each.open("/").path for each in (second, third)) == ["/", "/login"]
    page = anna.press("End all other sessions")
    assert (page.notice, page.text.count("Began: ")) == ("All other sessions have ended.", 1)
    assert {each.open("/").path for each in (second, third)} == {"/login"}
    assert "You are logged in nowhere else." in page.text
    assert not any(label.startswith("End") for form in page.forms for label, *_ in form.buttons)


@pytest.mark.parametrize("scope", Scope)
def test_the_sessions_lead_to_the_password_if_the_session_may_change_it(
    scenario: Scenario, browser: Browsers, scope: Scope
) -> None:
    anna = enter(scenario, browser())
    enter(scenario, browser())
    scenario.system.change(lambda tx: tx.db.execute(rows.sessions.table.update().values(scope=str(scope))))
    link = '</form><a class="button" href="/password">Change the password</a>'
    assert (link in anna.open("/sessions").html) is (scope in (Scope.FULL, Scope.ACCOUNT))


def test_who_has_a_copy_of_the_cookie_is_put_out_with_the_others(scenario: Scenario, browser: Browsers) -> None:
    anna, _ = enter(scenario, browser()), scenario.session("anna")
    copy = come_with(browser(), anna.cookie)
    anna.open("/sessions")
    assert anna.press("End all other sessions").path == "/sessions"
    assert copy.open("/sessions").path == "/login"


def test_a_session_that_is_not_there_is_an_error_on_the_page(scenario: Scenario, browser: Browsers) -> None:
    anna, other = enter(scenario, browser()), enter(scenario, browser())
    anna.open("/sessions")
    old = anna.page
    anna.press("End")
    anna.page = old
    page = anna.press("End")
    assert (page.status, page.title, "ended already" in page.error) == (404, "Sessions", True)
    assert other.open("/").path == "/login"
    for wrong in ("", "x", "x" * 65):
        assert anna.post("/sessions/end", session=wrong).status in (400, 404)
    ben = scenario.system.sessions(scenario.session("ben"))[0].id
    assert anna.post("/sessions/end", session=ben).status == 404


def test_only_a_form_ends_a_session(scenario: Scenario, browser: Browsers) -> None:
    anna, other = enter(scenario, browser()), enter(scenario, browser())
    for path in ("/sessions/end", "/sessions/end-others"):
        assert anna.open(path).path == "/sessions"
        assert anna.client.post(path, data={"csrf": other.open("/sessions").forms[0].fields["csrf"]}).status_code == 403
    assert other.open("/").path == "/"
    # Without a session, the form leads to the login.
    assert browser().post("/sessions/end-others").path == "/login"


def test_a_session_by_finger_is_extended_on_the_page(scenario: Scenario, browser: Browsers) -> None:
    app, ben = activated(scenario), browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    app.approve("biometrics")
    assert "Can be extended" in ben.press("I have approved it on the phone").text
    scenario.clock.advance(20 * 3600)
    assert "it lasts longer" in ben.open("/sessions").text
    assert "The session then lasts longer, until Nov " in ben.press("Extend this session").text
    assert '<li><a href="/sessions">Sessions</a></li><li aria-current="page">Extend this session</li>' in ben.page.html
    page = ben.press("Extend this session", answer="P" + app.respond(ben.page.shown, "pin"))
    assert "Only an answer with your finger or face" in page.notice
    ben.press("Extend this session")
    assert ben.press("Extend this session", answer="B00000000").status == 401
    page = ben.press("Extend this session", answer="B" + app.respond(ben.page.shown, "biometrics"))
    assert (page.path, page.notice[:45]) == ("/sessions", "The session now lasts longer, until Nov\xa017,\xa02")
    scenario.clock.advance(20 * 3600)
    assert ben.open("/").path == "/"
    assert browser().post("/sessions/extend/answer", answer="B1").path == "/login"
