"""How the pages look and are used: narrow and wide, light and dark, by keyboard alone, and without JavaScript."""

import pytest
from tests.portal.chromium.test_card_life import fill, identify_carl
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
    for path in PAGES:
        walk.open(path)
        wanted = walk.page.locator("main :is(input:not([type=hidden]), button, a)").count()
        reached = walk.page.evaluate(
            """() => [...document.querySelectorAll("main input:not([type=hidden]), main button, main a")]
            .filter((each) => { each.focus(); return document.activeElement === each
                && getComputedStyle(each).outlineStyle !== "none" || each.type === "radio"; }).length"""
        )
        assert reached == wanted, path


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
