"""The pages of support, the issuer and compliance, as their staff use them."""

from dataclasses import replace

import pytest
from tests.host.login.scenario import ANNA, PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browsers, enter

from dsc_host.login import Kind
from dsc_host.portal.languages import load
from dsc_host.portal.pages.decisions import comparison
from dsc_host.portal.views import Cell

_OWN = {"sue": "/desk", "ivo": "/issuer", "cleo": "/compliance"}


@pytest.mark.parametrize(("name", "own"), _OWN.items())
@pytest.mark.parametrize("asked", ["/login", "/"])
def test_staff_begin_on_their_own_page_after_the_login(
    scenario: Scenario, browser: Browsers, name: str, own: str, asked: str
) -> None:
    visitor = browser()
    assert visitor.open(asked).path == "/login"
    page = visitor.press("Continue", name=name, password=PASSWORD)
    page = visitor.press("Log in", answer=scenario.respond(SERIALS[name], page.shown))
    assert page.path == own
    assert visitor.open("/login").path == own, "also if they open the login once more"
    assert visitor.open("/").path == "/"


def test_staff_who_asked_for_another_page_get_that_page(scenario: Scenario, browser: Browsers) -> None:
    visitor = browser()
    visitor.open("/profile")
    page = visitor.press("Continue", name="sue", password=PASSWORD)
    assert visitor.press("Log in", answer=scenario.respond(SERIALS["sue"], page.shown)).path == "/profile"


def test_the_own_page_of_staff_comes_first_in_the_navigation(scenario: Scenario, browser: Browsers) -> None:
    for name, own in _OWN.items():
        visitor = browser()
        page = visitor.press("Continue", name=name, password=PASSWORD)
        html = visitor.press("Log in", answer=scenario.respond(SERIALS[name], page.shown)).html
        assert html.index(f'<li><a href="{own}" aria-current="page">') < html.index('<li><a href="/devices">')


def test_compliance_gives_a_reason_and_sees_past_decisions(scenario: Scenario, browser: Browsers) -> None:
    system, cleo = scenario.system, enter(scenario, browser(), "cleo")
    assert "Nothing was decided yet." in cleo.open("/compliance").text
    system.operator.set_under_review(scenario.entities["anna"])
    for agreed, why in (("Refuse", "The passports differ."), ("Agree", "")):
        token = scenario.session("ben")
        share, offer = system.begin_share(token, "anna", PASSWORD)
        assert system.answer_share(token, share.id, scenario.respond(SERIALS["anna"], offer.shows["challenge"]))
        system.confirm_share(token, share.id)
        assert "Requests to share a device: 1" in cleo.open("/compliance").text
        page = cleo.press(agreed)
        assert "Requesting user ben Owner anna " in page.text
        assert "All details of the two people are the same." in page.text
        assert "The two people Details Requesting user Owner Full name Anna Anna " in page.text
        assert "Device Digital Security Card+ IB3000901" in page.text
        done = {"Refuse": "cannot log in with this device.", "Agree": "can then log in with this device."}[agreed]
        assert f"The requesting user {done}" in page.text
        if agreed == "Refuse":
            page = cleo.press(agreed, why=" ")
            assert (page.status, page.error) == (400, "Reason: Must be one line of 1 to 200 characters.")
        page = cleo.press(agreed, why=why)
        assert (page.path, page.notice) == ("/compliance", "Your decision was recorded.")
        scenario.clock.now += 60
    text = cleo.page.text
    assert text.index("agreed cleo") < text.index("refused cleo The passports differ."), "the newest first"
    assert "ben with anna" in text


def test_compliance_sees_what_a_correction_changes(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.staff.correct_identity(scenario.session("sue"), "anna", replace(ANNA, residence="DE"))
    cleo = enter(scenario, browser(), "cleo")
    cleo.open("/compliance")
    page = cleo.press("Agree")
    assert "Country of residence Switzerland Germany different Document number" in page.text
    assert page.text.count("different") == 1


def test_the_facts_that_differ_are_marked() -> None:
    made = comparison(load()["en"], "", (), (("Name", "A"), ("Birth", "B")), (("Name", "A"), ("Birth", "C")))
    assert [(row.kind, row.cells[2]) for row in made.rows] == [("", "A"), ("danger", Cell("C", "different"))]


def test_a_request_that_was_decided_meanwhile_is_told(scenario: Scenario, browser: Browsers) -> None:
    cleo = enter(scenario, browser(), "cleo")
    cleo.open("/compliance")
    for sure in ("", "yes"):
        page = cleo.post("/compliance/decide", share="0123456789abcdef", agreed="yes", sure=sure)
        assert page.status in (404, 409), page.text


def test_the_issuer_sees_the_cards_that_come_back_and_confirms_them(scenario: Scenario, browser: Browsers) -> None:
    ivo, token = enter(scenario, browser(), "ivo"), scenario.session("anna")
    text = ivo.open("/issuer").text
    assert ("No card is requested." in text, "No card is on its way back." in text) == (True, True)
    scenario.system.announce_return(token, scenario.device(token, Kind.DSC_PLUS), "RR 123 456 785 CH")
    text = ivo.open("/issuer").text
    assert "Coming back: 1 IB3000901 anna · RR 123 456 785 CH Expected by" in text
    page = ivo.press("It has arrived")
    assert page.notice == "The card was received. If its deposit was still held, it was released."
    assert "Came back: 1 IB3000901 anna · RR 123 456 785 CH Arrived:" in page.text
    assert [form.action for form in page.forms if "serial" in form.fields].count("/issuer/receive") == 1, "no button any more"
