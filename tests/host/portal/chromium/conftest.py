"""Fixtures: a new demonstration for each walk, served on loopback, and Debian's Chromium to walk it with.

All walks of a process share one Chromium. Playwright keeps an event loop running in its thread, where other tests could not run
theirs. Therefore Playwright has its own thread, and the walks run in it. So walks may run in any order among other tests.

A walk uses one language, or each of the languages that `--languages` names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    ViewportSize,
    WebError,
    expect,
    sync_playwright,
)
from tests import chromium_program
from tests.host.portal.chromium import walk_languages
from tests.host.portal.chromium.examined import Examined
from tests.host.portal.chromium.walk import Pages, Walk
from tests.host.portal.portal_server import served

from dsc_host.portal import application
from dsc_host.portal.demo import Demonstration, extension
from dsc_host.portal.languages import load

_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    # Otherwise it keeps a spare process ready for each page. Starting one takes as long as loading several pages.
    "--renderer-process-limit=1",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_PATIENCE_MS = 20_000
"""The milliseconds to wait on a busy machine. Nothing normally takes that long."""
_SIZE: ViewportSize = {"width": 1000, "height": 720}
_HERE = Path(__file__).parent
_ANSWERS = "Failed to load resource: the server responded with a status of"
"""The message that Chromium writes to its console for each page that refuses something."""

Thread = Callable[..., Any]
"""A function that runs another function in Playwright's thread and returns its result."""
Pool = dict[str, list[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.chromium)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    walk_languages.parametrize(metafunc)


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
    if chromium_program.PATH is None:
        pytest.skip(chromium_program.MISSING)
    expect.set_options(timeout=_PATIENCE_MS)
    playwright: Playwright = playwright_thread(lambda: sync_playwright().start())
    browser = playwright_thread(playwright.chromium.launch, executable_path=chromium_program.PATH, args=list(_FLAGS))
    yield browser
    playwright_thread(browser.close)
    playwright_thread(playwright.stop)


@pytest.fixture(scope="session")
def examined(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Examined:
    """Return the states of pages that axe-core has examined in this run."""
    own = tmp_path_factory.getbasetemp()
    return Examined((own.parent if hasattr(request.config, "workerinput") else own) / "examined")


@pytest.fixture
def address(shown: Demonstration) -> Iterator[str]:
    """Serve the demonstration, and yield its address."""
    with served(application(shown.system, secure=False, extension=extension(shown))) as url:
        yield url


@pytest.fixture(scope="session")
def pool(chromium: Browser) -> Pool:
    """Return the blank pages, each of a browser with separate cookies. Walks reuse them, because creating one costs most."""
    return defaultdict(list)


@pytest.fixture
def pages(chromium: Browser, pool: Pool, playwright_thread: Thread, address: str, language: str) -> Iterator[Pages]:
    """Yield a function that returns blank pages. Afterwards, check that nothing failed in them.

    They may make requests to the served address only.
    """
    used: list[tuple[str, ViewportSize, Page]] = []
    strayed: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(address):
            strayed.append(request.url)

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ANSWERS):
            strayed.append(message.text)

    def failed(error: WebError) -> None:
        strayed.append(str(error.error))

    def make(**options: Any) -> Page:
        wanted = {"viewport": _SIZE, "locale": "en-GB", "reduced_motion": "reduce", **options}
        kind = repr(sorted(wanted.items()))
        page = pool[kind].pop() if pool[kind] else chromium.new_context(**wanted).new_page()
        page.context.add_cookies([{"name": "lang", "value": language, "url": address}])
        page.context.set_default_timeout(_PATIENCE_MS)
        page.context.on("request", asked)
        page.context.on("console", heard)
        page.context.on("weberror", failed)
        used.append((kind, wanted["viewport"], page))
        return page

    def put_back() -> None:
        for kind, size, page in used:
            page.context.remove_listener("request", asked)
            page.context.remove_listener("console", heard)
            page.context.remove_listener("weberror", failed)
            for each in page.context.pages:
                if each is not page:
                    each.close()
            page.context.clear_cookies()
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="light")
            page.goto("about:blank")
            pool[kind].append(page)

    yield make
    playwright_thread(put_back)
    assert strayed == []


@pytest.fixture
def walk(
    shown: Demonstration,
    address: str,
    pages: Pages,
    language: str,
    examined: Examined,
    playwright_thread: Thread,
    request: pytest.FixtureRequest,
) -> Walk:
    """Return a person who starts a walk."""
    folder = request.config.getoption("--pictures")
    pictures = Path(folder).resolve() if folder else None
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    return Walk(shown, address, pages, playwright_thread(pages), load()[language], examined, pictures)
