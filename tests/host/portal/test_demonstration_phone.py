"""The demonstration's phone: the choice of the number that gets the activation code."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.host.login.letters import newest_code
from tests.host.portal.browser import Browser, browsers

from dsc_host.login import Kind, Policy
from dsc_host.login.accounts import contacts
from dsc_host.login.messages import notices
from dsc_host.login.transaction import user_named
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, Demonstration, begin

FIRST, SECOND = "+4915112345678", "+41795550123"


@pytest.fixture
def shown(shown: Demonstration) -> Demonstration:
    """Return a demonstration in which carl has confirmed a second number."""
    shown.clock.ahead += 60
    at = shown.system.context
    at.change(lambda tx: contacts.add_phone(tx, user_named(tx.db, "carl"), SECOND, notified=notices.new_user()))
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
    page = browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD, **typed)
    assert f"A code was sent to {contacts.masked(number)}." in page.text
    assert sent_to(shown) == [number]


def test_a_number_that_there_is_not(shown: Demonstration, browser: Browser) -> None:
    browser.open("/phone")
    for typed in ("0", "3", "", "-1", "x", "²", "99"):
        page = browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD, phone=typed)
        assert page.error == "Phone number: Must be one of your 2 confirmed phones.", typed
    assert sent_to(shown) == []
    page = browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD)
    assert "/phone/activate" in {form.action for form in page.forms}


def test_a_new_number_is_asked_for_only_where_the_policy_allows_one(shown: Demonstration, browser: Browser) -> None:
    assert "Or a new number" not in browser.open("/phone").text
    page = browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD, number="+12125551234")
    assert "takes confirmed numbers only" in page.error
    assert sent_to(shown) == []


@pytest.mark.long
def test_an_app_is_activated_with_a_new_number() -> None:
    shown = begin(Policy.of({"phone": {"new_numbers": True}}))
    with closing(shown), browsers(shown.system, demonstration=shown) as made:
        browser = made()
        browser.open("/phone")
        page = browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD, number="+112125551234")
        assert page.error == (
            "Phone number: Must be +12125551234, without the 1 after +1, which is dialed only within the country."
        )
        page = browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD, number="001 (212) 555-1234")
        assert "A code was sent to +12…34." in page.text
        assert sent_to(shown) == ["+12125551234"]
        page = browser.press("Activate", token=newest_code(shown.letters), pin="7t&2")
        assert page.notice == "The app is ready. You can now approve logins here."


@pytest.fixture
def activated(shown: Demonstration, browser: Browser) -> Browser:
    """Return the browser after carl has activated the app on his phone."""
    browser.open("/phone")
    browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD)
    assert "The PIN must have 4 to 6" in browser.press("Activate", token="X", pin="1", finger="yes").error
    browser.press("Activate", token=newest_code(shown.letters, "sms"), pin="7t&2", finger="yes")
    return browser


def pushed(shown: Demonstration) -> str:
    """Begin a login that waits for the phone. Return the number on its page."""
    step = shown.system.begin("carl", DEMO_PASSWORD, "192.0.2.7")
    offer = shown.system.choose(step.token, next(each.id for each in step.choices if each.kind is Kind.PHONE_APP)).offer
    assert offer is not None
    return offer.shows["number"]


def test_a_code_is_on_the_screen_that_asks_for_it_and_on_no_other(shown: Demonstration, browser: Browser) -> None:
    step = shown.system.begin("carl", DEMO_PASSWORD, "192.0.2.7")
    shown.system.choose(step.token, next(each.id for each in step.choices if each.kind is Kind.SMS))
    browser.open("/phone")
    assert 'class="letter' not in browser.press("Send the activation code", user="carl", password="wrong").html
    assert 'class="letter' in browser.press("Send the activation code", user="carl", password=DEMO_PASSWORD).html


@pytest.mark.parametrize(("button", "pin"), [("Approve", "7t&2"), ("Approve with my fingerprint", "")])
def test_a_login_comes_first_and_its_number_is_typed(shown: Demonstration, activated: Browser, button: str, pin: str) -> None:
    assert "Answer a challenge" in activated.open("/phone").text
    number = pushed(shown)
    page = activated.open("/phone")
    assert ("Login of carl" in page.text, "192.0.2.7" in page.text) == (True, True)
    on_phone = re.sub("<[^>]+>", "", page.html.partition('class="phone"')[2].partition('class="links"')[0])
    assert re.findall(r"\d+", re.sub(r"192\.0\.2\.7|\d+:\d\d", "", on_phone)) == [], "the number is on the login page only"
    other = str((int(number) + 1) % 100).zfill(2)
    assert "Must be the number on the login page" in activated.press(button, number=other, pin=pin).error
    assert 'class="letter' not in activated.page.html, "the code of the activation belongs to an earlier step"
    assert activated.press(button, number=number, pin=pin).notice == "The login was approved."


def test_a_phone_without_notifications_shows_a_login_when_it_looks_for_one(shown: Demonstration, activated: Browser) -> None:
    activated.open("/phone")
    activated.press("Switch notifications off")
    pushed(shown)
    assert "Login of carl" not in activated.open("/phone").text
    assert "Look here for a login that waits." in activated.page.text
    assert "Login of carl" in activated.press("Check for a waiting login").text
    assert activated.press("Deny").notice == "The login was denied."
    assert "No login waits for you." in activated.press("Check for a waiting login").text, "it has looked, and says so"
    assert "No login waits for you." in activated.press("Switch notifications on").text


def test_a_login_that_waits_no_more_is_neither_approved_nor_denied(shown: Demonstration, activated: Browser) -> None:
    for button, typed in (("Approve", {"pin": "7t&2"}), ("Deny", {})):
        number = pushed(shown)
        activated.open("/phone")
        shown.clock.ahead += 3600
        page = activated.press(button, number=number, **typed)
        assert (page.notice, "No login waits for you." in page.text) == ("", True)


def test_an_activation_shown_again_still_asks_whether_to_replace_the_old_app(shown: Demonstration, activated: Browser) -> None:
    shown.clock.ahead += 60
    activated.open("/phone?screen=activate")
    page = activated.press("Send the activation code", user="carl", password=DEMO_PASSWORD)
    for _ in range(2):
        assert "Take your previous app out of use" in page.text
        page = activated.press("Activate", token="X", pin="7t&2", replace="yes", recovery="7t&2")
    token = newest_code(shown.letters, "sms")
    assert activated.press("Activate", token=token, pin="7t&2", replace="yes", recovery="7t&2").notice.startswith("The app is")


def test_an_app_removed_on_the_pages_can_be_activated_again(shown: Demonstration, activated: Browser) -> None:
    (user,) = shown.phone("carl").users
    shown.system.phones.remove(user.device, user.device_token)
    assert "Activate the app for a user" in activated.open("/phone").text
    shown.clock.ahead += 60
    activated.press("Send the activation code", user="carl", password=DEMO_PASSWORD)
    assert activated.press("Activate", token=newest_code(shown.letters, "sms"), pin="4711").notice.startswith("The app is")
    assert "No login waits for you." in activated.page.text


def test_a_response_is_shown_without_a_network(activated: Browser) -> None:
    activated.press("Answer a challenge")
    assert activated.press("Show the response", challenge="x", pin="7t&2").error
    assert re.fullmatch(r"[A-Z]\d+", activated.press("Use my fingerprint", challenge="123456").shown)
    assert "Type this into the login page." in activated.page.text
    assert "Answer a challenge" in activated.press("OK").text


def test_the_phone_asks_which_number_only_if_there_are_several(browser: Browser) -> None:
    browser.open("/demonstration")
    csrf = next(form.fields["csrf"] for form in browser.page.forms if form.action == "/phone")
    for name, several in (("carl", True), ("anna.work", False), ("sue", False)):
        text = browser.client.post("/phone", data={"csrf": csrf, "name": name}).text
        assert (f"Phone of {name}" in text, "Which of your numbers" in text) == (True, several)


def test_a_login_that_waits_for_the_app_leads_to_the_phone(shown: Demonstration, browser: Browser) -> None:
    app = shown.phone("carl")
    begun = app.begin("carl", DEMO_PASSWORD)
    app.activate(begun, newest_code(shown.letters, "sms"), "4711")
    browser.open("/login?name=carl")
    assert "Open the phone of carl" not in browser.page.text
    device = re.search(
        r'value="(\w+)"[^>]*>\s*<label[^>]*>App on your phone', browser.press("Continue", password=DEMO_PASSWORD).html
    )
    if device:
        browser.press("Continue", device=device[1])
    assert browser.page.path == "/login/answer"
    page = browser.press("Open the phone of carl (in its own window)")
    assert (page.path, "Number on the login page" in page.text) == ("/phone", True)


def test_the_people_lead_to_their_logins(browser: Browser) -> None:
    assert 'href="/login?name=anna.work"' in browser.open("/demonstration").html
    assert 'value="anna.work"' in browser.open("/login?name=anna.work").html
