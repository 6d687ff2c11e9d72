"""Fixtures: a demonstration of its own for each walk, served on loopback, and Debian's Chromium to walk it with.

All walks of a process share one Chromium. Playwright keeps an event loop running in its thread, in which other tests could
not run theirs: it has a thread of its own, and the walks run there. So they may come in any order, between any others.
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
from tests.host.portal.chromium.walking import Walk
from tests.host.portal.serving import served

from dsc_host.portal import application
from dsc_host.portal.demo.demonstration import Demonstration

_CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_PATIENCE_MS = 20_000
"""For a busy machine; nothing waits that long by itself."""
_HERE = Path(__file__).parent
_ANSWERS = "Failed to load resource: the server responded with a status of"
"""What Chromium writes to its console of each page that refuses something."""

Thread = Callable[..., Any]
"""Runs a function in Playwright's thread; its result."""
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
    """The states of pages that axe-core has seen in this process."""
    return set()


@pytest.fixture
def address(shown: Demonstration) -> Iterator[str]:
    """Where it is served."""
    with served(application(shown.system, secure=False, demonstration=shown)) as url:
        yield url


@pytest.fixture(scope="session")
def pool(chromium: Browser) -> Pool:
    """The browsers, each with cookies of its own, that walks have made and no walk uses now: to make one costs most."""
    return defaultdict(list)


@pytest.fixture
def contexts(chromium: Browser, pool: Pool, playwright_thread: Thread, address: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers, each with cookies of its own. Whatever they are used for, they ask nobody else, and nothing breaks."""
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
    """Somebody who begins to walk."""
    folder = request.config.getoption("--pictures")
    pictures = Path(folder) if folder else None
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    page = playwright_thread(lambda: contexts().new_page())
    return Walk(shown, address, contexts, page, pictures, examined=examined)
