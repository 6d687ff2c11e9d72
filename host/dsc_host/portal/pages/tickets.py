"""The page that gives a visitor of another web server a ticket, after a login if needed, and redirects to that server."""

import base64
from urllib.parse import unquote

from starlette.responses import RedirectResponse, Response

from dsc_host.gateway.forward_auth.tickets import COOKIE, Tickets
from dsc_host.login import NotIn
from dsc_host.portal.site import TICKET_PAGE, Handler, Visit


def page(tickets: Tickets) -> Handler:
    """Return the handler of the page."""

    def lead_back(visit: Visit) -> Response:
        target = _target(visit)
        if not tickets.allows(target):
            words = visit._(
                "The program that sent you here is unknown, or its request is invalid. Tell the operator of the program."
            )
            return visit.problem(400, words)
        try:
            session = visit.visitor().session
        except NotIn:
            packed = base64.urlsafe_b64encode(target.encode()).decode()
            return visit.redirect_to_login(notice="", back=f"{TICKET_PAGE}?back={packed}")
        response = RedirectResponse(target, 303)
        response.set_cookie(
            COOKIE, tickets.seal(session), domain=tickets.domain, path="/", secure=True, httponly=True, samesite="lax"
        )  # fmt: skip
        return response

    return lead_back


def _target(visit: Visit) -> str:
    """Return the address to redirect to, or empty text for an invalid request.

    A web server sends the address as it is, or percent-encoded. During a login, the address is encoded in base64.
    """
    name, _, text = visit.request.scope["query_string"].decode("latin-1").partition("=")
    if name == "to":
        # nginx cannot encode an address. It sends the address as it is, with all parameters.
        return text if text.startswith("https://") else unquote(text)
    try:
        return base64.urlsafe_b64decode(text.encode()).decode() if name == "back" else ""
    except ValueError:
        return ""
