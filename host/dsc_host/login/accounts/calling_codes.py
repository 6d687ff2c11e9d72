"""Calling codes: the country of a phone number, as far as its first digits tell (ITU-T E.164)."""

_OF_ONE_DIGIT = frozenset("17")
_OF_TWO_DIGITS = frozenset(
    str(code)
    for codes in (
        (20, 27, 36, 39, 40, 41, 81, 82, 84, 86, 98),
        range(30, 35),
        range(43, 50),
        range(51, 59),
        range(60, 67),
        range(90, 96),
    )
    for code in codes
)


def calling_code(number: str) -> str:
    """Return the calling code of a number, for example 41 of +41791234567. Several countries share 1, and several share 7."""
    digits = number.removeprefix("+")
    if digits[:1] in _OF_ONE_DIGIT:
        return digits[:1]
    return digits[:2] if digits[:2] in _OF_TWO_DIGITS else digits[:3]
