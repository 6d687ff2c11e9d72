"""The columns `data` of the tables, which hold frozen dataclasses as JSON text. Only this module writes and reads this text.

A value that equals its field's default is not written, and a missing field gets its default. A database of an earlier version
can therefore be read if each new field has a default.
"""

import json
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def write(values: "DataclassInstance") -> str:
    """Return a dataclass as JSON text."""
    return json.dumps(_plain(values), separators=(",", ":"), sort_keys=True)


def read(kind: type[T], text: str) -> T:
    """Return the object of the dataclass `kind` that was written as this text. Ignore unknown keys."""
    values: T = _typed(kind, json.loads(text))
    return values


def _plain(value: Any) -> Any:
    if not is_dataclass(value):
        return value
    values = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _plain(each) for field, each in values if each != field.default}


def _typed(kind: Any, value: Any) -> Any:
    """Convert a JSON value to the type of its field: a dataclass, a tuple, or a type that JSON has."""
    if isinstance(kind, UnionType):
        return None if value is None else _typed(next(each for each in get_args(kind) if each is not NoneType), value)
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**{name: _typed(hint, value[name]) for name, hint in _hints(kind).items() if name in value})
    return tuple(value) if get_origin(kind) is tuple else value


_hints = cache(get_type_hints)
