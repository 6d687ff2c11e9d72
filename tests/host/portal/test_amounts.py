"""Amounts of money as people write them in each language."""

from decimal import Decimal

import pytest

from dsc_host.errors import InputError
from dsc_host.portal import amounts
from dsc_host.portal.languages import NAMES, load


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("en", ("1,250", "1,250.00", "1.250,00", "$1,250", "1'250.00", "US$ 1 250")),
        ("de", ("1.250", "1.250,00", "1,250.00", "1250,0", "1250 $", "1\N{RIGHT SINGLE QUOTATION MARK}250")),
        ("ru", ("1 250", "1\N{NO-BREAK SPACE}250,00", "1\N{NARROW NO-BREAK SPACE}250", "1250.00", "1250 USD")),
    ],
)
def test_an_amount_is_read_as_it_is_written(code: str, texts: tuple[str, ...]) -> None:
    language = load()[code]
    assert {text: amounts.read(text, language) for text in ("1250", *texts)} == dict.fromkeys(("1250", *texts), Decimal(1250))


@pytest.mark.parametrize("code", NAMES)
def test_what_the_page_writes_is_read_back(code: str) -> None:
    language = load()[code]
    for amount in (Decimal("0.05"), Decimal("1.25"), Decimal("1250.5"), Decimal("123456789.01")):
        assert amounts.read(amounts.written(amount, language), language) == amount
    assert amounts.read("1.250.000", language) == amounts.read("1,250,000", language) == 1_250_000
    assert amounts.read("0.125", language) == Decimal("0.125"), "it has too many decimals, but is clear"


@pytest.mark.parametrize(("code", "text"), [("en", "1.250"), ("de", "1,250"), ("ru", "1.250"), ("ru", "1,250")])
def test_an_amount_that_may_be_another_one_is_refused_with_both(code: str, text: str) -> None:
    language = load()[code]
    with pytest.raises(InputError, match="must be clear") as caught:
        amounts.read(text, language)
    assert caught.value.values == {
        "one": amounts.written(Decimal(1250), language),
        "other": amounts.written(Decimal("1.25"), language),
    }


@pytest.mark.parametrize(
    "text", ["", "much", "-5", "1e3", "NaN", "1,25,000", "1.250.00", "1..5", "1,", ".5", "٣", "1 25", "12,3456.00", "$"]
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"must be an amount of money in digits, for example 1,250\.00"):
        amounts.read(text, load()["en"])
