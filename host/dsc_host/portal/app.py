"""The portal as one web application: the path and the handler of every page."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dsc_host.errors import DscError
from dsc_host.gateway.forward_auth.endpoint import endpoint
from dsc_host.gateway.forward_auth.tickets import Tickets
from dsc_host.login import LoginSystem
from dsc_host.portal import phone_api
from dsc_host.portal.languages import load
from dsc_host.portal.pages import (
    caller_help,
    cards,
    closing,
    compliance,
    contact,
    decisions,
    devices,
    funding,
    issuer,
    losses,
    next_devices,
    overview,
    own_device,
    password,
    phones,
    pin_change,
    profile,
    proofs,
    protection,
    security_events,
    sessions,
    sharing,
    signin,
    statements,
    support,
    tickets,
    waits,
    withdrawals,
)
from dsc_host.portal.security import Cookies, Guard
from dsc_host.portal.site import TICKET_PAGE, Extension, Handler, Site, Visit
from dsc_host.server.bodies import Bodies

if TYPE_CHECKING:
    from dsc_host.portal.pages.openid import OpenIdPages

_log = logging.getLogger("dsc_host.portal")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

GET: Mapping[str, Handler] = {
    "/": overview.overview,
    "/login": signin.name_and_password,
    "/login/device": signin.device,
    "/login/answer": signin.answer_form,
    "/login/help": signin.without_device,
    "/lost": losses.login_form,
    "/lost/device": losses.device,
    "/stop": waits.stop_form,
    "/contact": contact.contact,
    "/statements": statements.statements,
    "/devices": devices.devices,
    "/devices/device": own_device.device,
    "/devices/next": next_devices.next_steps,
    "/password": password.password,
    "/pin": pin_change.pin_form,
    "/pin/new": pin_change.new_pin_form,
    "/phones": phones.phones,
    "/phones/answer": phones.FLOW.code,
    "/profile": profile.profile,
    "/profile/email": profile.email,
    "/profile/email/answer": profile.EMAIL_FLOW.code,
    "/profile/address": profile.address,
    "/profile/bank": profile.bank,
    "/request": cards.request,
    "/sessions": sessions.sessions,
    "/events": security_events.security_events,
    "/share": sharing.share,
    "/protection": protection.protection,
    "/opt-out": protection.opt_out_form,
    "/opt-in": protection.opt_in_form,
    "/withdraw": withdrawals.withdrawal_form,
    "/withdraw/check": withdrawals.check,
    "/deposit": funding.deposit_form,
    "/deposit/check": funding.check,
    "/close": closing.closing_form,
    "/desk": support.support,
    "/issuer": issuer.issuer,
    "/compliance": compliance.compliance,
}
POST: Mapping[str, Handler] = {
    "/login": signin.begin,
    "/login/device": signin.choose,
    "/login/manual": signin.manual,
    "/login/resend": signin.resend,
    "/login/answer": signin.answer,
    "/login/pushed": signin.push_status,
    "/logout": signin.leave,
    "/language": signin.language,
    "/lost": losses.begin,
    "/lost/device": losses.report,
    "/stop": waits.stop,
    "/devices/next": next_devices.next_step,
    "/devices/online": devices.online_card,
    "/devices/name": own_device.rename,
    "/devices/remove": devices.ask_to_remove,
    "/devices/remove/confirm": devices.remove,
    "/sheet": devices.sheet,
    "/sheet/pdf": devices.sheet_pdf,
    "/activate": devices.ask_to_activate,
    "/activate/answer": devices.activate,
    "/pin": pin_change.request_challenge,
    "/pin/new": pin_change.choose,
    "/pin/answer": pin_change.change,
    "/password": password.change_password,
    "/phones": phones.send_code,
    "/phones/answer": phones.FLOW.check,
    "/phones/resend": phones.FLOW.send_again,
    "/phones/remove": phones.remove,
    "/profile/email": profile.send_email_code,
    "/profile/email/answer": profile.EMAIL_FLOW.check,
    "/profile/email/resend": profile.EMAIL_FLOW.send_again,
    "/profile/address": profile.change_address,
    "/profile/bank": profile.change_bank,
    "/request": cards.draft,
    "/request/back": cards.back,
    "/request/confirm": cards.confirm,
    "/request/cancel": cards.cancel,
    "/return": cards.return_form,
    "/return/sent": cards.announce_return,
    "/sessions/end": sessions.end,
    "/sessions/extend": sessions.ask_to_extend,
    "/sessions/extend/answer": sessions.extend,
    "/sessions/end-others": sessions.end_others,
    "/share": sharing.begin,
    "/share/answer": sharing.answer,
    "/share/confirm": sharing.confirm,
    "/share/cancel": sharing.cancel,
    "/opt-out": protection.opt_out,
    "/opt-in": protection.opt_in,
    "/withdraw": withdrawals.withdraw,
    "/deposit": funding.deposit,
    "/statements/pdf": statements.pdf,
    "/proof": proofs.choose,
    "/proof/answer": proofs.answer,
    "/close": closing.close_account,
    "/desk/search": support.search,
    "/desk/caller": support.caller,
    "/desk/identify": support.identify,
    "/desk/correcting": support.correction_form,
    "/desk/correct": support.correct,
    "/desk/end": support.end,
    "/desk/notes": support.note,
    "/desk/temporary": caller_help.temporary,
    "/desk/loss": caller_help.loss,
    "/desk/code-card": caller_help.code_card,
    "/desk/code-card/pdf": caller_help.code_card_pdf,
    "/desk/messages": caller_help.messages,
    "/desk/email": caller_help.email,
    "/desk/address": caller_help.address,
    "/desk/bank": caller_help.bank,
    "/desk/waits/confirm": caller_help.confirm_wait,
    "/desk/waits/stop": caller_help.stop_wait,
    "/desk/corrections": decisions.decide_correction,
    "/issuer/make": issuer.make,
    "/issuer/ship": issuer.ship,
    "/issuer/ship-all": issuer.ship_all,
    "/issuer/receive": issuer.receive,
    "/issuer/settle": issuer.settle,
    "/compliance/decide": compliance.decide,
}

STARTS: Mapping[str, str] = {
    "/pin/new": "/devices",
    "/pin/answer": "/devices",
    "/activate": "/devices",
    "/activate/answer": "/devices",
    "/sheet": "/devices",
    "/sheet/pdf": "/devices",
    "/return": "/devices",
    "/return/sent": "/devices",
    "/login/manual": "/login/answer",
    "/login/resend": "/login/answer",
    "/login/pushed": "/login/answer",
}
"""The page to which a form leads back, by the path of the form. Any other form leads back to the page above its own path."""


def application(
    system: LoginSystem,
    *,
    secure: bool = True,
    hosts: Iterable[str] = LOOPBACK,
    name: str = "",
    extension: Extension | None = None,
    ticket_domain: str = "",
    issuer: str = "",
    due_every: float = 60.0,
    ended: Callable[[], None] = lambda: None,
) -> Starlette:
    """Return the portal of one login system as a Starlette application.

    Args:
        system: The login system that the pages work on.
        secure: Whether visitors connect over https, through a proxy that terminates TLS.
        hosts: The host names under which visitors reach the portal.
        name: The title of the pages. If it is empty, the pages have a title in the visitor's language.
        extension: Additional pages, for example of a demonstration. A portal where real people log in must have none.
        ticket_domain: The domain of web servers that may ask this portal who their visitors are. If this is empty, no web
            server may ask.
        issuer: The address at which programs log their users in with OpenID Connect. If this is empty, programs cannot do so.
        due_every: The seconds between two runs of the maintenance, while the portal runs.
        ended: A function to call when the portal has shut down.
    """
    pages, posts = (GET, POST) if extension is None else _extended(extension)
    gateways: list[Route] = []
    names = [host.lower() for host in hosts]
    if ticket_domain:
        issued = Tickets.of(system, ticket_domain, names)
        pages = {**pages, TICKET_PAGE: tickets.page(issued)}
        gateways = [Route("/auth", endpoint(issued, TICKET_PAGE), methods=["GET"])]
    openid = _openid(system, issuer, due_every) if issuer else None
    if openid is not None:
        pages, posts = {**pages, **openid.pages()}, openid.after({**posts, **openid.posts()})
    site = Site(system, Cookies(secure), _templates(), load(), pages, posts, proofs.ask, name, extension, starts=STARTS)
    if openid is not None:
        gateways += openid.routes(site)
    api = [
        Route(f"/api/phone/{path}", phone_api.endpoint(system, call), methods=["POST"])
        for path, call in phone_api.CALLS.items()
    ]  # fmt: skip
    health = Route("/health", partial(_answer_health, system), methods=["GET"])
    # Compress only files. The compressed length of a page that quotes its visitor could reveal the page's secrets (BREACH).
    static = Mount("/static", GZipMiddleware(StaticFiles(directory=str(files("dsc_host.portal").joinpath("static")))))
    return Starlette(
        routes=[*_routes(site, pages, "GET"), *_routes(site, posts, "POST"), *gateways, *api, health, static],
        # Starlette's own handler of unexpected errors is outside the guard: its page would have no security headers.
        middleware=[
            Middleware(Guard, hosts=frozenset(names), secure=secure),
            Middleware(ServerErrorMiddleware, handler=partial(_report_failure, site)),
            Middleware(Bodies),
        ],
        lifespan=partial(_life, system, due_every, ended, openid),
        exception_handlers={HTTPException: partial(_refuse, site)},
    )


def _extended(extension: Extension) -> tuple[Mapping[str, Handler], Mapping[str, Handler]]:
    """Return the handlers of all pages and of all forms, including those of the extension."""

    def after(before: Callable[[Visit], None], handler: Handler, visit: Visit) -> Response:
        before(visit)
        return handler(visit)

    own = {path: partial(after, before, POST[path]) for path, before in extension.before.items()}
    return {**GET, **extension.pages}, {**POST, **own, **extension.posts}


def _openid(system: LoginSystem, issuer: str, seconds: float) -> "OpenIdPages":
    # Import these modules only here, because they load an HTTP client that most portals do not use.
    from dsc_host.gateway.openid.provider import Provider
    from dsc_host.portal.pages.openid import OpenIdPages

    return OpenIdPages(Provider.of(system, issuer), seconds)


@asynccontextmanager
async def _life(
    system: LoginSystem, seconds: float, ended: Callable[[], None], openid: "OpenIdPages | None", _app: Starlette
) -> AsyncIterator[None]:
    works = [asyncio.create_task(_do_due(system, seconds))]
    if openid is not None:
        works.append(asyncio.create_task(openid.run()))
    try:
        yield
    finally:
        for work in works:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        await run_in_threadpool(ended)


async def _do_due(system: LoginSystem, seconds: float) -> None:
    while True:
        try:
            await run_in_threadpool(system.operator.run_due)
        except Exception:
            # The portal must keep running after any error. The next run of the maintenance tries again.
            _log.exception("the maintenance failed")
        await asyncio.sleep(seconds)


def _routes(site: Site, handlers: Mapping[str, Handler], method: str) -> list[Route]:
    return [Route(path, site.endpoint(handler), methods=[method]) for path, handler in handlers.items()]


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("dsc_host.portal"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def _answer_health(system: LoginSystem, _request: Request) -> Response:
    """Answer 200 if the database answers, and 503 if it does not."""
    try:
        await run_in_threadpool(system.context.read, lambda tx: tx.db.execute(select(1)).scalar_one())
    except DscError:
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ok\n")


def _refuse(site: Site, request: Request, error: Exception) -> Response:
    """Answer a request that the router refuses: an unknown path, or a wrong method.

    If a visitor opens the path of a form as a page, for example from the history, redirect to the page where the form's flow
    begins. If that page is the list of devices, a notice tells a visitor who is logged in to choose a device first.
    """
    status = error.status_code if isinstance(error, HTTPException) else 500
    visit = Visit(site, request)
    if status == 405 and request.method in ("GET", "HEAD") and request.scope["path"] in site.posts:
        choose = visit.page == "/devices" and visit.is_logged_in()
        return visit.redirect(visit.page, notice="choose_device" if choose else "")
    words = {
        404: "The address may have been mistyped, or the page was moved.",
        405: "This address does not accept such a request. Begin again on the page below.",
    }
    return visit.problem(status, visit._(words.get(status, "That did not work.")))


def _report_failure(site: Site, request: Request, _error: Exception) -> Response:
    visit = Visit(site, request)
    words = visit._("This was our mistake, and it was logged. Try again later.")
    return visit.problem(500, words)
