"""Sharing a device, and opting out and back in, walked in a real browser."""

from tests.host.portal.chromium.walk import CARD, Walk

from dsc_host.login import Scope
from dsc_host.login.transaction import user_named
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD
from dsc_host.portal.wording import RESTRICTIONS, SCOPES


def prove(walk: Walk) -> Walk:
    """Start to share anna's card, up to the summary."""
    walk.open("/share").picture("share-1-owner")
    walk.press("Continue", **{"Your other user name": "anna", "Password of your other user name": DEMO_PASSWORD})
    walk.picture("share-2-challenge")
    assert walk.has_card_of("anna")
    walk.press("Continue", Response=walk.card("anna", walk.read)).picture("share-3-summary")
    assert walk.title == walk._("Share this device?")
    other_cards = walk._("You cannot log in as {user} with your other cards until you stop sharing.", user="anna.work")
    assert other_cards not in walk.text, "anna.work has no other card"
    assert walk._("{owner} is notified, and your other sessions end.", owner="anna") in walk.text
    return walk


def test_a_device_is_shared_at_once_and_no_more_later(walk: Walk) -> None:
    walk.enter_by_sms("anna.work")
    prove(walk).press("Share the device").picture("share-4-done")
    assert walk._("You can now log in with it.") in walk.text
    walk.out().begin("anna.work").choose(CARD).press("Log in", Response=walk.card("anna", walk.read))
    assert walk.path == "/"
    walk.open("/share").picture("share-5-list")
    walk.press("Stop sharing", f"{walk.cards_row('IB3000901')} anna")
    assert walk.press("Stop sharing").notice == walk._("The device is no longer shared.")
    assert walk.path == "/login", "the session that the card had opened has ended with the sharing"
    assert walk.begin("anna.work").field(CARD).count() == 0


def test_a_device_is_shared_after_compliance_agrees(walk: Walk) -> None:
    system = walk.shown.system
    system.operator.set_under_review(system.context.read(lambda tx: user_named(tx.db, "anna").entity_id))
    walk.enter_by_sms("anna.work")
    prove(walk).press("Share the device")
    assert walk._("Our staff check that both user names belong to you.") in walk.text
    walk.picture("share-pending")
    desk = walk.another().enter("cleo").open("/compliance")
    desk.picture("compliance")
    desk.press("Agree", "anna.work anna").picture("compliance-question")
    desk.press("Agree", **{"Reason (needed to refuse)": "Both passports were seen."})
    assert desk.notice == walk._("Your decision was recorded.")
    assert "Both passports were seen." in desk.text, "the decision is kept with its reason"
    assert walk.out().begin("anna.work").field(CARD).count() == 1


def test_opting_out_and_back_in(walk: Walk) -> None:
    walk.enter("anna").open("/protection").picture("protection")
    walk.open("/opt-out?name=anna").picture("opt-out")
    lost = walk._(RESTRICTIONS["low_priced_stocks"])
    assert lost in walk.text
    walk.choose_user("anna", "Opt out", I_know_what_I_will_lose="yes")
    assert walk.has_notice("own_out")
    assert lost in walk.text, "what was lost is shown afterwards too"
    walk.picture("opted-out")
    walk.out().begin("anna").choose("Without a device")
    assert walk._(SCOPES[Scope.TRADING]) in walk.text
    assert walk._("To opt back in, log in with your device.") in walk.open("/protection").text
    walk.enter("anna").open("/opt-in").picture("opt-in")
    walk.press("Opt back in")
    assert walk.has_notice("own_in")


def test_an_answer_is_asked_for_once_more_and_the_form_goes_on(walk: Walk) -> None:
    walk.enter("anna")
    walk.shown.clock.ahead += 400
    walk.open("/opt-out").choose_user("anna.work", "Opt out", I_know_what_I_will_lose="yes").picture("proof")
    assert (walk.title, walk.has_card_of("anna")) == (walk._("Confirm: opt out of the protection"), True)
    walk.press("Opt out", Response=walk.card("anna", walk.read))
    assert walk.has_notice("out")
    row = walk.page.get_by_role("listitem").filter(has_text="anna.work")
    assert walk._("opted out") in row.inner_text()
    assert walk.open("/opt-in").press("Opt back in").has_notice("in")
    assert walk._("protected") in row.inner_text()
