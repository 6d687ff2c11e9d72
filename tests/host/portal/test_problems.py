"""The pages that explain a problem: each has a title of its own, plain words, and a button that leads on."""

import re
import threading
from typing import Any

import pytest
from starlette.responses import Response
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, Page, enter

from dsc_host.login import NotAllowed, TooManyAttempts
from dsc_host.portal.languages import load
from dsc_host.portal.pages import security_events
from dsc_host.portal.site import Visit
from dsc_host.portal.views import View
from dsc_host.portal.wording import explained


def onward(page: Page) -> tuple[str, str]:
    """Return the address and the label of the primary link of a page."""
    found = re.search(r'class="button primary" href="([^"]*)">([^<]*)<', page.html)
    assert found, page.text
    return found[1], found[2]


def test_a_page_that_is_not_there_leads_to_where_the_visitor_begins(scenario: Scenario, browser: Browsers) -> None:
    for visitor, link in (
        (browser(), ("/login", "Log in")),
        (enter(scenario, browser()), ("/", "Overview")),
        (enter(scenario, browser(), "sue"), ("/desk", "Support desk")),
    ):
        page = visitor.open("/nowhere")
        assert (page.status, page.title, onward(page)) == (404, "Not found", link)


def test_a_forbidden_page_leads_to_the_overview(scenario: Scenario, browser: Browsers) -> None:
    page = enter(scenario, browser()).open("/issuer")
    assert (page.status, page.title, onward(page)) == (403, "You do not have permission", ("/", "Overview"))


def test_a_form_from_elsewhere_leads_back_to_its_page(scenario: Scenario, browser: Browsers) -> None:
    page = enter(scenario, browser()).post("/withdraw", csrf="0" * 64)
    assert "or came from another site.</h2>" in page.html, "what to do is below"
    assert (page.status, page.title, onward(page)) == (403, "This page has expired", ("/withdraw", "Back"))


def test_a_wrong_method_leads_to_where_the_visitor_begins(scenario: Scenario, browser: Browsers) -> None:
    page = enter(scenario, browser()).post("/events")
    assert (page.status, page.title) == (405, "This page cannot be opened in this way")
    assert onward(page) == ("/events", "Back")


def test_a_form_that_is_too_large_leads_back_to_its_page(scenario: Scenario, browser: Browsers) -> None:
    page = enter(scenario, browser()).post("/profile/address", address="x" * 100_000)
    assert (page.status, page.title, onward(page)) == (413, "That was too much", ("/profile/address", "Back"))


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (RuntimeError("a mistake"), 500, "Something went wrong"),
        (TooManyAttempts(60.0), 429, "Too many attempts"),
    ],
)
def test_what_may_work_later_is_tried_again(
    scenario: Scenario, browser: Browsers, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, title: str
) -> None:
    def fail(_text: str) -> int:
        raise error

    anna = enter(scenario, browser())
    transport: Any = anna.client._transport
    # The server logs an unexpected error after its answer. In the test, only the answer counts.
    monkeypatch.setattr(transport._inner, "raise_app_exceptions", False)
    monkeypatch.setattr(security_events, "_page", fail)
    page = anna.open("/events?page=2")
    assert (page.status, page.title, onward(page)) == (status, title, ("/events?page=2", "Try again"))
    assert 'href="/">Overview</a>' in page.html
    headers = page.response.headers
    assert (headers["x-frame-options"], headers["cache-control"]) == ("DENY", "no-store")
    assert "default-src 'none'" in headers["content-security-policy"]


def test_no_problem_is_explained_in_the_thread_that_serves_all_visitors(
    scenario: Scenario, browser: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    real = Visit.show

    def show(visit: Visit, view: View, status: int = 200) -> Response:
        threads.add(threading.current_thread())
        return real(visit, view, status)

    monkeypatch.setattr(Visit, "show", show)
    anna = enter(scenario, browser())
    for page in (anna.open("/nowhere"), anna.post("/events"), anna.post("/withdraw", csrf="x"), anna.open("/issuer")):
        assert page.status in (403, 404, 405)
    assert threading.current_thread() not in threads


def test_a_user_with_the_name_of_a_role_is_no_role() -> None:
    german = load()["de"]
    words = "only the account's primary user may change its security settings; ask {name}"
    assert "issuer" in explained(NotAllowed(words, name="issuer"), german)
    assert "issuer" not in explained(NotAllowed("only {role}, logged in with a device, may do this", role="issuer"), german)


def test_there_is_a_page_for_what_is_not_there(browser: Browsers) -> None:
    visitor = browser()
    assert (visitor.open("/nowhere").status, visitor.page.title) == (404, "Not found")
    toys = ("/demonstration", "/outbox", "/card", "/phone", "/card.svg", "/card.css", "/card.json", "/card.css?name=anna")
    assert {visitor.open(path).status for path in toys} == {404}
    assert visitor.post("/card/press", name="anna", key="PRESS").status == 404


def test_every_page_that_explains_a_problem_leads_on(scenario: Scenario, browser: Browsers) -> None:
    anna, stranger = enter(scenario, browser()), browser()
    for page in (anna.open("/nowhere"), anna.open("/desk"), anna.post("/pin", device="none"), anna.post("/withdraw", csrf="x")):
        assert 'href="/">Overview</a>' in page.html.partition("<main")[2], page.title
    assert 'href="/login">Log in</a>' in stranger.open("/nowhere").html
