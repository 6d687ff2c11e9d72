"""The offices on the pages: whom to call without a device, and where a card goes, by the visitor's residence."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from tests.checkout import ROOT
from tests.host.login.scenario import PASSWORD, Scenario, new_scenario
from tests.host.portal.browser import Browser, browsers, enter
from tests.host.verifier_samples import Clock

from dsc_host.login import Loss
from dsc_host.login.policy.offices import Office, Telephone
from dsc_host.portal.languages import NONE, load
from dsc_host.portal.navigation import support_line
from dsc_host.portal.pages.contact import telephones


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
    assert "Your office: Europe" in visitor.page.text
    german = visitor.press("Deutsch").text
    assert [name for name in ("Vereinigte Staaten und Kanada", "Europa", "Asien", "Australien") if name not in german] == []
    visitor.press("English")
    assert f'<dt>Russia {NONE} Russian</dt><dd><a href="tel:+41410000003">+41 41 000 00 03</a></dd>' in visitor.page.html
    assert '<span lang="ja">ハーバー見本株式会社\n' in visitor.page.html
    assert (
        '<a class="button" href="tel:0080000000001">Call 00800\N{NO-BREAK SPACE}00\N{NO-BREAK SPACE}000001</a>'
        in visitor.page.html
    )
    slip = visitor.post("/return", device=device)
    assert "Harbour Example (Europe) Ltd.\nAttn: Card returns\nMusterstrasse 3" in slip.html
    assert "Telephone +41 41 000 00 01" in slip.text
    assert "555-0101" not in slip.text
    assert '<script src="/static/print.js"' in slip.html
    assert '<p class="buttons print" hidden><button type="button">Print this page</button></p>' in slip.html
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    visitor.post("/logout")
    page = visitor.press("Continue", name="anna", password=PASSWORD)
    assert (page.title, f"European Union {NONE} free of charge: 00800 00 000001" in page.text) == ("No device", True)
    assert "555-0101" not in page.text


def test_after_the_loss_of_the_only_device_the_page_advises_a_call(served: tuple[Scenario, Browser]) -> None:
    _scenario, visitor = served
    assert '<a href="/contact">' in visitor.open("/lost").html
    assert '<a href="/contact">' not in visitor.open("/contact").html, "it is this page"
    visitor.open("/lost")
    visitor.press("Continue", name="anna", password=PASSWORD)
    page = visitor.press("Suspend the device", loss="stolen")
    primary = re.findall('class="button primary" href="([a-z/]*)', page.html)
    assert (page.title, primary, 'class="button" href="/login"' in page.html) == ("The device is suspended", ["tel"], True)


@pytest.mark.parametrize(
    ("support", "line"),
    [
        ("+41 41 555 01 01", ("Support: ", "tel:+41415550101", "+41 41 555 01 01", "")),
        ("0800 55 01 01, 9:00-17:00", ("Support: ", "tel:0800550101", "0800 55 01 01", ", 9:00-17:00")),
        ("(212) 555-0101 (9 to 5)", ("Support: ", "tel:2125550101", "(212) 555-0101", " (9 to 5)")),
        ("+41 (0)41 555-0101", ("Support: ", "tel:+41415550101", "+41 (0)41 555-0101", "")),
        ("ask at the office", ("Support: ask at the office", "", "", "")),
    ],
)
def test_the_footer_calls_support(support: str, line: tuple[str, ...]) -> None:
    before, number, after = support_line(load()["en"], support) or ("", None, "")
    assert (before, number.href if number else "", number.label if number else "", after) == line
    assert support_line(load()["en"], "") is None


def test_a_telephone_for_all_countries_is_called_a_telephone() -> None:
    spoken = Office("Asia", (), (Telephone("+81 3 0000 0002", languages=("ja",)), Telephone("+81 3 0000 0001")))
    assert [name for name, _number in telephones(load()["en"], spoken)] == ["Telephone \N{EN DASH} Japanese", "Telephone"]
