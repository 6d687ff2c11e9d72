"""Weak PINs, which somebody who finds a card would try first. Users may not choose a weak PIN."""

from datetime import date

from dsc_host.errors import InputError
from dsc_host.login.policy.model import Policy

_DIGITS = 4
_RUNS = ("0123456789", "9876543210", "1234567890", "0987654321")


def weak_pin(pin: str, birth_date: date | None, policy: Policy) -> str | None:
    """Return the reason why a PIN is weak: `repeated`, `run`, `year`, `birth date` or `common`. Return None if it is not weak.

    Raises `InputError` if the text is not 4 digits.
    """
    if not isinstance(pin, str) or len(pin) != _DIGITS or not pin.isascii() or not pin.isdigit():
        raise InputError("PIN", "must be {digits} digits, 0 to 9", digits=_DIGITS)
    if len(set(pin)) == 1:
        return "repeated"
    if any(pin in run for run in _RUNS):
        return "run"
    if pin[:2] in ("19", "20"):
        return "year"
    if birth_date and pin in _from_date(birth_date):
        return "birth date"
    return "common" if pin in policy.pins.common else None


def _from_date(day: date) -> set[str]:
    return {day.strftime(pattern) for pattern in ("%d%m", "%m%d", "%Y", "%m%y", "%y%m", "%d%y", "%y%d")}
