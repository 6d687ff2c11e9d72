"""The support desk: the search for a caller, the call with its notes and its end, and what is done for the caller."""

import re

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import ANNA, CARL, SERIALS, Scenario
from tests.host.portal.browser import Browsers, come_with, enter

from dsc_host.portal import languages


def test_a_caller_is_searched_identified_and_helped_until_the_call_ends(scenario: Scenario, browser: Browsers) -> None:
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    assert sue.press("Search", search="an").error == "Who is calling? Must have 3 to 64 characters."
    assert (sue.press("Search", search="nobody").error, sue.page.status) == ("Nobody was found.", 404)
    assert "crumbs" not in sue.page.html, "the page is its section"
    text = sue.press("Search", search="ANNA").text
    assert ("Anna anna" in text, "Anna ben" in text, "carl" in text) == (True, True, False)
    assert "Never read them out" in sue.press("Ask the questions").text
    details = {name: getattr(ANNA, name) for name in ANNA.__slots__}
    page = sue.press("Check", **{**details, "document_number": "X1"})
    assert (page.status, page.title, "X1234567" in page.html) == (403, "Is this the caller?", False)
    page = sue.press("Check", **details)
    assert (page.title, page.notice) == ("Anna is calling", "The caller was identified.")
    sue.press("End the call", note="Asked about a loan.")
    assert "Asked about a loan. sue" in come_with(browser(), scenario.call("anna")).open("/desk").text
    assert (sue.page.title, sue.page.notice) == ("Support desk", "The call has ended. Who is next?")
    assert sue.post("/desk/temporary", sure="yes").status == 403


@pytest.mark.parametrize("text", ["sue@example.com", "carl@EXAMPLE.com", "+49 15112345678", SERIALS["cleo"].lower()])
def test_a_search_that_finds_one_user_leads_to_the_questions(scenario: Scenario, browser: Browsers, text: str) -> None:
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    assert sue.press("Search", search=text).title == "Is this the caller?"


@pytest.mark.parametrize(
    ("buttons", "values"),
    [
        (("Give", "Give the code"), {}),
        (("Issue", "Issue the card"), {}),
        (("Enable", "Enable"), {"number": "+41 79 123 45 33"}),
        (("Save the note",), {"note": "About Anna."}),
        (("End the call",), {"note": "About Anna."}),
    ],
)
def test_a_page_of_an_earlier_call_does_nothing_to_the_next_caller(
    scenario: Scenario, browser: Browsers, buttons: tuple[str, ...], values: dict[str, str]
) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    sue.open("/desk")
    for each in buttons[:-1]:
        sue.press(each)
    scenario.system.staff.end_call(sue.cookie)
    assert scenario.system.staff.identify(sue.cookie, "carl", CARL)
    before = scenario.events()
    page = sue.press(buttons[-1], **values)
    assert (page.title, page.notice) == ("Carl is calling", "This page was of an earlier call. Nothing was changed.")
    assert scenario.events() == before


def test_a_note_stays_with_its_author_and_time(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    sue.open("/desk")
    assert "1 to 300 characters" in sue.press("Save the note", note=" ").error
    assert sue.press("Save the note", note='Asked about "wires" <b>').notice == "The note was saved."
    again = come_with(browser(), scenario.call("anna")).open("/desk").text
    assert 'Asked about "wires" <b> sue, Nov 14, 2023' in again
    assert "wires" not in come_with(browser(), scenario.call("ben")).open("/desk").text
    assert "wires" not in enter(scenario, browser()).open("/events").text


def test_the_lines_of_a_note_are_joined(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    sue.open("/desk")
    assert sue.press("Save the note", note="  Lost the card.\r\nGave a code.\r\n").notice == "The note was saved."
    assert sue.press("End the call", note="x\r\n" * 150).notice == "The call has ended. Who is next?"
    notes = scenario.system.staff.notes(scenario.call("anna"))
    assert [each.text for each in notes] == [("x " * 150).strip(), "Lost the card. Gave a code."]


@pytest.mark.parametrize(("name", "button"), [("anna", "Enable"), ("ben", "Another number"), ("app", "")])
def test_support_sees_whether_codes_by_sms_are_in_use(scenario: Scenario, browser: Browsers, name: str, button: str) -> None:
    if name == "app":
        activated(scenario, "ben")
    page = come_with(browser(), scenario.call("anna" if name == "anna" else "ben")).open("/desk")
    row = page.html.partition("Codes by SMS and call")[2].partition("</li>")[0]
    assert re.findall(r"<button[^>]*>(.*?)</button>", row) == [button] * bool(button)
    assert ('class="badge success"' in row) is (name == "ben")
    assert ("the phone app replaces them" in row) is (name == "app")


def test_support_is_asked_before_a_device_is_taken_out_of_use(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    sue.open("/desk")
    page = sue.press("Take out of use")
    assert (page.title, page.text.count("cannot be undone")) == ("Take the device out of use?", 1)
    assert ("Misplaced" in page.text, "loss" in page.forms[-2].fields) == (True, False), "nothing is chosen"
    assert "Digital Security Card+ in use" in re.sub(SERIALS["anna"], "", sue.open("/desk").text).replace("  ", " ")
    sue.press("Take out of use")
    assert sue.press("Take out of use", loss="stolen").notice == "The device was taken out of use."
    assert "Take out of use" not in sue.page.text
    assert sue.post("/desk/loss", device="none", loss="lost").status == 404


def test_a_device_that_is_set_aside_is_not_misplaced_again(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    sue.open("/desk")
    sue.press("Take out of use")
    sue.press("Take out of use", loss="misplaced")
    page = sue.press("Take out of use")
    assert ("Misplaced, may be found" in page.text, "Stolen" in page.text) == (False, True)


def test_support_is_asked_before_it_gives_a_code_or_a_card(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    sue.open("/desk")
    text = sue.press("Give").text
    assert "For 2 days, the code opens trading and the account." in text
    assert "For 10 more days, it opens the account without trading." in text
    assert re.fullmatch("[A-Z0-9]+", sue.press("Give the code").shown)
    assert re.search("User name anna Opens trading until .* Opens the account until ", sue.page.text)
    assert re.search('class="copy primary"[^>]* hidden>Copy<', sue.page.html), "only a script can copy it"
    sue.open("/desk")
    assert "1 Harbour Road, Zug" in sue.press("Issue").text
    page = sue.press("Issue the card")
    assert page.title.startswith("Security code card ")
    assert '<dt>Send it to</dt><dd class="lines">Anna\n1 Harbour Road\nZug</dd>' in page.html
    assert '<button type="button" class="print" hidden>Print this page</button>' in page.html


def test_details_are_corrected_apart_from_calls(scenario: Scenario, browser: Browsers) -> None:
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    assert "Correct the details" not in sue.post("/desk/caller", user="anna").text, "an unknown caller gets nothing"
    sue.open("/desk")
    details = {name: getattr(ANNA, name) for name in ANNA.__slots__}
    sue.press("Correct the details")
    page = sue.press("Correct", user="nobody", **{**details, "residence": "DE"})
    assert (page.status, page.title) == (404, "Correct the details")
    assert 'value="nobody"' in page.html, "it can be typed again"
    changed = {**details, "residence": "DE"}
    assert sue.press("Correct", user="anna", **changed).notice == "The correction waits for a second person."
    now = "Country of residence: Germany"
    assert (now in sue.page.text, "→" in sue.page.text) == (True, False), "support must not read what it asks callers for"
    assert "Country of residence: Switzerland → Germany" in enter(scenario, browser(), "cleo").open("/compliance").text


def test_support_may_choose_a_country_by_its_name(scenario: Scenario, browser: Browsers) -> None:
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    html = sue.press("Correct the details").html
    assert html.count('<option value="CH">Switzerland</option>') == 2
    assert re.search(r'<select [^>]*name="residence" required>\s*<option value="">Please choose<', html)
    wrong = {name: getattr(ANNA, name) for name in ANNA.__slots__} | {"birth_date": "17.5.1980", "residence": "DE"}
    assert '<option value="DE" selected>Germany</option>' in sue.press("Correct", user="anna", **wrong).html


def test_countries_are_in_the_order_of_the_alphabet() -> None:
    german = [name for _, name in languages.load()["de"].countries()]
    assert german.index("Ägypten") < german.index("Albanien") < german.index("Österreich") < german.index("Polen")


def test_support_types_a_number_as_the_caller_says_it(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("ben"))
    sue.open("/desk")
    page = sue.press("Another number")
    assert "Spaces, dashes and parentheses do not matter." in page.text
    assert sue.press("Enable", number="0041 (0)79 555-01-23").path == "/desk"
    assert [wait.what for wait in scenario.system.staff.caller_waits(sue.cookie)] == ["+41…23"]


def test_a_note_that_is_sent_twice_is_saved_once(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    for note in ("Sent twice.", "Sent twice.", "Another.", "Sent twice."):
        sue.open("/desk")
        assert sue.press("Save the note", note=note).notice == "The note was saved."
    assert sue.page.text.count("Sent twice. sue") == 2, "a note counts as the same only if it repeats the newest"
    scenario.clock.advance(1)
    again = come_with(browser(), scenario.call("anna"))
    again.open("/desk")
    assert again.press("Save the note", note="Sent twice.").text.count("Sent twice. sue") == 3, "it is of another call"


def test_the_end_of_a_call_that_is_sent_twice_says_that_the_call_has_ended(scenario: Scenario, browser: Browsers) -> None:
    sue = come_with(browser(), scenario.call("anna"))
    form = next(each for each in sue.open("/desk").forms if each.action == "/desk/notes").fields
    for _ in range(2):
        page = sue.post("/desk/end", **form)
        assert (page.title, page.notice) == ("Support desk", "The call has ended. Who is next?")
    assert sue.post("/desk/end", **{**form, "note": "After the call."}).status == 403, "a note needs a caller"
    assert enter(scenario, browser(), "carl").post("/desk/end").status == 403
