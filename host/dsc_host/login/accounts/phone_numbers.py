"""Phone numbers in the form of ITU-T E.164: +, the country code, and the number within the country.

The numbering plans of the countries come from the `phonenumbers` library, which is loaded when the first number is checked.
A trunk prefix is dialed only within a country: 0 in most countries, 1 in North America, 8 in Russia, 06 in Hungary. A number
with a trunk prefix after the country code is refused. It is not corrected, because a code must go exactly to the number that
the user has typed.
"""

import re
from typing import TYPE_CHECKING

from dsc_host.errors import InputError

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_FORM = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST = 40
_SIGNS = re.compile(r"[\s().\-/\u2010-\u2015]")
"""The spaces and signs that people write between the digits of a number."""
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_OFTEN = ("0", "1", "8")
"""The trunk prefixes that people often type by mistake, even for countries with another trunk prefix or with none."""


def without_signs(text: str) -> str:
    """Remove the spaces and signs from a number that a person typed, and replace an international 00 at its beginning by +.

    Also remove a 0 in parentheses, as in +41 (0)79 123 45 67, which is dialed only within the country. The result may be
    invalid.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return text
    international = _SIGNS.sub("", text).startswith(("+", "00"))
    digits = _SIGNS.sub("", _TRUNK_ZERO.sub("", text) if international else text)
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def check_phone(number: str, residence: str = "") -> None:
    """Raise `InputError` unless the number has a length that its country uses, and no trunk prefix.

    If the library recognizes the number that was meant, the error proposes that number. `residence` is a country code of two
    letters, such as CH: a number without a calling code is assumed to be a number of this country.
    """
    if not isinstance(number, str) or not _FORM.fullmatch(number):
        raise _not_international(number, residence)
    parsed = _parsed(number)
    if parsed is None:
        raise InputError("phone", "must begin with the code of a country, such as +41")
    if _is_complete(number):
        return
    country = f"+{parsed.country_code}"
    if right := _meant(number, parsed):
        raise InputError(
            "phone",
            "must be {right}, without the {prefix} after {country}, which is dialed only within the country",
            right=right,
            prefix=_difference(number.removeprefix(country), right.removeprefix(country)),
            country=country,
        )
    if prefix := _trunk_prefix(number, parsed):
        raise InputError(
            "phone",
            "must not have the {prefix} after {country}, which is dialed only within the country; type all digits after it",
            prefix=prefix,
            country=country,
        )
    raise InputError("phone", "must have as many digits as a number that begins with {country}", country=country)


def calling_code(number: str) -> str:
    """Return the country code of a number, for example 41 for +41791234567. Several countries may share a code, such as 1 or 7.

    If `number` is not a phone number, return its first three digits.
    """
    parsed = _parsed(number)
    return str(parsed.country_code) if parsed else number.removeprefix("+")[:3]


def _not_international(number: object, residence: str) -> InputError:
    """Return the error for a number that is not in the form of E.164. The error proposes this form if it can be found."""
    if isinstance(number, str) and len(number) <= _LONGEST and not re.search("[A-Za-z]", number):
        international = f"+{number[2:]}" if number.startswith("00") else number
        for parsed in (_parsed(number, residence), _parsed(international), _parsed(f"+{number}")):
            if parsed is not None and _is_valid(_e164(parsed)):
                return InputError("phone", "must begin with the country code; enter {right}", right=_e164(parsed))
    return InputError(
        "phone", "must begin with + or 00 and the country code, and have 7 to 15 digits; for example +41 79 123 45 67"
    )


def _is_complete(number: str) -> bool:
    """Return whether this is a number as it is dialed from abroad.

    Also accept a number of a new kind that the library does not know, if its length is possible and it has no trunk prefix.
    """
    parsed = _parsed(number)
    if parsed is None or not _FORM.fullmatch(number) or _e164(parsed) != number:
        return False
    return _is_valid(number) or (_is_possible(parsed) and not _trunk_prefix(number, parsed))


def _meant(number: str, parsed: "PhoneNumber") -> str | None:
    """Return the number without its apparent trunk prefix; None if there is no prefix, or if the rest is not a valid number."""
    while (shorter := _parsed(number)) is not None and _e164(shorter) != number:
        number = _e164(shorter)  # The library has removed a trunk prefix. Try again: the prefix may have been typed twice.
    if _is_complete(number):
        return number
    begin = f"+{parsed.country_code}"
    tried = (number.removeprefix(begin + prefix) for prefix in (_prefix_of(parsed), *_OFTEN))
    return next((begin + rest for rest in tried if _is_valid(begin + rest)), None)


def _trunk_prefix(number: str, parsed: "PhoneNumber") -> str:
    """Return the trunk prefix at the beginning of an invalid number; empty text if there is none."""
    country, prefix = f"+{parsed.country_code}", _prefix_of(parsed)
    if not prefix:
        # In some of these countries, all numbers begin with 0.
        return ""
    rest = number.removeprefix(country)
    return next((each for each in (prefix, "0") if rest.startswith(each)), "")


def _prefix_of(parsed: "PhoneNumber") -> str:
    """Return the trunk prefix of the number's country; empty text if the country has none."""
    import phonenumbers

    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    about = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return (about.national_prefix if about else None) or ""


def _difference(typed: str, right: str) -> str:
    """Return the digits at the beginning of `typed` that `right` does not have."""
    return typed.removesuffix(right) if typed.endswith(right) else typed[:1]


def _is_valid(number: str) -> bool:
    """Return whether the library knows this as a valid number, in exactly this form."""
    import phonenumbers

    parsed = _parsed(number)
    return parsed is not None and _e164(parsed) == number and phonenumbers.is_valid_number(parsed)


def _is_possible(parsed: "PhoneNumber") -> bool:
    """Return whether the country has numbers of this length. A number without its area code counts as too short."""
    import phonenumbers

    return phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE


def _parsed(number: str, region: str = "") -> "PhoneNumber | None":
    """Return the number as the library parses it; None if the library cannot parse it."""
    import phonenumbers

    try:
        return phonenumbers.parse(number, region or None)
    except phonenumbers.NumberParseException:
        return None


def _e164(parsed: "PhoneNumber") -> str:
    import phonenumbers

    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
