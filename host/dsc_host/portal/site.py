"""The context of a page's handler: the site and the visit.

A handler is a plain function that takes a `Visit` and returns a response. It runs in a worker thread, and may raise a
`DscError`: `NotIn` redirects the visitor, usually to the login. `ProofNeeded` asks the visitor for a proof. Any other error
becomes a page that explains it, with the matching HTTP status.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import quote

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dsc_host.errors import DscError, InputError, OutOfMemory, out_of_memory
from dsc_host.link import CardClient
from dsc_host.login import LoginSystem, NotIn, Offer, ProofNeeded, Step, Visitor
from dsc_host.portal import refusals, security
from dsc_host.portal.languages import NAMES, Language, negotiated
from dsc_host.portal.navigation import first_page, is_for, section_above, sections, support_line
from dsc_host.portal.notices import Notice, Value
from dsc_host.portal.security import Cookies, Rejected
from dsc_host.portal.views import Link, View
from dsc_host.portal.wording import explained, explained_at_field

_NOTICE = "notice"
"""The name of the cookie that holds the notice for the next page."""
_NOTICE_SECONDS = 60
_BACK = "back"
"""The name of the cookie that holds the path of the page to show after the login."""
_BACK_SECONDS = 10 * 60
TICKET_PAGE = "/ticket"
"""The path of the page that redirects to other web servers. The query has the address, which the page checks."""
OPENID_PAGE = "/openid/continue"
"""The path of the page that redirects to programs that use OpenID Connect. The query has a program's sealed request."""
_QUERY = re.compile(r"[A-Za-z0-9_.=&-]{1,200}", re.ASCII)
"""The pattern of a query that is kept in links to the same page, for example to the page in another language."""
_WITH_VALUE = re.compile(rf"({TICKET_PAGE}\?back|{OPENID_PAGE}\?request)=[A-Za-z0-9_.=-]*", re.ASCII)

_SPACES = re.compile(r"[^\S \t\r\n]")

Handler = Callable[["Visit"], Response]


class ExtendPage(Protocol):
    """A function that adds something to a page that asks for a device's response, for example the card."""

    def __call__(self, visit: "Visit", view: View, offer: Offer, *, new_pin: bool) -> View:
        """Return `view` with the addition for `offer`. With `new_pin`, the response must be made with the PIN just chosen."""


@dataclass(frozen=True, slots=True)
class Extension:
    """An addition to the portal, for example the demonstration. A portal for real people has none."""

    home: Link
    """The link to the extension's first page. Every page of the portal shows this link at the top."""
    pages: Mapping[str, Handler]
    """The handlers of the extension's pages, by path."""
    posts: Mapping[str, Handler]
    """The handlers of the extension's forms, by path."""
    secret: str
    """The text from which the CSRF token of the extension's forms is made. It does not change when the visitor logs in."""
    extend_page: ExtendPage
    guide: Callable[["Visit", View], object]
    """A function that returns the data for the template `guide.html`, which adds a guide to each page."""
    before: Mapping[str, Callable[["Visit"], None]]
    """Functions to call before the portal's own handlers of forms, by path."""
    blank_card: Callable[[str], AbstractContextManager[CardClient]]
    """A function that gives the user with this name a new blank card. It returns the card's client, a context manager."""

    def has(self, path: str) -> bool:
        """Return whether the path belongs to the extension."""
        return path in self.pages or path in self.posts


@dataclass(frozen=True, slots=True)
class Site:
    """One portal: the login system, and all data that the portal's pages share."""

    system: LoginSystem
    cookies: Cookies
    templates: Environment
    languages: Mapping[str, Language]
    pages: Mapping[str, Handler]
    """The handlers of the pages, by path."""
    posts: Mapping[str, Handler]
    """The handlers of the forms, by path."""
    ask_for_proof: Handler
    """The handler that asks for a proof after `ProofNeeded`."""
    name: str = ""
    """The title of the pages. If it is empty, the pages have a title in the visitor's language."""
    extension: Extension | None = None
    starts: Mapping[str, str] = field(default_factory=dict)
    """The path of the page where a flow begins, by the path of a form of this flow. Forms below that page need no entry."""

    def endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler as an endpoint for Starlette."""

        async def answered(request: Request) -> Response:
            visit = Visit(self, request)
            try:
                with out_of_memory():
                    try:
                        if request.method == "POST":
                            visit.form = await security.read_form(request)
                            security.check_post(request, visit.form_token, visit.form)
                    except Rejected as rejected:
                        return await run_in_threadpool(visit.rejected, rejected)
                    return await run_in_threadpool(_answered, visit, handler)
            except OutOfMemory as error:
                # There was too little memory for the handler's thread, or for the page that explains the error.
                return refusals.with_retry_after(PlainTextResponse(f"{error}\n", 503), error)

        return answered


class _Done(Exception):
    """An exception that ends a handler early. The visitor gets its response."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(slots=True)
class Visit:
    """One request, with its visitor."""

    site: Site
    request: Request
    form: dict[str, str] = field(default_factory=dict)
    sent_to: str = ""
    """The path to which the form was first sent, if the visitor then had to give a proof. Otherwise empty."""

    @property
    def action(self) -> str:
        """The path of the request or, after a proof, the path to which the form was first sent."""
        return self.sent_to or str(self.request.scope["path"])

    @property
    def token(self) -> str:
        """The token in the visitor's cookie. It belongs to a session, to a login in progress, or to neither."""
        return self.site.cookies.read(self.request)

    @property
    def form_token(self) -> str:
        """The text from which a form's CSRF token is made: the extension's secret on the extension's pages, else the token."""
        extension = self.site.extension
        return extension.secret if extension is not None and extension.has(self.request.scope["path"]) else self.token

    @property
    def address(self) -> str:
        """The network address of the visitor, or empty text if it is unknown."""
        return self.request.client.host if self.request.client else ""

    @property
    def _(self) -> Language:
        """The visitor's language."""
        chosen, accepted = self.request.cookies.get(security.LANGUAGE, ""), self.request.headers.get("accept-language", "")
        return negotiated(self.site.languages, chosen, accepted)

    @property
    def system(self) -> LoginSystem:
        """The login system."""
        return self.site.system

    def visitor(self) -> Visitor:
        """Return the visitor who is logged in. Raises `NotIn`."""
        return self.system.visitor(self.token)

    def value(self, name: str, longest: int = 200) -> str:
        """Return a field of the form, or empty text if the field is missing. Raises `InputError` if the text is too long.

        Replace no-break spaces and the like by plain spaces: people paste them, for example from our own pages.
        """
        text = _SPACES.sub(" ", self.form.get(name, ""))
        if len(text) > longest:
            raise InputError(name, "must have at most {longest} characters", longest=longest)
        return text

    def extended(self, view: View, offer: Offer, *, new_pin: bool = False) -> View:
        """Return a page that asks for a device's response, with the addition of the site's extension if there is one."""
        extension = self.site.extension
        return view if extension is None else extension.extend_page(self, view, offer, new_pin=new_pin)

    def show(self, view: View, status: int = 200) -> Response:
        """Return the response for a page, with the layout and the pending notice. A visitor without a token gets one."""
        kept = self.request.cookies.get(self._notice_cookie, "")
        notice = Notice.opened(kept, self.system.context.cards.keys, self.token)
        token, visitor = self.token or security.new_visitor(), self._visitor_or_none()
        page = self.site.templates.get_template("page.html").render(
            view=view,
            site=self.site.name or self._("Secure login"),
            support=support_line(self._, self.system.policy.contact.support),
            offices=bool(self.system.policy.contact.offices),
            _=self._,
            lang=self._.code,
            languages=NAMES,
            csrf=security.csrf(token),
            form_csrf=security.csrf(self.form_token or token),
            visitor=visitor,
            sections=sections(visitor, view.section or self.action, self._) if visitor else [],
            notice=notice,
            path=self._here,
            home=None if self.site.extension is None else self.site.extension.home,
            guide=None if self.site.extension is None else self.site.extension.guide(self, view),
        )
        response = HTMLResponse(page, status)
        # If another site sent the form, the browser withheld the cookie. The response must not replace that cookie.
        if token != self.token and self.request.method != "POST":
            self.site.cookies.write(response, token)
        if kept:
            self.site.cookies.drop(response, self._notice_cookie)
        return response

    def redirect(self, path: str, *, notice: str = "", token: str = "", **values: Value) -> Response:
        """Redirect to another page, which shows the notice with the key `notice`.

        `values` are the values in the notice's sentence. If `token` is given, it replaces the visitor's token.
        """
        response = RedirectResponse(quote(path, safe="/?=&"), 303)
        if token:
            self.site.cookies.write(response, token)
        self.leave_notice(response, notice, token or self.token, **values)
        return response

    @property
    def _notice_cookie(self) -> str:
        # The demonstration's phone has its own cookie. Otherwise, the phone's pages could drop a notice for the portal's pages.
        return f"{_NOTICE}-phone" if f"{self.request.scope['path']}/".startswith("/phone/") else _NOTICE

    def leave_notice(self, response: Response, notice: str, token: str, **values: Value) -> None:
        """Leave a notice for the next page. Only the visitor with this token can see it. Do nothing if `notice` is empty."""
        if notice:
            sealed = Notice(notice, values).sealed(self.system.context.cards.keys.current, token)
            self.site.cookies.keep(response, self._notice_cookie, sealed, _NOTICE_SECONDS)

    def redirect_after_change(self, path: str, *, notice: str, **values: Value) -> Response:
        """Redirect after a change, with a new token for the session. If the change ended the session, redirect to the login."""
        if not self.is_logged_in():
            return self.redirect("/login", notice=notice, token="", **values)
        return self.redirect(path, notice=notice, token=self.system.rotate(self.token), **values)

    def redirect_to_login(self, notice: str, *, back: str = "", name: str = "") -> Response:
        """Redirect a visitor without a session to the login, and delete the cookie with the visitor's token.

        `back` is the path of the page to show after the login. `name` is the user name that the login's form already contains.
        """
        response = self.redirect(f"/login?name={name}" if name else "/login")
        self.site.cookies.drop(response, self.site.cookies.session)
        self.leave_notice(response, notice, "")
        if self._may_lead_to(back):
            self.site.cookies.keep(response, _BACK, back, _BACK_SECONDS)
        else:
            self.site.cookies.drop(response, _BACK)
        return response

    def redirect_after_login(self, token: str) -> Response:
        """Redirect after a login: to the page that was requested before the login, or else to the first page of the visitor.

        Ignore the requested page if this visitor may not see it: another user of the same browser may have requested it. Ignore
        the page `/` too, because the first page of staff is another one.
        """
        asked, visitor = self.request.cookies.get(_BACK, ""), self.system.visitor(token)
        back = asked if asked != "/" and self._may_lead_to(asked) and is_for(visitor, asked) else ""
        if self.request.method == "POST" and _WITH_VALUE.fullmatch(back):
            # The requested page may redirect to another site. After a form, Chromium blocks this, because of our `form-action`.
            response = self.redirect_page(back)
            self.site.cookies.write(response, token)
        else:
            response = self.redirect(back or first_page(visitor, self._)[0], token=token)
        if asked:
            self.site.cookies.drop(response, _BACK)
        return response

    def redirect_page(self, url: str) -> Response:
        """Return a page that redirects by itself to `url`: a page of ours, or the registered address of a program."""
        words, links = (self._("If nothing happens within a few seconds, select Continue."),), (Link(url, self._("Continue")),)
        return self.show(View(self._("You are being redirected"), words=words, links=links, leads_to=url))

    def explain(self, error: DscError) -> str:
        """Return the message of an error in the visitor's language."""
        return explained(error, self._)

    @contextmanager
    def showing_errors(self, view: Callable[[], View], field: str = "") -> Iterator[None]:
        """Show a page again, with the error, if the block raises a `DscError`. The visitor can then correct the form.

        `view` returns the page, or raises `NotIn` if the page needs a session that has ended. An error that names no field is
        shown at `field`. If `field` is empty too, the error is about the whole form. `ProofNeeded` is raised again, because no
        correction of the form helps.
        """
        try:
            yield
        except ProofNeeded:
            raise
        except DscError as error:
            raise _Done(self.refused(view(), error, field)) from None

    def refused(self, view: View, error: DscError, field: str = "") -> Response:
        """Return the page with the error. If the error names no field, it is shown at `field`."""
        at_field = explained_at_field(error, self._) if isinstance(error, InputError) else ""
        view = replace(self.as_sent(view, refusals.field_of(error, field)), wrong_words=at_field)
        return self.wrong(view, self.explain(error), refusals.status_of(error))

    def as_sent(self, view: View, wrong: str) -> View:
        """Return the page with the visitor's input in its form, but no secrets. `wrong` is the name of the wrong field."""
        return view.refused(self.action, self.form, wrong)

    def wrong(self, view: View, words: str, status: int, field: str = "") -> Response:
        """Return the page with the error `words`. If `field` is given, show the error there, and keep the visitor's input."""
        return self.show(replace(self.as_sent(view, field) if field else view, error=words), status)

    def problem(self, status: int, words: str, title: str = "") -> Response:
        """Return a page that explains a problem. Its links lead to the page to try again, and to the visitor's first page."""
        visitor, extension = self._visitor_or_none(), self.site.extension
        first = Link(*first_page(visitor, self._))
        if visitor is None and extension is not None:
            first = Link(extension.home.href, self._(extension.home.label))
        on = first
        if self.request.method == "POST" and self.page not in ("/", first.href):
            on = Link(self.page, self._("Back"))
        elif self.request.method == "GET" and status in refusals.TRANSIENT:
            on = Link(self._here, self._("Try again"))
        elif visitor is not None and (above := section_above(visitor, self.action, self._)):
            on = Link(*above)
        links = (replace(on, primary=True), *((first,) if on is not first else ()))
        title = title or self._(refusals.title_of(status))
        return self.show(refusals.problem_page(self._, title, words, links, inside=visitor is not None), status)

    def rejected(self, error: Rejected) -> Response:
        """Return a page that explains why a request was refused before its handler was called."""
        title = self._("This page has expired") if error.status == refusals.FORBIDDEN else ""
        return self.problem(error.status, self._(refusals.rejection(error.status)), title)

    def is_logged_in(self) -> bool:
        """Return whether the visitor is logged in."""
        return self._visitor_or_none() is not None

    def begun_login(self) -> Step | None:
        """Return the state of the login that the visitor has begun, or None if there is none."""
        try:
            return self.system.step(self.token)
        except DscError:
            return None

    @property
    def page(self) -> str:
        """The path of the requested page, of the page where a form's flow begins, or of the page above an unknown path."""
        path = self.site.starts.get(self.action, self.action)
        while path not in self.site.pages:
            path = path.rpartition("/")[0]
            if not path:
                return "/"
        return path

    @property
    def _here(self) -> str:
        """The path of the requested page with its query, if links to the page may keep the query. Otherwise, `page`."""
        path, query = str(self.request.scope["path"]), self.request.scope["query_string"].decode("latin-1")
        whole = f"{path}?{query}"
        is_page = self.request.method == "GET" and path in self.site.pages and _QUERY.fullmatch(query) is not None
        return whole if is_page or self._may_lead_to(whole) else self.page

    def _may_lead_to(self, path: str) -> bool:
        """Return whether a login may redirect to this path: a page of the portal, but no page of the login or loss report."""
        if _WITH_VALUE.fullmatch(path):
            return path.partition("?")[0] in self.site.pages
        return path in self.site.pages and not path.startswith(("/login", "/lost"))

    def _visitor_or_none(self) -> Visitor | None:
        try:
            return self.visitor()
        except DscError:
            return None


def _answered(visit: Visit, handler: Handler) -> Response:
    try:
        with out_of_memory():
            return handler(visit)
    except _Done as done:
        return done.response
    except NotIn:
        if visit.is_logged_in():
            return visit.redirect("/")
        if not visit.token and visit.site.extension is not None and visit.page == "/":
            return visit.redirect(visit.site.extension.home.href)
        ended = visit.token and not visit.token.startswith("v.")
        return visit.redirect_to_login(notice="ended" if ended else "", back=visit.page)
    except ProofNeeded:
        return _answered(visit, visit.site.ask_for_proof)
    except DscError as error:
        return refusals.with_retry_after(visit.problem(refusals.status_of(error), visit.explain(error)), error)
