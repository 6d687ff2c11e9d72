"""The protection of the pages: each attack is refused and leaves nothing behind."""

import re

from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers, come_with, enter, log_in

from dsc_host.portal.app import GET, POST
from dsc_host.portal.security import MOST_BYTES, csrf

MEMBERS = [path for path in GET if not path.startswith(("/login", "/lost", "/stop", "/contact"))]
FORM = {"content-type": "application/x-www-form-urlencoded"}


FORGED = (
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://portal.example.evil.example"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
)  # fmt: skip


def test_no_post_without_a_token_of_this_visitor_or_from_another_site(scenario: Scenario, browser: Browsers) -> None:
    anna, other = enter(scenario, browser()), browser()
    before = anna.open("/devices").text
    for path in POST:
        assert anna.client.post(path, data={"other": "x"}).status_code == 403, path
    for token in ("", "0" * 64, other.csrf, "\u00e9"):
        assert anna.client.post("/logout", data={"csrf": token}).status_code == 403, token
    for headers in FORGED:
        assert anna.client.post("/logout", data={"csrf": anna.csrf}, headers=headers).status_code == 403, headers
    assert anna.open("/devices").text == before


def test_a_token_that_was_planted_becomes_nobodys_session(scenario: Scenario, browser: Browsers) -> None:
    planted = "v." + "A" * 43
    log_in(scenario, come_with(browser(), planted))
    assert come_with(browser(), planted).open("/devices").path == "/login"


def test_no_step_of_the_login_can_be_skipped(browser: Browsers) -> None:
    stranger, half_way = browser(), browser()
    half_way.press("Continue", name="anna", password=PASSWORD)
    for path in MEMBERS:
        assert stranger.open(path).path == "/login", path
        assert half_way.open(path).path.startswith("/login"), path
    assert stranger.open("/lost/device").path == "/login"


def test_the_headers_of_every_page_and_no_script_or_style_inside(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    for path in ("/", "/devices", "/protection", "/share", "/request", "/nowhere", "/static/portal.css"):
        page = anna.open(path)
        assert not re.search("<style| style=|<script>| onclick", page.html)
        headers = page.response.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == ("max-age=300" if "static" in path else "no-store")


def test_cookies_cannot_be_read_by_scripts_nor_sent_with_forms_of_others(browser: Browsers) -> None:
    cookies = browser().page.response.headers.get_list("set-cookie")
    assert cookies
    assert all("HttpOnly" in each and "SameSite=lax" in each and "Path=/" in each for each in cookies)


def test_a_form_of_another_site_comes_without_the_cookie_and_its_answer_leaves_the_session_alone(browser: Browsers) -> None:
    visitor = browser()
    visitor.client.cookies.clear()
    for path in POST:
        answer = visitor.client.post(path, data={"csrf": "0" * 64}, headers={"sec-fetch-site": "cross-site"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), path


REFUSED: list[tuple[bytes, dict[str, str], int]] = [
    (b"a" * (MOST_BYTES + 1), FORM, 413),
    (b"csrf=1&csrf=2", FORM, 400),
    (b"&".join(b"a%d=1" % number for number in range(101)), FORM, 400),
    (b"name=%ff", FORM, 400),
    (b"name=%00", FORM, 400),
    (b"\xff", FORM, 400),
    (b"{}", {"content-type": "application/json"}, 415),
    (b"x", {"content-type": "multipart/form-data; boundary=x"}, 415),
    (b"", {}, 415),
]


def test_what_is_no_form_is_refused(browser: Browsers) -> None:
    visitor = browser()
    for body, headers, status in REFUSED:
        answer = visitor.client.post("/login", content=body, headers=headers)
        title = "That was too much" if status == 413 else "That did not work"
        assert (answer.status_code, title in answer.text) == (status, True), body


def test_a_way_back_leads_nowhere_else(scenario: Scenario, browser: Browsers) -> None:
    visitor = browser()
    for path in ("https://evil.example", "//evil.example", "/\\evil.example", "/\r\nx: y", "javascript:x"):
        answer = visitor.client.post(
            "/language", data={"csrf": visitor.csrf, "code": "de", "path": path}, follow_redirects=False
        )  # fmt: skip
        target = answer.headers.get("location", "/")
        assert target.startswith("/")
        assert not target.startswith(("//", "/\\"))
        assert "\n" not in target


def test_the_form_token_does_not_give_the_cookie_away() -> None:
    assert csrf("v.abc") != csrf("v.abd")
    assert "abc" not in csrf("v.abc")


def test_what_is_typed_is_shown_as_text(browser: Browsers) -> None:
    page = browser().press("Continue", name='"><script>x</script>{{7*7}}', password="x")
    assert "<script>x" not in page.html
    assert "{{7*7}}" in page.text or "&#34;&gt;&lt;script&gt;" in page.html
    assert "49" not in page.text
