"""A form whose button is pressed twice before the response arrives."""

from playwright.sync_api import Request
from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Kind

_SLOW_NETWORK = {"offline": False, "latency": 500, "downloadThroughput": -1, "uploadThroughput": -1}
"""A network in which each response takes half a second: enough for the second press."""


def test_a_button_pressed_twice_sends_its_form_once(walk: Walk) -> None:
    walk = walk.tab()
    shows = walk.half_way("anna", Kind.DSC_PLUS).offer.shows
    walk.open("/login/answer").field("Response").fill(walk.card("anna", shows["challenge"]))
    sent: list[Request] = []
    walk.page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    walk.page.context.new_cdp_session(walk.page).send("Network.emulateNetworkConditions", _SLOW_NETWORK)
    button = walk.button("Log in")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    with walk.page.expect_request(lambda request: request.method == "POST"):
        walk.page.mouse.click(*middle)
    walk.page.mouse.click(*middle)
    walk.page.wait_for_url(lambda url: not url.endswith("/login/answer"))
    assert (walk.path, len(sent)) == ("/", 1)
