"""The endpoints that clients call directly, not through a browser.

They are discovery, keys, token, userinfo, revocation and introspection.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dsc_host.gateway.openid.errors import ProtocolError
from dsc_host.gateway.openid.provider import PATHS, Provider
from dsc_host.gateway.openid.signing_keys import PUBLISHED_SECONDS

_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 32 * 1024
_MOST_FIELDS = 50
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class _Call:
    """A request to one of the endpoints, with its form."""

    provider: Provider
    header: str
    form: Mapping[str, str]


def routes(provider: Provider) -> list[Route]:
    """Return the endpoints of a provider for Starlette."""

    async def discovery(_: Request) -> Response:
        return _cacheable(provider.description())

    async def keys(_: Request) -> Response:
        return _cacheable(await run_in_threadpool(provider.keys))

    calls: Mapping[str, tuple[Callable[[_Call], Response], list[str]]] = {
        "token_endpoint": (_token, ["POST"]),
        "userinfo_endpoint": (_userinfo, ["GET", "POST"]),
        "revocation_endpoint": (_revoke, ["POST"]),
        "introspection_endpoint": (_introspect, ["POST"]),
    }
    return [
        Route(DISCOVERY, discovery, methods=["GET"]),
        Route(PATHS["jwks_uri"], keys, methods=["GET"]),
        *(Route(PATHS[name], _endpoint(provider, call), methods=methods) for name, (call, methods) in calls.items()),
    ]


def _endpoint(provider: Provider, work: Callable[[_Call], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        header = request.headers.get("authorization", "")
        try:
            form = await _form(request) if request.method == "POST" else {}
            return await run_in_threadpool(work, _Call(provider, header, form))
        except ProtocolError as error:
            return _refused(error, header)

    return answer


def _token(call: _Call) -> Response:
    return JSONResponse(call.provider.tokens(call.provider.authenticate(call.header, call.form), call.form), headers=_NO_CACHE)


def _userinfo(call: _Call) -> Response:
    scheme, _, credentials = call.header.partition(" ")
    tokens = [credentials.strip()] if scheme.lower() == "bearer" else []
    tokens += [call.form["access_token"]] if "access_token" in call.form else []
    if len(tokens) > 1:
        raise ProtocolError("invalid_request", "the access token is given twice")
    if not tokens:
        # The answer to a request without a token has no error code (RFC 6750, section 3.1).
        return Response(status_code=401, headers={"www-authenticate": 'Bearer realm="openid"'})
    try:
        return JSONResponse(call.provider.userinfo(tokens[0]), headers=_NO_CACHE)
    except ProtocolError as error:
        challenge = f'Bearer realm="openid", error="{error.code}", error_description="{error.description}"'
        return _json(error, {"www-authenticate": challenge})


def _revoke(call: _Call) -> Response:
    client = call.provider.authenticate(call.header, call.form)
    call.provider.revoke(client, _token_of(call))
    return Response(status_code=200, headers=_NO_CACHE)


def _introspect(call: _Call) -> Response:
    client = call.provider.authenticate(call.header, call.form)
    return JSONResponse(call.provider.introspect(client, _token_of(call)), headers=_NO_CACHE)


def _token_of(call: _Call) -> str:
    if not call.form.get("token"):
        raise ProtocolError("invalid_request", "token is missing")
    return call.form["token"]


async def _form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form. Raises `ProtocolError`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ProtocolError("invalid_request", "the form is too large", 413)
    if body and request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise ProtocolError("invalid_request", f"the form must be {_FORM}")
    try:
        pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ProtocolError("invalid_request", "the form is malformed") from None
    if len(dict(pairs)) != len(pairs):
        raise ProtocolError("invalid_request", "a field is given twice")
    return dict(pairs)


_NO_CACHE = {"cache-control": "no-store", "pragma": "no-cache"}


def _cacheable(content: Mapping[str, object]) -> Response:
    """Return an answer that clients may cache for a while."""
    return JSONResponse(content, headers={"cache-control": f"public, max-age={PUBLISHED_SECONDS // 2}"})


def _refused(error: ProtocolError, header: str) -> Response:
    """Return the answer that tells a client about an error (RFC 6749, section 5.2)."""
    asks = error.status == 401 and header.lower().startswith("basic ")
    return _json(error, {"www-authenticate": 'Basic realm="openid"'} if asks else {})


def _json(error: ProtocolError, headers: Mapping[str, str]) -> Response:
    content = {"error": error.code, "error_description": error.description}
    return JSONResponse(content, error.status, headers={**_NO_CACHE, **headers})
