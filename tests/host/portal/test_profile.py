"""The pages of the profile: each change with its form, its refusals and its confirmation."""

import re

from tests.host.login.scenario import ANNA, Scenario
from tests.host.portal.browser import Browser, Browsers, come_with, enter

from dsc_host.login import Loss, Scope, rows

PROTECTED = "Anna is protected by a device and changes this on the page Profile."


def wrong(code: str) -> str:
    return "000000" if code != "000000" else "000001"


def test_an_email_address_is_changed_by_the_code_that_is_sent_to_it(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    assert "Full name Anna Email address anna@example.com Change Phone numbers There are none yet. Add" in (
        anna.open("/profile").text
    )
    anna.open("/profile/email")
    page = anna.press("Send a code", email="no address")
    assert (page.status, page.error) == (400, "Email address: Must be an email address, for example anna@example.com.")
    assert "at most 200 characters" in anna.press("Send a code", email="x" * 1000).error
    assert "anna@new.example" in anna.press("Send a code", email=" anna@new.example ").text
    code = scenario.sent("email")
    assert "not correct" in anna.press("Confirm", answer=wrong(code)).error
    assert 'href="/profile/email/answer"' in anna.open("/profile/email").html, "it can be found again"
    anna.open("/profile/email/answer")
    page = anna.press("Confirm", answer=code)
    assert (page.path, page.notice) == ("/profile", "Your messages now go to anna@new.example. Both addresses were notified.")
    assert "anna@new.example" in page.text


def test_after_three_wrong_codes_another_one_is_requested(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/profile/email")
    anna.press("Send a code", email="anna@new.example")
    for _ in range(3):
        page = anna.press("Confirm", answer=wrong(scenario.sent("email")))
    assert (page.title, page.error) == (
        "Change the email address",
        "There were too many wrong codes. Request a new one.",
    )
    assert "nothing to answer" in anna.post("/profile/email/answer", answer="000000").error


def test_a_stale_session_proves_itself_first(scenario: Scenario, browser: Browsers) -> None:
    ben = enter(scenario, browser(), "ben")
    scenario.clock.advance(400)
    ben.open("/profile/email")
    assert "Which device" in ben.press("Send a code", email="ben@new.example").text
    ben.press("Continue")
    assert ben.press("Continue", answer=scenario.sent("sms")).title == "Confirm the email address"


def called(scenario: Scenario, browser: Browsers, name: str) -> Browser:
    """Return support's browser after this user has called and was identified."""
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    sue.post("/desk/caller", user=name)
    sue.press("Check", **{name: getattr(ANNA, name) for name in ANNA.__slots__})
    return sue


def test_who_has_opted_out_is_told_to_call_support_who_changes_it(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    scenario.system.opt_out(anna.cookie)
    page = anna.open("/profile")
    assert "only through support" in page.text
    assert "/profile/email" not in page.html
    assert "Phone numbers There are none yet. Add Postal address" in page.text, "the numbers are still changed here"
    assert anna.open("/phones").title == "Phone numbers"
    assert anna.open("/profile/email").path == "/profile"
    assert anna.post("/profile/email", email="anna@new.example").status == 403
    sue = called(scenario, browser, "anna")
    sue.press("Change the email address")
    page = sue.press("Change", email="none")
    assert (page.title, "Must be an email address" in page.error) == ("Change the email address", True)
    assert "email address was changed" in sue.press("Change", email="anna@new.example").notice
    assert "anna@new.example" in anna.open("/profile").text


def test_the_postal_address_is_changed_for_good(scenario: Scenario, browser: Browsers) -> None:
    carl = enter(scenario, browser(), "carl")
    carl.open("/profile/address")
    page = carl.press("Change the address", address="")
    assert (page.status, page.error) == (400, "Address: Must have 1 to 200 characters.")
    assert 'rows="4" maxlength="200" autocomplete="street-address"' in page.html
    page = carl.press("Change the address", address=" <b>3 Dock</b>,\r\n\r\nRostock ")
    assert (page.path, page.notice) == ("/profile", "Your postal address was changed. You were notified.")
    assert "<b>3 Dock</b>, Rostock" in page.text
    asked = next(form for form in carl.open("/request").forms if form.action == "/request")
    assert asked.fields["address"] == "<b>3 Dock</b>\nRostock"
    scenario.system.opt_out(carl.cookie)
    assert carl.open("/profile/address").path == "/profile"
    sue = called(scenario, browser, "anna")
    assert "Change the postal address" not in sue.page.text, "only who has opted out changes it through support"
    page = sue.post("/desk/address", address="4 Quay, Zug", caller="anna")
    assert (page.title, page.status, page.error) == ("Change the postal address", 409, PROTECTED)


def test_the_bank_instructions_are_changed_and_masked(scenario: Scenario, browser: Browsers) -> None:
    anna, ben = enter(scenario, browser()), enter(scenario, browser(), "ben")
    assert anna.open("/profile/bank").title == "Add bank instructions"
    shown = re.findall('class="field" data-for="(.*?)"><label [^>]*>(.*?)<', anna.page.html)
    assert shown == [("iban", "IBAN"), ("us", "Routing number"), ("us", "Account number")], "the style sheet hides the others"
    page = anna.press("Add", iban="CH9300762011623852958")
    assert (page.status, page.error[:20]) == (400, "IBAN: Must be an IBA")
    assert "CH9300762011623852958" not in page.html
    page = anna.press("Add", kind="us", iban="none", routing="111000025")
    assert page.error == "Account number: Must have 4 to 17 digits."
    marked = [field for field in re.findall("<input [^>]*>", page.html) if "aria-invalid" in field]
    assert [re.search('name="(.*?)"', field)[1] for field in marked] == ["account_number"]  # type: ignore[index]
    page = anna.press("Add", kind="iban", iban="CH93 0076 2011 6238 5295 7")
    assert page.notice == "The bank instructions of your account were changed. You were notified."
    assert "CH…2957" in page.text
    assert "6238" not in page.html
    assert "CH…2957" in ben.open("/profile").text
    assert "/profile/bank" not in ben.page.html
    assert "ask anna" in ben.open("/profile/bank").text
    assert ben.post("/profile/bank", iban="DE89370400440532013000").status == 403
    scenario.system.opt_out(anna.cookie)
    sue = called(scenario, browser, "anna")
    sue.press("Change the bank instructions")
    assert "bank instructions" in sue.press("Change", iban="DE89370400440532013000").notice
    assert "DE…3000" in anna.open("/profile").text


def test_a_session_of_a_temporary_device_offers_no_change(scenario: Scenario, browser: Browsers) -> None:
    scenario.lose("anna", "IB3000901", Loss.LOST)
    anna = come_with(browser(), scenario.bridged("anna")[1])
    page = anna.open("/profile")
    assert "log in with another device" in page.text
    assert [path for path in ("email", "address", "bank") if f"/profile/{path}" in page.html] == []
    assert {anna.open(f"/profile/{path}").path for path in ("email", "address", "bank")} == {"/profile"}
    page = anna.open("/withdraw")
    assert ("log in with another device" in page.text, "/profile/bank" in page.html) == (True, False)
    scenario.system.change(lambda tx: tx.db.execute(rows.sessions.table.update().values(scope=str(Scope.ACCOUNT))))
    assert ("/close" in anna.open("/profile").html, anna.open("/close").status) == (False, 403)
