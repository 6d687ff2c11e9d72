"""The messages between the phone app and the login system as JSON. Both sides use this module."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TypeVar

import msgspec

from dsc_host.errors import InputError

LONGEST = 256
"""The largest number of characters in each text of a call's message."""
T = TypeVar("T")
_TYPE = re.compile(r"(?:Expected `)?(?P<type>\w+)")
_FIELD = re.compile(r"required field `(?P<missing>\w+)`|\.(?P<wrong>\w+)`$")
_LINE = "must be a line of at most {longest} characters"
_RULES = {"int": "must be a whole number", "Number": "must be a whole number", "object": "must be a JSON object"}


class NotJson(ValueError):
    """Bytes that are not a JSON object."""


def encode(message: object) -> bytes:
    """Return a message as a JSON object."""
    return msgspec.json.encode(message)


def decode(body: bytes, kind: type[T], longest: int) -> T:
    """Return the message of the class `kind` in `body`. Ignore unknown fields.

    Raises `NotJson` if `body` is not a JSON object. Raises an `InputError` that names the field if a field is missing or
    malformed, or if a text is not one line of at most `longest` characters.
    """
    try:
        message = msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        # It is safe to name the field: msgspec's errors quote the names of our fields, and no value of the sender.
        expected, field = _TYPE.match(str(error)), _FIELD.search(str(error))
        if field is None:
            raise NotJson from None
        rule = _RULES.get(expected["type"] if expected else "", _LINE.format(longest=longest))
        raise InputError(field["missing"] or field["wrong"], rule) from None
    check_lines(message, longest)
    return message


def check_lines(message: object, longest: int) -> None:
    """Raise an `InputError` that names the field if a text of the message is not one line of at most `longest` characters."""
    for name, text in _texts(message):
        if len(text) > longest or not text.isprintable():
            raise InputError(name, _LINE.format(longest=longest))


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in a message with the name of its field."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each, name)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), field.name)
