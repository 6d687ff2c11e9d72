"""Strict parsing of bodies and queries.

A body is one JSON object in UTF-8. Each field must be known and in range, and may occur only once. For any other input, a
`Refusal` is raised. It says what is wrong, but does not quote the input.
"""

import json
import math
import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args

import msgspec
from starlette.requests import Request

from dsc_host.api.problems import Refusal
from dsc_host.server import bodies
from dsc_host.server.bodies import SlowBody

MOST_BYTES = 16 * 1024
"""The maximum number of bytes of a body: about twice the size of the largest enrollment without escapes."""
_MOST_EXACT = 2**53
"""Up to this limit, a float holds each whole number exactly."""
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_NAME = re.compile(r"\.(?P<name>[a-z_]{1,32})(?:\[\.\.\.\])?")

A = TypeVar("A", bound=msgspec.Struct)


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The base class of every body and query.

    In the pattern of a field, `$` also matches before a final newline. So a text with a final newline is not refused here.
    Where the newline would do harm, the verifier refuses the text.
    """


async def read_body(request: Request, kind: type[A]) -> A:
    """Read the body of a request as a `kind`. Raises `Refusal` with the status 400, 408, 413 or 415."""
    _check_type(request)
    try:
        body = await _read_bytes(request)
    except SlowBody:
        raise Refusal(408, "slow", f"the body must arrive within {bodies.BODY_SECONDS:g} s") from None
    return _convert(_parse_json(body), kind)


def read_query(request: Request, kind: type[A]) -> A:
    """Read the query of a request as a `kind`. Raises `Refusal` with the status 400."""
    if not request.scope["query_string"]:
        return _convert({}, kind)
    try:
        # Refuse bytes above 127: they are not valid in a URL, and decoding would change them.
        request.scope["query_string"].decode("ascii")
    except UnicodeDecodeError:
        raise _malformed("the query must be percent-encoded") from None
    pairs = request.query_params.multi_items()
    if any("\N{REPLACEMENT CHARACTER}" in text for pair in pairs for text in pair):
        raise _malformed("the query must be UTF-8")
    return _convert(_convert_numbers(_unique_fields(pairs), kind), kind)


def _convert_numbers(fields: dict[str, Any], kind: type[A]) -> dict[str, Any]:
    """Convert the values of integer fields. Leave a value as text if it is not ASCII digits, so that `msgspec` refuses it."""
    wanted = {field.name for field in msgspec.structs.fields(kind) if getattr(field.type, "__origin__", field.type) is int}
    return {name: int(text) if name in wanted and re.fullmatch("[0-9]{1,9}", text) else text for name, text in fields.items()}


def _check_type(request: Request) -> None:
    types = request.headers.getlist("content-type")
    media_type, _, parameters = (types[0] if len(types) == 1 else "").partition(";")
    if media_type.strip().lower() != "application/json" or not re.fullmatch(r"(?i)\s*(charset=\"?utf-8\"?)?\s*", parameters):
        raise Refusal(415, "not-json", "the body must be JSON, with Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "encoded", "the body must not be compressed; leave Content-Encoding out")


async def _read_bytes(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    # If the request states a length above the limit, refuse the request before reading its body.
    if not length.isdecimal() or int(length[:12]) > MOST_BYTES:
        raise _too_large()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> Refusal:
    return Refusal(413, "too-large", f"the body must be at most {MOST_BYTES} bytes")


def _parse_json(body: bytes) -> Any:
    try:
        parsed = _decoder().decode(body.decode("utf-8"))
        if b"\\u" in body:
            # Refuse half of a surrogate pair. An escape can express it, but it is no character, and databases refuse it.
            json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise _malformed("the body is nested too deeply") from None
    except ValueError:
        raise _malformed("the body must be one JSON object, in UTF-8") from None
    return parsed


@cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique_fields, parse_constant=_no_constant, parse_float=_parse_float)


def _unique_fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise _malformed("a field occurs twice")
        fields[name] = value
    return fields


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _parse_float(text: str) -> float:
    """Convert a number with a point or an exponent.

    As in JSON Schema, `283.0` counts as the whole number 283. A number whose absolute value is above `_MOST_EXACT` stays a
    float.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return int(number) if number.is_integer() and abs(number) <= _MOST_EXACT else number


def _convert(fields: Any, kind: type[A]) -> A:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        words = str(error)
    raise _refusal_for(words, kind)


def _refusal_for(words: str, kind: type[msgspec.Struct]) -> Refusal:
    path = _PATH.search(words)
    problem = words[: path.start()] if path else words
    name = _NAME.match(path["path"]) if path else None
    if "unknown field" in problem:
        # Do not quote the field's name, which is the caller's text.
        known = ", ".join(kind.__struct_fields__)
        return _malformed(f"there is an unknown field; the known fields are: {known}" if known else "this call takes no query")
    missing = re.search("missing required field `([a-z_]+)`", problem)
    if missing:
        return _malformed("is missing", missing[1])
    field = name["name"] if name else None
    # Use only the messages of msgspec that name a type or a range. Its other messages quote the value.
    if not problem.startswith("Expected "):
        return _malformed(_describe_allowed(kind, field), field)
    return _malformed(problem.replace("`", ""), field)


def _describe_allowed(kind: type[msgspec.Struct], name: str | None) -> str:
    """Return a text about the allowed values of the field `name`. If they are a fixed set, the text lists them."""
    types = [field.type for field in msgspec.structs.fields(kind) if field.encode_name == name]
    values = [value for option in types for each in (option, *get_args(option)) for value in _values(each)]
    return f"must be one of {', '.join(values)}" if values else "does not match the description"


def _values(kind: object) -> list[str]:
    return [str(value) for value in kind] if isinstance(kind, type) and issubclass(kind, StrEnum) else []


def _malformed(problem: str, field: str | None = None) -> Refusal:
    return Refusal(400, "malformed", f"{field}: {problem}" if field else problem, field=field)
