"""The overview: whether the account is safe, what is due, what is left of the limits, and what happened lately."""

import re
from decimal import Decimal

from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, come_with, enter

from dsc_host.errors import DscError
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
    scenario.system.opt_out(anna.cookie)
    assert "Your protection is switched off" in come_with(anna, scenario.session("anna")).open("/").text
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
    assert ("A card is already on its way to you." in page.text, 'href="/request"' in page.html) == (True, False)
    assert page.text.count("Your password was entered at the login.") == 0
    assert [path for path in GET if re.search(r"\b[0-9a-f]{16}\b", carl.open(path).text)] == [], "names, not ids"
