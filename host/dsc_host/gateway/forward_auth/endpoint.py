"""The endpoint that a web server asks for each request: nginx by `auth_request`.

The answer is 204 with the user, the scope and the kind of device in headers. It is 401 for a visitor who is not logged in, and
403 for one whose session opens too little. `?scope=` names a scope that suffices, and may be repeated. Without it, only `full`
does.
"""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dsc_host.gateway.forward_auth.tickets import COOKIE, Tickets
from dsc_host.login import NotIn, Scope


def endpoint(tickets: Tickets) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint for Starlette."""

    async def answer(request: Request) -> Response:
        wanted = request.query_params.getlist("scope") or [str(Scope.FULL)]
        return await run_in_threadpool(_answer, tickets, request.cookies.get(COOKIE, ""), wanted)

    return answer


def _answer(tickets: Tickets, ticket: str, wanted: list[str]) -> Response:
    try:
        visitor, kind = tickets.visitor(ticket)
    except NotIn:
        return Response(status_code=401)
    if visitor.scope not in wanted:
        return Response(status_code=403)
    headers = {"x-auth-user": visitor.name, "x-auth-scope": str(visitor.scope), "x-auth-device": kind}
    return Response(status_code=204, headers=headers)
