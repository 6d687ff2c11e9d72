"""The page that closes an account: what it says, the missing tick, the proof by a device, and what is left afterwards."""

import re

from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browsers, come_with, enter


def test_it_says_what_will_happen_and_which_cards_to_send_back(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    page = anna.open("/close")
    assert "Withdraw your money and send your cards back first" in page.text
    assert "Send back: Digital Security Card+ IB3000901" in page.text
    link = re.search('href="(/devices/device[^"]*)">Send back', page.html)
    assert link is not None
    assert "Send it back" in anna.open(link[1]).text
    told = re.findall("<li>([^<]*)</li>", page.html)
    assert (
        "Closing moves no money. Money left in the account can no longer be withdrawn here, and none can be deposited." in told
    )
    about = [each for each in told if "statements" in each]
    assert about == [
        "You can see the statements with your user name and password once each card of the account has come back or was"
        " charged for."
    ]
    page = enter(scenario, browser(), "carl").open("/close")
    assert ("Withdraw your money first" in page.text, "Send back" in page.text) == (True, False)


def test_a_missing_tick_is_told_at_the_tick(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    for path, button in (("/close", "Close the account"), ("/opt-out", "Opt out")):
        anna.open(path)
        page = anna.press(button)
        assert (page.status, page.error) == (400, "Confirmation: Must be ticked to go on.")
        tick = re.search('<p class="wrong" id="(.*?)-error">Must be ticked to go on.</p>\\s*<div[^>]*><input [^>]*', page.html)
        assert tick is not None
        assert all(each in tick[0] for each in (f'id="{tick[1]}"', 'type="checkbox"', "autofocus", 'aria-invalid="true"'))
    assert anna.open("/devices").status == 200, "nothing was closed"


def test_each_time_a_device_answers_for_it(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/close")
    page = anna.press("Close the account", sure="yes")
    assert page.title == "Confirm: close the account"
    page = anna.press("Close the account", answer=scenario.respond(SERIALS["anna"], page.shown))
    assert (page.path, page.notice[:22]) == ("/login", "The account is closed.")


def test_a_closed_account_has_statements_only(scenario: Scenario, browser: Browsers) -> None:
    carl = enter(scenario, browser(), "carl")
    carl.open("/close")
    carl.press("Close the account", sure="yes")
    carl.press("Continue")
    assert "closed" in carl.press("Close the account", answer=scenario.sent("sms")).notice
    page = carl.press("Continue", name="carl", password=PASSWORD)
    assert (page.path, "statements of your closed account" in page.text) == ("/", True)
    assert "Your account is closed" in page.text
    assert "Statements and tax forms are not available on this page." in carl.open("/statements").text
    assert "closed" in carl.open("/devices").text
    assert {carl.open(path).status for path in ("/deposit", "/withdraw", "/withdraw/check", "/close", "/pin/new")} == {403}


def test_a_session_that_may_not_change_the_password_gets_no_form_for_it(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    scenario.system.opt_out(anna.cookie)
    trading = scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token
    page = come_with(browser(), trading).open("/password")
    assert (page.status, 'name="old"' in page.html) == (403, False)
    assert "Log in with a device to do this." in page.text


def test_only_the_primary_user_closes_it(scenario: Scenario, browser: Browsers) -> None:
    ben = enter(scenario, browser(), "ben")
    assert "ask anna" in ben.open("/close").text
    for values in ({}, {"sure": "yes"}):
        assert ben.post("/close", **values).status == 403
