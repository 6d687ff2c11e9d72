"""How the pages look and are used: narrow and wide, light and dark, by keyboard alone, and without JavaScript."""

import pytest
from playwright.sync_api import expect
from tests.portal.chromium.card_requests import fill
from tests.portal.chromium.support_calls import identify_carl
from tests.portal.chromium.walking import Walk

from dsc_host.portal.demonstration import PIN, SESAME

PAGES = ("/", "/devices", "/phones", "/password", "/request", "/share", "/protection", "/opt-out", "/withdraw", "/close")
SIZES = [(320, 640), (768, 1024), (1440, 900), (3840, 2160)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_page_fits_its_window_and_has_enough_contrast(walk: Walk, size: tuple[int, int], scheme: str) -> None:
    viewport = {"width": size[0], "height": size[1]}
    person = walk.another(viewport=viewport, color_scheme=scheme)
    person.begin("anna").picture(f"login-{size[0]}-{scheme}")
    assert person.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    person.press("Log in", Response=walk.card("anna", person.read))
    for path in (*PAGES, "/demonstration", "/card", "/phone", "/outbox"):
        person.open(path)
        wide = person.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size[0], f"{path} is {wide} px wide"
    person.open("/devices").picture(f"devices-{size[0]}-{scheme}")


@pytest.mark.parametrize("language", ["de", "ru"])
def test_other_languages_fit_too(walk: Walk, language: str) -> None:
    person = walk.another(viewport={"width": 320, "height": 640}, locale=language)
    person.open("/login").picture(f"login-{language}")
    person.page.locator("input[name=name]").fill("anna")
    person.page.locator("input[name=password]").fill(SESAME)
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**/login/answer")
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 320
    person.picture(f"login-card-{language}")
    person.page.locator("input[name=answer]").fill(walk.card("anna", person.read))
    person.page.keyboard.press("Enter")
    person.page.wait_for_url(walk.address + "/")
    for path in PAGES:
        person.open(path)
        wide = person.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, f"{path} is {wide} px wide"
    person.open("/protection").picture(f"protection-{language}")


@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_the_desks_and_the_longest_pages_fit_a_narrow_window(walk: Walk, language: str) -> None:
    walk.enter_by_sms("carl").open("/request")
    fill(walk, "7391")
    walk.press("Continue").press("Continue")
    sheet = identify_carl(walk.another().enter("sue").open("/desk")).press("Issue a security code card")
    assert len(sheet.codes) == 224
    for name, path in (("sue", "/desk"), ("ivo", "/issuer"), ("cleo", "/compliance"), ("carl", "/devices"), ("anna", "/share")):
        person = walk.another(viewport={"width": 320, "height": 640})
        (person.enter if name != "carl" else person.enter_by_sms)(name).open(path)
        person.page.locator(f"button[value={language}]").click()
        person.page.wait_for_load_state()
        assert person.page.locator("html").get_attribute("lang") == language
        wide = person.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, f"{path} in {language} is {wide} px wide"


def test_a_login_by_keyboard_alone(walk: Walk) -> None:
    keys = walk.open("/login").page.keyboard
    keys.press("Tab")
    assert walk.page.evaluate("document.activeElement.textContent") == "Skip to the page"
    walk.picture("keyboard-skip")
    keys.press("Enter")
    keys.press("Tab")
    keys.type("anna")
    keys.press("Tab")
    keys.type(SESAME)
    keys.press("Enter")
    walk.page.wait_for_url("**/login/answer")
    for _ in range(10):
        keys.press("Tab")
        if walk.page.evaluate("document.activeElement.name") == "answer":
            break
    keys.type(walk.card("anna", walk.read))
    walk.picture("keyboard-focus")
    keys.press("Enter")
    walk.page.wait_for_url(walk.address + "/")
    assert "Everything: trading" in walk.text


def test_every_field_and_button_can_be_reached_by_keyboard(walk: Walk) -> None:
    walk.enter("anna")
    for path in (*PAGES, "/card"):
        walk.open(path)
        wanted = walk.page.locator("main :is(input:not([type=hidden]), button, a)").count()
        reached = walk.page.evaluate(
            """() => [...document.querySelectorAll("main input:not([type=hidden]), main button, main a")]
            .filter((each) => { each.focus(); return document.activeElement === each
                && getComputedStyle(each).outlineStyle !== "none" || each.type === "radio"; }).length"""
        )
        assert reached == wanted, path


def placed(person: Walk) -> dict[str, tuple[float, float, float, float]]:
    """Where each button of the card is, in hundredths of the drawing."""
    card = person.page.locator(".card img").bounding_box()
    assert card is not None
    found = {}
    for button in person.page.locator(".keys button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24, "large enough to be hit"
        found[button.get_attribute("value") or ""] = (
            (box["x"] - card["x"]) / card["width"] * 100,
            (box["y"] - card["y"]) / card["height"] * 100,
            box["width"] / card["width"] * 100,
            box["height"] / card["height"] * 100,
        )
    return found


@pytest.mark.parametrize("width", [480, 800, 1440, 3840])
def test_the_buttons_lie_over_the_drawn_keys(walk: Walk, width: int) -> None:
    person = walk.another(viewport={"width": width, "height": 900}).begin("anna")
    keys = walk.shown.cards["anna"].keys
    drawn = {name: (key.left, key.top, key.width, key.height) for name, key in keys.items()}
    for path, shows in (("/login/answer", "PIN>*"), ("/card", "")):
        person.open(path)
        assert placed(person) == {name: pytest.approx(box, abs=0.3) for name, box in drawn.items()}
        person.click_drawn("PRESS", "2")
        expect(person.display).to_have_text(shows)
        assert person.path == path


@pytest.mark.parametrize("width", [320, 400])
def test_where_the_drawn_keys_are_small_large_ones_lie_below(walk: Walk, width: int) -> None:
    person = walk.another(viewport={"width": width, "height": 640}, has_touch=True).begin("anna")
    for path, shows in (("/login/answer", "PIN>*"), ("/card", "")):
        person.open(path)
        assert min(top for _, top, _, _ in placed(person).values()) >= 100
        assert all(box["height"] >= 44 for each in person.page.locator(".keys button").all() if (box := each.bounding_box()))
        for key in ("press", "2"):
            person.button(key).tap()
        expect(person.display).to_have_text(shows)
        assert person.path == path


@pytest.mark.parametrize("width", [320, 1000])
def test_the_cards_keys_are_pressed_by_keyboard(walk: Walk, width: int) -> None:
    walk.page.set_viewport_size({"width": width, "height": 720})
    keys = walk.begin("anna").page.keyboard
    walk.page.get_by_role("button", name="Log in").focus()
    keys.press("Tab")
    keys.press("Enter")
    expect(walk.display).to_have_text("PIN>")
    for place in (2, 8, 4, 6):
        walk.page.locator(f".keys button:nth-of-type({place + 1})").focus()
        keys.press("Space")
    expect(walk.display).to_have_text("PIN>****")
    assert walk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(7):
        keys.press("Tab")
        if walk.page.evaluate("document.activeElement.value") == "OK":
            break
    keys.press("Enter")
    expect(walk.display).to_have_text("CHALLNG>")
    assert walk.path == "/login/answer"


def test_without_javascript_the_keys_open_the_card_in_one_other_tab(walk: Walk) -> None:
    plain = walk.another(java_script_enabled=False).begin("sue")
    with plain.page.context.expect_page() as opened:
        plain.button("press").click()
    card = opened.value
    expect(card.locator(".card output")).to_have_text("PIN>")
    assert card.locator("h1").inner_text() == "Card of sue"
    for number, key in enumerate(PIN, 1):
        plain.button(key).click()
        expect(card.locator(".card output")).to_have_text("PIN>" + "*" * number)
    for key in ("OK", *plain.read, "OK"):
        with card.expect_navigation():
            card.get_by_role("button", name=key, exact=True).click()
    assert len(plain.page.context.pages) == 2
    assert plain.press("Log in", Response=card.locator(".card output").inner_text()).path == "/"


def test_without_javascript_the_login_the_card_and_the_request_work(walk: Walk) -> None:
    plain = walk.another(java_script_enabled=False)
    plain.begin("anna")
    card = plain.tab().open("/demonstration").press("Card", f"anna {walk.shown.people['anna']}")
    for key in ("press", *PIN, "OK", *plain.read, "OK"):
        card.press(key)
    plain.press("Log in", Response=card.page.locator(".card output").inner_text())
    assert plain.path == "/"
    plain.open("/protection").follow("Opt out").choose("anna", "Opt out", I_know_what_is_lost="yes")
    assert "is switched off" in plain.notice


def test_nothing_is_asked_of_any_other_place(walk: Walk) -> None:
    asked: list[str] = []
    walk.page.on("request", lambda request: asked.append(request.url))
    broken: list[str] = []
    walk.page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    walk.enter("anna")
    for path in PAGES:
        walk.open(path)
    assert asked
    assert [url for url in asked if not url.startswith(walk.address)] == []
    assert broken == []
