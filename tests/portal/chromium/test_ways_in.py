"""Every way in, walked in a real browser: the card, cards of codes, a temporary code, SMS, a call, an app on a phone."""

import re

from playwright.sync_api import expect
from tests.portal.chromium.support_calls import identified
from tests.portal.chromium.walking import CARD, Walk, look_up

from dsc_host.portal.demonstration import PIN, SESAME


def activate_phone(walk: Walk, name: str, phone: Walk | None = None, pin: str = "2x-84") -> Walk:
    """The app, on the phone of the demonstration."""
    phone = phone or walk.tab().open("/demonstration").press("Phone", f"{name} {walk.shown.people[name]}")
    phone.press("Send the activation code", User_name=name, Password=SESAME)
    phone.page.get_by_label("Activation code from the SMS").fill(walk.sent("sms"))
    phone.page.locator("input[name=pin]").fill(pin)
    phone.page.get_by_label("Let me use the finger, too").check()
    phone.press("Activate")
    assert "in use" in phone.notice
    return phone


def test_a_phone_number_is_confirmed_and_codes_go_to_it(walk: Walk) -> None:
    walk.enter("anna").follow("Phone numbers").picture("phone-numbers")
    assert "must be +" in walk.press("Send a code", Phone_number="0791234567").error
    walk.press("Send a code", Phone_number="+41 79 555 01 23").picture("phone-number-code")
    assert "+41…23" in walk.text
    assert "not the code" in walk.press("Confirm", Code="00000").notice
    walk.press("Send a code", Phone_number="+41795550123").press("Confirm", Code=walk.sent("sms"))
    assert "is confirmed" in walk.notice
    assert "phone_confirmed" in walk.told("anna")
    walk.out().begin("anna").choose("Code by SMS")
    assert "+41…23" in walk.text
    walk.press("Log in", Code=walk.sent("sms"))
    assert walk.path == "/"
    walk.follow("Phone numbers").picture("phone-number-confirmed")
    assert "Nothing is sent" in walk.press("Remove", "+41…23").notice
    assert walk.path == "/login", "the session that a code to this number had opened has ended with it"
    assert "You have none." in walk.enter("anna").follow("Phone numbers").text


def test_the_card_in_four_steps_with_the_card_on_the_page(walk: Walk) -> None:
    walk.open("/login").picture("login-1-name")
    walk.press("Continue", User_name="anna", Password=SESAME).picture("login-2-challenge")
    assert walk.card_here == "Card of anna"
    walk.click_drawn("PRESS", *PIN, "OK", *walk.read)
    expect(walk.display).to_have_text(re.compile(walk.read))
    walk.picture("login-3-card-challenge")
    walk.click_drawn("OK")
    expect(walk.display).to_have_text(re.compile(r"^\d{8}$"))
    walk.picture("login-3-card-response")
    assert walk.page.get_by_label("Response").input_value() == "", "it is read and typed"
    walk.press("Log in", Response=walk.display.inner_text()).picture("login-4-in")
    assert (walk.path, "Everything: trading" in walk.text) == ("/", True)
    assert walk.out().notice == "You are logged out."
    walk.open("/demonstration").picture("demonstration")


def test_a_wrong_response_is_refused_and_may_be_put_right(walk: Walk) -> None:
    walk.begin("anna").press("Log in", Response="00000000")
    assert "not right" in walk.text
    walk.click_drawn("PRESS", *PIN, "OK", *walk.read, "OK")
    expect(walk.display).to_have_text(re.compile(r"^\d{8}$"))
    assert walk.press("Log in", Response=walk.display.inner_text()).path == "/"


def test_a_security_code_card(walk: Walk) -> None:
    desk = identified(walk, "anna.work")
    desk.picture("desk-caller")
    codes = desk.press("Issue a security code card").codes
    desk.picture("code-card-sheet")
    with desk.page.expect_download() as saved:
        desk.button("Save as PDF").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    assert len(codes) == 224
    walk.enter_by_sms("anna.work").open("/devices")
    label = walk.page.get_by_role("cell").filter(has_text="Show the codes").locator("button").first.get_attribute("aria-label")
    assert label
    walk.press("Activate", label.split(": ")[1])
    walk.picture("code-card-index-numbers")
    first = walk.read
    assert walk.press("Activate", The_two_codes=look_up(codes, first)).notice == "The device is in use now."
    walk.out().begin("anna.work").choose("Security code card")
    assert set(walk.read.split()).isdisjoint(first.split())
    walk.press("Log in", The_two_codes=look_up(codes, walk.read))
    assert walk.path == "/"


def test_a_temporary_code_first_everything_then_the_account_only(walk: Walk) -> None:
    desk = identified(walk, "anna")
    desk.press("lost", f"{CARD} IB3000901")
    code = desk.press("Give a temporary code").read
    desk.picture("temporary-code")
    for days, words in ((0, "Everything: trading"), (3, "Your account, but no trading.")):
        walk.shown.pass_days(days)
        walk.begin("anna").press("Log in", Code=code)
        assert words in walk.text
        walk.out()
    walk.shown.pass_days(10)
    assert "no device in use" in walk.begin("anna").text


def test_a_code_by_sms(walk: Walk) -> None:
    walk.begin("carl").picture("choose-a-device")
    walk.choose("Code by SMS")
    assert "+49" in walk.text
    walk.picture("sms")
    code = walk.sent("sms")
    walk.press("Log in", Code=code)
    assert walk.path == "/"
    walk.out().begin("carl").choose("Code by SMS")
    while walk.sent("sms") == code:  # One in a million.
        walk.begin("carl").choose("Code by SMS")
    walk.press("Log in", Code=code)
    assert "not right" in walk.text


def test_a_code_by_a_call(walk: Walk) -> None:
    walk.begin("carl").choose("Code by a call").press("Log in", Code=walk.sent("voice"))
    assert walk.path == "/"


def test_the_app_is_activated_and_a_push_is_approved(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    phone.picture("phone")
    walk.begin("carl").picture("push-number")
    number = walk.read
    phone.follow("Look again").picture("phone-push")
    phone.press("Approve", f"carl {walk_from(phone)}", Number_on_the_login_page=number, PIN_of_the_app="2x-84")
    # The page's script sees it, and moves on by itself.
    walk.page.wait_for_url(walk.address + "/")
    who = walk.shown.system.visitor(cookie(walk))
    assert 11.9 < (who.until - walk.shown.clock()) / 3600 <= 12


def walk_from(phone: Walk) -> str:
    """Where the waiting login comes from, as the phone's table says."""
    return phone.page.locator("tbody tr td").first.inner_text()


def cookie(walk: Walk) -> str:
    return next(str(each["value"]) for each in walk.page.context.cookies() if each.get("name") == "session")


def test_a_push_is_approved_with_the_finger_and_lasts_longer(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    number = walk.begin("carl").read
    phone.follow("Look again").press("Approve with the finger", f"carl {walk_from(phone)}", Number_on_the_login_page=number)
    walk.page.wait_for_url(walk.address + "/")
    who = walk.shown.system.visitor(cookie(walk))
    assert 29.9 < (who.until - walk.shown.clock()) / 3600 <= 30


def test_a_push_is_denied(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    walk.begin("carl")
    phone.follow("Look again").press("Deny", f"carl {walk_from(phone)}")
    walk.page.wait_for_url(walk.address + "/login/device")
    assert "Everything: trading" not in walk.text
    assert "denied" in walk.told("carl")


def test_without_a_notification_a_challenge_is_typed_into_the_phone(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    walk.begin("carl").press("No notification has come").picture("phone-manual")
    phone.press("Show the response string", User_name="carl", Challenge=walk.read, PIN_of_the_app="2x-84")
    walk.press("Log in", Response_string=phone.read)
    assert walk.path == "/"


def test_one_app_takes_several_users(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    activate_phone(walk, "anna.work", phone)
    for name in ("carl", "anna.work"):
        person = walk.another().begin(name).press("No notification has come")
        phone.open("/phone").press("Show the response string", User_name=name, Challenge=person.read, PIN_of_the_app="2x-84")
        assert person.press("Log in", Response_string=phone.read).path == "/"


def test_with_several_devices_each_lets_in(walk: Walk) -> None:
    identified(walk, "anna").press("Enable", Phone_number="+41791234567")
    walk.begin("anna").picture("several-devices")
    assert walk.title == "Choose a device"
    walk.choose(CARD).press("Log in", Response=walk.card("anna", walk.read))
    assert walk.path == "/"
    walk.out().enter_by_sms("anna")
