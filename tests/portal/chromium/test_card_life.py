"""A card's life with its owner, walked in a real browser: from the request to the parcel back."""

from decimal import Decimal

from tests.portal.chromium.card_requests import NEW, fill, request
from tests.portal.chromium.support_calls import identified, identify_carl
from tests.portal.chromium.walking import CARD, Walk, look_up

from dsc_host.login.reception import user_named
from dsc_host.portal.demonstration import PIN, SESAME


def test_a_card_is_requested_made_sent_and_activated_by_its_first_response(walk: Walk) -> None:
    walk.enter_by_sms("carl").open("/request")
    fill(walk, "1975")
    walk.press("Continue")
    assert "PIN" in walk.error
    walk.picture("request-weak-pin")
    walk.page.get_by_label("Where the card goes").fill("9 Other Street, 80331 Munich")
    fill(walk, NEW)
    walk.press("Continue")
    assert "9 Other Street" in walk.text
    assert walk.press("Back").page.get_by_label("Where the card goes").input_value() == "9 Other Street, 80331 Munich"
    serial = request(walk, "carl")
    walk.open("/devices").press("Activate", f"{CARD} {serial}").picture("activate")
    assert walk.card_here == "Card of carl"
    assert walk.press("Activate", Response=walk.card("carl", walk.read, NEW)).notice == "The device is in use now."
    walk.out().enter("carl", NEW)


def test_a_card_activates_itself_three_weeks_after_it_was_sent(walk: Walk) -> None:
    walk.enter_by_sms("carl")
    serial = request(walk, "carl")
    days = walk.another().open("/demonstration")
    before = len(walk.told("carl"))
    days.press("Let them pass", Days="20")
    assert len(walk.told("carl")) == before + 2, walk.told("carl")
    assert (
        "to be activated"
        in walk.begin("carl").choose("Code by SMS").press("Log in", Code=walk.sent("sms")).open("/devices").text
    )
    walk.tab().open("/outbox").picture("outbox")
    days.press("Let them pass", Days="1")
    assert len(walk.told("carl")) == before + 3
    walk.out().enter("carl", NEW).open("/devices")
    assert "in use" in walk.page.get_by_role("row").filter(has_text=serial).inner_text()


def test_a_request_is_taken_back(walk: Walk) -> None:
    walk.enter_by_sms("carl").open("/request")
    fill(walk, NEW)
    walk.press("Continue").press("Continue").follow("OK")
    walk.page.get_by_role("button", name="Take back").click()
    walk.page.wait_for_url(walk.address + "/devices")
    assert walk.notice == "The request is taken back."


def test_the_pin_is_changed_by_a_response_with_the_new_one(walk: Walk) -> None:
    walk.enter("anna").open("/devices").press("Change the PIN", f"{CARD} IB3000901")
    walk.page.get_by_label("New PIN", exact=True).fill(NEW)
    walk.page.get_by_label("New PIN, again").fill(NEW)
    walk.picture("change-pin")
    assert walk.card_here == "Card of anna"
    walk.press("Change the PIN", Response=walk.card("anna", walk.read, NEW))
    assert walk.notice == "The PIN of your card is changed. All other sessions have ended."
    walk.out().begin("anna").press("Log in", Response=walk.card("anna", walk.read, PIN))
    assert "not right" in walk.text
    walk.enter("anna", NEW)


def test_a_lost_card_a_temporary_code_an_online_card_and_a_replacement(walk: Walk) -> None:
    desk = identified(walk, "anna")
    desk.press("lost", f"{CARD} IB3000901")
    code = desk.press("Give a temporary code").read
    walk.begin("anna").press("Log in", Code=code).open("/devices")
    codes = walk.press("Get an online security code card").codes
    walk.picture("online-card-sheet")
    with walk.page.expect_download() as saved:
        walk.page.get_by_role("button", name="Save as PDF").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    walk.press("Activate the card")
    assert walk.press("Activate", The_two_codes=look_up(codes, walk.read)).notice == "The device is in use now."
    walk.out().begin("anna")
    if walk.title == "Choose a device":
        walk.choose("Online security code card")
    walk.press("Log in", The_two_codes=look_up(codes, walk.read))
    serial = request(walk, "anna")
    walk.open("/devices").press("Activate", f"{CARD} {serial}")
    walk.press("Activate", Response=walk.card("anna", walk.read, NEW))
    walk.out().begin("anna")
    assert walk.title == CARD, "the temporary ones have ended"
    walk.press("Log in", Response=walk.card("anna", walk.read, NEW))
    assert walk.path == "/"


def test_a_card_that_was_found_again_is_reactivated(walk: Walk) -> None:
    desk = identified(walk, "anna")
    desk.press("not at hand, may be found", f"{CARD} IB3000901")
    code = desk.press("Give a temporary code").read
    walk.begin("anna").press("Log in", Code=code).open("/devices").press("Activate", f"{CARD} IB3000901")
    assert walk.press("Activate", Response=walk.card("anna", walk.read)).notice == "The device is in use now."
    walk.out().enter("anna")


def test_a_card_goes_back_and_its_deposit_is_free(walk: Walk) -> None:
    walk.enter_by_sms("carl")
    serial = request(walk, "carl")
    walk.open("/devices").press("Send it back", f"{CARD} {serial}").picture("send-back")
    assert ("5 Desk Lane" in walk.text, serial in walk.text) == (True, True), "what is laid into the parcel"
    assert "out of use" in walk.press("I have sent it", Tracking_number="RR 123 456 785 CH").notice
    walk.picture("parcel")
    assert "Receipt expected" in walk.text
    issuer = walk.another().enter("ivo").open("/issuer")
    assert issuer.press("Received", Serial=serial).notice == "The card is received, and its deposit is free."
    assert "free again" in walk.open("/devices").text


def test_a_card_that_is_lost_in_the_mail_is_replaced(walk: Walk) -> None:
    walk.enter_by_sms("carl")
    serial = request(walk, "carl")
    identify_carl(walk.another().enter("sue").open("/desk")).press("lost", f"{CARD} {serial}")
    assert "its card is out of use" in walk.open("/devices").text
    assert request(walk, "carl") != serial


def test_a_card_for_another_user_on_another_account(walk: Walk) -> None:
    system = walk.shown.system
    whose = system.at.read(lambda db: user_named(db, "anna").entity_id)
    other = system.operator.add_account(whose, Decimal(1))
    code = identified(walk, "anna").press("damaged", f"{CARD} IB3000901").press("Give a temporary code").read
    walk.begin("anna").press("Log in", Code=code).open("/request")
    walk.page.get_by_label("anna.work").check()
    walk.page.get_by_label(other).check()
    walk.picture("request-for-another")
    fill(walk, NEW)
    walk.press("Continue")
    assert (other in walk.text, "anna.work" in walk.text) == (True, True)
    walk.press("Back")
    assert walk.page.get_by_label("anna.work").is_checked()
    assert walk.page.get_by_label(other).is_checked()
    fill(walk, NEW)
    walk.press("Continue").press("Continue")
    assert walk.title == "Your card is requested"
    assert walk.told("anna.work") == ["requested"]


def test_a_card_that_does_not_come_back_costs_its_deposit(walk: Walk) -> None:
    walk.enter_by_sms("carl")
    serial = request(walk, "carl")
    desk = identify_carl(walk.another().enter("sue").open("/desk"))
    desk.press("stolen", f"{CARD} {serial}")
    issuer = walk.another().enter("ivo").open("/issuer")
    assert issuer.press("Keep", Serial=serial).notice == "The deposit is kept."
    walk.shown.system.deliver()
    assert f"20 USD were kept for the card {serial}" in walk.shown.letters[-1].text


def test_a_closed_account_has_statements_only(walk: Walk) -> None:
    walk.enter_by_sms("carl").open("/close").picture("close")
    walk.press("Close the account", Close_it_for_good="yes")
    assert "closed" in walk.notice
    walk.press("Continue", User_name="carl", Password=SESAME)
    assert (walk.path, "statements of your closed account" in walk.text) == ("/", True)
    assert walk.follow("Statements").title == "Statements"
    assert "closed" in walk.open("/devices").text
