"""The profile, the password and the sessions of a user, walked in a real browser."""

from tests.host.portal.chromium.support_calls import identified
from tests.host.portal.chromium.walk import Walk

from dsc_host.portal.demo.demonstration import DEMO_PASSWORD

_IBAN = "CH93 0076 2011 6238 5295 7"


def test_the_email_address_is_changed_by_the_code_that_is_sent_to_it(walk: Walk) -> None:
    walk.enter("anna").open("/profile").picture("profile")
    walk.open("/profile/email").press("Send a code", New_email_address="anna@new.example")
    walk.picture("email-code")
    code = walk.sent("email")
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    refused = walk._("The code is not correct. Tries left:\u00a0{left}. You can also request a new code.", left=2)
    assert walk.press("Confirm", Code=wrong).error == refused
    assert walk.press("Confirm", Code=code).has_notice("own_email")
    assert "anna@new.example" in walk.text


def test_the_postal_address_and_the_bank_instructions_are_changed(walk: Walk) -> None:
    walk.enter("anna").open("/profile/address").picture("postal-address")
    assert walk.press("Change the address", New_postal_address="3 Dock\nRostock").has_notice("own_address")
    assert "3 Dock, Rostock" in walk.text
    walk.open("/profile/bank").picture("bank-instructions")
    walk.page.locator("[name=iban]").fill(_IBAN.replace("7", "8"))
    assert walk.press("Change").error.startswith(walk._("IBAN"))
    walk.page.locator("[name=iban]").fill(_IBAN)
    assert walk.press("Change").has_notice("own_bank")
    assert ("CH…2957" in walk.text, "6238" in walk.source) == (True, False)
    walk.picture("profile-changed")


def test_support_changes_the_profile_of_a_caller_who_has_opted_out(walk: Walk) -> None:
    walk.shown.system.opt_out(walk.enter("anna").token)
    walk.open("/profile").picture("profile-opted-out")
    assert walk.page.locator("a[href='/profile/email']").count() == 0
    desk = identified(walk, "anna")
    desk.press("Change the email address", walk._("Email address"))
    assert desk.press("Change", New_email_address="anna@new.example").has_notice("email")
    desk.press("Change the postal address", walk._("Postal address"))
    assert desk.press("Change", New_postal_address="4 Quay, Zug").has_notice("address")
    desk.press("Change the bank instructions", walk._("Bank instructions")).page.locator("[name=iban]").fill(_IBAN)
    assert desk.press("Change").has_notice("bank")
    shown = walk.open("/profile").text
    assert all(each in shown for each in ("anna@new.example", "4 Quay, Zug", "CH…2957"))


def test_the_password_is_changed_and_opens_the_next_login(walk: Walk) -> None:
    new = "another long one"
    walk.enter("anna").open("/").follow("Change the password")
    typed = {"Old password": DEMO_PASSWORD, "New password": new, "Repeat the new password": new}
    assert walk.press("Change the password", **typed).has_notice("password")
    assert walk.out().begin("anna").path == "/login", "the old one opens nothing"
    assert walk.press("Continue", User_name="anna", Password=new).path == "/login/answer"


def test_another_session_is_ended_and_what_happened_is_read(walk: Walk) -> None:
    other = walk.another().enter("anna").open("/")
    walk.enter("anna").open("/").follow("Sessions").picture("sessions")
    assert walk.press("End all other sessions").has_notice("sessions_ended")
    assert other.open("/devices").path == "/login"
    walk.open("/").follow("Security events").picture("security-events")
    assert walk.page.get_by_role("row").count() > 2


def test_who_is_not_primary_is_told_whom_to_ask(walk: Walk) -> None:
    walk.enter_by_sms("anna.work")
    for path in ("/opt-out", "/opt-in", "/request", "/close", "/profile/bank"):
        said = walk._("only the account's primary user may change its security settings; ask {name}", name="anna")
        assert said[1:].rstrip(".") in walk.open(path).text, path
    walk.picture("not-primary")


def test_a_change_is_stopped_by_the_code_from_its_message(walk: Walk) -> None:
    desk = identified(walk, "anna.work")
    desk.press("Another number", walk._("Codes by SMS and call"))
    assert desk.press("Enable", Phone_number="0041 (0)79 555-01-23").has_notice("waits")
    walk.shown.system.deliver()
    code = next(each for each in walk.shown.letters if each.template == "number_waits").values["stop"]
    walk.open("/login").follow("Stop a change").picture("stop-a-change")
    assert walk.press("Stop the change", Code="ABCDEFGH").path == "/stop"
    assert walk.error
    walk.press("Stop the change", Code=code).picture("change-stopped")
    assert walk._("If you did not request it, change your password and call support.") in walk.text
    assert f"{walk._('Codes to a new phone number')}\n+41…23" in walk.text
    assert walk.page.locator(".alert a[href^='tel:+']").count() == 1


def test_support_corrects_an_identity_and_a_second_person_confirms_it(walk: Walk) -> None:
    desk = walk.another().enter("sue").open("/desk").press("Correct the details", walk._("Correction of the details"))
    desk.press(
        "Correct", User_name="anna", Date_of_birth="1980-05-17", Citizenship="CH", Country_of_residence="DE",
        Document_number="X1234567",
    )  # fmt: skip
    assert desk.has_notice("corrected")
    walk.enter("cleo").open("/compliance").picture("corrected-details")
    row = walk.page.get_by_role("row").filter(has_text="sue")
    assert walk.language.country("DE") in row.inner_text()
    with walk.page.expect_navigation():
        row.get_by_role("button").first.click()
    walk.press("Agree")
    assert walk.has_notice("decided")
