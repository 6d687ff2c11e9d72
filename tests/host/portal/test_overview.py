"""The overview: whether the account is safe, what is due, what is left of the limits, and what happened lately."""

import re
from contextlib import suppress
from decimal import Decimal

from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers, Page, come_with, enter

from dsc_host.errors import DscError
from dsc_host.login import Loss
from dsc_host.portal.app import GET

PIN = "8246"


def test_the_overview_says_whether_the_account_is_safe(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    assert "Your account is protected" in anna.page.text
    assert "Refused logins" not in anna.page.text
    for _ in range(2):
        try:
            scenario.system.begin("anna", "wrong, all of it")
        except DscError:
            scenario.clock.advance(1)
    assert "Refused logins in the last seven days: 2" in anna.open("/").text
    scenario.clock.advance(8 * 24 * 3600)
    anna = enter(scenario, anna)
    assert "Refused logins" not in anna.open("/").text
    for number in range(30):
        scenario.clock.advance(3000)
        with suppress(DscError):
            scenario.system.begin("anna", "wrong, all of it", f"192.0.2.{number}")
    assert "Refused logins in the last seven days: 19 or more" in enter(scenario, anna).open("/").text
    scenario.system.opt_out(anna.cookie)
    assert "You have opted out of the protection" in come_with(anna, scenario.session("anna")).open("/").text
    assert 'href="/opt-in"' in anna.page.html


def test_the_overview_shows_what_is_due_what_is_left_and_what_happened(scenario: Scenario, browser: Browsers) -> None:
    carl = come_with(browser(), scenario.session("carl"))
    assert ("What is due" in carl.open("/").text, 'href="/request"' in carl.page.html) == (False, True)
    scenario.system.confirm_request(carl.cookie, scenario.system.draft_request(carl.cookie, PIN).id)
    scenario.system.withdraw(carl.cookie, Decimal(150_000))
    page = carl.open("/")
    for words in (
        "Digital Security Card+ for carl requested Expected around",
        "$50,000.00 of $200,000.00",
        "A card was requested.",
    ):
        assert words in page.text, words
    assert 'href="/request"' not in page.html, "a card is already on its way"
    assert page.text.count("Your password was entered.") == 0
    assert [path for path in GET if re.search(r"\b[0-9a-f]{16}\b", carl.open(path).text)] == [], "names, not ids"


def offered(page: Page) -> tuple[list[str], list[str]]:
    """Return the labels of the buttons that the page draws as primary, and those of the alert's other buttons."""
    primary = re.findall(r'<(?:a|button)[^>]*class="[^"]*primary[^"]*"[^>]*>([^<]+)<', page.html)
    alert = re.search(r'<div class="alert .*?</div></div>', page.html, re.DOTALL)
    return primary, re.findall(r'<a class="button" [^>]*>([^<]+)<', alert[0] if alert else "")


def test_a_user_without_a_permanent_device_gets_buttons_for_what_is_permitted(scenario: Scenario, browser: Browsers) -> None:
    carl = enter(scenario, browser(), "carl")
    assert offered(carl.page) == (["Request a card"], ["Use the app on your phone"])
    ben = enter(scenario, browser(), "ben")
    assert offered(ben.page) == (["Use the app on your phone"], [])
    assert "Request a card" not in ben.page.text, "only anna may request one"
    anna = enter(scenario, browser())
    assert offered(anna.page) == ([], [])


def test_what_is_due_is_a_button_that_does_it(scenario: Scenario, browser: Browsers) -> None:
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    anna = come_with(browser(), scenario.bridged("anna")[1])
    page = anna.open("/")
    assert offered(page) == (["Get an online security code card"], ["Use the app on your phone"])
    assert ('href="/share"' in page.html, 'href="/request"' in page.html) == (False, False)
    assert anna.press("Get an online security code card").title == "Your security code card"
    assert offered(anna.open("/")) == (["Activate"], [])
    assert anna.press("Activate").title == "Activate online security code card"
    assert "Get an online security code card" not in anna.open("/devices").text


def test_who_may_not_opt_back_in_is_told_why(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.opt_out(scenario.session("anna"), "ben")
    ben = come_with(browser(), scenario.session("ben"))
    assert (offered(ben.open("/")), "ask anna" in ben.page.text) == (([], []), True)
    visitor = browser()
    visitor.press("Continue", name="ben", password=PASSWORD)
    page = visitor.press("Continue", device="none")
    assert (page.path, "To opt back in, log in with your device." in page.text) == ("/", True)


def test_a_card_that_waits_has_no_button_until_it_can_be_activated(scenario: Scenario, browser: Browsers) -> None:
    card, _ = scenario.system.staff.issue_code_card(scenario.call("ben"))
    ben = enter(scenario, browser(), "ben")
    for path in ("/", "/devices", f"/devices/device?device={card.id}"):
        page = ben.open(path)
        assert "an be activated from Nov" in page.text, path
        assert "Activate" not in [label for form in page.forms for label, *_ in form.buttons], path
    scenario.clock.advance(6 * 24 * 3600)
    ben = enter(scenario, ben, "ben")
    assert offered(ben.open("/"))[0] == ["Activate"]


def test_the_overview_says_when_the_user_logged_in_before(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    assert "Previous login" not in anna.page.text
    scenario.clock.advance(24 * 3600)
    assert "Previous login Nov 14, 2023, 10:13" in enter(scenario, anna).page.text
