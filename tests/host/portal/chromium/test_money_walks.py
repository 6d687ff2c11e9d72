"""Withdrawals, deposits, statements and the end of an account, walked in a real browser."""

from decimal import Decimal

from tests.host.portal.chromium.walk import Walk
from tests.host.portal.chromium.withdrawals import press_amount, withdraw

from dsc_host.login import Scope
from dsc_host.portal.wording import SCOPES


def test_money_is_withdrawn_and_deposited_within_the_limits(walk: Walk) -> None:
    walk.enter_by_sms("carl").open("/").follow("Withdraw money")
    walk.picture("withdraw")
    assert withdraw(walk, 150_000).has_notice("withdrawn")
    left = walk.language.dollars(Decimal(50_000))
    assert left in walk.press("Continue", Amount_in_US_dollars="60000").text
    walk.picture("withdraw-too-much")
    walk.open("/").follow("Deposit money").picture("deposit")
    walk.press("Continue", Amount_in_US_dollars="20000.01").picture("deposit-check")
    assert press_amount(walk, "Deposit {amount}", Decimal("20000.01")).has_notice("deposited")
    walk.shown.system.opt_out(walk.enter("anna").token)
    walk.open("/deposit").press("Continue", Amount_in_US_dollars="20000.01").picture("deposit-too-much")
    words = walk._(
        "At most {most} in this way. For more, choose a bank transfer.",
        most=walk.language.dollars(Decimal(20_000)),
    )
    assert words in walk.text


def test_a_closed_account_has_its_statements_only(walk: Walk) -> None:
    walk.enter_by_sms("carl").open("/profile").follow("Close the account")
    walk.field("I want to close the account for good").check()
    walk.press("Close the account").picture("close-proof")
    walk.press("Continue")
    assert walk.press("Close the account", Code=walk.sent("sms")).has_notice("closed")
    walk.begin("carl").picture("closed-account")
    assert (walk.path, walk._(SCOPES[Scope.STATEMENTS]) in walk.text) == ("/", True)
    walk.follow("Statements").picture("statements-of-a-closed-account")
    with walk.page.expect_download() as saved:
        walk.page.get_by_role("button", name=walk._("PDF")).first.click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
