"""A browser without a screen: it keeps cookies, fills in the forms that a page really has, and follows redirects."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario

from dsc_host.login import LoginSystem
from dsc_host.portal import application
from dsc_host.portal.demo import Demonstration, extension

ORIGIN = "http://portal.example"


@dataclass
class PageForm:
    """A form on a page."""

    action: str
    fields: dict[str, str]
    buttons: list[tuple[str, str, str, str]]
    """The label, name, value and own action of each button."""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._button: tuple[str, str, str] | None = None
        self._words = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert given["method"] == "post", "a form that puts its fields into the URL"
            self.forms.append(PageForm(given["action"], {}, []))
        elif tag == "input" and given.get("type") not in ("radio", "checkbox"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "textarea":
            self._area, self._words = given["name"], ""
        elif tag == "input" and "checked" in given:
            self.forms[-1].fields[given["name"]] = given["value"]
        elif tag == "button":
            self._button, self._words = (given.get("name", ""), given.get("value", ""), given.get("formaction", "")), ""

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.forms[-1].fields[self._area] = self._words.removeprefix("\n")
        elif tag == "button" and self._button is not None:
            self.forms[-1].buttons.append((self._words.strip(), *self._button))
            self._button = None


class Page:
    """The content of an answer."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.url.path
        self.html = response.text

    @property
    def text(self) -> str:
        """All visible text, on one line."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.html))).strip()

    @property
    def title(self) -> str:
        return unescape(re.search(r"<h1>(.*?)</h1>", self.html)[1])  # type: ignore[index]

    @property
    def error(self) -> str:
        found = re.search(r'role="alert"[^>]*>(.*?)</div>', self.html)
        return unescape(re.sub("<[^>]+>", "", found[1])) if found else ""

    @property
    def notice(self) -> str:
        found = re.search(r'role="status">(.*?)</div>', self.html)
        return unescape(re.sub("<[^>]+>", "", found[1])) if found else ""

    @property
    def shown(self) -> str:
        """The first value to read from the page: a challenge, a number or a code."""
        found = re.search(r'<output aria-labelledby="shown-1">(.*?)</output>', self.html)
        assert found, self.text
        return unescape(re.sub("<[^>]+>", "", found[1]))

    @property
    def forms(self) -> list[PageForm]:
        parser = _Forms()
        parser.feed(self.html)
        return parser.forms


class Browser:
    """The browser of one visitor."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.page = self.open("/login")

    def open(self, path: str) -> Page:
        self.page = Page(self.client.get(path))
        return self.page

    def press(self, button: str, at: int = 0, **values: str) -> Page:
        """Fill in the form that has this button, number `at` of those that match, and press the button."""
        matching = [
            (form, each) for form in self.page.forms for each in form.buttons if each[0] == button
        ]  # fmt: skip
        assert matching, f"no button {button!r} on the page: {self.page.text}"
        form, (_, name, value, action) = matching[at]
        body = {**form.fields, **values, **({name: value} if name else {})}
        self.page = Page(self.client.post(action or form.action, data=body))
        return self.page

    def post(self, path: str, **values: str) -> Page:
        """Send a form that this page does not have, with this page's token."""
        self.page = Page(self.client.post(path, data={"csrf": self.csrf, **values}))
        return self.page

    @property
    def csrf(self) -> str:
        """The token to which the visitor's forms are bound. Forms of the demonstration have another token."""
        return next(form.fields["csrf"] for form in self.page.forms if form.action == "/language")

    @property
    def cookie(self) -> str:
        return self.client.cookies.get("session", "")


Browsers = Callable[..., Browser]
"""A function that creates browsers, each with separate cookies."""


class _InProcess(httpx.BaseTransport):
    """A transport that calls the application without a socket."""

    def __init__(self, app: Any, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = httpx.ASGITransport(app, client=(address, 40000))
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._loop.run_until_complete(self._answered(request))

    async def _answered(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._inner.handle_async_request(asked)
        content = await answer.aread()
        # The content is decompressed already.
        answer.headers.pop("content-encoding", None)
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


@contextmanager
def browsers(system: LoginSystem, *, demonstration: Demonstration | None = None, **options: str) -> Iterator[Browsers]:
    """Yield a function that creates browsers of this system's pages. It takes an address, and headers for every request."""
    added = None if demonstration is None else extension(demonstration)
    app = application(system, secure=False, hosts=("portal.example",), extension=added, **options)
    loop = asyncio.new_event_loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        stack.callback(lambda: loop.run_until_complete(loop.shutdown_default_executor()))

        def made(address: str = "192.0.2.7", **headers: str) -> Browser:
            client = httpx.Client(
                transport=_InProcess(app, address, loop), base_url=ORIGIN, headers=headers, follow_redirects=True
            )  # fmt: skip
            return Browser(stack.enter_context(client))

        yield made


def come_with(visitor: Browser, token: str) -> Browser:
    """Give the browser the session of this token."""
    visitor.client.cookies.clear()
    visitor.client.cookies.set("session", token, domain="portal.example", path="/")
    return visitor


def enter(scenario: Scenario, visitor: Browser, name: str = "anna") -> Browser:
    """Log in without the pages of the login, which other tests cover."""
    assert come_with(visitor, scenario.session(name)).open("/").path == "/"
    return visitor


def log_in(scenario: Scenario, visitor: Browser, name: str = "anna") -> Browser:
    """Log in with this person's card; return the browser."""
    visitor.open("/login")
    page = visitor.press("Continue", name=name, password=PASSWORD)
    assert page.path == "/login/answer", page.text
    page = visitor.press("Log in", answer=scenario.respond(SERIALS[name], page.shown))
    assert page.path == "/", page.text
    return visitor
