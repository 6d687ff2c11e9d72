"""The notice that a page shows once, in a cookie until then."""

from decimal import Decimal

import pytest
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, enter

from dsc_host import MasterKey
from dsc_host.portal.languages import load
from dsc_host.portal.notices import Notice
from dsc_host.records.keys import Keyring

KEY = MasterKey.from_hex("11" * 32)
NOTICE = Notice(
    "withdrawn", {"amount": Decimal("1250.50"), "owner": "Zoë {amount} <b>", "bank": "CH…2957", "day": "December 2, 2026"}
)


def test_a_notice_keeps_its_values_and_is_written_in_the_language_of_the_page() -> None:
    opened = Notice.opened(NOTICE.sealed(KEY, "token"), Keyring(KEY), "token")
    assert opened == NOTICE
    assert opened.words(load()["en"]) == (
        "The withdrawal of $1,250.50 from the account of Zoë {amount} <b> to CH…2957 was recorded."
        " It arrives by December 2, 2026."
    )
    assert "1.250,50" in opened.words(load()["de"])
    later = Notice("extended", {"until": 1_700_000_000.0})
    assert Notice.opened(later.sealed(KEY, ""), Keyring(KEY), "") == later
    assert "Nov\xa014,\xa02023, 10:13" in later.words(load()["en"])


@pytest.mark.parametrize("text", ["", "withdrawn", "x" * 5_000, "\xff", "....", "bm90aGluZw=="])
def test_another_text_is_no_notice(text: str) -> None:
    assert Notice.opened(text, Keyring(KEY), "token") is None


@pytest.mark.parametrize("notice", [Notice("of_a_later_version"), Notice("withdrawn", {"sum": "5"})])
def test_a_notice_of_another_version_is_no_notice(notice: Notice) -> None:
    assert Notice.opened(notice.sealed(KEY, "token"), Keyring(KEY), "token") is None


def test_a_notice_of_another_visitor_is_not_shown(scenario: Scenario, browser: Browsers) -> None:
    carl, anna = enter(scenario, browser(), "carl"), enter(scenario, browser())
    scenario.system.change_bank(carl.cookie, iban="CH93 0076 2011 6238 5295 7")
    carl.open("/withdraw")
    carl.press("Continue", amount="5")
    carl.client.follow_redirects = False
    carl.press("Withdraw $5.00")
    kept = carl.client.cookies["notice"]
    assert "$5.00" in carl.open("/withdraw").notice
    assert carl.open("/withdraw").notice == "", "it is shown once"
    for text in (kept, "withdrawn", kept[:-8] + "AAAAAAA="):
        anna.client.cookies.set("notice", text, domain="portal.example", path="/")
        assert anna.open("/withdraw").notice == ""
