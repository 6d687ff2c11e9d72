"""Bank instructions: an IBAN, or the routing and account number of an account in the US.

The `python-stdnum` library checks the digits, and the form of each country's IBAN. It is loaded when the first number is
checked. No error and no `repr` contains a number. The masked text contains only the country and the last digits.
"""

import re
from dataclasses import dataclass, field

from dsc_host.errors import InputError

_SHOWN, _SHOWN_OF_SHORT, _SHORT = 4, 2, 8


@dataclass(frozen=True, slots=True)
class BankInstructions:
    """The destination of withdrawals: an IBAN, or a routing number and an account number."""

    iban: str = field(default="", repr=False)
    routing: str = field(default="", repr=False)
    account_number: str = field(default="", repr=False)

    @property
    def masked(self) -> str:
        """The country and the last digits: the owner can recognize the account, and nobody can derive the number."""
        country, number = (self.iban[:2], self.iban) if self.iban else ("US", self.account_number)
        return f"{country}…{number[-(_SHOWN if len(number) >= _SHORT else _SHOWN_OF_SHORT) :]}"


def checked(iban: str = "", routing: str = "", account_number: str = "") -> BankInstructions:
    """Check bank instructions that a person entered. Return them without spaces.

    Raises an `InputError` that names the field.
    """
    iban, routing, account_number = _plain("iban", iban), _plain("routing", routing), _plain("account_number", account_number)
    if not (iban or routing or account_number):
        raise InputError("iban", "must be given, or else a routing number and an account number")
    if not iban:
        return BankInstructions(routing=_routing(routing), account_number=_account_number(account_number))
    if routing or account_number:
        raise InputError("iban", "must be given without a routing number and an account number")
    return BankInstructions(iban=_iban(iban))


def _plain(name: str, text: str) -> str:
    if not isinstance(text, str) or len(text) > 64:
        raise InputError(name, "must have at most {longest} characters", longest=64)
    return text.replace(" ", "").upper()


def _iban(text: str) -> str:
    from stdnum import iban
    from stdnum.exceptions import ValidationError

    problem = InputError("iban", "must be an IBAN with its check digits, for example DE89 3704 0044 0532 0130 00")
    if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]+", text):
        raise problem
    try:
        # Do not look the bank up: the library's lists of banks lack the newest banks.
        return iban.validate(text, check_country=False)
    except ValidationError:
        raise problem from None


def _routing(text: str) -> str:
    from stdnum.exceptions import ValidationError
    from stdnum.us import rtn

    problem = InputError("routing", "must be a routing number of 9 digits with its check digit, for example 111000025")
    if not re.fullmatch("[0-9]{9}", text) or not int(text):
        raise problem
    try:
        return rtn.validate(text)
    except ValidationError:
        raise problem from None


def _account_number(text: str) -> str:
    if not re.fullmatch("[0-9]{4,17}", text):
        raise InputError("account_number", "must have 4 to 17 digits")
    return text
