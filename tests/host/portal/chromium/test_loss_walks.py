"""Lost devices, and devices that are found again, walked in a real browser."""

import tomllib
from decimal import Decimal

import pytest
from tests.checkout import ROOT
from tests.host.portal.chromium.card_requests import NEW, fill, ordered
from tests.host.portal.chromium.support_calls import given_code, identified, take_out
from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Kind, Loss
from dsc_host.login.transaction import user_named
from dsc_host.portal.demo.demonstration import CARL, DEMO_PASSWORD


def test_a_lost_card_is_suspended_at_the_login_and_is_found_again(walk: Walk) -> None:
    walk.open("/login").follow("My device is lost or stolen").picture("lost-1-name")
    assert walk.page.locator("main a[href^='tel:+']").count() == 1
    walk.press("Continue", User_name="anna", Password=DEMO_PASSWORD).picture("lost-2-device")
    walk.choose("Stolen", "Suspend the device").picture("lost-3-suspended")
    assert walk.page.locator("main a[href^='tel:+']").count() == 1
    assert (walk.title, "IB3000901" in walk.text) == (walk._("The device is suspended"), True)
    walk.open("/login").press("Continue", User_name="anna", Password=DEMO_PASSWORD).picture("no-device")
    assert walk.title == walk._("No device")
    code = given_code(identified(walk, "anna"))
    walk.begin("anna").press("Log in", Code=code).follow("All devices")
    walk.press("Activate", walk.cards_row("IB3000901"))
    assert walk.press("Activate", Response=walk.card("anna", walk.read)).has_notice("device_activated")
    assert walk.out().begin("anna").has_card_of("anna")


def test_a_card_that_was_lost_on_its_way_is_replaced(walk: Walk) -> None:
    serial = ordered(walk.enter_by_sms("carl"))
    desk = identified(walk, "carl", CARL)
    take_out(desk, desk.cards_row(serial), "Lost")
    walk.open("/devices").follow("Request a card")
    fill(walk, NEW)
    assert walk.press("Continue").press("Request the card").title == walk._("Your card was requested")
    assert walk.follow("Go to your devices").button("Cancel the request", f"carl {walk._('requested')}").count() == 1


def test_a_card_that_does_not_come_back_costs_and_its_owner_sees_it(walk: Walk) -> None:
    desk = identified(walk, "anna")
    code = given_code(take_out(desk, desk.cards_row("IB3000901"), "Lost"))
    issuer = walk.another().enter("ivo").open("/issuer")
    about = {"Serial or number of the device": "IB3000901", "Amount in US dollars": "40"}
    keep = walk._("Keep {amount}", amount=walk.language.dollars(Decimal(40)))
    issuer.page.locator(".last .folded summary").click()
    issuer.press("Continue", **about).page.get_by_role("button", name=keep, exact=True).click()
    assert issuer.has_notice("kept")
    walk.begin("anna").press("Log in", Code=code).follow("Statements").picture("statements")
    row = walk.page.get_by_role("row").filter(has_text="IB3000901").inner_text()
    assert (walk._("charged") in row, walk.language.dollars(Decimal(40)) in row) == (True, True)


def test_a_card_for_another_user_is_held_on_another_account(walk: Walk) -> None:
    system = walk.shown.system
    carl = system.context.read(lambda tx: user_named(tx.db, "carl"))
    other = system.operator.add_account(carl.entity_id, Decimal(20))
    system.operator.add_user(carl.account_id, "carl.work", DEMO_PASSWORD, email="carl.work@example.com", phone=None)
    walk.enter_by_sms("carl").open("/request").picture("request-for-another")
    walk.page.get_by_label("carl.work", exact=True).check()
    number = f"…{other[-4:]}"
    owner = f"Carl Example ({number})"
    walk.page.get_by_label(walk._("Your other account {number}", number=number), exact=True).check()
    fill(walk, NEW)
    walk.press("Continue")
    assert (owner in walk.text, "carl.work" in walk.text) == (True, True)
    assert walk.press("Request the card").title == walk._("Your card was requested")


def test_who_has_no_device_begins_with_one_of_another_user_name(walk: Walk) -> None:
    desk = identified(walk, "anna.work")
    sms = next(each for each in walk.shown.system.staff.caller_devices(desk.token)[1] if each.kind is Kind.SMS)
    walk.shown.system.staff.report_loss(desk.token, sms.id, Loss.LOST)
    walk.begin("anna.work")
    assert walk.title == walk._("No device")
    walk.follow("I have a device under another user name")
    walk.press("Continue", **{"Your other user name": "carl", "Password of your other user name": DEMO_PASSWORD})
    walk.picture("share-different-person")
    assert walk.error
    walk.press("Continue", **{"Your other user name": "anna", "Password of your other user name": DEMO_PASSWORD})
    walk.press("Continue", Response=walk.card("anna", walk.read)).press("Share the device")
    assert walk._("You can now log in with it.") in walk.text


@pytest.mark.parametrize("shown", [tomllib.loads((ROOT / "docs" / "examples" / "offices.toml").read_text())], indirect=True)
def test_the_pages_name_the_office_of_the_residence(walk: Walk) -> None:
    walk.enter("anna").open("/contact").picture("contact")
    assert walk.page.locator("dl").count() > 1
    assert "00800 00 000001" in walk.page.locator("dl").first.inner_text()
    walk.open("/devices").follow("Details", walk.cards_row("IB3000901")).press(
        "Send it back", walk.cards_row("IB3000901")
    ).picture("send-back-to-an-office")
    assert "Musterstrasse 3" in walk.text


def test_a_code_card_activates_itself(walk: Walk) -> None:
    desk = identified(walk, "anna.work")
    walk.shown.system.staff.issue_code_card(desk.token)
    row = (
        walk.enter_by_sms("anna.work").open("/devices").page.locator(".items li").filter(has_text=walk._("Security code card"))
    )
    assert walk._("not activated yet") in row.inner_text()
    walk.picture("code-card-waits")
    walk.shown.pass_days(21)
    walk.enter_by_sms("anna.work").open("/devices")
    assert walk._("in use") in row.inner_text()
