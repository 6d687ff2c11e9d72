"""The page that asks for a device's answer again, and then continues with the submitted form."""

from collections.abc import Callable

import pytest
from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browser, enter

from dsc_host.login.signin import step_up
from dsc_host.portal.app import POST
from dsc_host.portal.wording import PROOFS

Browsers = Callable[..., Browser]
NEW = "another quiet harbour"
CARD = "IB3000901"


@pytest.fixture
def anna(scenario: Scenario, browser: Browsers) -> Browser:
    """Return the browser of Anna, who has been logged in for some minutes."""
    visitor = enter(scenario, browser())
    scenario.clock.advance(400)
    return visitor


def change_password(visitor: Browser) -> None:
    visitor.open("/password")
    page = visitor.press("Change the password", old=PASSWORD, new=NEW, again=NEW)
    assert page.title == "Confirm: change the password"
    assert NEW not in page.html, "what was typed is sealed"


def test_a_wrong_answer_may_be_put_right(scenario: Scenario, anna: Browser) -> None:
    change_password(anna)
    question = anna.page.shown
    page = anna.press("Change the password", answer="00000000")
    assert ("Wrong response" in page.error, page.shown) == (True, question)
    assert '<li><a href="/profile">Profile</a></li><li aria-current="page">Change the password</li>' in page.html
    assert anna.press("Change the password", answer=scenario.respond(CARD, question)).path == "/"


def test_after_three_wrong_answers_another_question_is_asked(scenario: Scenario, anna: Browser) -> None:
    change_password(anna)
    question = anna.page.shown
    for _ in range(3):
        page = anna.press("Change the password", answer="00000000")
    assert (page.title, page.shown != question) == ("Confirm: change the password", True)
    assert page.error == "Too many responses were wrong. Try again with a new challenge."
    scenario.clock.advance(120)  # Wrong answers cause a pause.
    page = anna.press("Change the password", answer=scenario.respond(CARD, page.shown))
    assert "was changed" in page.notice, page.text


def test_a_problem_after_the_proof_leads_back_to_the_form(anna: Browser, scenario: Scenario) -> None:
    anna.open("/phones")
    page = anna.post("/phones/remove", sure="yes", phone="none")
    assert page.title == "Confirm: remove a phone number"
    page = anna.press("Continue", answer=scenario.respond(CARD, page.shown))
    assert (page.status, 'href="/phones">Back</a>' in page.html) == (404, True), page.html


def test_an_answer_that_has_become_old_at_once_is_asked_for_again(
    anna: Browser, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_password(anna)
    answer = scenario.respond(CARD, anna.page.shown)
    with monkeypatch.context() as patch:
        patch.setattr(step_up, "is_fresh", lambda *_: False)
        page = anna.press("Change the password", answer=answer)
    assert page.title == "Confirm: change the password"
    scenario.clock.advance(60)
    page = anna.press("Change the password", answer=scenario.respond(CARD, page.shown))
    assert "was changed" in page.notice, page.text


def test_with_several_devices_one_is_chosen(scenario: Scenario, browser: Browsers) -> None:
    ben = enter(scenario, browser(), "ben")
    scenario.clock.advance(400)
    ben.open("/phones")
    page = ben.press("Send a code", number="+41795550123")
    assert "Which device" in page.text
    ben.press("Continue")
    assert ben.press("Continue", answer=scenario.sent("sms")).title == "Confirm the phone number"


def test_what_was_not_sent_from_this_session_goes_nowhere(scenario: Scenario, anna: Browser, browser: Browsers) -> None:
    other = enter(scenario, browser())
    scenario.clock.advance(400)
    change_password(anna)
    kept = anna.page.forms[-2].fields["kept"]
    change_password(other)
    page = other.press("Change the password", answer=scenario.respond(CARD, other.page.shown), kept=kept)
    assert page.status == 409
    assert scenario.system.begin("anna", PASSWORD)


def test_each_form_asks_for_it(scenario: Scenario, anna: Browser) -> None:
    anna.open("/devices")
    more = {"tracking": "RR 1", "device": scenario.system.devices(anna.cookie)[0].id, "address": "1 Road, Zug"}
    values = {"sure": "yes", "number": "+41795550123", "owner": "ben", "password": PASSWORD, "pin": "8246", "again": "8246"}
    for path in ("/phones", "/close", "/opt-out", "/request", "/share", "/devices/online", "/return/sent"):
        assert anna.post(path, **values, **more).title == PROOFS[path], path


def test_the_proof_of_a_red_button_says_what_follows_and_is_red(scenario: Scenario, anna: Browser) -> None:
    anna.open("/devices")
    scenario.clock.advance(400)
    for path, label, consequence in (
        ("/opt-out", "Opt out", "After you opt out, trading needs no device any more, only the password."),
        ("/close", "Close the account", "The account is closed for good: nobody can undo it."),
    ):
        page = anna.post(path, sure="yes")
        assert (consequence in page.text, f'class="danger">{label}</button>' in page.html) == (True, True), page.html


def test_the_title_of_each_proof_names_the_operation() -> None:
    assert set(PROOFS) <= set(POST)
    assert {title[:9] for title in PROOFS.values()} == {"Confirm: "}
