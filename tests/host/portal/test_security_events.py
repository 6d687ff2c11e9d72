"""The page of the recent security events."""

import pytest
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, enter

from dsc_host.login import EventKind, Kind, WrongCredentials
from dsc_host.portal.pages.security_events import EVENTS


def test_a_user_reads_what_happened_page_by_page(scenario: Scenario, browser: Browsers) -> None:
    scenario.call("anna")
    anna = enter(scenario, browser())
    token = anna.cookie
    card = scenario.device(token, Kind.DSC_PLUS)
    for _ in range(20):
        scenario.system.name_device(token, card, "<b>mine</b>")
    assert 'href="/events"' in anna.open("/").html
    assert 'href="/events"' in anna.open("/profile").html
    page = anna.open("/events")
    assert (page.title, page.text.count("A device was given a name.")) == ("Security events", 20)
    assert ("&lt;b&gt;mine&lt;/b&gt; (IB3000901)" in page.html, 'href="/events?page=2"' in page.html) == (True, True)
    page = anna.open("/events?page=2")
    assert "Support identified you in a call." in page.text
    assert "in a call. The bank" not in page.text, "the sentence says who did it already"
    assert "Your user name was added. The bank or another user of the account did it." in page.text
    assert ("sue" in page.text, "Newer events" in page.text, "Older events" in page.text) == (False, True, False)
    assert "Karte wurde Ihnen zugeordnet." in anna.press("Deutsch").text
    anna.open("/events")
    assert "Ein Gerät hat einen Namen bekommen." in anna.page.text


@pytest.mark.parametrize("page", ["0", "-1", "501", "99999999999", "x", "", "\u0661", "1&page=2", "%00", "1.0"])
def test_what_is_no_page_is_an_error_or_the_first(scenario: Scenario, browser: Browsers, page: str) -> None:
    found = enter(scenario, browser()).open(f"/events?page={page}")
    assert (found.status, found.title) in ((400, "That did not work"), (200, "Security events"))


def test_what_was_refused_is_marked(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    assert 'class="danger"' not in anna.open("/events").html
    with pytest.raises(WrongCredentials):
        scenario.system.begin("anna", "wrong, all of it", "192.0.2.9")
    marked = anna.open("/events").html.partition('class="danger"')[2].partition("</tr>")[0]
    assert "A login was refused: the password was wrong." in marked


def test_a_login_says_once_where_it_came_from(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    with pytest.raises(WrongCredentials):
        scenario.system.begin("anna", "wrong, all of it", "192.0.2.9", "Firefox, Windows")
    scenario.enter("anna")
    login, refused, *others = anna.open("/events").html.split("IP\N{NO-BREAK SPACE}address:\N{NO-BREAK SPACE}")[1:]
    assert (login.partition("<")[0], refused.partition("<")[0]) == ("192.0.2.1", "192.0.2.9")
    assert login.endswith('<span class="detail">Firefox, Windows · ')
    assert others == [], "the password before the login repeats nothing"


def test_every_event_has_its_sentence() -> None:
    assert list(EVENTS) == list(EventKind)
    assert len(set(EVENTS.values())) == len(EVENTS)


def test_a_form_does_not_reach_the_page(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    assert anna.post("/events").status == 405


def test_a_narrow_window_has_the_events_as_short_rows_under_their_days(scenario: Scenario, browser: Browsers) -> None:
    page = enter(scenario, browser()).open("/events")
    assert ('<div class="table panel dense"' in page.html, 'scope="rowgroup"' in page.html) == (True, True)
