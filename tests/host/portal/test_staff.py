"""The pages of support, the issuer and compliance, as their staff use them."""

import pytest
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browsers

_OWN = {"sue": "/desk", "ivo": "/issuer", "cleo": "/compliance"}


@pytest.mark.parametrize(("name", "own"), _OWN.items())
@pytest.mark.parametrize("asked", ["/login", "/"])
def test_staff_begin_on_their_own_page_after_the_login(
    scenario: Scenario, browser: Browsers, name: str, own: str, asked: str
) -> None:
    visitor = browser()
    assert visitor.open(asked).path == "/login"
    page = visitor.press("Continue", name=name, password=PASSWORD)
    page = visitor.press("Log in", answer=scenario.respond(SERIALS[name], page.shown))
    assert page.path == own
    assert visitor.open("/login").path == own, "also if they open the login once more"
    assert visitor.open("/").path == "/"


def test_staff_who_asked_for_another_page_get_that_page(scenario: Scenario, browser: Browsers) -> None:
    visitor = browser()
    visitor.open("/profile")
    page = visitor.press("Continue", name="sue", password=PASSWORD)
    assert visitor.press("Log in", answer=scenario.respond(SERIALS["sue"], page.shown)).path == "/profile"


def test_the_own_page_of_staff_comes_first_in_the_navigation(scenario: Scenario, browser: Browsers) -> None:
    for name, own in _OWN.items():
        visitor = browser()
        page = visitor.press("Continue", name=name, password=PASSWORD)
        html = visitor.press("Log in", answer=scenario.respond(SERIALS[name], page.shown)).html
        assert html.index(f'<li><a href="{own}" aria-current="page">') < html.index('<li><a href="/devices">')
