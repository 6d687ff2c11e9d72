"""Phone numbers in the form of ITU-T E.164: +, the country code, and the number within the country.

The numbering plans of the countries come from the `phonenumbers` library, which is loaded when the first number is checked.
"""

import re

from dsc_host.errors import InputError

_FORM = re.compile(r"\+[1-9][0-9]{6,14}")


def check_phone(number: str) -> None:
    """Raise `InputError` unless the number has a length that its country uses, and no trunk prefix."""
    if not isinstance(number, str) or not _FORM.fullmatch(number):
        raise InputError(
            "phone", "must be + and 7 to 15 digits with the country code, without spaces or the trunk 0: +41791234567"
        )
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        raise InputError("phone", "must begin with the code of a country, such as +41") from None
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        raise InputError(
            "phone",
            "must not have the 0 after +{country}, which is dialed only within the country",
            country=str(parsed.country_code),
        )
    # An SMS does not reach a number that is only complete within its city.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InputError(
            "phone", "is too long or too short for a number that begins with +{country}", country=str(parsed.country_code)
        )


def calling_code(number: str) -> str:
    """Return the country code of a number, for example 41 of +41791234567. Several countries share 1, and several share 7.

    If this is not a number, return its first three digits.
    """
    import phonenumbers

    try:
        return str(phonenumbers.parse(number).country_code)
    except phonenumbers.NumberParseException:
        return number.removeprefix("+")[:3]
