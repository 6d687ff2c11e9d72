"""What every page's handler has at hand: the site, and the visit that it answers.

A handler is a plain function: it takes a `Visit` and gives a response, in a thread of its own. Whatever it raises becomes a
page in plain words, with the status that fits.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dsc_host.errors import DscError, InputError, OutOfMemory, TooManyChallenges, VerifierError, out_of_memory
from dsc_host.login import (
    LoginSystem,
    NotAllowed,
    NotFound,
    NotIn,
    NotNow,
    ProofNeeded,
    Scope,
    TooManyAttempts,
    Visitor,
    WrongCredentials,
)
from dsc_host.portal import security
from dsc_host.portal.languages import NAMES, Language, negotiated
from dsc_host.portal.security import Cookies, Rejected
from dsc_host.portal.views import View
from dsc_host.portal.wording import explained, noticed

_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (WrongCredentials, 401),
    (TooManyAttempts, 429),
    (TooManyChallenges, 429),
    (NotAllowed, 403),
    (NotFound, 404),
    (NotNow, 409),
    (OutOfMemory, 503),
    (InputError, 400),
    (VerifierError, 503),
    (DscError, 409),
)
_LANGUAGE_SECONDS = 365 * 24 * 60 * 60
_SAID_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Site:
    """One portal."""

    system: LoginSystem
    cookies: Cookies
    templates: Environment
    languages: Mapping[str, Language]
    name: str = ""
    """What it calls itself; empty for words in the visitor's language."""
    demonstration: Any = None
    """What a demonstration has beside: its card, its outbox, its phone."""
    pages: frozenset[str] = frozenset("/")
    """The paths that may be opened, not only sent to."""
    posts: "Mapping[str, Handler]" = field(default_factory=dict)
    """What is done with each form, by its path."""
    ask_for_proof: "Handler | None" = None
    """What is shown instead of a refusal for want of a proof."""
    toys: frozenset[str] = frozenset()
    """The demonstration's own paths. Its card and phone lie in other tabs, and stay in use while a login changes its token."""

    def endpoint(self, handler: "Handler") -> Callable[[Request], Awaitable[Response]]:
        """The handler, as Starlette wants it."""

        async def answered(request: Request) -> Response:
            visit = Visit(self, request)
            try:
                with out_of_memory():
                    if request.method == "POST":
                        visit.form = await security.read_form(request)
                        security.check_post(request, visit.form_token, visit.form)
                    return await run_in_threadpool(_answered, visit, handler)
            except Rejected as rejected:
                return visit.problem(rejected.status, visit._(_REJECTIONS.get(rejected.status, _REJECTIONS[400])))

            except OutOfMemory as error:
                # There was not even enough for a page, or for the thread that makes it.
                return PlainTextResponse(f"{error}\n", 503, {"Retry-After": seconds_to_wait(error)})

        return answered


_REJECTIONS = {
    400: "The browser has sent something that is no form. Go back and try again.",
    403: "This page was open for too long, or comes from elsewhere. Go back, load it again, and try once more.",
    408: "What you sent did not arrive in time. Go back and try again.",
    413: "That was too much at once.",
    415: "The browser has sent something that is no form. Go back and try again.",
}


@dataclass(slots=True)
class Visit:
    """One request, and what is known of who makes it."""

    site: Site
    request: Request
    form: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """What the visitor's cookie holds: a session's token, a login's, or a mere visitor's."""
        return self.site.cookies.read(self.request)

    @property
    def form_token(self) -> str:
        """What the forms of this path are bound to."""
        return self.site.demonstration.secret if str(self.request.scope["path"]) in self.site.toys else self.token

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def _(self) -> Language:
        """The visitor's language."""
        chosen, accepted = self.request.cookies.get("lang", ""), self.request.headers.get("accept-language", "")
        return negotiated(self.site.languages, chosen, accepted)

    @property
    def system(self) -> LoginSystem:
        return self.site.system

    def visitor(self) -> Visitor:
        """Who is in. Raises `NotIn`."""
        return self.system.visitor(self.token)

    def value(self, name: str, longest: int = 200) -> str:
        """A field of the form; empty if it was left out. Raises `InputError` for one that is too long."""
        text = self.form.get(name, "")
        if len(text) > longest:
            raise InputError(name, "must have at most {longest} characters", longest=longest)
        return text

    def show(self, view: View, status: int = 200) -> Response:
        """A page."""
        said = self.request.cookies.get("said", "")
        token = self.token or security.new_visitor()
        page = self.site.templates.get_template("page.html").render(
            view=view,
            site=self.site.name or self._("Secure login"),
            support=self.system.policy.contact.support,
            _=self._,
            lang=self._.code,
            languages=NAMES,
            csrf=security.csrf(token),
            form_csrf=security.csrf(self.form_token or token),
            visitor=self._who(),
            notice=view.notice or noticed(said, self._),
            path=self._page(),
            demonstration=self.site.demonstration,
            scopes=Scope,
        )
        response = HTMLResponse(page, status)
        if token != self.token:
            self.site.cookies.write(response, token)
        if said:
            self.site.cookies.drop(response, "said")
        return response

    def go(self, path: str, *, said: str = "", token: str = "") -> Response:
        """To another page, perhaps with a notice there, and under a new token."""
        response = RedirectResponse(quote(path, safe="/?=&"), 303)
        if token:
            self.site.cookies.write(response, token)
        if said:
            self.site.cookies.keep(response, "said", said, _SAID_SECONDS)
        return response

    def go_on(self, path: str, *, said: str) -> Response:
        """The same under a new token, after what may have ended the session: then to the login."""
        if not self.in_already():
            return self.go("/login", said=said)
        return self.go(path, said=said, token=self.system.rotate(self.token))

    def speak(self, code: str, path: str) -> Response:
        """The same page in another language."""
        response = self.go(path)
        if code in self.site.languages:
            self.site.cookies.keep(response, "lang", code, _LANGUAGE_SECONDS)
        return response

    def explain(self, error: DscError) -> str:
        """What went wrong, in the visitor's language."""
        return explained(error, self._)

    def again(self, view: View, error: DscError) -> Response:
        """The page once more, with what was wrong. What only wants a proof is nobody's mistake: it is asked for."""
        if isinstance(error, ProofNeeded):
            raise error
        return self.wrong(view, self.explain(error), status_of(error))

    def wrong(self, view: View, words: str, status: int) -> Response:
        """The same, in words of the page's own."""
        return self.show(replace(view, error=words), status)

    def problem(self, status: int, words: str) -> Response:
        """A page that says what is wrong."""
        return self.show(View(self._("That did not work"), words=(words,)), status)

    def in_already(self) -> bool:
        """Whether a page of the login was asked for by somebody who is in."""
        return self._who() is not None

    def _page(self) -> str:
        """Where one comes by a link: this page, or, if a form has led here, the one that it belongs to."""
        path = str(self.request.scope["path"])
        while path not in self.site.pages:
            path = path.rpartition("/")[0]
            if not path:
                return "/"
        return path

    def _who(self) -> Visitor | None:
        try:
            return self.visitor()
        except DscError:
            return None


Handler = Callable[[Visit], Response]


def _overview(visit: Visit) -> Response:
    return visit.go("/")


def status_of(error: DscError) -> int:
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def seconds_to_wait(error: TooManyAttempts | TooManyChallenges | OutOfMemory) -> str:
    """Return when to come back, as the header Retry-After says it."""
    return str(max(1, round(error.retry_after)))


def _answered(visit: Visit, handler: Handler) -> Response:
    try:
        with out_of_memory():
            return handler(visit)
    except NotIn:
        if visit.in_already():
            return visit.go("/")
        response = visit.go("/login", said="ended" if visit.token and not visit.token.startswith("v.") else "")
        visit.site.cookies.drop(response, visit.site.cookies.session)
        return response
    except ProofNeeded:
        return _answered(visit, visit.site.ask_for_proof or _overview)
    except DscError as error:
        response = visit.problem(status_of(error), visit.explain(error))
        if isinstance(error, TooManyAttempts | TooManyChallenges | OutOfMemory):
            response.headers["retry-after"] = seconds_to_wait(error)
        return response
