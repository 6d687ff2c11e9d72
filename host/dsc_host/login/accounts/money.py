"""Amounts of money: whole cents in the records, decimal numbers elsewhere."""

from decimal import Decimal

from dsc_host.errors import InputError

_CENTS = 100
_DIGITS = 15
MOST = Decimal(10) ** _DIGITS
"""The upper bound of amounts of money. Every amount is lower."""


def cents(field: str, amount: Decimal) -> int:
    """Return an amount in whole cents. Raises an `InputError` that names `field` if `amount` is not an amount of money."""
    if not isinstance(amount, Decimal) or not amount.is_finite() or amount < 0:
        raise InputError(field, "must be an amount of money, 0 or more")
    if amount >= MOST:
        raise InputError(field, "must have at most {digits} digits before the decimal separator", digits=_DIGITS)
    whole = int(amount * _CENTS)
    # Compare the amounts, because Decimal rounds the product of a very long amount: a remainder could be lost.
    if money(whole) != amount:
        raise InputError(field, "must have at most two decimals")
    return whole


def money(whole_cents: int) -> Decimal:
    """Return an amount in whole cents as a decimal number."""
    return Decimal(whole_cents) / _CENTS
