"""The pages on which a user chooses a new PIN and confirms it with the card."""

import re

from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, enter

from dsc_host.login import Kind


def test_a_pin_is_chosen_first_and_confirmed_by_the_card(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open(f"/devices/device?device={scenario.device(anna.cookie, Kind.DSC_PLUS)}")
    page = anna.press("Change the PIN")
    assert [each in page.text for each in ("New PIN", "sequences such as 1234", "Challenge")] == [True, True, False]
    assert '<li aria-current="step"><span>New PIN</span></li><li><span>Response</span></li>' in page.html
    for pin, again, wrong, words in (
        ("8246", "8247", "again", "Must be the PIN of the field above; enter the same PIN in both fields."),
        ("1234", "1234", "pin", "The PIN must not be a sequence such as 1234 or 4321."),
        ("1234", "4321", "pin", "The PIN must not be a sequence such as 1234 or 4321."),
        ("", "", "pin", "The PIN must be 4 digits, 0 to 9."),
    ):
        page = anna.press("Continue", pin=pin, again=again)
        assert (page.title, page.status) == ("Change the PIN of the card", 400)
        assert re.search(f'<input id="f1-[12]" name="{wrong}"[^>]*autofocus[^>]*aria-invalid', page.html)
        assert (page.html.count("autofocus"), f'-error">{words}</p>' in page.html) == (1, True)
        assert not pin or f'value="{pin}"' not in page.html


def test_a_wrong_response_leaves_the_challenge_as_it_is(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open(f"/devices/device?device={scenario.device(anna.cookie, Kind.DSC_PLUS)}")
    anna.press("Change the PIN")
    challenge = anna.press("Continue", pin="8246", again="8246").shown
    assert "8246" not in re.sub('value="[^"]*"', "", anna.page.html)
    for answer, status in (("1", 400), ("00000000", 401), ("00000000", 401)):
        page = anna.press("Change the PIN", answer=answer)
        assert (page.title, page.shown, page.status) == ("Confirm the new PIN", challenge, status)
    page = anna.press("Change the PIN", answer="00000000")
    assert (page.path, page.notice[:27]) == ("/devices", "The PIN was not changed: th")
    page = anna.post("/pin/answer", answer="00000000")
    assert 'href="/devices">Back' in page.html


def test_another_pin_can_be_chosen_before_it_is_confirmed(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open(f"/devices/device?device={scenario.device(anna.cookie, Kind.DSC_PLUS)}")
    anna.press("Change the PIN")
    first = anna.press("Continue", pin="8246", again="8246").forms[-2].fields
    page = anna.press("Choose another PIN")
    assert (page.title, "Digital Security Card+ IB3000901" in page.text) == ("Change the PIN of the card", True)
    challenge = anna.press("Continue", pin="9318", again="9318").shown
    assert anna.post("/pin/answer", kept=anna.page.forms[-2].fields["csrf"], answer="00000000").status == 409
    forged = scenario.system.proofs.seal(anna.cookie, "/opt-out", {"pin": "8246"})
    assert anna.post("/pin/answer", kept=forged, answer="00000000").status == 409
    assert first["kept"] != forged
    page = anna.post("/pin", device=first["device"])
    page = anna.press("Continue", pin="9318", again="9318")
    assert page.shown != challenge
    answer = scenario.respond("IB3000901", page.shown, "9318")
    assert anna.press("Change the PIN", answer=answer).notice == "Your card's PIN was changed. All other sessions have ended."


def test_the_page_of_the_pin_begins_at_once_with_the_only_card(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    page = anna.open("/pin")
    assert (page.path, page.title) == ("/pin", "Change the PIN of the card")
    assert "<p>Digital Security Card+ IB3000901</p>" in page.html
    assert "same PIN in both fields" in anna.press("Continue", pin="9318", again="9319").text
    page = anna.press("Continue", pin="9318", again="9318")
    answer = scenario.respond("IB3000901", page.shown, "9318")
    assert anna.press("Change the PIN", answer=answer).notice == "Your card's PIN was changed. All other sessions have ended."
    ben = enter(scenario, browser(), "ben")
    assert ben.open("/pin").path == "/devices", "a phone has no PIN here"
