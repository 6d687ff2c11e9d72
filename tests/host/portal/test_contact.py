"""The offices on the pages: whom to call without a device, and where a card goes, by the visitor's residence."""

import tomllib
from collections.abc import Iterator

import pytest
from tests.checkout import ROOT
from tests.host.login.scenario import PASSWORD, Scenario, new_scenario
from tests.host.portal.browser import Browser, browsers, enter
from tests.host.verifier_samples import Clock

from dsc_host.login import Loss


@pytest.fixture
def served(clock: Clock) -> Iterator[tuple[Scenario, Browser]]:
    """Yield a scenario whose policy has the offices of the example, and a browser."""
    example = tomllib.loads((ROOT / "docs" / "examples" / "offices.toml").read_text())
    with new_scenario(clock, **example) as scenario, browsers(scenario.system) as browser:
        yield scenario, browser()


def test_the_pages_name_the_office_of_the_visitors_residence(served: tuple[Scenario, Browser]) -> None:
    scenario, visitor = served
    # Nobody is logged in, so the default office comes first. Anna lives in Switzerland.
    assert visitor.open("/contact").text.index("1 (800) 555-0101") < visitor.page.text.index("00800 00 000001")
    device = next(each for each in scenario.system.devices(enter(scenario, visitor).cookie) if each.label == "IB3000901").id
    assert visitor.open("/contact").text.index("00800 00 000001") < visitor.page.text.index("1 (800) 555-0101")
    assert '<dt>Russia, Russian</dt><dd><a href="tel:+41410000003">+41 41 000 00 03</a></dd>' in visitor.page.html
    slip = visitor.post("/return", device=device)
    assert "Harbour Example (Europe) Ltd.\nAttn: Card returns\nMusterstrasse 3" in slip.html
    assert "Telephone +41 41 000 00 01" in slip.text
    assert "555-0101" not in slip.text
    assert '<script src="/static/print.js"' in slip.html
    assert '<p class="buttons print" hidden><button type="button">Print this page</button></p>' in slip.html
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    visitor.post("/logout")
    page = visitor.press("Continue", name="anna", password=PASSWORD)
    assert (page.title, "European Union, free of charge: 00800 00 000001" in page.text) == ("No device", True)
    assert "555-0101" not in page.text
