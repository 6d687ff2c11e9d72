"""The offices of the issuer, with their telephones and addresses. Each country of residence is served by one office."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_COUNTRY = re.compile("[A-Z]{2}")
_LANGUAGE = re.compile("[a-z]{2,3}")
_MOST_LINES = 12
_MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Telephone:
    """A telephone of an office."""

    number: str
    countries: tuple[str, ...] = ()
    """The codes of the countries that the number is meant for, for example CA or EU. Empty means all countries."""
    languages: tuple[str, ...] = ()
    """The codes of the languages that are spoken at the telephone, for example yue. Empty means that they are not known."""
    free: bool = False
    """Whether a call is free of charge."""


@dataclass(frozen=True, slots=True)
class Office:
    """An office, with its postal address and its telephones."""

    name: str
    address: tuple[str, ...]
    """The lines of the address to which cards are sent back."""
    telephones: tuple[Telephone, ...] = ()
    countries: tuple[str, ...] = ()
    """The countries of residence whose people the office serves."""
    local_address: tuple[str, ...] = ()
    """The lines of the address in the local script; empty if that is the Latin script."""
    default: bool = False
    """Whether the office serves all countries that no other office lists."""


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """The table `contact`: how to reach the issuer. Without `offices`, `support` and `returns` describe the only office."""

    support: str
    returns: str
    offices: tuple[Office, ...]

    def office(self, residence: str = "") -> Office:
        """Return the office that serves a country: the office that lists the country, or else the default office."""
        offices = self.all_offices()
        by_country = (office for office in offices if residence in office.countries)
        return next(by_country, next(office for office in offices if office.default))

    def all_offices(self) -> tuple[Office, ...]:
        """Return all offices. There is at least one office. It may have neither an address nor a telephone."""
        return self.offices or (self._only(),)

    def _only(self) -> Office:
        telephones = (Telephone(self.support),) if self.support else ()
        return Office("", (self.returns,) if self.returns else (), telephones, default=True)


def mistake(offices: Sequence[Office]) -> str:
    """Return the first mistake in the offices of a policy; empty text if there is none."""
    served = [country for office in offices for country in office.countries]
    if twice := [country for country in served if served.count(country) > 1]:
        return f"{twice[0]} is served by two offices; name each country once"
    if offices and sum(office.default for office in offices) != 1:
        return "exactly one office must have default = true"
    return next((f"{office.name}: {wrong}" for office in offices if (wrong := _mistake(office))), "")


def _mistake(office: Office) -> str:
    numbers = [phone.number for phone in office.telephones]
    for name, lines in (("address", office.address), ("local_address", office.local_address), ("telephones", numbers)):
        if len(lines) > _MOST_LINES or not all(map(is_line, lines)):
            return f"{name}: must be at most {_MOST_LINES} lines of 1 to {_MOST_LETTERS} characters"
    if not is_line(office.name):
        return f"name: must be one line of 1 to {_MOST_LETTERS} characters"
    if not all(_COUNTRY.fullmatch(each) for each in [*office.countries, *_each(office, "countries")]):
        return "countries: must be codes of two capital letters, for example CH"
    if not all(_LANGUAGE.fullmatch(each) for each in _each(office, "languages")):
        return "languages: must be codes of two or three small letters, for example de"
    return ""


def _each(office: Office, field: str) -> list[str]:
    return [each for phone in office.telephones for each in getattr(phone, field)]


def is_line(text: str) -> bool:
    """Return whether a text is one line that is neither empty nor too long."""
    return 0 < len(text) <= _MOST_LETTERS and text.isprintable()
