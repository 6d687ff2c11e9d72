"""The pages of money: what was held and charged for devices, and transfers into the account."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.host.login.letters import newest_code
from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers, browsers, come_with, enter

from dsc_host.login import Deposit, DeviceState, HoldState, Kind, Loss, Statement, rows
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, Demonstration
from dsc_host.portal.languages import load
from dsc_host.portal.pages.statements import deposit_table, statement_item, title
from dsc_host.portal.views import Cell


def test_the_owner_sees_what_was_charged_and_when(scenario: Scenario, browser: Browsers) -> None:
    scenario.lose("anna", "IB3000901", Loss.LOST)
    ivo = enter(scenario, browser(), "ivo")
    ivo.open("/issuer")
    assert '<details class="panel folded"><summary>' in ivo.page.html
    assert "amount of money" in ivo.press("Continue", serial="IB3000901", amount="much").error
    assert '<details class="panel folded" open><summary>' in ivo.page.html, "the form with the mistake is in sight"
    assert "at most two decimals" in ivo.press("Continue", serial="IB3000901", amount="40.0999").error
    assert "cannot be undone" in ivo.press("Continue", serial="IB3000901", amount="40.00").text
    assert ivo.press("Keep $40.00").notice == "The money was taken from the account, and its owner was notified."
    anna = come_with(browser(), scenario.bridged("anna")[1])
    text = anna.open("/statements").text
    happened = "A fee was charged. The device was reported lost on Nov 14, 2023."
    assert f"IB3000901 Digital Security Card+ Account of Anna anna {happened} charged Nov 14, 2023 $40.00" in text


def deposit(state: HoldState, kept: int = 0, amount: int = 80, **changes: object) -> Deposit:
    given = Deposit("1", "anna", "IB3000901", "Anna", Decimal(amount), 0.0, state, Decimal(kept), 86400.0, Kind.DSC_PLUS)
    return replace(given, **{"device_state": DeviceState.ACTIVE, "device_since": 0.0, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "words", "detail"),
    [
        (deposit(HoldState.HELD), "The deposit is held until the card comes back.", ""),
        (
            deposit(HoldState.HELD, device_state=DeviceState.RETURNED),
            "The deposit is held until the card comes back.",
            "The card is on its way back.",
        ),
        (deposit(HoldState.RELEASED), "The whole deposit was released.", "The request of the card was canceled."),
        (
            deposit(HoldState.RELEASED, received_at=172_800.0),
            "The whole deposit was released.",
            "The card came back on Jan\xa03,\xa01970.",
        ),
        (
            deposit(HoldState.KEPT, 40, device_state=DeviceState.DAMAGED),
            "$40.00 of the deposit of $80.00 was kept.",
            "The device was reported damaged on Jan\xa01,\xa01970.",
        ),
        (deposit(HoldState.KEPT, 80), "The whole deposit was kept.", "The card did not come back."),
        (
            deposit(HoldState.KEPT, 100, device_state=DeviceState.STOLEN),
            "The deposit of $80.00 was kept, and $20.00 more was charged.",
            "The device was reported stolen on Jan\xa01,\xa01970.",
        ),
        (
            deposit(HoldState.KEPT, 80, device_state=DeviceState.RETURNED, received_at=172_800.0),
            "The whole deposit was kept.",
            "The card came back only on Jan\xa03,\xa01970.",
        ),
    ],
)
def test_the_page_says_what_happened_to_a_deposit_and_why(given: Deposit, words: str, detail: str) -> None:
    (row,) = deposit_table(load()["en"], [given]).rows
    assert row.cells[2] == Cell(words, detail)
    assert row.cells[-1] == f"${given.kept or given.amount}.00"


def test_a_statement_that_is_not_in_the_visitors_language_names_its_language() -> None:
    statement = Statement("x", "A title", "2026-10-31", languages=("en", "de"))
    assert statement_item(load()["de"], statement).details == ("31.10.2026",)
    assert statement_item(load()["ru"], statement).details[1] == "Язык: английский"


def test_money_is_deposited_within_the_limit_of_an_account_without_protection(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/deposit")
    page = anna.press("Continue", amount="20000.01", method="ach")
    assert (page.title, page.path) == ("Check the deposit", "/deposit/check")
    assert re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", page.html)[:5] == [
        ("Amount", "$20,000.01"),
        ("Way of payment", "Direct debit (ACH)"),
        ("From", "Your bank account"),
        ("To", "Account of Anna"),
        ("Arrives", "Usually within 4 business days."),
    ]
    back = re.search('href="(/deposit[?]kept=[^"]*)">Back</a>', page.html)
    assert back is not None
    fields = anna.open(back[1]).forms[-2].fields
    assert (fields["amount"], fields["method"]) == ("20,000.01", "ach")
    anna.press("Continue")
    assert anna.press("Deposit $20,000.01").notice[:31] == "The transfer of $20,000.01 into"
    assert anna.open("/deposit/check").path == "/deposit"
    scenario.system.opt_out(anna.cookie)
    come_with(anna, scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token).open("/deposit")
    assert "is accepted, and it was already made. A bank transfer has no limit." in anna.page.text
    assert re.findall('type="radio"[^>]*value="(.*?)"', anna.page.html) == ["wire"]
    page = anna.press("Continue", amount="1", method="eft")
    assert (page.status, page.error) == (409, "The amount is more than your limit.")
    words = "At most $0.00 in this way. For more, choose a bank transfer."
    assert f'id="f1-1-error">{words}</p>' in page.html


def test_a_transfer_comes_only_from_the_bank_that_was_checked(scenario: Scenario, browser: Browsers) -> None:
    carl = enter(scenario, browser(), "carl")
    carl.open("/deposit")
    carl.press("Continue", amount="5")
    scenario.system.change_bank(carl.cookie, iban="DE89370400440532013000")
    page = carl.press("Deposit $5.00")
    words = "The bank instructions have changed meanwhile; check everything again."
    assert (page.status, page.error, "DE…3000" in page.text) == (409, words, True)
    assert scenario.system.context.read(lambda tx: rows.fundings.all(tx.db)) == []


def test_the_same_transfer_sent_twice_is_recorded_once(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/deposit")
    form = anna.press("Continue", amount="5").forms[-2].fields
    assert scenario.system.context.read(lambda tx: rows.fundings.all(tx.db)) == [], "nothing is recorded before the check"
    assert anna.post("/deposit", **form).notice == "The transfer of $5.00 into the account of Anna was recorded."
    for amount in ("5.00", "9.00"):
        page = anna.post("/deposit", **{**form, "amount": amount})
        assert page.notice == "This transfer was already recorded. The same form moves the money only once."
    assert anna.post("/deposit", **{**form, "entry": ""}).status == 409
    assert len(scenario.system.context.read(lambda tx: rows.fundings.all(tx.db))) == 1


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "English",
            [("October 2026", "Oct 31, 2026"), ("2025", "Feb 15, 2026")],
        ),
        (
            "Deutsch",
            [
                ("Oktober 2026", "31.10.2026"),
                ("2025", "15.02.2026"),
            ],
        ),
        (
            "Русский",
            [
                ("Октябрь 2026 \N{CYRILLIC SMALL LETTER GHE}.", "31 окт. 2026"),
                ("2025", "15 февр. 2026"),
            ],
        ),
    ],
)
def test_statements_have_titles_and_dates_in_the_visitors_language(
    shown: Demonstration, language: str, lines: list[tuple[str, ...]]
) -> None:
    with browsers(shown.system) as browser:
        step = shown.system.begin("carl", DEMO_PASSWORD)
        step = shown.system.choose(step.token, next(each.id for each in step.choices if each.kind is Kind.SMS))
        shown.system.deliver()
        done = shown.system.answer(step.token, newest_code(shown.letters)).step
        assert done is not None
        carl = come_with(browser(), done.token)
        carl.open("/statements")
        page = carl.press(language)
        assert [row for row in lines if " ".join(" ".join(row).split()) not in page.text] == []


def test_a_statement_without_a_period_has_the_title_of_its_provider() -> None:
    english = load()["en"]
    for period in ("", "2026-13", "last year"):
        assert title(english, Statement("x", "A title", "2026-10-31", period=period)) == "A title"
