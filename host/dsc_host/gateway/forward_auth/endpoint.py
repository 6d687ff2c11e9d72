"""The endpoint that a web server (nginx, Traefik or Caddy) calls for each request of a visitor.

For a visitor who is logged in, the answer is 204, with the user, the scope and the kind of device in headers. For any other
visitor, the answer is 401. If the session has an insufficient scope, the answer is 403. Each parameter `scope` names a
sufficient scope. Without this parameter, only `full` is sufficient.

nginx redirects visitors without a session to the login page itself. Traefik and Caddy pass the answer on to the visitor. For
them, the parameter `redirect=yes` turns the answer 401 into a redirect to the login page. After the login, the visitor returns
to the page that the web server names in X-Forwarded-Host and X-Forwarded-Uri.
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
"""The kind of device of a session that no device has opened.

If this header were empty, a web server might pass on a header that the visitor has forged.
"""
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


def _login(tickets: Tickets, page: str, headers: Headers) -> Response | None:
    """Return a redirect to the login page, or None if the visitor requests something to which a login may not redirect."""
    target = f"https://{headers.get('x-forwarded-host', '')}{headers.get('x-forwarded-uri', '')}"
    if headers.get("x-forwarded-method", "GET") not in _PAGE_METHODS or not tickets.host or not tickets.allows(target):
        return None
    return RedirectResponse(f"https://{tickets.host}{page}?to={quote(target, safe='')}", 302)
