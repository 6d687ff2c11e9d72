"""Procedures whose rules the library's tests cover: the pages offer them and show the results."""

import re
from decimal import Decimal

import pytest
from tests.host.login.card_orders import with_online_card
from tests.host.login.scenario import ANNA, DAY, PASSWORD, SERIALS, Scenario, looked_up
from tests.host.login.shares import proven
from tests.host.portal.browser import Browsers, come_with, enter

from dsc_host.login import Loss, Role

PIN = "7391"


def test_a_card_for_another_user_on_another_account_is_found_again_by_back(scenario: Scenario, browser: Browsers) -> None:
    other = scenario.system.operator.add_account(scenario.entities["anna"], Decimal(20))
    scenario.lose("anna", SERIALS["anna"], Loss.DAMAGED)
    anna = come_with(browser(), with_online_card(scenario, "anna")[0])
    anna.open("/request")
    page = anna.press("Continue", name="ben", account=other, pin=PIN, again=PIN)
    assert (page.title, f"(…{other[-4:]})" in page.text, "ben" in page.text) == ("Is this correct?", True, True)
    anna.press("Back")
    form = next(form for form in anna.page.forms if form.action == "/request")
    assert (form.fields["name"], form.fields["account"]) == ("ben", other)


def test_the_pages_of_a_request_and_of_closing_tell_what_is_held(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser(), "anna")
    assert "The card and its delivery are free. We hold" in anna.open("/request").text
    assert "their deposits are held" in anna.open("/close").text


def test_the_page_for_the_parcel_tells_how_to_send_a_card_and_when_its_receipt_is_shown(
    scenario: Scenario, browser: Browsers
) -> None:
    anna = enter(scenario, browser(), "anna")
    device = next(each for each in scenario.system.devices(anna.cookie) if each.label == SERIALS["anna"]).id
    text = anna.post("/return", device=device).text
    assert "padded envelope with tracking" in text
    assert "3 to 5 business days" in text


def test_support_corrects_an_identity(scenario: Scenario, browser: Browsers) -> None:
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    sue.press("Correct the details")
    page = sue.press(
        "Correct", user="anna", birth_date=ANNA.birth_date, citizenship="CH", residence="DE", document_type=ANNA.document_type,
        document_number=ANNA.document_number,
    )  # fmt: skip
    assert page.notice == "The correction waits for a second person."
    assert "A second person decides." in page.text
    wait = scenario.system.staff.corrections(scenario.session("cleo"))[0][0].id
    assert sue.post("/desk/corrections", wait=wait, agreed="yes", sure="yes").status == 403, "it takes another one"
    cleo = enter(scenario, browser(), "cleo")
    text = cleo.open("/compliance").text
    assert "sue" in text
    moved = "Country of residence: Switzerland → Germany"
    assert "Correction Unchanged" in text
    assert f"{moved} Date of birth: May 17, 1980 Citizenship: Switzerland Passport: X1234567" in text
    page = cleo.press("Agree")
    assert (page.title, "Requested by sue" in page.text) == ("Agree to this request?", True)
    assert cleo.press("Refuse").title == "Refuse this request?", "there is no need to go back for it"
    assert cleo.page.error == "Reason: Must be one line of 1 to 200 characters."
    cleo.open("/compliance")
    page = cleo.press("Agree")
    page = cleo.press("Agree", why="I have seen the passport.")
    assert (page.path, page.notice) == ("/compliance", "Your decision was recorded.")
    assert "anna Correction of the details agreed cleo I have seen the passport." in page.text


def test_a_change_is_stopped_by_the_code_from_its_message(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.staff.enable_messages(scenario.call("ben"), "+41795550123")
    scenario.system.deliver()
    code = next(each for each in scenario.letters if each.template == "number_waits").values["stop"]
    anybody = browser()
    anybody.open("/stop")
    assert "No waiting change" in anybody.press("Stop the change", code="ABCDEFGH").error
    assert "will not take effect" in anybody.press("Stop the change", code=code).text
    anybody.open("/stop")
    assert anybody.press("Stop the change", code=code).status == 404


def test_support_stops_and_confirms_what_waits_for_who_is_calling(scenario: Scenario, browser: Browsers) -> None:
    ben = scenario.bridged("ben")[1]
    for number in ("+41795550123", "+41795550124"):
        scenario.clock.advance(60)
        scenario.system.ask_to_confirm_phone(ben, number)
        assert scenario.system.confirm_phone(ben, scenario.sent("sms"))
    scenario.clock.advance(DAY)
    sue = come_with(browser(), scenario.call("ben"))
    sue.open("/desk")
    assert sue.press("Stop it").title == "Stop the change?"
    assert sue.press("Stop it").notice == "The change was stopped."
    assert "immediately" in sue.press("Confirm").text
    assert "because you gave the temporary device" in sue.press("Confirm").text
    scenario.add("sam", "carl", role=Role.SUPPORT)
    scenario.give_card("sam", "IB3000905")
    token = scenario.enter("sam")
    assert scenario.system.staff.identify(token, "ben", ANNA)
    sam = come_with(browser(), token)
    sam.open("/desk")
    sam.press("Confirm")
    assert sam.press("Confirm").notice == "The change is now in effect."
    assert "Waiting changes" not in sam.page.text


def test_the_two_errors_of_sharing_by_their_names(scenario: Scenario, browser: Browsers) -> None:
    ben = come_with(browser(), scenario.session("ben"))
    ben.open("/share")
    assert ben.press("Continue", owner="sue", password=PASSWORD).error.startswith("Different identification information")
    card, codes = scenario.system.staff.issue_code_card(scenario.call("ben"))
    scenario.waited("ben")
    assert scenario.system.activate(ben.cookie, looked_up(codes, scenario.system.ask_to_activate(ben.cookie, card.id)))
    anna = come_with(browser(), scenario.session("anna"))
    anna.open("/share")
    assert anna.press("Continue", owner="ben", password=PASSWORD).error.startswith("Less secure device")
    wrong = re.search(r'<input[^>]* aria-invalid="true"', anna.page.html)
    assert wrong
    assert 'name="owner"' in wrong[0]


def test_who_has_no_device_is_led_to_one_that_is_shared(scenario: Scenario, browser: Browsers) -> None:
    scenario.lose("ben", next(each.label for each in scenario.system.devices(scenario.session("ben"))), Loss.LOST)
    ben = browser()
    page = ben.press("Continue", name="ben", password=PASSWORD)
    assert (page.title, 'href="/share"' in page.html) == ("No device", True)
    ben.open("/share")
    question = ben.press("Continue", owner="anna", password=PASSWORD).shown
    page = ben.press("Continue", answer=scenario.respond(SERIALS["anna"], question))
    assert ("both user names" in page.text, "your other cards" in page.text) == (True, False)
    page = ben.press("Share the device")
    assert ("You can now log in with it." in page.text, "your other cards" in page.text) == (True, False)


@pytest.mark.parametrize("own", [False, True])
def test_a_share_speaks_of_other_cards_only_to_a_user_who_has_some(scenario: Scenario, browser: Browsers, own: bool) -> None:
    if own:
        scenario.give_card("ben", "IB3000905")
    ben = come_with(browser(), scenario.session("ben"))
    ben.open("/share")
    question = ben.press("Continue", owner="anna", password=PASSWORD).shown
    page = ben.press("Continue", answer=scenario.respond(SERIALS["anna"], question))
    assert ("You cannot log in as ben with your other cards" in page.text) is own
    page = ben.press("Share the device")
    assert ("You can now log in with it." in page.text, "Keep your other cards" in page.text) == (True, own)


def test_who_is_not_primary_is_told_whom_to_ask(scenario: Scenario, browser: Browsers) -> None:
    ben = come_with(browser(), scenario.session("ben"))
    for path in ("/opt-out", "/opt-in", "/request", "/close"):
        assert "ask anna" in ben.open(path).text, path
    assert 'href="/request"' not in ben.open("/").html
    for path, refused in (("/protection", "/opt-out"), ("/devices", "/request")):
        assert ("ask anna" in ben.open(path).text, f'href="{refused}"' in ben.page.html) == (True, False), path


def test_a_phone_number_is_removed_after_a_confirmation(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    scenario.confirm(anna.cookie, "+41791234567")
    anna.open("/phones")
    page = anna.press("Remove")
    assert (page.title, "+41…67" in page.text) == ("Remove the number?", True)
    assert "+41…67" in anna.open("/phones").text
    anna.press("Remove")
    assert anna.press("Remove").notice == "No more messages go to +41…67. All other sessions have ended."
    assert anna.post("/phones/remove", phone="none").status == 404


def test_a_share_and_a_request_end_after_a_question(scenario: Scenario, browser: Browsers) -> None:
    ben = come_with(browser(), scenario.session("ben"))
    scenario.system.confirm_share(ben.cookie, proven(scenario, ben.cookie))
    ben.open("/share")
    assert "ben can no longer log in with this device." in ben.press("Stop sharing").text
    assert ben.press("Stop sharing").notice == "The device is no longer shared."
    assert "Belongs to anna. Other user name: ben." in ben.open("/share").text
    assert ben.post("/share/cancel", share="none").status == 404
    scenario.system.operator.set_under_review(scenario.entities["anna"])
    ben = come_with(browser(), scenario.session("ben"))
    ben.open("/share")
    page = ben.post("/share/confirm", share=proven(scenario, ben.cookie))
    assert "Requested Nov 14, 2023, 10:13 PM UTC" in page.text
    assert "You will be notified of the decision. Until then, log in as before." in page.text
    assert "to be shared with ben. Requested: Nov 14, 2023, 10:13 PM UTC" in ben.open("/share").text
    assert "Your devices stay as they are." in ben.press("Cancel the request").text
    assert ben.press("Cancel the request").notice == "The request was canceled."
    carl = come_with(browser(), scenario.session("carl"))
    scenario.system.confirm_request(carl.cookie, scenario.system.draft_request(carl.cookie, "8246").id)
    carl.open("/devices")
    assert "its deposit is released" in carl.press("Cancel the request").text
    assert carl.press("Cancel the request").notice == "The request was canceled."
    assert carl.post("/request/cancel", request="none").status == 404


def test_the_most_that_may_be_deposited_is_beside_each_way_of_payment(scenario: Scenario, browser: Browsers) -> None:
    carl = come_with(browser(), scenario.session("carl"))
    assert "At most" not in carl.open("/deposit").text
    scenario.system.opt_out(carl.cookie)
    assert (
        "Electronic transfer (EFT) We collect the money from your bank outside the US. Usually within 4 business days."
        " At most $20,000.00 now. Bank transfer"
    ) in carl.open("/deposit").text
    assert "Usually 1 business day after your bank sends it. No limit." in carl.page.text


def test_a_wrong_response_at_sharing_is_told_at_its_field_until_it_is_over(scenario: Scenario, browser: Browsers) -> None:
    ben = come_with(browser(), scenario.session("ben"))
    ben.open("/share")
    page = ben.press("Continue", owner="anna", password="wrong, all of it")
    assert (page.status, page.forms[-2].fields["owner"]) == (401, "anna")
    challenge = ben.press("Continue", owner="anna", password=PASSWORD).shown
    for _ in range(2):
        page = ben.press("Continue", answer="00000000")
        assert (page.status, page.shown, 'aria-invalid="true"' in page.html) == (401, challenge, True)
    page = ben.press("Continue", answer="00000000")
    assert (page.title, page.error) == ("Share a device", "There were too many wrong answers. Start again.")


@pytest.mark.parametrize(
    ("path", "channel", "field", "to"),
    [("/phones", "sms", "number", "+41795550123"), ("/profile/email", "email", "email", "anna@new.example")],
)
def test_a_new_code_replaces_the_last_after_a_minute(
    scenario: Scenario, browser: Browsers, path: str, channel: str, field: str, to: str
) -> None:
    anna = enter(scenario, browser())
    assert anna.post(f"{path}/resend").path == path, "no code was sent yet"
    anna.open(path)
    assert "You can request a new one in 60 seconds." in anna.press("Send a code", **{field: to}).text
    first = scenario.sent(channel)
    page = anna.press("Send a new code")
    assert (page.status, page.error) == (429, "Too many attempts; try again in 60 s.")
    scenario.clock.advance(60)
    assert "A new one can be sent" not in anna.open(f"{path}/answer").text
    page = anna.press("Send a new code")
    assert (page.path, page.notice[:25]) == (f"{path}/answer", "A new code is on its way.")
    second = scenario.sent(channel)
    assert anna.press("Confirm", answer=first).error.startswith("The code is not correct.") or first == second
    assert anna.press("Confirm", answer=second).path in ("/phones", "/profile")
