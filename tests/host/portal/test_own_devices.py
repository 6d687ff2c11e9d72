"""The devices page: names, dates, and the removal of an app."""

from tests.host.login.phone_app import activated
from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers, come_with

from dsc_host.login import Kind, Loss


def test_an_app_is_named_and_removed(scenario: Scenario, browser: Browsers) -> None:
    app = activated(scenario)
    scenario.give_card("ben", "IB3000955")
    ben = come_with(browser(), scenario.enter("ben"))
    ben.open("/devices")
    assert ben.open("/devices/name?device=none").path == "/devices"
    assert ben.open(f"/devices/name?device={app.device}").title == "Name a device"
    assert ben.press("Save the name", name="x" * 40).status == 400
    page = ben.press("Save the name", name="old telephone")
    assert (page.notice, "old telephone in use App on your phone PH" in page.text) == ("The name was saved.", True)
    assert "Last used: " in page.text
    page = ben.press("Remove")
    assert (page.title, "last device" in page.text) == ("Remove the app?", False)
    page = ben.press("Remove the app")
    assert (page.notice, "old telephone" in page.text) == ("The app was removed.", False)


def test_who_removes_the_last_device_is_warned(scenario: Scenario, browser: Browsers) -> None:
    app, ben = activated(scenario), browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    app.approve()
    ben.press("I have approved it on the phone")
    ben.open("/devices")
    assert "last device" in ben.press("Remove").text
    assert ben.press("Remove the app").status == 409
    ben.open("/devices")
    ben.press("Remove")
    assert ben.press("Remove the app", last="yes").path == "/login"


def test_a_card_of_old_is_listed_and_marked_and_cannot_be_requested(scenario: Scenario, browser: Browsers) -> None:
    scenario.give_card("carl", "GD-00071", Kind.GOLD)
    carl = browser()
    carl.press("Continue", name="carl", password=PASSWORD)
    gold = next(each.id for each in scenario.system.begin("carl", PASSWORD).choices if each.kind is Kind.GOLD)
    page = carl.press("Continue", device=gold)
    assert "Enter the challenge below into the device" in page.text
    assert carl.press("Log in", answer=scenario.respond("GD-00071", page.shown)).path == "/"
    assert "Gold token (no longer issued) in use GD-00071" in carl.open("/devices").text
    assert "Gold token (no longer issued) any amount any amount" in carl.open("/protection").text
    carl.open("/request")
    # A form with a field for the kind does not bring another kind.
    assert carl.press("Continue", pin="8246", again="8246", kind="gold").status == 200
    assert "Digital Security Card+" in carl.page.text
    assert "Gold" not in carl.page.text


def test_the_day_of_a_code_cards_activation_is_shown(scenario: Scenario, browser: Browsers) -> None:
    scenario.system.staff.issue_code_card(scenario.call("anna"))
    anna = come_with(browser(), scenario.enter("anna"))
    for path in ("/devices", "/"):
        assert "automatic activation: Dec 5, 2023" in anna.open(path).text


def test_who_has_a_code_card_is_told_to_cut_it_up_and_advised_to_use_the_app(scenario: Scenario, browser: Browsers) -> None:
    disposal, advice = "need not be sent back", "we recommend the app on your phone"
    ben = come_with(browser(), scenario.session("ben"))
    assert disposal not in ben.open("/devices").text
    scenario.with_codes("ben")
    page = come_with(ben, scenario.session("ben")).open("/devices")
    assert (disposal in page.text, advice in page.text) == (True, True)
    app, ben = activated(scenario), browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    ben.press("Continue", device=app.device)
    app.approve()
    ben.press("I have approved it on the phone")
    page = ben.open("/devices")
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
