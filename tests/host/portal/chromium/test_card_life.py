"""A card's life with its owner, walked in a real browser, from the request to the return."""

from decimal import Decimal

from tests.host.portal.chromium.card_requests import NEW, fill, ordered, requested
from tests.host.portal.chromium.support_calls import given_code, questioned, take_out
from tests.host.portal.chromium.walk import Walk

from dsc_host.portal.demo.demonstration import ANNA


def test_a_card_is_requested_made_sent_and_activated_by_its_first_response(walk: Walk) -> None:
    walk.enter_by_sms("carl").open("/request").picture("request-1-form")
    fill(walk, "1975")
    walk.press("Continue")
    assert walk._("must not be a year, 1900 to 2099") in walk.error
    walk.picture("request-weak-pin")
    walk.field("Address for the card").fill("9 Other Street, 80331 Munich")
    fill(walk, NEW)
    walk.press("Continue").picture("request-2-summary")
    assert (walk.title, NEW not in walk.source) == (walk._("Is this correct?"), True)
    assert walk.language.dollars(Decimal(20)) in walk.text
    assert walk.press("Back").field("Address for the card").input_value() == "9 Other Street\n80331 Munich"
    fill(walk, NEW)
    assert walk.press("Continue").press("Request the card").title == walk._("Your card was requested")
    walk.picture("request-3-done")
    issuer = walk.another().enter("ivo").open("/issuer")
    issuer.picture("issuer-queue")
    assert issuer.press("Make all cards").notice == walk._("All cards were made.")
    serial = walk.shown.cards["carl"].serial
    assert issuer.press("Mark as sent", f"carl {serial}").notice == walk._("The card is on its way.")
    walk.open("/devices").press("Activate", walk.cards_row(serial)).picture("activate")
    assert walk.has_card_of("carl")
    walk.press("Activate", Response=walk.card("carl", walk.read, NEW))
    assert walk.notice == walk._("{device} is now in use.", device=walk.cards_row(serial))


def test_a_request_is_taken_back(walk: Walk) -> None:
    requested(walk.enter_by_sms("carl"))
    row = f"carl {walk._('requested')}"
    walk.open("/devices").press("Cancel the request", row)
    assert walk.press("Cancel the request").notice == walk._("The request was canceled.")


def test_a_card_activates_itself_while_the_demonstration_lets_days_pass(walk: Walk) -> None:
    ordered(walk.enter_by_sms("carl"))
    days = walk.another().open("/demonstration")
    before = len(walk.told("carl"))
    walk.shown.pass_days(20)
    assert len(walk.told("carl")) == before + 2, walk.told("carl")
    days.tab().open("/outbox").picture("outbox")
    days.press("+1 day")
    assert len(walk.told("carl")) == before + 3
    assert walk._("in use") in walk.enter("carl", NEW).open("/devices").text


def test_the_pin_is_changed_by_a_response_with_the_new_one(walk: Walk) -> None:
    walk.enter("anna").open("/devices").follow("Details", walk.cards_row("IB3000901")).press(
        "Change the PIN", walk.cards_row("IB3000901")
    )
    walk.picture("change-pin")
    walk.press("Continue", New_PIN=NEW, Repeat_the_new_PIN=NEW).picture("confirm-pin")
    assert walk.has_card_of("anna")
    walk.press("Change the PIN", Response=walk.card("anna", walk.read, NEW))
    assert walk.notice == walk._("Your card's PIN was changed. All other sessions have ended.")
    walk.enter("anna", NEW)


def test_a_lost_card_a_temporary_code_an_online_card_and_a_replacement(walk: Walk) -> None:
    desk = questioned(walk.another().enter("sue"), "anna")
    desk.picture("desk-who-is-calling")
    desk.press(
        "Check", Date_of_birth=ANNA.birth_date, Citizenship=ANNA.citizenship,
        Country_of_residence=ANNA.residence, Document_number=ANNA.document_number,
    )  # fmt: skip
    assert desk.title == walk._("{name} is calling", name="Anna Example")
    code = given_code(take_out(desk, walk.cards_row("IB3000901"), "Lost"))
    desk.picture("temporary-code")
    walk.begin("anna").press("Log in", Code=code).open("/devices")
    codes = walk.press("Get an online security code card", walk._("Online security code card")).codes
    walk.picture("online-card-sheet")
    with walk.page.expect_download() as saved:
        walk.button("Save as PDF").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    walk.press("Activate the card")
    walk.press_with_codes("Activate", codes)
    assert walk._("Online security code card") in walk.notice
    serial = ordered(walk)
    stop = f"{walk._('Stop this card')}: {walk.cards_row(serial)}"
    assert walk.open("/devices").page.get_by_role("link", name=stop).count() == 1
    walk.picture("waits")
    walk.shown.pass_days(5)
    walk.begin("anna").press_with_codes("Log in", codes)
    walk.open("/devices").press("Activate", walk.cards_row(serial))
    walk.press("Activate", Response=walk.card("anna", walk.read, NEW))
    assert walk.out().begin("anna").title == walk._("Confirm with your card"), "the temporary ones have ended"


def test_a_card_goes_back_and_its_deposit_is_free(walk: Walk) -> None:
    serial = ordered(walk.enter_by_sms("carl"))
    walk.open("/devices").follow("Details", walk.cards_row(serial)).press("Send it back", walk.cards_row(serial)).picture(
        "send-back"
    )
    assert ("5 Desk Lane" in walk.text, serial in walk.text) == (True, True), "what is laid into the parcel"
    sent = walk.press("I have sent it", Tracking_number="RR 123 456 785 CH").notice
    assert sent == walk._("Thank you. The card is now out of use and on its way back.")
    walk.picture("parcel")
    assert "RR 123 456 785 CH".replace(" ", "\N{NO-BREAK SPACE}") in walk.text, "it is on one line"
    issuer = walk.another().enter("ivo").open("/issuer")
    issuer.picture("coming-back")
    assert issuer.press("It has arrived", serial).notice == walk._(
        "The card was received. If its deposit was still held, it was released."
    )
    assert walk._("released") in walk.open("/devices").text
