"""The devices page: names, dates, and the removal of an app."""

import re

from tests.host.login.phone_app import activated
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browser, Browsers, Page, come_with, enter

from dsc_host.login import Kind, Loss


def test_an_app_is_named_and_removed(scenario: Scenario, browser: Browsers) -> None:
    app = activated(scenario)
    scenario.give_card("ben", "IB3000955")
    ben = come_with(browser(), scenario.enter("ben"))
    ben.open("/devices")
    assert ben.open("/devices/device?device=none").path == "/devices"
    assert ben.open(f"/devices/device?device={app.device}").title == "App on your phone"
    assert ben.press("Save the name", name="x" * 40).status == 400
    page = ben.press("Save the name", name="old telephone")
    assert (page.notice, page.title) == ("The name was saved.", "old telephone")
    assert "old telephone in use App on your phone PH" in ben.open("/devices").text
    assert "Last used: " in ben.page.text
    ben.open(f"/devices/device?device={app.device}")
    page = ben.press("Remove")
    assert (page.title, "last device" in page.text) == ("Remove the app?", False)
    page = ben.press("Remove the app")
    assert (page.notice, "old telephone" in page.text) == ("The app was removed.", False)


def test_who_removes_the_last_device_is_warned(scenario: Scenario, browser: Browsers) -> None:
    app, ben = activated(scenario), browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    app.approve()
    ben.press("I have approved it on the phone")
    own = f"/devices/device?device={app.device}"
    ben.open(own)
    assert "last device" in ben.press("Remove").text
    assert ben.press("Remove the app").status == 409
    ben.open(own)
    ben.press("Remove")
    assert ben.press("Remove the app", last="yes").path == "/login"


def test_a_card_of_old_is_listed_and_marked_and_cannot_be_requested(scenario: Scenario, browser: Browsers) -> None:
    scenario.give_card("carl", "GD-00071", Kind.GOLD)
    carl = browser()
    carl.press("Continue", name="carl", password=PASSWORD)
    gold = next(each.id for each in scenario.system.begin("carl", PASSWORD).choices if each.kind is Kind.GOLD)
    page = carl.press("Continue", device=gold)
    assert "Gold token GD-00071" in page.text
    assert "Enter the challenge below into the device" in page.text
    assert carl.press("Log in", answer=scenario.respond("GD-00071", page.shown)).path == "/"
    assert "Gold token (no longer issued) in use GD-00071" in carl.open("/devices").text
    assert "Protected by Gold token (no longer issued) No device Per day Any amount" in carl.open("/protection").text
    carl.open("/request")
    # A form with a field for the kind does not bring another kind.
    assert carl.press("Continue", pin="8246", again="8246", kind="gold").status == 200
    assert "Digital Security Card+" in carl.page.text
    assert "Gold" not in carl.page.text


def test_the_day_of_a_code_cards_activation_is_shown(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.staff.issue_code_card(scenario.call("anna"))
    anna = come_with(browser(), scenario.enter("anna"))
    for path in ("/devices", "/"):
        assert "Automatic activation Dec 5, 2023" in anna.open(path).text.replace(":", "")


def _sheet_page(browser: Browser) -> str:
    """Return the path of the page of ben's code card."""
    found = re.search('href="([^"]*)" aria-label="Details: Security code card', browser.open("/devices").html)
    assert found is not None
    return found[1]


def test_a_new_card_has_one_row_with_everything_about_it(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.staff.issue_code_card(scenario.call("ben"))
    ben = enter(scenario, browser(), "ben")
    for path, heading in (("/devices", "Waiting changes"), ("/", "A new card")):
        page = ben.open(path)
        assert (page.text.count("Can be activated from"), heading in page.text, "Stop this card" in page.text) == (
            1,
            False,
            True,
        ), path
    assert [each.action for each in ben.page.forms if each.action == "/sheet"] == ["/sheet"]


def test_who_has_a_code_card_is_told_to_cut_it_up_and_advised_to_use_the_app(scenario: Scenario, browser: Browsers) -> None:
    disposal, advice = "need not be sent back", "we recommend the app on your phone"
    ben = come_with(browser(), scenario.session("ben"))
    scenario.with_codes("ben")
    assert disposal not in come_with(ben, scenario.session("ben")).open("/devices").text, "the list begins with the devices"
    page = ben.open(_sheet_page(ben))
    assert (disposal in page.text, advice in page.text) == (True, True)
    app, ben = activated(scenario), browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    ben.press("Continue", device=app.device)
    app.approve()
    ben.press("I have approved it on the phone")
    page = ben.open(_sheet_page(ben))
    assert (disposal in page.text, advice in page.text) == (True, False)


def test_a_login_that_waits_is_offered_on_the_first_page(scenario: Scenario, browser: Browsers) -> None:
    app, ben = activated(scenario), browser()
    assert "/login/answer" not in ben.open("/login").html
    ben.press("Continue", name="ben", password=PASSWORD)
    assert 'href="/login/answer"' in ben.open("/login").html
    assert 'href="/login/device"' in ben.open("/login/help").html
    app.approve()
    ben.open("/login/answer")
    assert ben.press("I have approved it on the phone").path == "/"


def test_a_wrong_response_at_the_activation_is_told_at_its_field_until_it_is_over(
    scenario: Scenario, browser: Browsers
) -> None:
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    anna = come_with(browser(), scenario.bridged("anna")[1])
    anna.open("/devices")
    challenge = anna.press("Activate").shown
    for _ in range(2):
        page = anna.press("Activate", answer="00000000")
        assert (page.status, page.shown, 'aria-invalid="true"' in page.html) == (401, challenge, True)
    page = anna.press("Activate", answer="00000000")
    assert (page.path, page.notice[:33]) == ("/devices", "The device was not activated: the")


def page_of(anna: Browser, scenario: Scenario, kind: Kind) -> Page:
    return anna.open(f"/devices/device?device={scenario.device(anna.cookie, kind)}")


def buttons(page: Page) -> list[str]:
    return [
        label for form in page.forms for label, *_ in form.buttons if form.action.split("/")[1] not in ("logout", "language")
    ]


def test_the_page_of_a_card_offers_what_can_be_done_with_it(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    card = scenario.device(anna.cookie, Kind.DSC_PLUS)
    listed = anna.open("/devices")
    assert (buttons(listed), f'href="/devices/device?device={card}"' in listed.html) == ([], True)
    assert 'href="/lost"' in listed.html
    page = page_of(anna, scenario, Kind.DSC_PLUS)
    assert page.title == "Digital Security Card+"
    assert buttons(page) == ["Change the PIN", "Send it back", "Save the name"]
    assert f'href="/lost/device?device={card}"' in page.html
    # Nobody can request a card for anna, who has a card, but her account has another user.
    assert ('href="/request"' in page.html, "Report your card as lost first." in page.text) == (False, True)
    assert "Request a card for ben" in anna.open("/devices").text
    assert "Tell ben this PIN" in anna.open("/request").text, "at the field for the PIN"
    assert all(words in page.text for words in ("State in use", "IB3000901", "Last used", "Added Nov 14, 2023"))
    assert anna.open("/devices/device").path == "/devices"


def test_the_page_of_a_device_offers_nothing_that_is_refused(scenario: Scenario, browser: Browsers) -> None:
    ben = enter(scenario, browser(), "ben")
    page = page_of(ben, scenario, Kind.SMS)
    assert (buttons(page), 'href="/phones"' in page.html, 'href="/request"' in page.html) == (["Save the name"], True, False)
    scenario.lose("anna", SERIALS["anna"], Loss.MISPLACED)
    anna = come_with(browser(), scenario.bridged("anna")[1])
    page = page_of(anna, scenario, Kind.DSC_PLUS)
    assert buttons(page) == ["Activate", "Save the name"]
    assert ("/lost/device" in page.html, "Call support. They take it out of use" in page.text) == (False, True)


def test_a_user_reports_a_device_without_logging_out(scenario: Scenario, browser: Browsers) -> None:
    scenario.give_card("carl", "IB3000955")
    carl = enter(scenario, browser(), "carl")
    card = scenario.device(carl.cookie, Kind.DSC_PLUS)
    assert (carl.open("/lost").path, "your only device" in carl.page.text) == ("/lost/device", False)
    assert "your only device" in enter(scenario, browser()).open("/lost").text
    page = carl.open(f"/lost/device?device={card}")
    assert next(form for form in page.forms if form.action == "/lost/device").fields["device"] == card
    page = carl.press("Suspend the device")
    assert (page.path, page.notice[:23], "Digital Security Card+ suspended" in page.text) == (
        "/devices",
        "Nobody can log in with ",
        True,
    )
    assert carl.post("/lost/device", device=card, loss="lost").status == 404
    sms = scenario.device(carl.cookie, Kind.SMS)
    page = carl.post("/lost/device", device=sms, loss="lost")
    assert (page.title, "activate it again" in page.text) == ("The device is suspended", False)
    assert carl.open("/devices").path == "/login"


def test_a_user_without_a_device_in_use_has_nothing_to_report(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.close_account(scenario.session("anna"))
    anna = browser()
    anna.press("Continue", name="anna", password=PASSWORD)
    assert (anna.open("/lost").path, anna.page.title) == ("/lost/device", "No device")
