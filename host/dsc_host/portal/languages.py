"""The languages of the pages: English, in which the code is written, and German and Russian from gettext catalogs.

The catalogs are the files `locale/LANGUAGE.po`. A process compiles them in memory when it first needs them, so no compiled file
can be out of date.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from operator import itemgetter
from types import MappingProxyType
from typing import Literal
from unicodedata import combining, normalize

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency

NAMES = {"en": "English", "de": "Deutsch", "ru": "Русский"}
FALLBACK = "en"
NONE = "\N{EN DASH}"
"""The text in place of a missing value."""
_RANGE = re.compile(r"(?P<language>[A-Za-z]{1,8})(-[A-Za-z0-9-]*)?(\s*;\s*[qQ]=(?P<weight>[01](\.[0-9]{0,3})?))?", re.ASCII)
"""A language range of the header Accept-Language with its weight, as in RFC 9110, section 12.5.4."""


_COUNTRY = re.compile("(?!EU|EZ|QO|UN|XA|XB|ZZ)[A-Z]{2}")
"""A code of two letters that stands for a single country. The excluded codes stand for groups of countries, or for none."""


_SHORT_NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {"HK": "Hong Kong", "MO": "Macao"},
    "de": {"HK": "Hongkong", "MO": "Macau"},
    "ru": {"HK": "Гонконг", "MO": "Макао"},
}
"""Short names for regions whose names in the data of Babel are too long for a label."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages: its translations, and its formats of days, times and amounts."""

    code: str
    words: NullTranslations

    def __call__(self, text: str, **values: object) -> str:
        """Translate a sentence, and fill in its values. Return empty text for empty text."""
        translated = self.words.gettext(text) if text else ""
        return translated.format(**values) if values else translated

    def day(self, text: str) -> str:
        """Format a day that is written as 2026-12-31. Return empty text for empty text.

        No date has a space at which a line may break.
        """
        return self._formatted(datetime.fromisoformat(text), "long") if text else ""

    def short_day(self, text: str) -> str:
        """Format a day that is written as 2026-12-31, in the form of `date`. Return empty text for empty text."""
        return self._formatted(datetime.fromisoformat(text), "medium") if text else ""

    def month(self, text: str) -> str:
        """Format a month that is written as 2026-12."""
        return str(format_skeleton("yMMMM", datetime.fromisoformat(f"{text}-01"), locale=self.code))

    def date(self, at: float) -> str:
        """Format the day of a Unix time in UTC, in a shorter form than `day`."""
        return self._formatted(datetime.fromtimestamp(at, UTC), "medium")

    def moment(self, at: float | None) -> str:
        """Format a Unix time in UTC, to the minute. Return `NONE` for None. No line break separates the time from *UTC*."""
        if at is None:
            return NONE
        return f"{self.date(at)}, {self.time(at)}\N{NO-BREAK SPACE}UTC"

    def _formatted(self, day: datetime, length: Literal["medium", "long"]) -> str:
        return str(format_date(day, length, locale=self.code)).replace(" ", "\N{NO-BREAK SPACE}")

    def time(self, at: float) -> str:
        """Format the time of day of a Unix time in UTC, to the minute."""
        return str(format_time(datetime.fromtimestamp(at, UTC), "short", locale=self.code))

    def dollars(self, amount: Decimal) -> str:
        """Format an amount of US dollars."""
        return str(format_currency(amount, "USD", locale=self.code))

    def country(self, code: str) -> str:
        """Return the name of a country, or its code if it has no name in this language."""
        return _SHORT_NAMES[self.code].get(code) or str(Locale(self.code).territories.get(code, code))

    def countries(self) -> list[tuple[str, str]]:
        """Return the countries, each with its code of two letters, in the order of their names."""
        codes = map(str, Locale(self.code).territories)
        return sorted(((code, self.country(code)) for code in codes if _COUNTRY.fullmatch(code)), key=_in_order)

    def region(self, name: str) -> str:
        """Translate the English name of a country or region, or of several, such as *United States and Canada*.

        Return the name itself if a part of it is not a country or region.
        """
        codes = _codes_of_territories()
        parts = [codes.get(part, "") for part in re.split(", | and ", name)]
        return str(format_list([self.country(part) for part in parts], locale=self.code)) if all(parts) else name

    def language(self, code: str) -> str:
        """Return the name of a language, or its code if it has no name in this language."""
        return str(Locale(self.code).languages.get(code, code))


def spoken_in(country: str) -> str:
    """Return the code of the language that most people speak in a country, or empty text if this is unknown."""
    try:
        return str(Locale.parse(f"und_{country}").language)
    except (UnknownLocaleError, ValueError):
        return ""


def _in_order(country: tuple[str, str]) -> str:
    """Return the sort key of a country: its name without accents, so that `Ä` is beside `A`."""
    return "".join(each for each in normalize("NFD", country[1]) if not combining(each)).casefold()


@cache
def _codes_of_territories() -> Mapping[str, str]:
    """Return the codes of all countries and regions by their English names."""
    names = {code: str(name) for code, name in Locale("en").territories.items()}
    return {name: code for code, name in (names | dict(_SHORT_NAMES["en"])).items()}


@cache
def load() -> Mapping[str, Language]:
    """Return all languages by their codes. The catalogs are read once in a process."""
    loaded = {FALLBACK: Language(FALLBACK, NullTranslations())}
    for code in NAMES:
        if code != FALLBACK:
            loaded[code] = Language(code, _compiled(code))
    return MappingProxyType(loaded)


def negotiated(languages: Mapping[str, Language], chosen: str, accepted: str) -> Language:
    """Return the language that the visitor has chosen, else the available language that the browser prefers, else English."""
    if chosen in languages:
        return languages[chosen]
    ranges = [found for part in accepted[:500].split(",") if (found := _RANGE.fullmatch(part.strip()))]
    weighted = [(float(found["weight"] or 1), found["language"].lower()) for found in ranges]
    wanted = sorted(weighted, key=itemgetter(0), reverse=True)
    return next((languages[code] for weight, code in wanted if weight > 0 and code in languages), languages[FALLBACK])


def _compiled(code: str) -> NullTranslations:
    text = files("dsc_host.portal").joinpath("locale", f"{code}.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text), locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)
