"""The pages of protection: opting out and back in, and how each looks."""

from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, enter


def test_opting_out_looks_like_a_loss_and_opting_back_in_does_not(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    page = anna.open("/opt-out?name=anna")
    assert (page.title, 'class="outcome danger"' in page.html) == ("Opt out of the protection?", True)
    page = anna.press("Opt out", name="anna", sure="yes")
    assert (page.notice, 'class="notice alert warning"' in page.html) == ("You have opted out of the protection.", True)
    assert 'class="outcome warning"' in page.html
    page = anna.open("/opt-in?name=anna")
    assert (page.title, 'class="outcome info"' in page.html) == ("Opt back in to the protection?", True)
    assert "<dt>User name</dt><dd>anna</dd>" in page.html
    page = anna.press("Opt back in")
    assert (page.notice, 'class="notice alert success"' in page.html) == ("You have opted back in to the protection.", True)
    assert 'class="outcome' not in page.html


def test_the_notice_names_another_user(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/opt-out?name=ben")
    assert anna.press("Opt out", name="ben", sure="yes").notice == "ben has opted out of the protection."
    anna.open("/opt-in?name=ben")
    assert anna.press("Opt back in").notice == "ben has opted back in to the protection."


def test_a_refusal_writes_a_user_name_as_it_is(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/protection")
    assert "The user anna has not opted out." in anna.post("/opt-in", name="anna").text
