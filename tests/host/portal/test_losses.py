"""The pages on which a user reports a lost device without calling support."""

import re

from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers


def test_a_lost_card_is_suspended_with_name_and_password(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    assert 'href="/lost"' in anna.page.html
    assert "Forgotten your password?" in anna.page.text
    anna.open("/lost")
    assert anna.press("Continue", name="anna", password=PASSWORD).path == "/lost/device"
    page = anna.press("Suspend the device", loss="stolen")
    assert page.title == "The device is suspended"
    assert all(way in page.text for way in ("Call support", "temporary code", "activate the app"))
    assert 'class="button primary" href="/login"' in page.html, "no number of support is known"
    assert anna.open("/devices").path == "/login"
    page = anna.press("Continue", name="anna", password=PASSWORD)
    assert page.title == "No device"
    assert all(way in page.text for way in ("Call support", "temporary code", "activate the app", "Log in with the app"))


def test_the_page_of_a_lost_device_tells_no_names(browser: Browsers) -> None:
    pages = []
    for name in ("anna", "nobody"):
        visitor = browser()
        visitor.open("/lost")
        pages.append(visitor.press("Continue", name=name, password="wrong, all of it"))
    texts = [re.sub(r'value="(?:anna|nobody|[0-9a-f]{64})"', "", page.html) for page in pages]
    assert texts[0] == texts[1]
    assert [page.status for page in pages] == [401, 401]


def test_a_wrong_kind_of_loss_suspends_nothing(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    anna.press("Continue", name="anna", password=PASSWORD)
    anna.open("/lost/device")
    assert anna.press("Suspend the device", loss="eaten").status == 400
    assert len(scenario.system.begin("anna", PASSWORD).choices) == 1
