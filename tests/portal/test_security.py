"""What protects the pages: each attack is refused, and leaves nothing behind."""

import httpx
import pytest
from tests.login.town import PASSWORD, Town
from tests.portal.browsing import Browsers, enter

from dsc_host.portal.app import POST
from dsc_host.portal.security import MOST_BYTES, csrf

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", POST)
def test_no_post_without_a_token_of_this_visitor(town: Town, browser: Browsers, path: str) -> None:
    anna, other = enter(town, browser()), browser()
    before = anna.open("/devices").text
    for body in ({"other": "x"}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": other.csrf}, {"csrf": "\u00e9"}):
        assert anna.client.post(path, data=body).status_code == 403
    assert anna.open("/devices").text == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://portal.example.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_no_post_from_another_site(town: Town, browser: Browsers, headers: dict[str, str]) -> None:
    anna = enter(town, browser())
    answer = anna.client.post("/logout", data={"csrf": anna.csrf}, headers=headers)
    assert answer.status_code == 403
    assert anna.open("/devices").status == 200


def test_the_token_changes_at_each_step(town: Town, browser: Browsers) -> None:
    anna = browser()
    tokens = [anna.cookie]
    question = anna.press("Continue", name="anna", password=PASSWORD).shown
    tokens.append(anna.cookie)
    anna.press("Log in", answer=town.respond("IB3000901", question))
    tokens.append(anna.cookie)
    assert len(set(tokens)) == 3
    for old in tokens[:2]:
        thief = browser()
        thief.client.cookies.set("session", old, domain="portal.example")
        assert thief.open("/devices").path == "/login"


def test_a_token_that_was_planted_becomes_nobodys_session(town: Town, browser: Browsers) -> None:
    planted = "v." + "A" * 43
    victim = browser()
    victim.client.cookies.set("session", planted, domain="portal.example", path="/")
    victim.open("/login")
    enter(town, victim)
    thief = browser()
    thief.client.cookies.set("session", planted, domain="portal.example", path="/")
    assert thief.open("/devices").path == "/login"


@pytest.mark.parametrize("path", ["/", "/devices", "/request", "/withdraw", "/share", "/protection", "/password", "/close"])
def test_no_step_of_the_login_can_be_skipped(town: Town, browser: Browsers, path: str) -> None:
    anna = browser()
    anna.press("Continue", name="anna", password=PASSWORD)
    assert anna.open(path).path.startswith("/login")


def test_the_headers_of_every_page(town: Town, browser: Browsers) -> None:
    anna = enter(town, browser())
    for path in ("/", "/devices", "/nowhere", "/static/portal.css"):
        headers = anna.open(path).response.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == ("max-age=300" if "static" in path else "no-store")


def test_no_page_has_a_script_or_a_style_inside(town: Town, browser: Browsers) -> None:
    anna = enter(town, browser())
    for path in ("/", "/devices", "/protection", "/share", "/request"):
        page = anna.open(path)
        assert "<style" not in page.html
        assert " style=" not in page.html
        assert "<script>" not in page.html
        assert " onclick" not in page.html


def test_cookies_cannot_be_read_by_scripts_nor_sent_by_others(browser: Browsers) -> None:
    cookies = browser().page.response.headers.get_list("set-cookie")
    assert cookies
    assert all("HttpOnly" in each and "SameSite=strict" in each and "Path=/" in each for each in cookies)


@pytest.mark.parametrize("host", ["evil.example", "", "portal.example.evil.example", "portal.example@evil.example", "a" * 300])
def test_another_host_is_refused(browser: Browsers, host: str) -> None:
    assert browser().client.get("/login", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"a" * (MOST_BYTES + 1), FORM, 413),
        (b"csrf=1&csrf=2", FORM, 400),
        (b"&".join(b"a%d=1" % number for number in range(101)), FORM, 400),
        (b"name=%ff", FORM, 400),
        (b"name=%00", FORM, 400),
        (b"\xff", FORM, 400),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"x", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b"", {}, 415),
    ],
)
def test_what_is_no_form_is_refused(browser: Browsers, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = browser().client.post("/login", content=body, headers=headers)
    assert answer.status_code == status
    assert "That did not work" in answer.text


@pytest.mark.parametrize("cookie", ["", "x", "a" * 5000, "v.", "%0d%0aset-cookie:a=b", "é", "v." + "A" * 43 + "; b"])
def test_any_cookie_may_be_sent(browser: Browsers, cookie: str) -> None:
    headers = httpx.Headers([(b"cookie", b"session=" + cookie.encode("latin-1"))])
    visitor = browser()
    visitor.client.cookies.clear()
    answer = visitor.client.get("/login", headers=headers)
    assert answer.status_code == 200


def test_a_way_back_leads_nowhere_else(town: Town, browser: Browsers) -> None:
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
