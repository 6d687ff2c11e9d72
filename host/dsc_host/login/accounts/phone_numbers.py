"""Phone numbers as ITU-T E.164 has them: + and the country's code first, then the number inside the country.

The plans of the countries come from the `phonenumbers` library, which is loaded when the first number is looked at.
"""

import re

from dsc_host.errors import InputError

_FORM = re.compile(r"\+[1-9][0-9]{6,14}")


def check_phone(number: str) -> None:
    """Raise `InputError` unless this could be a number: of a length that its country has, and without the trunk prefix."""
    if not isinstance(number, str) or not _FORM.fullmatch(number):
        raise InputError("phone", "must be + and 7 to 15 digits, country first, without blanks or the trunk 0: +41791234567")
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        raise InputError("phone", "must begin with the code of a country, such as +41") from None
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        raise InputError(
            "phone",
            "must be without the 0 after +{country}, which is dialled inside the country only",
            country=str(parsed.country_code),
        )
    # A number that is long enough only inside its city is none that an SMS reaches.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InputError(
            "phone", "is too long or too short for a number that begins with +{country}", country=str(parsed.country_code)
        )


def calling_code(number: str) -> str:
    """Return the code of the country, such as 41 of +41791234567. Several countries share 1, and 7.

    Of what is no number, return the first three digits.
    """
    import phonenumbers

    try:
        return str(phonenumbers.parse(number).country_code)
    except phonenumbers.NumberParseException:
        return number.removeprefix("+")[:3]
