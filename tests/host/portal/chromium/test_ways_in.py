"""Every way to log in, walked in a real browser: the card, code cards, SMS, a phone call, an app on a phone."""

import re

from playwright.sync_api import expect
from tests.host.portal.chromium.phone_apps import APP_PIN, activate_phone
from tests.host.portal.chromium.support_calls import identified, issue_code_card
from tests.host.portal.chromium.walk import CARD, Walk

from dsc_host.login import Kind, Scope
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, PIN
from dsc_host.portal.wording import SCOPES

_HURRY = "const wait = window.setTimeout; window.setTimeout = (work, ms) => wait(work, ms / 20);"
"""A script that speeds up a page's timers, so that a page that asks every two seconds asks ten times a second."""


def test_the_card_in_four_steps_with_the_card_on_the_page(walk: Walk) -> None:
    walk.open("/login").picture("login-1-name")
    walk.press("Continue", User_name="anna", Password=DEMO_PASSWORD).picture("login-2-challenge")
    assert walk.has_card_of("anna")
    tries = "Wrong response. Tries\u00a0left:\u00a0{left}. Check the PIN and the challenge, and enter both on the card again."
    assert walk.press("Log in", Response="00000000").error == walk._(tries, left=2)
    walk.picture("login-wrong-response")
    walk.open("/login/answer")
    walk.click_drawn("PRESS", *PIN, "OK", *walk.read)
    expect(walk.display).to_have_text(re.compile(walk.read))
    walk.picture("login-3-card-challenge")
    walk.click_drawn("OK")
    expect(walk.display).to_have_text(re.compile(r"^\d{8}$"))
    walk.picture("login-3-card-response")
    assert walk.field("Response").input_value() == "", "it is read and typed"
    walk.press("Log in", Response=walk.display.inner_text()).picture("login-4-in")
    assert (walk.path, walk._(SCOPES[Scope.FULL]) in walk.text) == ("/", True)
    assert walk.out().notice == walk._("You are logged out.")
    walk.open("/demonstration").picture("demonstration")


def test_a_card_that_is_no_longer_issued(walk: Walk) -> None:
    walk.shown.give_card("carl", "GD-00071", Kind.GOLD)
    walk.begin("carl").choose("Gold token").picture("old-card")
    assert walk.press("Log in", Response=walk.card("carl", walk.read)).path == "/"
    marked = walk._("{device} (no longer issued)", device=walk._("Gold token"))
    for path in ("/devices", "/protection"):
        assert marked in walk.open(path).text


def test_a_security_code_card(walk: Walk) -> None:
    desk = identified(walk, "anna.work")
    desk.picture("desk-caller")
    codes = issue_code_card(desk).codes
    desk.picture("code-card-sheet")
    desk.page.emulate_media(media="print")
    assert "Anna Example\n1 Harbour Road\n6300 Zug" in desk.text
    assert not desk.button("Print this page").is_visible()
    desk.page.emulate_media(media="screen")
    desk.page.evaluate("window.print = () => { window.printed = true }")
    desk.button("Print this page").click()
    assert desk.page.evaluate("window.printed")
    with desk.page.expect_download() as saved:
        desk.button("Save as PDF").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    assert len(codes) == 224
    walk.shown.pass_days(5)
    walk.enter_by_sms("anna.work").open("/devices")
    number = next(each.label for each in walk.shown.system.devices(walk.token) if each.kind is Kind.CODE_CARD)
    walk.press("Activate", f"{walk._('Security code card')} {number}")
    walk.picture("code-card-index-numbers")
    first = walk.read
    assert walk.press_with_codes("Activate", codes).has_notice("device_activated")
    walk.out().begin("anna.work").choose("Security code card")
    assert set(walk.read.split()).isdisjoint(first.split())
    walk.press_with_codes("Log in", codes)
    assert walk.path == "/"


def test_a_code_by_sms_and_by_a_call(walk: Walk) -> None:
    walk.begin("carl").picture("choose-a-device")
    walk.choose("Code by SMS")
    assert "+49" in walk.text
    walk.picture("sms")
    assert walk.press("Log in", Code=walk.sent("sms")).path == "/"
    walk.out().begin("carl").choose("Code by phone call").press("Log in", Code=walk.sent("voice"))
    assert walk.path == "/"


def test_a_phone_number_is_confirmed_and_codes_go_to_it(walk: Walk) -> None:
    walk.enter("anna").open("/phones").picture("phone-numbers")
    walk.press("Send a code", Phone_number="0791234567")
    assert walk.error.startswith(walk._("Phone number"))
    walk.press("Send a code", Phone_number="+41 79 555 01 23").picture("phone-number-code")
    assert "+41…23" in walk.text
    walk.press("Confirm", Code=walk.sent("sms"))
    assert walk.has_notice("phone")
    walk.picture("phone-number-confirmed")
    walk.out().begin("anna").picture("several-devices")
    assert walk.field(CARD).count() == 1
    walk.choose("Code by SMS").press("Log in", Code=walk.sent("sms"))
    walk.open("/phones").press("Remove", "+41…23").press("Remove")
    assert walk.has_notice("removed")


def test_the_app_is_activated_and_pushes_are_approved_and_denied(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    # A tab of its own, because the script stays with it. Walks share the first tab.
    walk = walk.tab()
    walk.page.add_init_script(_HURRY)
    phone.picture("phone")
    walk.begin("carl").picture("push-number")
    phone.press("Check for a waiting login").picture("phone-push")
    phone.press("Approve", Number_on_the_login_page=walk.read, PIN_of_the_app=APP_PIN)
    # The page's script notices the approval and moves on.
    walk.page.wait_for_url(walk.address + "/")
    number = walk.out().begin("carl").read
    phone.press("Check for a waiting login").press("Approve with my fingerprint", Number_on_the_login_page=number)
    walk.page.wait_for_url(walk.address + "/")
    walk.out().begin("carl")
    phone.press("Check for a waiting login").press("Deny")
    walk.page.wait_for_url(walk.address + "/login/device")
    assert walk.has_notice("not_approved")
    walk.begin("carl").press("I got no notification").picture("phone-manual")
    phone.press("Answer a challenge").press("Show the response", Challenge=walk.read, PIN_of_the_app=APP_PIN)
    assert walk.press("Log in", Response=phone.read).path == "/"
