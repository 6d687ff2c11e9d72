"""Checks of the fields of people and users: names, languages and papers. They raise `InputError` for an invalid field."""

import re
from datetime import date

from dsc_host.errors import InputError
from dsc_host.login.model import Identity

DOCUMENTS = ("passport", "id", "licence", "ssn")
LANGUAGES = ("en", "de", "ru")


def check_name(name: str) -> None:
    """Raise `InputError` if `name` is not a valid user name."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9._-]{2,31}", name):
        raise InputError("name", "must have 3 to 32 characters of a-z, 0-9, dot, - and _, and begin with a letter or digit")


def check_language(language: str) -> None:
    """Raise `InputError` unless there are pages and messages in this language."""
    if language not in LANGUAGES:
        raise InputError("language", "must be one of {kinds}", kinds=", ".join(LANGUAGES))


def check_identity(identity: Identity) -> None:
    """Raise `InputError` if a field of `identity` is not valid."""
    if not isinstance(identity, Identity) or not all(isinstance(getattr(identity, each), str) for each in Identity.__slots__):
        raise InputError("identity", "must be texts of at most 64 characters")
    try:
        born = date.fromisoformat(identity.birth_date)
    except (TypeError, ValueError):
        raise InputError("birth date", "must be a date, for example 1980-12-31") from None
    if identity.birth_date != born.isoformat():
        # Allow only one form, because identities are compared as text. `fromisoformat` also reads 19801231 and 1981-W01-3.
        raise InputError("birth date", "must be a date, for example 1980-12-31")
    if not date(1900, 1, 1) <= born <= date(2100, 1, 1):
        raise InputError("birth date", "must be from 1900-01-01 to 2100-01-01")
    for field, country in (("citizenship", identity.citizenship), ("residence", identity.residence)):
        if not re.fullmatch("[A-Z]{2}", country):
            raise InputError(field, "must be a country code of two capital letters, for example CH")
    if identity.document_type not in DOCUMENTS:
        raise InputError("document type", "must be one of {kinds}", kinds=", ".join(DOCUMENTS))
    if not re.fullmatch("[A-Z0-9-]{3,32}", identity.document_number):
        raise InputError("document number", "must have 3 to 32 characters of A-Z, 0-9 and -")


def check_line(field: str, text: str, most: int) -> str:
    """Return one line of text without blanks at its ends. Raises `InputError` if it is empty or longer than `most`."""
    if not isinstance(text, str) or not text.isprintable():
        raise InputError(field, "must be one line of 1 to {most} characters", most=most)
    # A page may have joined the lines of its field, so say nothing about lines.
    if not 0 < len(text.strip()) <= most:
        raise InputError(field, "must have {least} to {most} characters", least=1, most=most)
    return text.strip()
