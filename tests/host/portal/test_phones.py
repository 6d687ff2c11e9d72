"""The page of phone numbers: what people type, and what the page says about a mistake."""

import re

import pytest
from tests.host.login.scenario import CARL, Scenario
from tests.host.portal.browser import Browsers, come_with, enter


@pytest.mark.parametrize("typed", ["+41 79 123-45-67", "0041 79 123 45 67", "+41 (0)79 123 45 67", "+41\xa079\u202f123 45 67"])
def test_a_number_is_accepted_as_people_write_it(scenario: Scenario, browser: Browsers, typed: str) -> None:
    carl = enter(scenario, browser(), "carl")
    page = carl.open("/phones")
    assert '<input id="f1-1" name="number" type="tel"' in page.html
    assert "Spaces, dashes and parentheses do not matter." in page.text
    assert "+41…67" in carl.press("Send a code", number=typed).text
    assert carl.press("Confirm", answer=scenario.sent("sms")).notice == (
        "The phone number +41…67 was confirmed. All other sessions have ended."
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("0171 1234567", "Must begin with the country code; enter +491711234567."),
        ("12", "Must begin with + or 00 and the country code, and have 7 to 15 digits; for example +41 79 123 45 67."),
        (
            "+49 0171 1234567",
            "Must be +491711234567, without the 0 after +49, which is dialed only within the country.",
        ),
        ("1" * 33, "Must have at most 32 characters."),
    ],
)
def test_a_mistake_is_explained_at_the_field(scenario: Scenario, browser: Browsers, typed: str, words: str) -> None:
    carl = enter(scenario, browser(), "carl")
    carl.open("/phones")
    page = carl.press("Send a code", number=typed)
    assert (page.status, f'id="f1-1-error">{words}</p>' in page.html) == (400, True), page.error
    field = re.search('<input id="f1-1"[^>]*>', page.html)
    assert field is not None
    assert f'value="{typed[:32]}"' in field[0]


def test_the_notice_is_about_the_number_that_was_just_confirmed(scenario: Scenario, browser: Browsers) -> None:
    carl = come_with(browser(), scenario.bridged("carl", CARL)[1])
    carl.open("/phones")
    carl.press("Send a code", number="+41 79 123 45 11")
    assert "after some days" in carl.press("Confirm", answer=scenario.sent("sms")).notice
    enter(scenario, carl, "carl").open("/phones")
    carl.press("Send a code", number="+41 79 123 45 22")
    assert carl.press("Confirm", answer=scenario.sent("sms")).notice == (
        "The phone number +41…22 was confirmed. All other sessions have ended."
    )
