"""A withdrawal in a browser, from the amount to the button of the check page."""

from decimal import Decimal

from tests.host.portal.chromium.walk import Walk


def withdraw(walk: Walk, amount: int) -> Walk:
    """Enter an amount on the open page, and withdraw it on the check page."""
    walk.press("Continue", Amount_in_US_dollars=str(amount)).picture("withdraw-check")
    return press_amount(walk, "Withdraw {amount}", Decimal(amount))


def press_amount(walk: Walk, label: str, amount: Decimal) -> Walk:
    """Press the button whose label contains this amount."""
    name = walk._(label, amount=walk.language.dollars(amount))
    with walk.page.expect_navigation():
        walk.page.get_by_role("button", name=name, exact=True).click()
    return walk
