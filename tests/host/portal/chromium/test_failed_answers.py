"""Scripts that ask the server repeatedly go on after an answer that fails."""

from playwright.sync_api import Route
from tests.host.portal.chromium.phone_apps import activate_phone
from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Kind

_HURRY = "const wait = window.setTimeout; window.setTimeout = (work, ms) => wait(work, ms / 20);"
"""A script that speeds up the timers of a page, which asks every second or two."""


def test_the_page_goes_on_asking_about_a_push_after_answers_that_fail(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    walk = walk.tab()
    walk.page.add_init_script(_HURRY)
    broken = [(200, '{"status": "wai'), (502, "bad gateway"), (429, "too many")]

    def answer(route: Route) -> None:
        if not broken:
            route.continue_()
            return
        status, body = broken.pop(0)
        route.fulfill(status=status, body=body)

    walk.page.route("**/login/pushed", answer)
    number = walk.begin("carl").read
    phone.press("Check for a waiting login").press("Approve with my fingerprint", Number_on_the_login_page=number)
    walk.page.wait_for_url(walk.address + "/")
    assert not broken


def test_the_page_goes_on_asking_for_the_display_after_an_answer_that_fails(walk: Walk) -> None:
    walk = walk.tab()
    walk.page.add_init_script(_HURRY)
    walk.half_way("anna", Kind.DSC_PLUS)
    walk.open("/login/answer")
    failed: list[str] = []

    def answer(route: Route) -> None:
        if failed:
            route.continue_()
            return
        failed.append(route.request.url)
        route.fulfill(status=502, body="bad gateway")

    walk.page.route("**/card.json*", answer)
    with walk.page.expect_response(lambda response: "/card.json" in response.url and response.ok):
        walk.click_drawn("PRESS")
    assert failed
