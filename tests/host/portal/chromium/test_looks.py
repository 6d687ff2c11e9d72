"""The look and use of the pages: narrow and wide, light and dark, by keyboard alone, and without JavaScript."""

import re

import pytest
from playwright.sync_api import Locator, expect
from tests.host.portal.chromium.card_requests import requested
from tests.host.portal.chromium.support_calls import identified
from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Kind, Scope
from dsc_host.portal.demo.demonstration import CARL, DEMO_PASSWORD, PIN
from dsc_host.portal.wording import SCOPES

MEMBERS = (
    "/", "/devices", "/phones", "/password", "/request", "/share", "/protection", "/opt-out", "/opt-in", "/withdraw", "/close",
    "/profile/email", "/profile/bank",
)  # fmt: skip
PAGES = {
    "anna": (*MEMBERS, "/demonstration", "/card", "/phone", "/outbox"),
    "carl": ("/devices",),
    "ivo": ("/issuer",),
    "cleo": ("/compliance",),
}
SIZES = [(1440, 900), (768, 1024), (320, 640)]
LARGE, NARROW = (3840, 2160), SIZES[-1]
_KEPT = {"/login/answer": "login", "/devices": "devices"}
"""The pages whose pictures are kept in every size."""
_REACHED = """() => [...document.querySelectorAll("main input:not([type=hidden]), main button, main a")]
    .filter((each) => each.checkVisibility()).filter((each) => { each.focus(); return !(document.activeElement === each
    && (getComputedStyle(each).outlineStyle !== "none" || each.type === "radio")); }).map((each) => each.outerHTML)"""

_BOXES = """() => [...document.querySelectorAll(".card img, .keys button")].map((each) => {
    const box = each.getBoundingClientRect(); return [each.value ?? "", [box.x, box.y, box.width, box.height]]; })"""


_BROKEN = """() => [...document.querySelectorAll("dt")].filter((each) => {
    const width = each.getBoundingClientRect().width; each.style.width = "min-content";
    const least = each.getBoundingClientRect().width; each.style.width = ""; return least > width + 0.5;
    }).map((each) => each.textContent)"""
"""A script that returns the names of values whose words are broken because their column is too narrow."""


def fits(person: Walk, size: tuple[int, int]) -> None:
    """Check that nothing is wider than the window, and that no word of a value's name is broken."""
    person.page.set_viewport_size({"width": size[0], "height": size[1]})
    wide = person.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size[0], f"{person.path} is {wide} px wide"
    assert person.page.evaluate(_BROKEN) == [], person.path
    name = _KEPT.get(person.path)
    if person.pictures is not None and name is not None:
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme)
            person.picture(f"{name}-{size[0]}-{scheme}")


def looked_at(person: Walk) -> None:
    """Examine the open page, which axe-core has already examined wide and light."""
    for size in (LARGE, *SIZES) if person.path in _KEPT else SIZES:
        fits(person, size)
    person.page.emulate_media(color_scheme="dark")
    person.examine("dark and narrow")
    assert person.page.evaluate(_REACHED) == [], f"{person.path}: each field, button and link is reached by keyboard"
    person.page.emulate_media(color_scheme="light")
    person.page.set_viewport_size({"width": 1000, "height": 720})


def test_every_page_fits_its_window_has_enough_contrast_and_is_used_by_keyboard(walk: Walk) -> None:
    requested(walk.enter_by_sms("carl"))
    looked_at(walk.open("/").out())
    walk.half_way("anna", Kind.DSC_PLUS)
    looked_at(walk.open("/login/answer"))
    for name, paths in PAGES.items():
        (walk.enter_by_sms if name == "carl" else walk.enter)(name)
        for path in paths:
            walk.open(path)
            if path in ("/password", "/close"):
                walk.picture(path[1:])
            looked_at(walk)
    desk = identified(walk, "carl", CARL)
    looked_at(desk)
    looked_at(desk.press("Issue", desk._("Security code card")))
    looked_at(desk.press("Issue the card"))


@pytest.mark.parametrize("language", ["de", "ru"])
def test_other_languages_fit_too(walk: Walk, language: str) -> None:
    requested(walk.enter_by_sms("carl"))
    options = {"viewport": {"width": NARROW[0], "height": NARROW[1]}, "locale": language}
    person = walk.another(**options)
    person.scripts = False
    fits(person.open("/login"), NARROW)
    person.picture("login")
    person.half_way("anna", Kind.DSC_PLUS)
    fits(person.open("/login/answer"), NARROW)
    person.picture("login-card")
    for name, paths in PAGES.items():
        (person.enter_by_sms if name == "carl" else person.enter)(name)
        for path in paths:
            fits(person.open(path), NARROW)
            assert person.page.locator("html").get_attribute("lang") == language
            if path == "/protection":
                person.picture("protection")
    person.enter("sue")
    assert walk.shown.system.staff.identify(person.token, "carl", CARL)
    fits(person.open("/desk"), NARROW)
    for _step in ("question", "card"):
        with person.page.expect_navigation():
            person.page.locator("form[action='/desk/code-card'] button").click()
    assert len(person.codes) == 224
    fits(person, NARROW)


def test_every_row_that_is_a_card_has_the_same_distances(walk: Walk) -> None:
    walk.open("/components").page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    below = "(rows) => rows.map((row) => [...row.children].map((each) => getComputedStyle(each).paddingBottom))"
    first, *others = walk.page.locator(".table:not(.dense, .even)").first.locator("tbody tr:not(.group)").evaluate_all(below)
    assert others
    assert all(one == other for each in others for one, other in zip(first, each, strict=False))


_SKIP = """() => {
    const link = document.activeElement, left = (each) => Math.round(each.getBoundingClientRect().left);
    const top = document.querySelector("header").getBoundingClientRect().top;
    return [left(link) - left(document.querySelector(".site")), top, getComputedStyle(link).outlineWidth]; }"""
"""A script that returns the pixels from the column's edge to the focused link, the header's top, and the width of the ring."""


def test_a_login_by_keyboard_alone(walk: Walk) -> None:
    keys = walk.open("/login/help").page.keyboard
    keys.press("Tab")
    assert walk.page.evaluate("document.activeElement.textContent") == walk._("Skip to the content")
    assert walk.page.evaluate(_SKIP) == [0, 0, "3px"], "at the edge of the column, above a page that stays where it is"
    walk.picture("keyboard-skip")
    keys.press("Enter")
    walk.open("/login")
    keys.type("anna")
    keys.press("Tab")
    keys.type(DEMO_PASSWORD)
    keys.press("Enter")
    walk.page.wait_for_url("**/login/answer")
    assert walk.page.evaluate("document.activeElement.name") == "answer"
    keys.type(walk.card("anna", walk.read))
    walk.picture("keyboard-focus")
    keys.press("Enter")
    walk.page.wait_for_url(walk.address + "/")
    assert walk._(SCOPES[Scope.FULL]) in walk.text


def tabbed(walk: Walk, to: Locator) -> None:
    """Press Tab until this element has the focus, at most ten times."""
    for _ in range(10):
        walk.page.keyboard.press("Tab")
        if to.evaluate("(each) => document.activeElement === each"):
            return
    raise AssertionError("it is not reached")


def placed(person: Walk) -> dict[str, tuple[float, float, float, float]]:
    """Return the position of each button of the card, in hundredths of the drawing."""
    card, *buttons = person.page.evaluate(_BOXES)
    assert min(min(box[2:]) for _, box in buttons) >= 24, "large enough to be hit"
    (left, top, width, height) = card[1]
    return {
        name: ((x - left) / width * 100, (y - top) / height * 100, wide / width * 100, high / height * 100)
        for name, (x, y, wide, high) in buttons
    }


@pytest.mark.parametrize("path", ["/login/answer", "/card"])
def test_the_buttons_lie_over_the_drawn_keys(walk: Walk, path: str) -> None:
    walk.half_way("anna", Kind.DSC_PLUS)
    walk.open(path)
    keys = walk.shown.cards["anna"].keys
    drawn = {name: pytest.approx((key.left, key.top, key.width, key.height), abs=0.3) for name, key in keys.items()}
    for number, width in enumerate((320, 480, 800, 1440, 3840), 1):
        walk.page.set_viewport_size({"width": width, "height": 900})
        assert placed(walk) == drawn
        walk.click_drawn("PRESS" if number == 1 else "2")
        expect(walk.display).to_have_text("PIN>" + "*" * (number - 1))
    assert walk.path == path


def test_the_card_is_between_challenge_and_response_on_a_phone(walk: Walk) -> None:
    person = walk.another(has_touch=True)
    person.half_way("anna", Kind.DSC_PLUS)
    person.open("/login/answer")
    for width, key, shows in ((320, "PRESS", "PIN>"), (375, "2", "PIN>*")):
        person.page.set_viewport_size({"width": width, "height": 667})
        assert all(min(box[2:]) >= 32 for name, box in person.page.evaluate(_BOXES) if name), "large enough for a finger"
        places = [person.page.locator(each).bounding_box() for each in (".shown output", ".card output", "[name=answer]")]
        assert [each["y"] for each in places if each] == sorted(each["y"] for each in places if each)
        person.page.locator(f".keys button[value='{key}']").tap()
        expect(person.display).to_have_text(shows)
    assert person.path == "/login/answer"


def test_the_card_is_used_by_keyboard(walk: Walk) -> None:
    walk.half_way("anna", Kind.DSC_PLUS)
    keys = walk.open("/login/answer").page.keyboard
    card, press = walk.page.locator(".face"), walk.page.locator(".keys button[value=PRESS]")
    walk.page.locator("[name=answer]").focus()
    keys.type("77")
    assert walk.page.locator("[name=answer]").input_value() == "77", "keys are the card's only when it has the focus"
    walk.page.locator("h1").click()
    tabbed(walk, press)
    keys.type("1")
    expect(walk.display).to_have_text(walk._("The card is off: press “press” first."))
    tabbed(walk, press)
    keys.press("Enter")
    expect(walk.display).to_have_text("PIN>")
    assert walk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keys.type("1")
    keys.press("Backspace")
    keys.type(PIN)
    expect(walk.display).to_have_text("PIN>****")
    assert card.evaluate("(each) => document.activeElement === each"), "so that Enter is OK"
    keys.press("Enter")
    expect(walk.display).to_have_text("CHALLNG>")
    keys.press("p")
    expect(walk.display).to_have_text(walk._("The display is off."))
    assert walk.path == "/login/answer"


def test_a_card_that_is_off_asks_nothing(walk: Walk) -> None:
    asked: list[str] = []
    walk = walk.tab()
    walk.page.on("request", lambda request: asked.append(request.url) if "/card.json" in request.url else None)
    walk.page.clock.install()
    walk.half_way("anna", Kind.DSC_PLUS)
    walk.open("/login/answer").page.clock.run_for(10_000)
    assert asked == []
    walk.page.keyboard.press("Tab")
    walk.click_drawn("PRESS")
    expect(walk.display).to_have_text("PIN>")
    with walk.page.expect_request("**/card.json*"):
        walk.page.clock.run_for(2_000)


def test_the_card_shows_no_response_to_an_earlier_challenge(walk: Walk) -> None:
    walk.begin("anna").click_drawn("PRESS", *PIN, "OK", *walk.read, "OK")
    expect(walk.display).to_have_text(re.compile(r"^\d{8}$"))
    response = walk.display.inner_text()
    assert walk.open("/login/answer").display.inner_text() == response, "it is the response to this challenge"
    walk.press("Log in", Response=response).out().begin("anna")
    expect(walk.display).to_have_text(walk._("The display is off."))


def test_without_javascript_the_keys_open_the_card_in_one_other_tab(walk: Walk) -> None:
    plain = walk.another(java_script_enabled=False).begin("sue")
    with plain.page.context.expect_page() as opened:
        plain.page.locator(".keys button[value=PRESS]").click()
    card = opened.value
    expect(card.locator(".card output")).to_have_text("PIN>")
    assert card.locator("h1").inner_text() == walk._("Card of {name}", name="sue")
    plain.page.locator(f".keys button[value='{PIN[0]}']").click()
    expect(card.locator(".card output")).to_have_text("PIN>*")
    for key in (*PIN[1:], "OK", *plain.read, "OK"):
        walk.shown.cards["sue"].press(key)
    assert len(plain.page.context.pages) == 2
    assert plain.press("Log in", Response=walk.shown.cards["sue"].display).path == "/desk"


def test_the_password_is_shown_while_its_box_is_ticked_and_no_longer(walk: Walk) -> None:
    walk.open("/login")
    field, box = walk.field("Password"), walk.field("Show the password")
    field.fill(DEMO_PASSWORD)
    box.check()
    assert field.get_attribute("type") == "text"
    walk.examine("password shown")
    box.uncheck()
    assert field.get_attribute("type") == "password"
    plain = walk.another(java_script_enabled=False).open("/login")
    assert not plain.field("Show the password").is_visible()


@pytest.mark.parametrize("shown", [{"login": {"code_again": 3}}], indirect=True)
def test_the_time_until_a_new_code_is_counted_down(walk: Walk) -> None:
    walk.half_way("carl", Kind.SMS)
    walk.open("/login/answer")
    again = walk.button("Send a new code")
    expect(again).to_be_disabled()
    expect(again).to_be_enabled()
    expect(walk.page.locator("#again")).to_be_hidden()
    again.click()
    assert walk.has_notice("code_sent")


_IN_SIGHT = """(names) => names.filter((name) => { const box = document.querySelector(name).getBoundingClientRect();
    return box.top < 0 || box.bottom > innerHeight; })"""
"""A script that returns which of these elements are not wholly in the window."""


@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_after_a_wrong_response_a_phone_shows_the_message_the_challenge_the_card_and_the_field(walk: Walk) -> None:
    person = walk.another(viewport={"width": 375, "height": 667}, has_touch=True)
    person.half_way("anna", Kind.DSC_PLUS)
    person.open("/login/answer").press("Log in", Response="00000000")
    needed = [".error", ".shown output", ".card img", "[name=answer]"]
    person.click_drawn("PRESS", *PIN, "OK", *person.read, "OK")
    expect(person.page.locator(".anew")).to_be_visible()
    assert person.page.evaluate(_IN_SIGHT, [*needed, ".anew", "form.filled button"]) == []
    places = [person.page.locator(each).bounding_box() for each in needed]
    assert [each["y"] for each in places if each] == sorted(each["y"] for each in places if each)
    assert person.page.evaluate("scrollY") == 0
    steps = person.page.locator(".instructions")
    expect(steps).to_be_hidden()
    person.page.get_by_text(walk._("Instructions"), exact=True).click()
    expect(steps).to_be_visible()
    wide = walk.another(viewport={"width": 1280, "height": 800})
    wide.half_way("anna", Kind.DSC_PLUS)
    expect(wide.open("/login/answer").press("Log in", Response="00000000").page.locator(".instructions")).to_be_visible()


def test_the_overview_on_a_phone_answers_in_its_first_screen_and_folds_the_rest(walk: Walk) -> None:
    person = walk.another(viewport={"width": 375, "height": 667})
    person.enter("anna")
    person.open("/")
    assert person.page.evaluate(_IN_SIGHT, [".alert.success", ".icon-links"]) == [], "safe, and what can be done"
    assert person.page.evaluate("document.documentElement.scrollHeight") <= 2 * 667
    session = person.page.get_by_text(walk._("Access in this session"), exact=True)
    expect(session).to_be_hidden()
    person.page.get_by_text(walk._("This session"), exact=True).first.click()
    expect(session).to_be_visible()
    person.page.set_viewport_size({"width": 1280, "height": 800})
    expect(person.page.locator(".foldable summary").first).to_be_hidden()
    person.page.locator(".foldable a").first.focus()
    assert person.page.evaluate("document.activeElement.pathname") == "/events"
    expect(person.page.get_by_role("heading", name=walk._("Recent activity"), exact=True)).to_be_visible()
