"""The demonstration's phone: the choice of the number that gets the activation code."""

from collections.abc import Iterator

import pytest
from tests.host.portal.browser import Browser, browsers

from dsc_host.login.accounts import contacts
from dsc_host.login.messages import notices
from dsc_host.login.transaction import user_named
from dsc_host.portal.demo.demonstration import SESAME, Demonstration

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
