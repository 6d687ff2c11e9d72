"""The languages of the pages: English, in which the code is written, and German and Russian from gettext catalogs.

The catalogs are `locale/LANGUAGE.po`. They are compiled in memory when the first portal starts, so no generated file can be
out of date.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency

NAMES = {"en": "English", "de": "Deutsch", "ru": "Русский"}
FALLBACK = "en"
NONE = "\N{EN DASH}"
"""The text that stands for a missing value."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its translations, and its formats of days and amounts."""

    code: str
    words: NullTranslations

    def __call__(self, text: str, **values: object) -> str:
        """Return a sentence, translated, with its values filled in."""
        translated = self.words.gettext(text) if text else ""
        return translated.format(**values) if values else translated

    def day(self, text: str) -> str:
        """Format a day that is written as 2026-12-31."""
        return str(format_date(datetime.fromisoformat(text), "long", locale=self.code)) if text else ""

    def moment(self, at: float | None) -> str:
        """Format a Unix time in UTC."""
        if at is None:
            return NONE
        return str(format_datetime(datetime.fromtimestamp(at, UTC), "medium", locale=self.code)) + " UTC"

    def dollars(self, amount: Decimal) -> str:
        """Format an amount of US dollars."""
        return str(format_currency(amount, "USD", locale=self.code))


@cache
def load() -> Mapping[str, Language]:
    """Return all languages by their codes. The catalogs are read once in a process."""
    loaded = {FALLBACK: Language(FALLBACK, NullTranslations())}
    for code in NAMES:
        if code != FALLBACK:
            loaded[code] = Language(code, _compiled(code))
    return MappingProxyType(loaded)


def negotiated(languages: Mapping[str, Language], chosen: str, accepted: str) -> Language:
    """Return the chosen language, or the first available one that the browser accepts, or English."""
    if chosen in languages:
        return languages[chosen]
    wanted = sorted(_weighted(accepted[:500]), key=lambda each: -each[1])
    return next((languages[code] for code, weight in wanted if code in languages and weight > 0), languages[FALLBACK])


def _weighted(accepted: str) -> list[tuple[str, float]]:
    found = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            found.append((tag.strip().split("-")[0].lower(), float(quality) if quality else 1.0))
        except ValueError:
            continue
    return found


def _compiled(code: str) -> NullTranslations:
    text = files("dsc_host.portal").joinpath("locale", f"{code}.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text), locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)
