"""The stories of the demonstration, each walked in a real browser with only what the pages say, in the size of a phone.

The page after each step is examined in a wide window too.
"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.host.portal.chromium.card_requests import NEW, fill
from tests.host.portal.chromium.phone_apps import APP_PIN, activate
from tests.host.portal.chromium.support_calls import given_code, take_out
from tests.host.portal.chromium.walk import CARD, Walk
from tests.host.portal.chromium.withdrawals import withdraw

from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, PIN
from dsc_host.portal.demo.guide import progress
from dsc_host.portal.demo.stories import STORIES, Story

WIDE, PHONE = (1280, 800), (375, 667)


GUIDE = 260
"""The most pixels of the guide's height on a phone: the date, the step with its text, and what it needs."""


def did(walk: Walk, steps: int) -> Walk:
    """Check that the guide has ticked this number of steps, and that nothing is too large for a window of either size."""
    told = walk.page.locator(".guide .where").text_content() or ""
    story = next(each for each in STORIES if walk._(each.title) in told)
    assert progress(walk.language, story, steps) in told, walk.path
    for width, height in (WIDE, PHONE):
        walk.page.set_viewport_size({"width": width, "height": height})
        assert walk.page.evaluate("document.documentElement.scrollWidth") <= width
    assert walk.page.evaluate("document.querySelector('.guide').offsetHeight") <= GUIDE, walk.path
    assert walk.page.locator(".clock button").last.is_visible()
    assert walk.page.locator(".guide .text").is_visible() is (steps < len(story.steps)), "without unfolding anything"
    for width, height in (WIDE, PHONE):
        walk.page.set_viewport_size({"width": width, "height": height})
        if width == WIDE[0]:
            walk.examine("wide story")
    return walk


def be(walk: Walk, name: str) -> Walk:
    """Log out if the guide says so, and enter the name and the password that it shows."""
    guide = walk.page.locator(".guide")
    if guide.get_by_role("button", name=walk._("Log out"), exact=True).count():
        with walk.page.expect_navigation():
            guide.get_by_role("button", name=walk._("Log out"), exact=True).click()
    elif guide.get_by_role("link", name=walk._("Go to the login"), exact=True).count():
        with walk.page.expect_navigation():
            guide.get_by_role("link", name=walk._("Go to the login"), exact=True).click()
    assert walk.page.locator(".be dd").all_inner_texts()[:2] == [name, DEMO_PASSWORD]
    return walk.press("Continue", User_name=name, Password=DEMO_PASSWORD)


def by_card(walk: Walk, name: str, pin: str = PIN, owner: str = "") -> Walk:
    owner = owner or name
    be(walk, name)
    if walk.path == "/login/device":
        walk.choose(CARD)
    assert walk.has_card_of(owner)
    return walk.press("Log in", Response=walk.card(owner, walk.read, pin))


def by_sms(walk: Walk, name: str) -> Walk:
    be(walk, name).choose("Code by SMS")
    return walk.press("Log in", Code=walk.letter)


def by_code(walk: Walk, name: str, code: str) -> Walk:
    if be(walk, name).path == "/login/device":
        walk.choose("Temporary code")
    return walk.press("Log in", Code=code)


def open_page(walk: Walk) -> Walk:
    with walk.page.expect_navigation():
        walk.page.locator(".guide a.button").click()
    return walk


def identify(walk: Walk, name: str) -> Walk:
    walk.press("Search", **{"Who is calling?": name})
    _, citizenship, residence, _, number = walk.page.locator(".papers dd").all_inner_texts()
    about = {"Date of birth": "1980-05-17", "Citizenship": citizenship, "Country of residence": residence}
    return walk.press("Check", **about, **{"Document number": number})


def login(walk: Walk) -> None:
    did(be(walk, "emma"), 1).picture("story")
    press = walk.page.evaluate("document.querySelector('.keys button').getBoundingClientRect().top + scrollY")
    assert press < PHONE[1], "the challenge and the card are on one screen"
    did(walk.press("Log in", Response=walk.card("emma", walk.read)), 2)
    did(withdraw(open_page(walk), 5000), 3)


def order(walk: Walk) -> None:
    did(by_sms(walk, "finn"), 1)
    fill(open_page(walk), NEW)
    did(walk.press("Continue").press("Request the card"), 2)
    did(by_card(walk, "uma"), 2)
    walk.press("Make all cards")
    with walk.page.expect_navigation():
        walk.page.get_by_role("button", name=re.compile(f"^{walk._('Mark as sent')}: finn")).click()
    did(walk, 3)
    assert walk.page.locator(".clock .due").inner_text() == walk._("+3 weeks")
    did(walk.press("+3 weeks"), 4)
    assert walk.page.locator(".clock .due").count() == 0
    did(by_card(walk, "finn", NEW), 5)


def lose(walk: Walk) -> None:
    walk.press("Continue", User_name="lena", Password=DEMO_PASSWORD)
    did(walk.choose("Stolen", "Suspend the device"), 1)
    did(identify(by_card(walk, "tom"), "lena"), 2)
    code = given_code(take_out(walk, walk.cards_row(walk.shown.cards["lena"].serial), "Lost"))
    did(walk, 3)
    did(by_code(walk, "lena", code), 4)
    codes = open_page(walk).press("Get an online security code card", walk._("Online security code card")).codes
    walk.press("Activate the card")
    did(walk.press_with_codes("Activate", codes), 5)


def share(walk: Walk) -> None:
    did(by_sms(walk, "mia.work"), 1)
    open_page(walk).press("Continue", **{"Your other user name": "mia", "Password of your other user name": DEMO_PASSWORD})
    did(walk.press("Continue", Response=walk.card("mia", walk.read)), 2)
    did(walk.press("Share the device"), 3)
    did(by_card(walk, "mia.work", owner="mia"), 4)


def push(walk: Walk) -> None:
    phone = walk.with_page(walk.page)
    activate(phone, "noah", "New PIN for the app")
    did(phone, 1)
    with phone.page.context.expect_page() as login_window:
        phone.page.locator(".guide").get_by_role("link", name=walk._("Go to the login")).click()
    walk.page = login_window.value
    did(be(walk, "noah"), 2)
    number = walk.read
    stale = phone.page.locator(".guide .now").inner_text()
    phone.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(phone.page.locator(".guide .now")).not_to_have_text(stale)
    with phone.page.expect_navigation():
        walk.page.locator(".guide").get_by_role("button", name=walk._("Open the phone of {name}", name="noah")).click()
    assert len(walk.page.context.pages) == 2, "the phone that is open is used"
    phone.press("Approve", Number_on_the_login_page=number, PIN_of_the_app=APP_PIN)
    # The page's script notices the approval and moves on.
    walk.page.wait_for_url(walk.address + "/")
    did(walk, 4)


def opt_out(walk: Walk) -> None:
    did(by_card(walk, "olga"), 1)
    open_page(walk).follow("Opt out", "olga")
    did(walk.press("Opt out", I_know_what_I_will_lose="yes"), 2)
    did(be(walk, "olga").choose("Without a device"), 3)
    open_page(walk).press("Continue", Amount_in_US_dollars="200000")
    expect(walk.page.locator(":focus")).to_be_in_viewport(ratio=1)
    expect(walk.page.locator(".to-guide a")).to_be_in_viewport(ratio=1)
    walk.page.locator(".to-guide a").click()
    expect(walk.page.locator(".story summary")).to_be_in_viewport(ratio=1)
    did(walk, 4)
    did(by_card(walk, "olga"), 5)
    open_page(walk).follow("Opt back in", "olga")
    did(walk.press("Opt back in"), 6)


def support(walk: Walk) -> None:
    did(by_card(walk, "tom"), 1)
    did(identify(walk, "paul"), 2)
    code = given_code(walk)
    walk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    walk.page.get_by_role("button", name=walk._("Copy"), exact=True).click()
    walk.page.get_by_role("button", name=walk._("Copied"), exact=True).wait_for()
    assert walk.page.evaluate("navigator.clipboard.readText()") == code
    walk.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    walk.page.get_by_role("button", name=walk._("Copied"), exact=True).click()
    walk.page.get_by_role("button", name=walk._("Press Ctrl+C"), exact=True).wait_for()
    assert walk.page.evaluate("getSelection().toString()") == code, "it is selected"
    did(walk, 3)
    did(by_code(walk, "paul", code), 4)


def send_back(walk: Walk) -> None:
    did(by_card(walk, "rosa"), 1)
    serial = walk.shown.cards["rosa"].serial
    open_page(walk).follow("Details", walk.cards_row(serial)).press("Send it back", walk.cards_row(serial))
    did(walk.press("I have sent it", Tracking_number="RR 123 456 785 CH"), 2)
    did(by_card(walk, "uma").press("It has arrived", serial), 3)


WALKS: dict[str, Callable[[Walk], None]] = {
    "login": login,
    "order": order,
    "lose": lose,
    "share": share,
    "push": push,
    "opt-out": opt_out,
    "support": support,
    "return": send_back,
}


@pytest.mark.parametrize("story", STORIES, ids=[story.id for story in STORIES])
def test_a_story_is_done_on_a_phone_with_what_the_pages_say(walk: Walk, story: Story) -> None:
    walk.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    walk.open("/").press("Start", walk._(story.title))
    walk.page.wait_for_function("scrollY === 0")
    WALKS[story.id](did(walk, 0))
    assert walk._("This story is finished.") in walk.page.locator(".guide").inner_text()
    assert walk._("finished") in walk.open("/demonstration").text
