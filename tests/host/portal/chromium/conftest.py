"""Fixtures: a new demonstration for each walk, served on loopback, and Debian's Chromium to walk it with.

All walks of a process share one Chromium. Playwright keeps an event loop running in its thread, where other tests could not run
theirs. Therefore Playwright has its own thread, and the walks run in it. So walks may run in any order among other tests.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Playwright, Request, WebError, expect, sync_playwright
from tests.host.portal.chromium.walk import Walk
from tests.host.portal.portal_server import served

from dsc_host.portal import application
from dsc_host.portal.demo import Demonstration, extension

_CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_PATIENCE_MS = 20_000
"""The milliseconds to wait on a busy machine. Nothing normally takes that long."""
_HERE = Path(__file__).parent
_ANSWERS = "Failed to load resource: the server responded with a status of"
"""The message that Chromium writes to its console for each page that refuses something."""

Thread = Callable[..., Any]
"""A function that runs another function in Playwright's thread and returns its result."""
Pool = dict[str, list[BrowserContext]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.chromium)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    given = {name: pyfuncitem.funcargs[name] for name in signature(pyfuncitem.obj).parameters}
    pyfuncitem.funcargs["playwright_thread"](pyfuncitem.obj, **given)
    return True


@pytest.fixture(scope="session")
def playwright_thread() -> Iterator[Thread]:
    with ThreadPoolExecutor(1, thread_name_prefix="playwright") as thread:
        yield lambda work, *given, **named: thread.submit(work, *given, **named).result()


@pytest.fixture(scope="session")
def chromium(playwright_thread: Thread) -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium, or name one in CHROMIUM")
    expect.set_options(timeout=_PATIENCE_MS)
    playwright: Playwright = playwright_thread(lambda: sync_playwright().start())
    browser = playwright_thread(playwright.chromium.launch, executable_path=_CHROMIUM, args=list(_FLAGS))
    yield browser
    playwright_thread(browser.close)
    playwright_thread(playwright.stop)


@pytest.fixture(scope="session")
def examined() -> set[str]:
    """Return the states of pages that axe-core has examined in this process."""
    return set()


@pytest.fixture
def address(shown: Demonstration) -> Iterator[str]:
    """Serve the demonstration, and yield its address."""
    with served(application(shown.system, secure=False, extension=extension(shown))) as url:
        yield url


@pytest.fixture(scope="session")
def pool(chromium: Browser) -> Pool:
    """Return the unused browsers, each with cookies of its own. Walks reuse them, because creating one costs most."""
    return defaultdict(list)


@pytest.fixture
def contexts(chromium: Browser, pool: Pool, playwright_thread: Thread, address: str) -> Iterator[Callable[..., BrowserContext]]:
    """Yield a function that creates browsers, each with cookies of its own. Afterwards, check that nothing failed in them.

    They may make requests to the served address only.
    """
    used: list[tuple[str, BrowserContext]] = []
    strayed: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(address):
            strayed.append(request.url)

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ANSWERS):
            strayed.append(message.text)

    def failed(error: WebError) -> None:
        strayed.append(str(error.error))

    def make(**options: Any) -> BrowserContext:
        wanted = {"viewport": {"width": 1000, "height": 720}, "locale": "en-GB", "reduced_motion": "reduce", **options}
        kind = repr(sorted(wanted.items()))
        context = pool[kind].pop() if pool[kind] else chromium.new_context(**wanted)
        context.set_default_timeout(_PATIENCE_MS)
        context.on("request", asked)
        context.on("console", heard)
        context.on("weberror", failed)
        used.append((kind, context))
        return context

    def put_back() -> None:
        for kind, context in used:
            for page in context.pages:
                page.close()
            context.clear_cookies()
            context.remove_listener("request", asked)
            context.remove_listener("console", heard)
            context.remove_listener("weberror", failed)
            pool[kind].append(context)

    yield make
    playwright_thread(put_back)
    assert strayed == []


@pytest.fixture
def walk(
    shown: Demonstration,
    address: str,
    contexts: Callable[..., BrowserContext],
    examined: set[str],
    playwright_thread: Thread,
    request: pytest.FixtureRequest,
) -> Walk:
    """Return a person who starts a walk."""
    folder = request.config.getoption("--pictures")
    pictures = Path(folder) if folder else None
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    page = playwright_thread(lambda: contexts().new_page())
    return Walk(shown, address, contexts, page, pictures, examined=examined)
