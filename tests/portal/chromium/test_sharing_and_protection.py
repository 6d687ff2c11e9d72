"""Sharing a device, opting out and in, limits and the desks, walked in a real browser."""

from tests.portal.chromium.support_calls import identified
from tests.portal.chromium.walking import CARD, Walk, look_up

from dsc_host.login.reception import user_named
from dsc_host.portal.demonstration import SESAME


def prove(walk: Walk, owner: str = "anna") -> Walk:
    """Ask to share the owner's card, as far as the summary."""
    walk.open("/share").picture("share-1-owner")
    walk.press("Continue", **{"User name of the device's owner": owner, "Password of that user": SESAME}).picture(
        "share-2-challenge"
    )
    assert walk.card_here == f"Card of {owner}"
    walk.press("Continue", Response=walk.card(owner, walk.read)).picture("share-3-summary")
    assert walk.title == "Is this right?"
    return walk


def test_a_device_is_shared_at_once_and_no_more_later(walk: Walk) -> None:
    walk.enter_by_sms("anna.work")
    prove(walk).press("Continue").picture("share-4-done")
    assert "is shared now" in walk.text
    walk.follow("OK")
    assert "shared" in walk.text
    walk.out().begin("anna.work").choose(CARD).press("Log in", Response=walk.card("anna", walk.read))
    assert walk.path == "/"
    walk.open("/share").picture("share-5-list")
    assert walk.press("End it", f"{CARD} IB3000901 anna").notice == "The device is not shared any more."
    assert walk.path == "/login", "the session that the card had opened has ended with the sharing"
    walk.begin("anna.work")
    assert walk.page.get_by_label(CARD).count() == 0
    walk.choose("Code by SMS").press("Log in", Code=walk.sent("sms"))
    assert walk.path == "/"


def test_who_has_no_device_comes_by_one_that_is_shared(walk: Walk) -> None:
    identified(walk, "anna.work").press("lost", "Code by SMS +41…67")
    assert walk.begin("anna.work").title == "No device"
    walk.picture("no-device")
    walk.follow("I have a device under another user name")
    prove(walk).press("Continue")
    walk.follow("OK").choose(CARD).press("Log in", Response=walk.card("anna", walk.read))
    assert walk.path == "/"


def test_a_device_is_shared_after_compliance_agrees(walk: Walk) -> None:
    system = walk.shown.system
    system.operator.put_under_review(system.at.read(lambda db: user_named(db, "anna").entity_id))
    walk.enter_by_sms("anna.work")
    assert "waits for compliance" in prove(walk).press("Continue").text
    walk.picture("share-pending")
    desk = walk.another().enter("cleo").open("/compliance")
    desk.picture("compliance")
    assert desk.press("Agree", "anna.work anna").notice == "The request is decided."
    walk.out().begin("anna.work").choose(CARD).press("Log in", Response=walk.card("anna", walk.read))
    assert walk.path == "/"


def ask(walk: Walk, owner: str) -> str:
    """The error that asking for this owner's device ends with."""
    walk.open("/share").press("Continue", **{"User name of the device's owner": owner, "Password of that user": SESAME})
    return walk.error


def test_the_two_errors_of_sharing_by_their_names(walk: Walk) -> None:
    walk.enter_by_sms("anna.work")
    assert ask(walk, "sue").startswith("Different identification information")
    walk.picture("share-different-identity")
    codes = identified(walk, "anna.work").press("Issue a security code card").codes
    walk.open("/devices")
    label = walk.page.get_by_role("row").filter(has_text="Show the codes").locator("button").first.get_attribute("aria-label")
    walk.press("Activate", str(label).split(": ")[1])
    walk.press("Activate", The_two_codes=look_up(codes, walk.read))
    walk.out().enter("anna")
    assert ask(walk, "anna.work").startswith("Less secure device")
    walk.picture("share-less-secure")


def test_support_corrects_an_identity(walk: Walk) -> None:
    desk = walk.another().enter("sue").open("/desk")
    desk.picture("desk-who-is-calling")
    desk.press(
        "Correct", User_name="anna.work", Date_of_birth="1980-05-17", Citizenship="CH", Country_of_residence="DE",
        Document_number="X1234567",
    )  # fmt: skip
    assert desk.notice == "The identity is corrected."


def test_opting_out_and_back_in(walk: Walk) -> None:
    walk.enter("anna").open("/protection").picture("protection")
    walk.follow("Opt out").picture("opt-out")
    assert "low-priced" in walk.text
    walk.choose("anna", "Opt out", I_know_what_is_lost="yes")
    assert "is switched off" in walk.notice
    assert "low-priced" in walk.text, "what was lost is shown afterwards too"
    walk.picture("opted-out")
    walk.out().begin("anna").choose("Without a device")
    assert "Trading, and withdrawals within the limit without a device" in walk.text
    walk.out().enter("anna").open("/protection").follow("Opt back in").picture("opt-in")
    assert walk.press("Continue").notice_or_none is None, "nothing was chosen"
    walk.follow("Opt back in").choose("Always use the device to log in")
    assert walk.notice == "The protection is on again."
    walk.out().begin("anna")
    assert walk.title == CARD


def test_the_primary_user_opts_another_one_of_the_account_out(walk: Walk) -> None:
    walk.enter("anna").open("/protection").follow("Opt out").choose("anna.work", "Opt out", I_know_what_is_lost="yes")
    assert "Their protection is switched off" in walk.notice
    assert "opted out" in walk.page.get_by_role("row").filter(has_text="anna.work").inner_text()
    walk.picture("protection-of-the-account")
    other = walk.another().begin("anna.work")
    assert other.page.get_by_label("Without a device").count() == 1
    assert walk.out().begin("anna").title == CARD


def test_who_may_not_change_the_settings_is_told_whom_to_ask(walk: Walk) -> None:
    walk.enter_by_sms("anna.work")
    for path in ("/opt-out", "/opt-in", "/request", "/close"):
        assert "ask anna" in walk.open(path).text, path
    walk.picture("not-primary")


def test_withdrawals_as_far_as_the_limit(walk: Walk) -> None:
    # It is noon where the limits' days begin: none ends in the middle of this.
    days, clock = walk.shown.system.policy.business_days, walk.shown.clock
    clock.ahead = days.start(days.day(clock())) + 1.5 * 86_400 - clock()
    walk.enter_by_sms("carl").open("/withdraw")
    assert walk.press("Withdraw", Amount_in_US_dollars="150000").notice == "The withdrawal is recorded."
    walk.press("Withdraw", Amount_in_US_dollars="60000")
    assert "You may withdraw $50,000.00 now." in walk.error
    walk.picture("limit")
    assert walk.press("Withdraw", Amount_in_US_dollars="50000").notice == "The withdrawal is recorded."


def test_the_password_is_changed_and_other_sessions_end(walk: Walk) -> None:
    walk.enter("anna")
    elsewhere = walk.another().enter("anna")
    walk.open("/password").picture("password")
    walk.page.get_by_label("Old password").fill(SESAME)
    walk.page.get_by_label("New password", exact=True).fill("another sesame, please")
    walk.page.get_by_label("New password, again").fill("another sesame, please")
    assert "Your password is changed" in walk.press("Change").notice
    assert elsewhere.open("/devices").path == "/login"


def test_an_answer_is_asked_for_once_more_and_the_form_goes_on(walk: Walk) -> None:
    walk.enter("anna")
    walk.shown.clock.ahead += 400
    walk.open("/protection").follow("Opt out").choose("anna.work", "Opt out", I_know_what_is_lost="yes").picture("proof")
    assert (walk.title, walk.card_here) == ("Is it you?", "Card of anna")
    assert "not right" in walk.press("Continue", Response="00000000").error
    assert "Their protection" in walk.press("Continue", Response=walk.card("anna", walk.read)).notice
    assert "opted out" in walk.page.get_by_role("row").filter(has_text="anna.work").inner_text()
