"""The service as an ASGI application. It authenticates the caller, checks the request, calls the verifier and logs the call.

Five promises:

1. Until the service has found that the token allows the operation, it reads only the method, the path and the token of a
   request.
2. Whatever a client sends to an operation, the answer matches the OpenAPI description. No answer holds a traceback. A refusal
   holds no input of the caller except the serial of an existing card.
3. The log has one line `request` for each request.
4. The number of calls in progress is limited. A further call is refused, and the answer says when to try again.
5. At shutdown, running calls finish before the database is closed.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dsc_host.api import documentation
from dsc_host.api.description import describe
from dsc_host.api.health import Health
from dsc_host.api.metrics import Metrics
from dsc_host.api.operations import OPERATIONS, Call, Operation
from dsc_host.api.problems import Refusal, internal, overloaded, refusal_of
from dsc_host.api.request_bodies import read_body, read_query
from dsc_host.api.shapes import NothingAsked
from dsc_host.api.tokens import Token, Tokens
from dsc_host.errors import DscError, StoreError, out_of_memory
from dsc_host.server.bodies import Bodies
from dsc_host.server.request_rate import MOST_SECONDS, RequestRate
from dsc_host.verifier import Verifier
from dsc_host.verifier.async_service import SQLITE_THREADS, AsyncVerifier

MOST_IN_PROGRESS = 64
"""The maximum number of calls in progress in one process. There are fewer threads, so some of these calls wait for a thread."""
DESCRIPTION_PATH = "/openapi.json"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_KEPT = re.compile(b"%(?:2f|25|(?![0-9a-f]{2}))", re.IGNORECASE)
"""The escapes of a slash and of a percent sign, and a percent sign that begins no escape."""
_log = logging.getLogger("dsc_host.api")


@dataclass(slots=True)
class _Record:
    """The fields of a request's log line."""

    id: str
    began: float
    route: str = ""
    operation: str = "none"
    token: str | None = None
    status: int = 0
    more: dict[str, object] = field(default_factory=dict)


def application(
    open_verifier: Callable[[], Verifier],
    tokens: Tokens,
    *,
    threads: int = SQLITE_THREADS,
    most_in_progress: int = MOST_IN_PROGRESS,
) -> Starlette:
    """Return the service. It calls `open_verifier` in this process when it starts, and closes the verifier when it ends.

    `threads` is the number of threads that call the verifier. `most_in_progress` is the maximum number of calls in progress.
    """
    service = _Service(open_verifier, tokens, threads, most_in_progress)
    paths: dict[str, dict[str, Operation[Any]]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    routes = [Route(path, service.endpoint(methods), methods=list(methods)) for path, methods in paths.items()]
    app = Starlette(
        routes=[*routes, Route(DESCRIPTION_PATH, _answer_description, methods=["GET"]), *documentation.routes()],
        middleware=[
            Middleware(_EscapedSlashes),
            Middleware(_Recorder, metrics=service.metrics),
            Middleware(Bodies),
            Middleware(_RateLimiter, service=service),
        ],
        exception_handlers={HTTPException: _no_route},
        lifespan=service.lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Service:
    """The handlers of all operations, with the verifier that they share."""

    def __init__(self, open_verifier: Callable[[], Verifier], tokens: Tokens, threads: int, most_in_progress: int) -> None:
        self._open_verifier = open_verifier
        self._tokens = tokens
        self._threads = threads
        self._most_in_progress = most_in_progress
        self._in_progress = 0
        self._verifier: AsyncVerifier | None = None
        self._health = Health(self._query_database)
        self.metrics = Metrics()

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Keep the verifier open while the application runs."""
        verifier = await asyncio.to_thread(self._open_verifier)
        async with AsyncVerifier(verifier, threads=self._threads) as self._verifier:
            yield

    def endpoint(self, methods: dict[str, Operation[Any]]) -> Callable[[Request], Any]:
        """Return the endpoint for the operations of one path."""

        async def answer(request: Request) -> Response:
            operation = methods["GET" if request.method == "HEAD" else request.method]
            record: _Record = request.state.record
            record.route, record.operation = operation.path, operation.name
            try:
                with out_of_memory():
                    return await self._answer(operation, request, record)
            except Refusal as refusal:
                return refusal.response()
            except DscError as error:
                answered = refusal_of(error)
                if answered.problem.status >= 500:
                    # Log the full error for the operator. The caller gets less detail.
                    record.more["problem"] = str(error)
                return answered.response()
            except ClientDisconnect:
                raise
            except Exception:
                _log.exception("failed", extra={"fields": {"request": record.id}})
                return internal().response()

        return answer

    async def _answer(self, operation: Operation[Any], request: Request, record: _Record) -> Response:
        token = self._caller(request, operation)
        record.token = token.name if token else None
        if self._verifier is None:
            raise overloaded()
        verifier = self._verifier.by(token.name) if token else self._verifier
        # Read the body before counting the call, so that slow bodies do not use up the limit.
        asked = await _read_request(operation, request)
        call = Call(verifier, self.metrics, self._health, asked, _serial(request))
        with self._counted(operation):
            given = await operation.work(call)
        if call.delay:
            await asyncio.sleep(call.delay)
        body = b"" if operation.gives is None else msgspec.json.encode(given)
        return Response(body, operation.status, media_type=operation.media_type if body else None)

    @contextmanager
    def _counted(self, operation: Operation[Any]) -> Iterator[None]:
        """Count a call as in progress. Raise `Refusal` 503 if too many calls are in progress."""
        if not operation.is_counted:
            yield
            return
        if self._in_progress >= self._most_in_progress:
            raise overloaded()
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    async def _query_database(self) -> object:
        """Send a small query to the database."""
        if self._verifier is None:
            raise StoreError("the service has not started")
        return [card async for card in self._verifier.cards(limit=1)]

    def token(self, headers: Headers) -> Token | None:
        """Return the token of a request, or None if it is missing or unknown."""
        bearer = _bearer(headers.getlist("authorization"))
        return self._tokens.find(bearer) if bearer else None

    def _caller(self, request: Request, operation: Operation[Any]) -> Token | None:
        """Return the caller's token, or None if the operation needs none.

        Raises `Refusal` 401 if the token is missing or unknown, and 403 if it does not have the scope of the operation.
        """
        if operation.scope is None:
            return None
        # Use the token that the rate limiter has found: a second look-up would compute the token's hash again.
        token: Token | None = request.state.token
        if token is None:
            given = request.headers.getlist("authorization")
            raise Refusal(
                401,
                "token",
                "the token is unknown" if _bearer(given) else "send one header with a token: Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": 'Bearer realm="dscplus"' + (', error="invalid_token"' if given else "")},
            )
        if operation.scope not in token.scopes:
            challenge = f'Bearer realm="dscplus", error="insufficient_scope", scope="{operation.scope}"'
            raise Refusal(
                403, "scope", f"this token lacks the scope {operation.scope}", headers={"WWW-Authenticate": challenge}
            )
        return token


def _bearer(given: Sequence[str]) -> str | None:
    """Return the token of the `Authorization` header. Return None unless there is exactly one, and it holds a token."""
    found = re.fullmatch("(?i:bearer) +([!-~]{1,256})", given[0]) if len(given) == 1 else None
    return found[1] if found else None


class _EscapedSlashes:
    """Middleware that keeps `%2F` in the path escaped, so that a slash in a serial does not separate parts of the path.

    It keeps percent signs escaped too. Otherwise `%252F` would become a slash.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its path decoded except for slashes and percent signs."""
        raw: bytes = scope.get("raw_path") or b""
        if _KEPT.search(raw):
            kept = _KEPT.sub(lambda found: b"%252F" if found[0].lower() == b"%2f" else b"%2525", raw)
            scope = {**scope, "path": unquote(kept.decode("latin-1"))}
        await self._app(scope, receive, send)


def _serial(request: Request) -> str:
    """Return the serial in the path, or an empty string."""
    serial: str = request.path_params.get("serial", "")
    return serial.replace("%2F", "/").replace("%25", "%")


async def _read_request(operation: Operation[Any], request: Request) -> Any:
    if not operation.has_body:
        return read_query(request, operation.asked)
    # Refuse any query: proxies log it, and they must not log a card's response.
    read_query(request, NothingAsked)
    return await read_body(request, operation.asked)


async def _answer_description(request: Request) -> Response:
    record: _Record = request.state.record
    record.route, record.operation = DESCRIPTION_PATH, "description"
    return Response(_description(), media_type="application/json")


@cache
def _description() -> bytes:
    return msgspec.json.encode(describe())


def _no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return Refusal(405, "method", "this path does not support this method", headers=error.headers).response()
    return Refusal(
        404, "path", f"there is nothing at this path; {DESCRIPTION_PATH} lists the paths of all operations"
    ).response()


class _RateLimiter:
    """Middleware that delays or refuses requests of a client without a valid token if it sends too many of them."""

    def __init__(self, app: ASGIApp, service: "_Service") -> None:
        self._app = app
        self._service = service
        self._request_rate = RequestRate()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = self._service.token(Headers(scope=scope))
            scope["state"]["token"] = token
            if token is None and not await self._request_rate.wait(scope):
                await overloaded(MOST_SECONDS).response(close=True)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Recorder:
    """Middleware that gives every request an id and writes its log line."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _Record(secrets.token_hex(8), time.perf_counter())
        scope.setdefault("state", {})["record"] = record

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", record.id.encode()),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_recorded)
        finally:
            self._log(record, scope["method"])

    def _log(self, record: _Record, method: str) -> None:
        seconds = time.perf_counter() - record.began
        self._metrics.answered(record.operation, record.status, seconds)
        fields = {
            "request": record.id,
            "method": method if method in _METHODS else "other",
            "route": record.route or None,
            "status": record.status or None,
            "milliseconds": round(seconds * 1000, 3),
            "token": record.token,
            **record.more,
        }
        _log.log(logging.ERROR if record.status >= 500 else logging.INFO, "request", extra={"fields": fields})
