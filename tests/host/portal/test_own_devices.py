"""The devices page: names, dates, and the removal of an app."""

from tests.host.login.phone_app import activated
from tests.host.login.town import PASSWORD, Town
from tests.host.portal.browser import Browsers, come_with


def test_an_app_is_named_and_removed(town: Town, browser: Browsers) -> None:
    app = activated(town)
    town.give_card("ben", "IB3000955")
    ben = come_with(browser(), town.enter("ben"))
    ben.open("/devices")
    page = ben.press("Save the name", device=app.device, name="old telephone")
    assert (page.notice, "old telephone (PH" in page.text) == ("The name was saved.", True)
    assert "Last used" in page.text
    page = ben.press("Remove")
    assert (page.title, "last device" in page.text) == ("Remove the app?", False)
    page = ben.press("Remove the app")
    assert (page.notice, "old telephone" in page.text) == ("The app was removed.", False)


def test_who_removes_the_last_device_is_warned(town: Town, browser: Browsers) -> None:
    app, ben = activated(town), browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    app.approve()
    ben.press("I have approved it")
    ben.open("/devices")
    assert "last device" in ben.press("Remove").text
    assert ben.press("Remove the app").status == 409
    ben.open("/devices")
    ben.press("Remove")
    assert ben.press("Remove the app", last="yes").path == "/login"
