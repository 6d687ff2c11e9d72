"""The page of all components, in every state, as a browser draws it."""

import pytest
from tests.host.portal.chromium.walk import Walk

_COLOR = (
    "(each) => { const style = getComputedStyle(each); return [style.backgroundColor, style.color, style.borderColor].join() }"
)
_LIGHTNESS = (
    "() => getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/g).reduce((sum, each) => sum + +each, 0)"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_components_fit_are_accessible_and_look_different(walk: Walk, scheme: str) -> None:
    walk.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    walk.open("/components")
    assert (walk.page.evaluate(_LIGHTNESS) > 384) == (scheme == "light")
    kinds = (".primary", "form.filled .danger", ".buttons button:not([class])", ".items .danger")
    looks = [walk.page.locator(each).first.evaluate(_COLOR) for each in kinds]
    looks += [
        walk.page.locator(f".{each}").first.evaluate(_COLOR)
        for each in ("alert.success", "alert.info", "alert.warning", "alert.danger")
    ]
    assert len(set(looks)) == len(looks)
    for width in (1280, 375, 320):
        walk.page.set_viewport_size({"width": width, "height": 720})
        walk.examine(f"{scheme} {width}")
        assert walk.page.evaluate("document.documentElement.scrollWidth") == width
        walk.picture(f"components-{width}-{scheme}")
    question = walk.page.get_by_role("group", name=walk._("Name a device"), exact=True)
    assert (question.is_visible(), walk.field("Code").get_attribute("aria-invalid")) == (True, "true")
    assert walk.press("Continue").error
    walk.examine(f"refused {scheme}")


def test_a_dialogue_opens_and_closes_without_a_script(walk: Walk) -> None:
    plain = walk.another(java_script_enabled=False).open("/components")
    dialogue = plain.page.get_by_role("dialog", name=walk._("Remove the number?"), exact=True)
    assert not dialogue.is_visible()
    plain.button("Remove").first.click()
    assert dialogue.is_visible()
    dialogue.get_by_role("button", name=walk._("Cancel")).click()
    assert not dialogue.is_visible()
    plain.button("Remove").first.click()
    plain.page.keyboard.press("Escape")
    assert not dialogue.is_visible()


def test_print_shows_the_content_in_black_on_white_without_the_buttons(walk: Walk) -> None:
    walk.open("/components").page.emulate_media(media="print", color_scheme="dark")
    assert walk.page.evaluate(_LIGHTNESS) == 3 * 255
    assert walk.page.locator(".alert h3").first.is_visible()
    assert not any(each.is_visible() for each in walk.page.locator("button, header, footer").all())
    walk.page.emulate_media(media="screen")
