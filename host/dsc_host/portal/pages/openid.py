"""The pages of a login to another program with OpenID Connect: the login, the consent, and the logout.

A program redirects the browser to `/openid/authorize`, which checks the request and seals it. The browser carries the sealed
request through the login to `/openid/continue`. That page redirects to the program with a code, or with an error code, which
the program must explain to the user.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dsc_host.errors import DscError
from dsc_host.gateway.openid import authorization, backchannel, endpoints, logins, logout
from dsc_host.gateway.openid.authorization import AuthorizationRequest, Step
from dsc_host.gateway.openid.clients import Client
from dsc_host.gateway.openid.errors import UnsafeRequest
from dsc_host.gateway.openid.provider import PATHS, NextStep, Provider
from dsc_host.portal import security
from dsc_host.portal.languages import NAMES
from dsc_host.portal.security import Rejected
from dsc_host.portal.site import OPENID_PAGE, Handler, Site, Visit
from dsc_host.portal.views import Form, View, hidden

_AGREE = "/openid/agree"
_REFUSE = "/openid/refuse"
_LEAVE = "/openid/leave"
_MOST_FIELDS = 50
_MOST_LETTERS = 16 * 1024
_log = logging.getLogger("dsc_host.portal")

SCOPES: Mapping[str, str] = {
    "openid": "an identifier that stands for your user name",
    "profile": "your user name, your name and your language",
    "email": "your email address",
    "offline_access": "these data again, until you log out",
}
"""The data that each scope gives to a program."""

Given = Mapping[str, Sequence[str]]
"""The parameters of a request. A parameter that is given twice has two values."""
Begin = Callable[[Visit, Provider, Given], Response]
"""A function that answers a request from another site."""


def _endpoint(site: Site, provider: Provider, begin: Begin) -> Callable[[Request], Awaitable[Response]]:
    shown = site.endpoint(lambda visit: _answer(visit, provider, begin))

    async def answer(request: Request) -> Response:
        if request.method != "POST":
            return await shown(request)
        try:
            # A browser withholds our cookie from a form of another site, and sends it after the redirect.
            text = urlencode(_parameters(await security.read_body(request)), doseq=True)
        except ValueError:
            return await run_in_threadpool(_unsafe, Visit(site, request))
        except Rejected as rejected:
            return await run_in_threadpool(Visit(site, request).rejected, rejected)
        return RedirectResponse(f"{request.url.path}?{text}"[:_MOST_LETTERS], 303)

    return answer


def _answer(visit: Visit, provider: Provider, begin: Begin) -> Response:
    try:
        return begin(visit, provider, _parameters(visit.request.scope["query_string"]))
    except (UnsafeRequest, ValueError):
        return _unsafe(visit)


def _parameters(text: bytes) -> Given:
    """Return the parameters that are not empty. Raises `ValueError` if the text is malformed or has too many parameters."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(text.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS):
        given.setdefault(name, []).append(value)
    return given


def _unsafe(visit: Visit) -> Response:
    _ = visit._
    return visit.problem(
        400, _("The program that sent you here is unknown, or its request is invalid. Tell the operator of the program.")
    )


# ---- the login ----


def _authorize(visit: Visit, provider: Provider, given: Given) -> Response:
    asked = provider.ask(given)
    if isinstance(asked, str):
        return RedirectResponse(asked, 303)
    return _respond(visit, provider, provider.next(asked, visit.token))


def _proceed(visit: Visit, provider: Provider) -> Response:
    request = authorization.unseal(provider.context, visit.request.query_params.get("request", ""))
    return _expired(visit) if request is None else _respond(visit, provider, provider.next(request, visit.token))


def _respond(visit: Visit, provider: Provider, found: NextStep) -> Response:
    """Return the response for the next step."""
    if found.client is None:
        return _unsafe(visit)
    carried = authorization.seal(provider.context, found.request)
    if found.step is Step.LOGIN:
        response = visit.redirect_to_login(notice="", back=f"{OPENID_PAGE}?request={carried}", name=found.request.hint)
        return _in_language(visit, response, found.request)
    if found.step is Step.CONSENT:
        return visit.show(_consent(visit, found.client, found.request, carried))
    return RedirectResponse(found.address, 303)


def _in_language(visit: Visit, response: Response, request: AuthorizationRequest) -> Response:
    """Set the language that the program asks for, unless the visitor has chosen one."""
    codes = [code for each in request.locales if (code := each.partition("-")[0].lower()) in NAMES]
    if codes and security.LANGUAGE not in visit.request.cookies:
        visit.site.cookies.keep_language(response, codes[0])
    return response


def _consent(visit: Visit, client: Client, request: AuthorizationRequest, carried: str) -> View:
    _ = visit._
    given = visit.system.visitor(visit.token)
    data = "; ".join(_(SCOPES[each]) for each in logins.given_in(given.scope, request.scope))
    facts = ((_("You are logged in as"), given.name), (_("The program gets"), data))
    form = Form(_AGREE, _("Allow"), (hidden("request", carried),), also=((_REFUSE, _("Do not allow")),))
    return View(
        _("Log in at {program}", program=client.title),
        words=(_("{program} wants to log you in. It is not one of our own programs.", program=client.title),),
        facts=facts,
        forms=(form,),
    )


def _agree(visit: Visit, provider: Provider) -> Response:
    request = authorization.unseal(provider.context, visit.value("request", 4000))
    if request is None:
        return _expired(visit)
    found = provider.next(request, visit.token, consented=True)
    return visit.redirect_page(found.address) if found.address else _respond(visit, provider, found)


def _refuse(visit: Visit, provider: Provider) -> Response:
    request = authorization.unseal(provider.context, visit.value("request", 4000))
    return _expired(visit) if request is None else visit.redirect_page(provider.refusal(request))


def _expired(visit: Visit) -> Response:
    return visit.problem(400, visit._("This request has expired. Go back to the program that sent you here, and start again."))


# ---- the logout ----


def _log_out(visit: Visit, provider: Provider, given: Given, pages: "OpenIdPages") -> Response:
    found = provider.log_out(given, visit.token)
    pages.note(found.user)
    if found.ask:
        _ = visit._
        form = Form(_LEAVE, _("Log out"), (hidden("request", logout.seal(provider.context, found.request)),))
        words = (_("If you continue, you are logged out here and at the programs where you have logged in with this login."),)
        return visit.show(View(_("Log out?"), words=words, forms=(form,)))
    response = RedirectResponse(found.request.address, 303) if found.request.address else visit.redirect_to_login(notice="left")
    visit.site.cookies.drop(response, visit.site.cookies.session)
    return response


def _log_out_after_question(visit: Visit, provider: Provider) -> Response:
    request = logout.unseal(provider.context, visit.value("request", 4000))
    visit.system.leave(visit.token)
    if request is None or not request.address:
        return visit.redirect_to_login(notice="left")
    response = visit.redirect_page(request.address)
    visit.site.cookies.drop(response, visit.site.cookies.session)
    return response


# ---- the programs are told that a session has ended ----


@dataclass(slots=True)
class OpenIdPages:
    """The pages and endpoints of a provider. `run` notifies programs when sessions of their users have ended.

    If a session ends while the portal handles a form of its user, the programs are notified immediately. Other ended sessions
    are found by a pass over all users every `seconds` seconds.
    """

    provider: Provider
    seconds: float
    _users: set[str] = field(default_factory=set)
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def pages(self) -> Mapping[str, Handler]:
        """Return the handlers of the pages, by path."""
        return {OPENID_PAGE: lambda visit: _proceed(visit, self.provider)}

    def posts(self) -> Mapping[str, Handler]:
        """Return the handlers of the forms, by path."""
        return {
            _AGREE: lambda visit: _agree(visit, self.provider),
            _REFUSE: lambda visit: _refuse(visit, self.provider),
            _LEAVE: lambda visit: _log_out_after_question(visit, self.provider),
        }

    def routes(self, site: Site) -> list[Route]:
        """Return the endpoints to which other sites send the browser, and the endpoints that programs call themselves."""
        begins: Mapping[str, Begin] = {
            "authorization_endpoint": _authorize,
            "end_session_endpoint": lambda visit, provider, given: _log_out(visit, provider, given, self),
        }
        own = [
            Route(PATHS[name], _endpoint(site, self.provider, begin), methods=["GET", "POST"]) for name, begin in begins.items()
        ]
        return [*own, *endpoints.routes(self.provider)]

    def after(self, handlers: Mapping[str, Handler]) -> Mapping[str, Handler]:
        """Return the handlers of forms, wrapped to check the sessions of the visitor after each form, except at the login."""
        return {path: handler if path.startswith("/login") else self._with_note(handler) for path, handler in handlers.items()}

    async def run(self) -> None:
        """Notify programs until the task is canceled."""
        self._loop = asyncio.get_running_loop()
        users: Sequence[str] | None = None
        while True:
            if users is None:
                whole = self._loop.time() + self.seconds
            try:
                await backchannel.notify_clients(self.provider, users)
            except Exception:
                # The portal must keep running after any error. The next pass over all users tries again.
                _log.exception("programs were not told of a logout")
            users = await self._next_users(whole)

    def note(self, user: str) -> None:
        """Request a check of the sessions of a user. Any thread may call this. Does nothing before `run` has started."""
        if user and self._loop is not None:
            # Only the loop's thread changes the set. Otherwise, a user who is added while the set is read could be lost.
            self._loop.call_soon_threadsafe(self._add, user)

    def _add(self, user: str) -> None:
        self._users.add(user)
        self._due.set()

    async def _next_users(self, whole: float) -> Sequence[str] | None:
        """Wait for users who were noted, and return them. At the time `whole`, return None, so that all users are checked."""
        try:
            async with asyncio.timeout_at(whole):
                await self._due.wait()
        except TimeoutError:
            return None
        self._due.clear()
        users, self._users = list(self._users), set()
        return users

    def _with_note(self, handler: Handler) -> Handler:
        def noted(visit: Visit) -> Response:
            try:
                user = visit.visitor().user
            except DscError:
                user = ""
            try:
                return handler(visit)
            finally:
                self.note(user)

        return noted
