"""Amounts of money as people write them: `1250`, `1,250.00` in English, `1.250,00` in German, `1 250,00` in Russian."""

import re
from decimal import Decimal

from babel.numbers import format_decimal, get_group_symbol

from dsc_host.errors import InputError
from dsc_host.portal.languages import Language

_PLAIN = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_GROUPED = re.compile(r"(?P<whole>[1-9][0-9]{0,2}(?:(?P<mark>[.,' ])[0-9]{3})(?:(?P=mark)[0-9]{3})*)(?P<rest>[.,][0-9]{1,2})?")
_SPACES = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{RIGHT SINGLE QUOTATION MARK}": "'"})


def read(text: str, language: Language) -> Decimal:
    """Return the amount that a visitor typed in this language. Raises `InputError`.

    In `1,250` and `1.250`, the sign counts as a thousands separator if it is the thousands separator of this language.
    Otherwise, it could also be the decimal separator, so the amount is refused.
    """
    typed = text.translate(_SPACES).strip()
    for sign in ("US$", "$", "USD"):
        typed = typed.removeprefix(sign).removesuffix(sign).strip()
    found = _GROUPED.fullmatch(typed)
    if found is not None and (found["rest"] or "")[:1] != found["mark"]:
        mark, rest = found["mark"], (found["rest"] or "").replace(",", ".")
        groups = found["whole"].split(mark)
        if mark in ".," and not rest and len(groups) == 2 and mark != get_group_symbol(language.code):
            one, other = Decimal("".join(groups)), Decimal(".".join(groups))
            raise InputError(
                "amount", "must be clear: write {one} or {other}", one=written(one, language), other=written(other, language)
            )
        return Decimal("".join(groups) + rest)
    if not _PLAIN.fullmatch(typed):
        example = written(Decimal(1250), language)
        raise InputError("amount", "must be an amount of money in digits, for example {example}", example=example)
    return Decimal(typed.replace(",", "."))


def written(amount: Decimal, language: Language) -> str:
    """Return an amount as people write it in this language, with cents."""
    return str(format_decimal(amount, "#,##0.00", locale=language.code))
