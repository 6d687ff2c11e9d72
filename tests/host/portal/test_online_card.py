"""The pages from a temporary code to the request of a card: the online card, four options, and how the card comes."""

import re

import pytest
from tests.host.login.card_orders import with_online_card
from tests.host.login.scenario import Scenario, new_scenario
from tests.host.portal.browser import Browsers, browsers, come_with
from tests.host.verifier_samples import Clock

from dsc_host.login import Loss


def test_after_an_online_card_there_are_four_options_and_one_requests_a_card(scenario: Scenario, browser: Browsers) -> None:
    in_use = come_with(browser(), scenario.bridged("anna")[1]).open("/request").text
    assert "You have a card in use" in in_use
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    anna = come_with(browser(), scenario.bridged("anna")[1])
    assert "online security code card first" in anna.open("/request").text
    assert "online security code card first" in anna.post("/request", pin="8246", again="8246").text
    anna.open("/devices")
    anna.press("Get an online security code card")
    card = next(each for each in scenario.system.devices(anna.cookie) if each.has_sheet)
    codes = scenario.system.sheet(anna.cookie, card.id)
    primary = re.search(r'<button class="primary">(.*?)</button>', anna.page.html)
    assert primary
    assert primary[1] == "Save as PDF", "after the activation, the codes cannot be saved"
    labels = ("Save as PDF", "Print this page", codes[0], codes[-1], "Activate the card", "Back to devices")
    places = [anna.page.html.index(f">{each}<") for each in labels]
    assert places == sorted(places), "the next step is below the codes"
    anna.press("Activate the card")
    asked = re.findall(r"\d+", anna.page.shown)
    assert all(f">Code {each}</label>" in anna.page.html for each in asked)
    assert anna.page.text.count(f"{len(codes[0])} characters.") == len(asked)
    assert "Show my code card" in anna.page.text
    answers = dict(zip(("answer", "answer2"), (codes[int(each) - 1] for each in asked), strict=True))
    page = anna.press("Activate", **answers)
    assert page.path == "/devices/next"
    assert [page.html.count(f'value="{each}"') for each in ("request", "app", "found", "later")] == [1, 1, 1, 1]
    assert anna.press("Continue", next="request").path == "/request"
    assert "ben Tell this user the PIN below, and nobody else." in anna.page.text
    assert "anna Tell" not in anna.page.text
    summary = anna.press("Continue", name="anna", pin="8246", again="8246").text
    for words in ("Digital Security Card+", "By mail", "Expected around"):
        assert words in summary


@pytest.mark.parametrize(("loss", "found"), [(Loss.MISPLACED, 1), (Loss.LOST, 0)])
def test_a_device_that_was_found_is_an_option_only_if_one_was_misplaced(
    scenario: Scenario, browser: Browsers, loss: Loss, found: int
) -> None:
    anna = come_with(browser(), scenario.session("anna"))
    assert anna.open("/devices/next").path == "/devices", "she has no online card"
    scenario.lose("anna", "IB3000901", loss)
    page = come_with(anna, with_online_card(scenario, "anna")[0]).open("/devices/next")
    assert [page.html.count(f'value="{each}"') for each in ("request", "found", "later")] == [1, found, 1]


def test_each_of_the_four_options_leads_to_its_page(scenario: Scenario, browser: Browsers) -> None:
    scenario.lose("anna", "IB3000901", Loss.LOST)
    anna = come_with(browser(), with_online_card(scenario, "anna")[0])
    pages = (("request", "/request"), ("app", "/phones"), ("found", "/devices"), ("later", "/"), ("nonsense", "/devices"))
    for chosen, path in pages:
        anna.open("/devices/next")
        assert anna.press("Continue", next=chosen).path == path


def test_the_way_of_delivery_is_the_policys() -> None:
    with new_scenario(Clock(), request={"delivery": "Courier <Zug>"}) as scenario, browsers(scenario.system) as browser:
        carl = come_with(browser(), scenario.session("carl"))
        carl.open("/request")
        carl.press("Continue", pin="8246", again="8246")
        assert "Courier &lt;Zug&gt;" in carl.page.html
        assert "Expected around" in carl.page.text
        confirmed = carl.press("Request the card").text
        assert ("Courier <Zug>" in confirmed, "Expected around" in confirmed) == (True, True)
