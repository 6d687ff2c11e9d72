"""The demonstration's phone: the choice of the number that gets the activation code."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.host.portal.browser import Browser, browsers

from dsc_host.login import Policy
from dsc_host.login.accounts import contacts
from dsc_host.login.messages import notices
from dsc_host.login.transaction import user_named
from dsc_host.portal.demo.demonstration import SESAME, Demonstration, begin

FIRST, SECOND = "+4915112345678", "+41795550123"


@pytest.fixture
def shown(shown: Demonstration) -> Demonstration:
    """Return a demonstration in which carl has confirmed a second number."""
    shown.clock.ahead += 60
    at = shown.system.context
    at.change(lambda tx: contacts.add_phone(tx, user_named(tx.db, "carl"), SECOND, told=notices.new_user()))
    return shown


@pytest.fixture
def browser(shown: Demonstration) -> Iterator[Browser]:
    with browsers(shown.system, demonstration=shown) as made:
        yield made()


def sent_to(shown: Demonstration) -> list[str]:
    return [letter.address for letter in shown.letters if letter.channel == "sms"]


@pytest.mark.parametrize(("typed", "number"), [({}, SECOND), ({"phone": "1"}, SECOND), ({"phone": "2"}, FIRST)])
def test_the_code_goes_to_the_number_that_was_chosen(
    shown: Demonstration, browser: Browser, typed: dict[str, str], number: str
) -> None:
    browser.open("/phone")
    page = browser.press("Send the activation code", user="carl", password=SESAME, **typed)
    assert f"A code was sent to {contacts.masked(number)}." in page.text
    assert sent_to(shown) == [number]


def test_a_number_that_there_is_not(shown: Demonstration, browser: Browser) -> None:
    browser.open("/phone")
    for typed in ("0", "3", "", "-1", "x", "²", "99"):
        page = browser.press("Send the activation code", user="carl", password=SESAME, phone=typed)
        assert page.error == "Phone number: must be one of your 2 confirmed phones", typed
    assert sent_to(shown) == []
    assert browser.press("Send the activation code", user="carl", password=SESAME).title == "Activate the app"


def test_a_new_number_is_asked_for_only_where_the_policy_allows_one(shown: Demonstration, browser: Browser) -> None:
    assert "Or a new number" not in browser.open("/phone").text
    page = browser.press("Send the activation code", user="carl", password=SESAME, number="+12125551234")
    assert "takes confirmed numbers only" in page.error
    assert sent_to(shown) == []


@pytest.mark.long
def test_an_app_is_activated_with_a_new_number() -> None:
    shown = begin(Policy.of({"phone": {"new_numbers": True}}))
    with closing(shown), browsers(shown.system, demonstration=shown) as made:
        browser = made()
        browser.open("/phone")
        page = browser.press("Send the activation code", user="carl", password=SESAME, number="+112125551234")
        assert page.error == (
            "Phone number: must be +12125551234, without the 1 after +1, which is dialed only within the country"
        )
        page = browser.press("Send the activation code", user="carl", password=SESAME, number="+1 212 555 1234")
        assert "A code was sent to +12…34." in page.text
        assert sent_to(shown) == ["+12125551234"]
        page = browser.press("Activate", token=shown.letters[-1].values["code"], pin="7t&2")
        assert "The device is now in use." in page.text
