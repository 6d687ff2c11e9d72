"""The way to a page, above its title: it names the section that the navigation marks, on every page and each step."""

import re

import pytest
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, Page, enter

from dsc_host.portal.app import GET


def marked(page: Page) -> list[str]:
    """Return the label of the section that the navigation marks, once for each of the two widths of a window."""
    return re.findall('aria-current="(?:page|true)">([^<]*)</a></li>', page.html)


def way(page: Page) -> list[str]:
    """Return the names in the line that says where the visitor is."""
    line = re.search('class="crumbs".*?</nav>', page.html)
    return re.findall(r"<li[^>]*>(?:<a [^>]*>)?([^<]+)", line[0]) if line else []


@pytest.mark.parametrize("path", [each for each in GET if not each.startswith(("/login", "/stop", "/contact"))])
def test_the_way_to_a_page_names_the_section_that_is_marked(scenario: Scenario, browser: Browsers, path: str) -> None:
    anna = enter(scenario, browser())
    scenario.system.change_bank(anna.cookie, iban="CH93 0076 2011 6238 5295 7")
    page = anna.open(path)
    section, (first, *rest) = set(marked(page)), way(page) or [""]
    if first:
        assert (section, len(rest)) == ({first}, 1)
    else:
        assert section <= {page.title, "Overview"}


def test_each_step_of_a_flow_has_the_same_way(scenario: Scenario, browser: Browsers) -> None:
    carl = enter(scenario, browser(), "carl")
    scenario.system.change_bank(carl.cookie, iban="CH93 0076 2011 6238 5295 7")
    for path, values in (("/withdraw", {}), ("/deposit", {"method": "wire"})):
        before = way(carl.open(path))
        page = carl.press("Continue", amount="5", **values)
        assert (page.path, way(page), before[0]) == (f"{path}/check", before, "Money")
    before = way(carl.open("/profile/email"))
    assert before == ["Profile", "Change the email address"]
    assert way(carl.press("Send a code", email="carl@new.example")) == before
