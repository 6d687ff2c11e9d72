"""The OpenAPI description, generated from the operations and shapes with which the service also checks requests."""

from functools import cache
from typing import Any

import msgspec

from dsc_host.api.operations import OPERATIONS, Operation
from dsc_host.api.problems import MEDIA_TYPE, Problem
from dsc_host.api.shapes import Serial
from dsc_host.api.tokens import Scope
from dsc_host.version import VERSION

OPENAPI = "3.1.0"
_SCHEMAS = "#/components/schemas/{name}"
_SCOPES = {
    Scope.LOGIN: "challenges and responses",
    Scope.DESK: "the cards' records",
    Scope.METRICS: "figures",
}
_WORDS = {
    400: "The request is malformed.",
    401: "The token is missing or unknown.",
    403: "The token lacks the required scope.",
    404: "No card of this serial is enrolled.",
    408: "The body took too long.",
    409: "The card's state does not allow this operation, or the serial is already enrolled.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A value is invalid.",
    429: "There were too many requests. Try again after the time in Retry-After.",
    500: "The service failed.",
    503: "The database does not answer, or the service is overloaded. Try again after the time in Retry-After.",
}
_GROUPS = {Scope.LOGIN: "Logins", Scope.DESK: "Cards", Scope.METRICS: "Operation"}
_HEADERS = {401: "WWW-Authenticate", 403: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


@cache
def describe() -> dict[str, Any]:
    """Return the whole description as a value for JSON. All callers get the same object, so they must not change it."""
    kinds = _kinds()
    references, components = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS)
    schemas = dict(zip(kinds, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "dscplus",
            "version": VERSION,
            "description": "Issues challenges for cards and verifies responses.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name} for name in _GROUPS.values()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": _scopes()}},
        },
    }


def _kinds() -> list[Any]:
    asked = [operation.asked for operation in OPERATIONS if operation.has_body]
    given = [operation.gives for operation in OPERATIONS if operation.gives is not None]
    return list(dict.fromkeys([Problem, *asked, *given]))


def _scopes() -> str:
    return "A token is for " + "; ".join(f"`{scope}`: {words}" for scope, words in _SCOPES.items()) + "."


def _operation(operation: Operation[Any], schemas: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_GROUPS[operation.scope or Scope.METRICS]],
        "security": [{"bearer": [str(operation.scope)]}] if operation.scope else [],
        "responses": {
            str(operation.status): _answer(operation, schemas),
            **{str(status): _problem(status, schemas) for status in _refusals(operation)},
        },
    }
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.has_body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[operation.asked]}}}
    return described


def _refusals(operation: Operation[Any]) -> list[int]:
    refusals = {400, 500, 503, *operation.refusals}
    refusals |= {401, 403} if operation.scope else set()
    refusals |= {404} if "{serial}" in operation.path else set()
    refusals |= {408, 413, 415} if operation.has_body else set()
    return sorted(refusals)


def _answer(operation: Operation[Any], schemas: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": "Done.", "headers": _headers()}
    if operation.gives is not None:
        described["content"] = {operation.media_type: {"schema": schemas[operation.gives]}}
    return described


def _problem(status: int, schemas: dict[Any, Any]) -> dict[str, Any]:
    return {
        "description": _WORDS[status],
        "headers": _headers(_HEADERS.get(status)),
        "content": {MEDIA_TYPE: {"schema": schemas[Problem]}},
    }


def _headers(*names: str | None) -> dict[str, Any]:
    kinds = {"Retry-After": "integer"}
    return {
        name: {"required": True, "schema": {"type": kinds.get(name, "string")}} for name in ("X-Request-ID", *names) if name
    }


def _parameters(operation: Operation[Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if "{serial}" in operation.path:
        parameters.append({"name": "serial", "in": "path", "required": True, "schema": msgspec.json.schema(Serial)})
    if not operation.has_body:
        parameters += [
            {"name": field.encode_name, "in": "query", "required": field.required, "schema": _inline_schema(field.type)}
            for field in msgspec.structs.fields(operation.asked)
        ]
    return parameters


def _inline_schema(kind: Any) -> Any:
    """Return the schema of a parameter of a query, without references to other schemas."""
    (schema,), components = msgspec.json.schema_components([kind])
    name = schema.get("$ref", "").rpartition("/")[2]
    return components[name] if name else schema
