"""The endpoint that a web server asks for each request: nginx, Traefik and Caddy.

The answer is 204 with the user, the scope and the kind of device in headers. It is 401 for a visitor who is not logged in, and
403 for one whose session opens too little. `?scope=` names a scope that suffices, and may be repeated. Without it, only `full`
does.

nginx leads visitors who are not logged in to the login by itself. Traefik and Caddy pass the answer on to the visitor, so with
`?redirect=yes` it leads there: from the page that they name in X-Forwarded-Host and X-Forwarded-Uri, and to it afterwards.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dsc_host.gateway.forward_auth.tickets import COOKIE, Tickets
from dsc_host.login import NotIn, Scope

NO_DEVICE = "none"
"""The kind of device of a session that none has opened. A header that is empty may leave a forged one in place."""
_PAGE_METHODS = ("GET", "HEAD")


def endpoint(tickets: Tickets, page: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint for Starlette. `page` is the path of the page that gives a visitor a ticket."""

    async def answer(request: Request) -> Response:
        wanted = request.query_params.getlist("scope") or [str(Scope.FULL)]
        answered = await run_in_threadpool(_answer, tickets, request.cookies.get(COOKIE, ""), wanted)
        if answered.status_code == 401 and request.query_params.get("redirect") == "yes":
            return _login(tickets, page, request.headers) or answered
        return answered

    return answer


def _answer(tickets: Tickets, ticket: str, wanted: list[str]) -> Response:
    try:
        visitor, kind = tickets.visitor(ticket)
    except NotIn:
        return Response(status_code=401)
    if visitor.scope not in wanted:
        return Response(status_code=403)
    headers = {"x-auth-user": visitor.name, "x-auth-scope": str(visitor.scope), "x-auth-device": kind or NO_DEVICE}
    return Response(status_code=204, headers=headers)


def _login(tickets: Tickets, page: str, told: Headers) -> Response | None:
    """Return the way to the login; None if no page was asked for, or one to which a login may not lead."""
    target = f"https://{told.get('x-forwarded-host', '')}{told.get('x-forwarded-uri', '')}"
    if told.get("x-forwarded-method", "GET") not in _PAGE_METHODS or not tickets.host or not tickets.allows(target):
        return None
    return RedirectResponse(f"https://{tickets.host}{page}?to={quote(target, safe='')}", 302)
